set(here ${CMAKE_CURRENT_LIST_DIR})
imago_test(test_data ${here}/sets.cpp ${here}/folder.cpp ${here}/batches.cpp ${here}/generated.cpp ${here}/cifar.cpp ${here}/chains.cpp)
target_link_libraries(test_data PRIVATE OpenMP::OpenMP_CXX)
imago_test_jpegs(test_data)
