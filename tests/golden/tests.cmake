imago_test(test_golden ${CMAKE_CURRENT_LIST_DIR}/golden.cpp ${CMAKE_CURRENT_LIST_DIR}/images.cpp ${CMAKE_CURRENT_LIST_DIR}/spectral.cpp
  ${CMAKE_CURRENT_LIST_DIR}/norms.cpp ${CMAKE_CURRENT_LIST_DIR}/pth.cpp ${CMAKE_CURRENT_LIST_DIR}/measures_pairs.cpp
  ${CMAKE_CURRENT_LIST_DIR}/frechet.cpp)
target_compile_definitions(test_golden PRIVATE IMAGO_GOLDEN="${CMAKE_CURRENT_LIST_DIR}")
