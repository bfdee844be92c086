imago_test(test_core ${CMAKE_CURRENT_LIST_DIR}/allocator.cpp ${CMAKE_CURRENT_LIST_DIR}/error.cpp ${CMAKE_CURRENT_LIST_DIR}/tensor.cpp ${CMAKE_CURRENT_LIST_DIR}/memory_limit.cpp)
