#include "engine/io/element.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace imago::io {

std::size_t size_of(Element e) {
  switch (e) {
    case Element::b8:
    case Element::u8:
    case Element::i8: return 1;
    case Element::u16:
    case Element::i16:
    case Element::f16:
    case Element::bf16: return 2;
    case Element::u32:
    case Element::i32:
    case Element::f32: return 4;
    case Element::u64:
    case Element::i64:
    case Element::f64: return 8;
  }
  return 0;
}
DType dtype_of(Element e) {
  switch (e) {
    case Element::b8:
    case Element::u8: return DType::u8;
    case Element::f16:
    case Element::bf16:
    case Element::f32: return DType::f32;
    case Element::f64: return DType::f64;
    default: return DType::i64;
  }
}
bool is_big_endian_machine() { return std::endian::native == std::endian::big; }

namespace {

// IEEE binary16: exact in float.
float half(std::uint16_t h) {
  const std::uint32_t sign = std::uint32_t(h & 0x8000u) << 16, exponent = h >> 10 & 31,
                      fraction = h & 1023;
  if (exponent == 0) {
    const float f = float(fraction) * 0x1p-24f;
    return sign ? -f : f;
  }
  const std::uint32_t e = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | e << 23 | fraction << 13);
}
float bfloat(std::uint16_t b) { return std::bit_cast<float>(std::uint32_t(b) << 16); }

template <class From, class To, class F>
HostArray each(const Bytes& bytes, Shape shape, F f) {
  HostArray a = zeros(imago::dtype_of<To>(), std::move(shape));
  To* to = a.values<To>().data();
  const std::size_t n = bytes.size() / sizeof(From);
  for (std::size_t i = 0; i < n; i++) {
    From v;
    std::memcpy(&v, bytes.data() + i * sizeof(From), sizeof(From));
    to[i] = To(f(v));
  }
  return a;
}
template <class From>
HostArray widen(const Bytes& bytes, Shape shape) {
  return each<From, std::int64_t>(bytes, std::move(shape), [](From v) { return std::int64_t(v); });
}

void swap_bytes(Bytes& bytes, std::size_t size) {
  for (std::size_t i = 0; i + size <= bytes.size(); i += size)
    std::reverse(bytes.begin() + std::ptrdiff_t(i), bytes.begin() + std::ptrdiff_t(i + size));
}

}  // namespace

HostArray convert(Bytes bytes, Element e, bool big_endian, Shape shape, const std::string& path) {
  if (big_endian != is_big_endian_machine() && size_of(e) > 1) swap_bytes(bytes, size_of(e));
  switch (e) {
    case Element::b8:
      for (std::size_t i = 0; i < bytes.size(); i++)
        if (std::uint8_t(bytes[i]) > 1)
          fail(path,
               {concat("element ", i, " is no truth value"), "0 or 1", concat(int(bytes[i]))});
      return {DType::u8, std::move(shape), std::move(bytes)};
    case Element::u8: return {DType::u8, std::move(shape), std::move(bytes)};
    case Element::i64: return {DType::i64, std::move(shape), std::move(bytes)};
    case Element::f32: return {DType::f32, std::move(shape), std::move(bytes)};
    case Element::f64: return {DType::f64, std::move(shape), std::move(bytes)};
    case Element::i8: return widen<std::int8_t>(bytes, std::move(shape));
    case Element::u16: return widen<std::uint16_t>(bytes, std::move(shape));
    case Element::i16: return widen<std::int16_t>(bytes, std::move(shape));
    case Element::u32: return widen<std::uint32_t>(bytes, std::move(shape));
    case Element::i32: return widen<std::int32_t>(bytes, std::move(shape));
    case Element::u64:
      return each<std::uint64_t, std::int64_t>(bytes, std::move(shape), [&](std::uint64_t v) {
        if (v > std::uint64_t(std::numeric_limits<std::int64_t>::max()))
          fail(path, {"an unsigned value is too large", "at most 2^63 - 1", concat(v)});
        return std::int64_t(v);
      });
    case Element::f16: return each<std::uint16_t, float>(bytes, std::move(shape), half);
    case Element::bf16: return each<std::uint16_t, float>(bytes, std::move(shape), bfloat);
  }
  return {};
}

std::uint64_t checked_bytes(const std::vector<std::uint64_t>& sizes, Element e,
                            const std::string& path, std::uint64_t offset) {
  if (sizes.size() > 32)
    fail(path, offset, {"too many dimensions", "at most 32", concat(sizes.size())});
  // The same for every type, so that what was read can be written as another; a Shape holds as
  // many.
  constexpr std::uint64_t limit = std::uint64_t(1) << 56;
  std::uint64_t n = 1;
  bool empty = false;
  for (const std::uint64_t s : sizes) empty = empty || s == 0;
  for (const std::uint64_t s : sizes) {
    if (s > limit || (s && n > limit / s))
      fail(path, offset,
           {"the sizes in the header overflow", "at most 2^56 elements",
            concat(s, " in one dimension"), "the file is damaged"});
    if (s) n *= s;
  }
  return empty ? 0 : n * size_of(e);
}
Shape checked_shape(const std::vector<std::uint64_t>& sizes, Element e, std::uint64_t available,
                    const std::string& path, std::uint64_t offset) {
  const std::uint64_t n = checked_bytes(sizes, e, path, offset);
  Shape shape(std::vector<Index>(sizes.begin(), sizes.end()));
  if (n != available)
    fail(path, offset,
         {n > available ? "truncated file" : "more bytes than the header says",
          concat(n, " bytes of values for shape ", shape), concat(available),
          "fetch or write the file again"});
  return shape;
}

}  // namespace imago::io
