// JPEG files for the tests, written by libjpeg itself. Not here: reading them, which is what is
// tested.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace imago::test {

enum class JpegKind { baseline, progressive, separate };  // separate: a scan for each component
// The bytes of a file of quality 100 without chroma subsampling; pixels: [height, width, channels]
// with channels 1, 3, or 4 for CMYK.
std::string jpeg(int height, int width, int channels, const std::vector<std::uint8_t>& pixels,
                 JpegKind kind = JpegKind::baseline);

}  // namespace imago::test
