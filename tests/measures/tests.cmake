file(GLOB measure_tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cpp)
imago_test(test_measures ${measure_tests})
target_compile_definitions(test_measures PRIVATE IMAGO_GOLDEN="${PROJECT_SOURCE_DIR}/tests/golden")
