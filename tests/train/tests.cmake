imago_test(test_train ${CMAKE_CURRENT_LIST_DIR}/options_test.cpp ${CMAKE_CURRENT_LIST_DIR}/run_directory_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/checkpoint_test.cpp)
