# Builds and runs the consumer project. WAY: find_package, pkgconfig (both against a fresh prefix that was moved after the
# installation) or subdirectory. SOURCE: imago's tree. BUILD: its build tree, for the library to install. VERSION: of imago.
# COMPILER, LAUNCHER: the C++ compiler, and what stands before it or nothing.
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

if(WAY STREQUAL "subdirectory")
  set(work ${BUILD}/embed)
  file(REMOVE_RECURSE ${work})
  # Unoptimised and for one cpu: what is tested is the build, and it should not take long.
  run(${CMAKE_COMMAND} -S ${SOURCE}/tests/embed -B ${work} -G Ninja -DIMAGO_SOURCE=${SOURCE} -DIMAGO_CUDA=OFF -DIMAGO_NATIVE=ON
    -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O0 -DCMAKE_CXX_COMPILER=${COMPILER}
    -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})
  run(${CMAKE_COMMAND} --build ${work} -j 2)
  run(${work}/embed)
  return()
endif()

# Outside imago's trees, so that a path into them shows.
execute_process(COMMAND mktemp -d OUTPUT_VARIABLE work OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${work}/installed --component library)
file(RENAME ${work}/installed ${work}/moved)
set(prefix ${work}/moved)
set(consumer ${work}/consumer)
file(COPY ${SOURCE}/tests/embed/main.cpp ${SOURCE}/tests/embed/CMakeLists.txt DESTINATION ${consumer})

# No file below the folder, whatever its kind, names imago's trees or the place the prefix was first. A tree at /build is not
# named by /elsewhere/build/ or ${prefix}/build/: what stands before a path is not of a path, or it is -I or -L. The locale
# lets grep take binary files as bytes.
function(expect_no_way_back folder)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env LC_ALL=C grep -rlaP
    "((?<=-[IL])|(?<![-A-Za-z0-9_.+~}]))(\\Q${SOURCE}/\\E|\\Q${BUILD}/\\E|\\Q${work}/installed\\E)" ${folder}
    OUTPUT_VARIABLE named RESULT_VARIABLE none)
  if(NOT none EQUAL 1)
    message(FATAL_ERROR "these files name the trees imago came from:\n${named}")
  endif()
endfunction()
expect_no_way_back(${prefix})

set(build ${work}/consumer-built)
set(configure ${CMAKE_COMMAND} -G Ninja -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=${COMPILER}
  -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER} -S ${consumer})
if(WAY STREQUAL "find_package")
  # A version to come and one long gone; a machine without oneDNN.
  function(expect_refusal text)
    execute_process(COMMAND ${configure} -B ${work}/refused ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE out)
    string(REGEX REPLACE "[ \n]+" " " out "${out}")
    string(FIND "${out}" "${text}" at)
    if(status EQUAL 0 OR at EQUAL -1)
      message(FATAL_ERROR "${ARGN}: expected a refusal that says '${text}', received ${out}")
    endif()
    file(REMOVE_RECURSE ${work}/refused)
  endfunction()
  string(REGEX MATCH "^([0-9]+)\\.([0-9]+)" minor ${VERSION})
  math(EXPR next "${CMAKE_MATCH_2} + 1")
  expect_refusal("imagoConfig.cmake, version: ${VERSION}" -DIMAGO_WANTED=${CMAKE_MATCH_1}.${next})
  expect_refusal("imagoConfig.cmake, version: ${VERSION}" -DIMAGO_WANTED=0.0)
  expect_refusal("apt install libdnnl-dev" -DDNNL_INCLUDE_DIR= -DDNNL_LIBRARY=)
  run(${configure} -B ${build} -DIMAGO_WANTED=${minor})
  run(${CMAKE_COMMAND} --build ${build})
  # Headers come from the prefix: ninja's log of them says so.
  execute_process(COMMAND ninja -C ${build} -t deps OUTPUT_VARIABLE headers COMMAND_ERROR_IS_FATAL ANY)
elseif(WAY STREQUAL "pkgconfig")
  file(GLOB_RECURSE description ${prefix}/*/imago.pc)
  get_filename_component(folder ${description} DIRECTORY)
  set(ENV{PKG_CONFIG_PATH} ${folder})
  execute_process(COMMAND pkg-config --modversion imago OUTPUT_VARIABLE version OUTPUT_STRIP_TRAILING_WHITESPACE
    COMMAND_ERROR_IS_FATAL ANY)
  if(NOT version STREQUAL VERSION)
    message(FATAL_ERROR "pkg-config says version ${version}, expected ${VERSION}")
  endif()
  file(MAKE_DIRECTORY ${build})
  run(sh -c "cd ${build} && ${COMPILER} -MD -MF headers ${consumer}/main.cpp $(pkg-config --static --cflags --libs imago) -o embed")
  file(READ ${build}/headers headers)
else()
  message(FATAL_ERROR "WAY is '${WAY}'; expected find_package, pkgconfig or subdirectory")
endif()
string(FIND "${headers}" "include/imago/engine/core/tensor.h" at)
if(at EQUAL -1)
  message(FATAL_ERROR "the list of headers is none: ${headers}")
endif()
expect_no_way_back(${work})
run(${build}/embed)
file(REMOVE_RECURSE ${work})
