// PNG in memory, through libpng where the build has it. For engine/io/image.cpp.
#pragma once
#include "engine/io/file.h"
#include "engine/io/image.h"

namespace imago::io::png {

bool available();
[[noreturn]] void missing(const std::string& path);
Image decode(const Bytes& file, const std::string& path);  // Error (data)
Bytes encode(const Image& image, const std::string& path);

}  // namespace imago::io::png
