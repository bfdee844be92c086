set(here ${CMAKE_CURRENT_LIST_DIR})
imago_test(test_models ${here}/linear_gaussian.cpp ${here}/linear_autoencoder.cpp ${here}/objective.cpp ${here}/steps.cpp
           ${here}/run.cpp ${here}/networks.cpp ${here}/modes.cpp ${here}/frechet.cpp ${here}/assignment.cpp ${here}/encoders.cpp)
target_compile_definitions(test_models PRIVATE IMAGO_GOLDEN="${PROJECT_SOURCE_DIR}/tests/golden")
target_link_libraries(test_models PRIVATE OpenMP::OpenMP_CXX)
