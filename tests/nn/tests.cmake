imago_test(test_nn ${CMAKE_CURRENT_LIST_DIR}/nn_test.cpp ${CMAKE_CURRENT_LIST_DIR}/conv.cpp
  ${CMAKE_CURRENT_LIST_DIR}/weighted.cpp
  ${CMAKE_CURRENT_LIST_DIR}/batch_layers.cpp
  ${CMAKE_CURRENT_LIST_DIR}/gradient_penalty.cpp
  ${CMAKE_CURRENT_LIST_DIR}/norm.cpp)
