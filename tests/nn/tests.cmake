imago_test(test_nn ${CMAKE_CURRENT_LIST_DIR}/nn_test.cpp ${CMAKE_CURRENT_LIST_DIR}/conv.cpp
  ${CMAKE_CURRENT_LIST_DIR}/norm.cpp)
