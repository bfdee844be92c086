// JPEG in memory, through libjpeg where the build has it. For engine/io/image.cpp. Not here:
// writing, and Exif: an orientation tag does not turn the picture.
#pragma once
#include "engine/io/file.h"
#include "engine/io/image.h"

namespace imago::io::jpeg {

bool available();
[[noreturn]] void missing(const std::string& path);
Image decode(const Bytes& file, const std::string& path);  // Error (data)

}  // namespace imago::io::jpeg
