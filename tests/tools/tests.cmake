# The programs, the scripts and the packaging, as a user meets them.
set(here ${CMAKE_CURRENT_LIST_DIR})
add_test(NAME layers.sources COMMAND ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR} -P ${PROJECT_SOURCE_DIR}/cmake/CheckLayers.cmake)
add_test(NAME layers.planted COMMAND ${CMAKE_COMMAND} -DCHECK=${PROJECT_SOURCE_DIR}/cmake/CheckLayers.cmake
  -DWORK=${PROJECT_BINARY_DIR}/layers -P ${here}/planted_include.cmake)
if(TARGET imago_program)
  add_executable(cli_test ${here}/cli_test.cpp)
  target_compile_definitions(cli_test PRIVATE IMAGO_PROGRAM="$<TARGET_FILE:imago_program>")
  target_link_libraries(cli_test PRIVATE imago_flags GTest::gtest GTest::gtest_main nlohmann_json::nlohmann_json)
  add_dependencies(cli_test imago_program)
  gtest_discover_tests(cli_test DISCOVERY_TIMEOUT 120 PROPERTIES TIMEOUT 600)
endif()
# Consumers of the package; built once, with the release flags.
if(IMAGO_INSTALL AND NOT IMAGO_SANITIZE AND CMAKE_BUILD_TYPE STREQUAL "Release")
  foreach(way installed subdirectory)
    add_test(NAME embed.${way} COMMAND ${CMAKE_COMMAND} -DWAY=${way} -DSOURCE=${PROJECT_SOURCE_DIR} -DBUILD=${PROJECT_BINARY_DIR}
      -DLAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER} -P ${PROJECT_SOURCE_DIR}/tests/embed/consume.cmake)
    set_tests_properties(embed.${way} PROPERTIES TIMEOUT 1500)
  endforeach()
endif()
