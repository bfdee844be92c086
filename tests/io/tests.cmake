set(here ${CMAKE_CURRENT_LIST_DIR})
imago_test(test_io ${here}/formats.cpp ${here}/damage.cpp ${here}/image.cpp ${here}/atomic.cpp
           ${here}/resize.cpp ${here}/tfevents.cpp)
# imago_test_jpegs(TARGET): it writes JPEG files of its own.
function(imago_test_jpegs target)
  if(JPEG_FOUND)
    target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests/io/jpegs.cpp)
    target_link_libraries(${target} PRIVATE JPEG::JPEG)
    target_compile_definitions(${target} PRIVATE IMAGO_TEST_JPEG=1)
  endif()
endfunction()
imago_test_jpegs(test_io)
