file(GLOB model_tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cpp)
imago_test(test_models ${model_tests})
target_compile_definitions(test_models PRIVATE IMAGO_GOLDEN="${PROJECT_SOURCE_DIR}/tests/golden")
target_link_libraries(test_models PRIVATE OpenMP::OpenMP_CXX)
