imago_test(test_autograd ${CMAKE_CURRENT_LIST_DIR}/autograd.cpp)
