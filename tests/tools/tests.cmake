# The programs, the scripts and the packaging, as a user meets them.
set(here ${CMAKE_CURRENT_LIST_DIR})
add_test(NAME layers.sources COMMAND ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR} -P ${PROJECT_SOURCE_DIR}/cmake/CheckLayers.cmake)
add_test(NAME layers.planted COMMAND ${CMAKE_COMMAND} -DCHECK=${PROJECT_SOURCE_DIR}/cmake/CheckLayers.cmake
  -DWORK=${PROJECT_BINARY_DIR}/layers -P ${here}/planted_include.cmake)
if(TARGET imago_program)
  # NAME SOURCES...: tests that run the program.
  function(imago_program_test name)
    add_executable(${name} ${ARGN})
    target_compile_definitions(${name} PRIVATE IMAGO_PROGRAM="$<TARGET_FILE:imago_program>"
      IMAGO_README="${PROJECT_SOURCE_DIR}/README.md" IMAGO_PROJECT_VERSION="${PROJECT_VERSION}")
    target_link_libraries(${name} PRIVATE imago_flags GTest::gtest GTest::gtest_main nlohmann_json::nlohmann_json)
    add_dependencies(${name} imago_program)
    gtest_discover_tests(${name} DISCOVERY_TIMEOUT 120 PROPERTIES TIMEOUT 600)
  endfunction()
  imago_program_test(cli_test ${here}/cli_test.cpp)
  imago_test_jpegs(cli_test)
  imago_program_test(durability_test ${here}/durability_test.cpp)
  imago_program_test(bad_input_test ${here}/bad_input_test.cpp)
  imago_program_test(help_test ${here}/help_test.cpp)
  imago_program_test(evaluate_test ${here}/evaluate_test.cpp)
  target_link_libraries(evaluate_test PRIVATE imago::imago)
  imago_program_test(report_test ${here}/report_test.cpp ${here}/report_browser.cpp)
  imago_program_test(readme_test ${here}/readme_test.cpp)
  target_link_libraries(readme_test PRIVATE imago::imago)
  add_test(NAME completion.bash COMMAND bash ${here}/completion.sh $<TARGET_FILE:imago_program>
    ${PROJECT_SOURCE_DIR}/tools/completion/imago)
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
add_test(NAME version.commit COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR} -P ${here}/commit.cmake)
# Consumers of the package, and all that is installed; built once, with the release flags.
if(IMAGO_INSTALL AND NOT IMAGO_SANITIZE AND CMAKE_BUILD_TYPE STREQUAL "Release")
  foreach(way find_package pkgconfig subdirectory)
    add_test(NAME embed.${way} COMMAND ${CMAKE_COMMAND} -DWAY=${way} -DSOURCE=${PROJECT_SOURCE_DIR} -DBUILD=${PROJECT_BINARY_DIR}
      -DVERSION=${PROJECT_VERSION} -DCOMPILER=${CMAKE_CXX_COMPILER} -DLAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER}
      -P ${PROJECT_SOURCE_DIR}/tests/embed/consume.cmake)
    set_tests_properties(embed.${way} PROPERTIES TIMEOUT 1500)
  endforeach()
  if(TARGET imago_program)
    add_test(NAME install.everything COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR} -DBUILD=${PROJECT_BINARY_DIR}
      -DPREFIX=${CMAKE_INSTALL_PREFIX} -P ${here}/install.cmake)
    if(PROJECT_IS_TOP_LEVEL)
      add_test(NAME package.archive COMMAND ${CMAKE_COMMAND} -DBUILD=${PROJECT_BINARY_DIR} -P ${here}/package.cmake)
      set_tests_properties(package.archive PROPERTIES TIMEOUT 300)
    endif()
  endif()
endif()
