# The programs, the scripts and the packaging, as a user meets them.
set(here ${CMAKE_CURRENT_LIST_DIR})
add_test(NAME layers.sources COMMAND ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR} -P ${PROJECT_SOURCE_DIR}/cmake/CheckLayers.cmake)
add_test(NAME layers.planted COMMAND ${CMAKE_COMMAND} -DCHECK=${PROJECT_SOURCE_DIR}/cmake/CheckLayers.cmake
  -DWORK=${PROJECT_BINARY_DIR}/layers -P ${here}/planted_include.cmake)
if(TARGET imago_program)
  add_executable(cli_test ${here}/cli_test.cpp)
  target_compile_definitions(cli_test PRIVATE IMAGO_PROGRAM="$<TARGET_FILE:imago_program>")
  target_link_libraries(cli_test PRIVATE imago_flags GTest::gtest GTest::gtest_main nlohmann_json::nlohmann_json)
  imago_test_jpegs(cli_test)
  add_dependencies(cli_test imago_program)
  gtest_discover_tests(cli_test DISCOVERY_TIMEOUT 120 PROPERTIES TIMEOUT 600)
  add_executable(readme_test ${here}/readme_test.cpp)
  target_compile_definitions(readme_test PRIVATE IMAGO_PROGRAM="$<TARGET_FILE:imago_program>"
    IMAGO_README="${PROJECT_SOURCE_DIR}/README.md")
  target_link_libraries(readme_test PRIVATE imago::imago imago_flags GTest::gtest GTest::gtest_main nlohmann_json::nlohmann_json)
  add_dependencies(readme_test imago_program)
  gtest_discover_tests(readme_test DISCOVERY_TIMEOUT 120 PROPERTIES TIMEOUT 600)
endif()
# The README's C++ compiles and runs: its includes, then its statements on an x.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/README.md)
file(READ ${PROJECT_SOURCE_DIR}/README.md readme)
string(REGEX MATCH "```cpp\n(#include <imago/imago.h>\n)([^`]*)```" snippet "${readme}")
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/tests/readme.cpp @ONLY CONTENT
"@CMAKE_MATCH_1@#include <cstdio>
int main() {
  imago::Generator data{2};
  const imago::Tensor x = imago::ops::randn(imago::Shape{3, 784}, data);
  @CMAKE_MATCH_2@
  const bool learns = net.parameters().front().value.grad().defined();
  std::puts(learns && loss.item() > 0 ? \"the readme's network has gradients\" : \"no gradients\");
}
")
add_executable(readme_snippet ${PROJECT_BINARY_DIR}/generated/tests/readme.cpp)
target_link_libraries(readme_snippet PRIVATE imago::imago imago_flags)
add_test(NAME readme.snippet COMMAND readme_snippet)
set_tests_properties(readme.snippet PROPERTIES PASS_REGULAR_EXPRESSION "the readme's network has gradients")
# The benchmarks run, measure their ceilings, and compare with what they wrote. Times are not judged.
if(TARGET imago_bench AND NOT IMAGO_SANITIZE)
  set(bench imago_bench "--benchmark_filter=^(op/gaussian_kl|adam)/.*/cpu$" --benchmark_min_time=0.001)
  set(results ${PROJECT_BINARY_DIR}/bench.json)
  add_test(NAME bench.runs COMMAND ${bench} --benchmark_out=${results} --benchmark_out_format=json)
  add_test(NAME bench.compares COMMAND ${bench} --compare ${results})
  add_test(NAME bench.refuses COMMAND ${bench} --compare ${PROJECT_BINARY_DIR}/none.json)
  add_test(NAME bench.dumps COMMAND imago_bench --dump-losses B/k=5 ${PROJECT_BINARY_DIR}/losses.safetensors)
  add_test(NAME bench.dumps_known_cases COMMAND imago_bench --dump-losses X ${PROJECT_BINARY_DIR}/none.safetensors)
  set_tests_properties(bench.dumps_known_cases PROPERTIES PASS_REGULAR_EXPRESSION "imago: no such case, in --dump-losses.*B/k=5")
  set_tests_properties(bench.runs PROPERTIES PASS_REGULAR_EXPRESSION "adam/composite/cpu.*ceiling=" FIXTURES_SETUP bench)
  set_tests_properties(bench.compares PROPERTIES PASS_REGULAR_EXPRESSION "adam/fused/cpu +[0-9]+\\.[0-9]+" FIXTURES_REQUIRED bench)
  set_tests_properties(bench.refuses PROPERTIES PASS_REGULAR_EXPRESSION "imago: no benchmark results, in .*none.json.*no readable file")
endif()
# Consumers of the package; built once, with the release flags.
if(IMAGO_INSTALL AND NOT IMAGO_SANITIZE AND CMAKE_BUILD_TYPE STREQUAL "Release")
  foreach(way installed subdirectory)
    add_test(NAME embed.${way} COMMAND ${CMAKE_COMMAND} -DWAY=${way} -DSOURCE=${PROJECT_SOURCE_DIR} -DBUILD=${PROJECT_BINARY_DIR}
      -DLAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER} -P ${PROJECT_SOURCE_DIR}/tests/embed/consume.cmake)
    set_tests_properties(embed.${way} PROPERTIES TIMEOUT 1500)
  endforeach()
endif()
