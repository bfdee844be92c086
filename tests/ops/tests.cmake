imago_test(test_products ${CMAKE_CURRENT_LIST_DIR}/gemm.cpp ${CMAKE_CURRENT_LIST_DIR}/matmul.cpp)
target_link_libraries(test_products PRIVATE OpenMP::OpenMP_CXX)
imago_test(test_random ${CMAKE_CURRENT_LIST_DIR}/random.cpp)
