// JPEG pictures.
#include "engine/io/jpeg.h"

#include <span>

#include "tests/fuzz/target.h"

namespace imago::fuzz {
namespace {

void check(const std::string& bytes) {
  const auto in = std::as_bytes(std::span(bytes));
  const io::Bytes file(in.begin(), in.end());
  io::Image a;
  // A bit for each block of 8 x 8 pixels; a progressive one keeps 64 coefficients of 16 bits of
  // each component, sampled up to 4 x 4 times more finely than the picture's.
  if (!accepts(ErrorKind::data, (1 << 21) + bytes.size() * 512 * 3 * (1 + 2 * 16),
               [&] { a = io::jpeg::decode(file, "in.jpg"); }))
    return;
  require(a.pixels.size() == std::size_t(a.height * a.width * a.channels), "pixels are missing");
  // Every pixel was set: memory that was not differs from one time to the next.
  require(a.pixels == io::jpeg::decode(file, "in.jpg").pixels, "a picture decodes differently");
}

const Registered registered({"jpeg", check});

}  // namespace
}  // namespace imago::fuzz
