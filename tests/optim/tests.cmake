imago_test(test_optim ${CMAKE_CURRENT_LIST_DIR}/optimizer.cpp ${CMAKE_CURRENT_LIST_DIR}/schedule.cpp)
target_link_libraries(test_optim PRIVATE OpenMP::OpenMP_CXX)
