set(here ${CMAKE_CURRENT_LIST_DIR})
imago_test(test_io ${here}/formats.cpp ${here}/damage.cpp ${here}/image.cpp ${here}/atomic.cpp
           ${here}/resize.cpp ${here}/tfevents.cpp ${here}/pth.cpp ${here}/sha256.cpp)
imago_test_jpegs(test_io)
