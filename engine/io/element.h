// The element types found in files, and their conversion to the engine's four. For the readers of
// engine/io.
#pragma once
#include "engine/io/file.h"

namespace imago::io {

enum class Element : std::uint8_t { b8, u8, i8, u16, i16, u32, i32, u64, i64, f16, bf16, f32, f64 };
std::size_t size_of(Element e);
DType dtype_of(Element e);  // bool and uint8: uint8; other integers: int64; 16-bit floats: float32

// An array of numel(shape) elements as the file holds them. Owns its bytes: what needs no
// conversion is not copied. Error (data) on a uint64 value beyond int64 and on a bool that is
// neither 0 nor 1.
HostArray convert(Bytes bytes, Element e, bool big_endian, Shape shape, const std::string& path);

// The product of sizes and the element's size, checked. Error (data) on overflow, on more than 32
// dimensions, and when it is not exactly the bytes there are.
Shape checked_shape(const std::vector<std::uint64_t>& sizes, Element e, std::uint64_t available,
                    const std::string& path, std::uint64_t offset);
std::uint64_t checked_bytes(const std::vector<std::uint64_t>& sizes, Element e,
                            const std::string& path, std::uint64_t offset);
bool is_big_endian_machine();

}  // namespace imago::io
