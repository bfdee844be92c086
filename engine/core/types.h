// Element types, devices and shapes: small values that every other header of the engine uses.
#pragma once
#include <initializer_list>
#include <iosfwd>
#include <string>
#include <vector>

#include "engine/core/error.h"
#include "kernels/kernel.h"

namespace imago {

enum class DType : std::uint8_t { f32, f64, i64, u8 };
std::size_t size_of(DType);
const char* name(DType);  // "float32", "float64", "int64", "uint8"
inline bool is_floating(DType t) { return t == DType::f32 || t == DType::f64; }
std::ostream& operator<<(std::ostream&, DType);

template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<float>() {
  return DType::f32;
}
template <>
constexpr DType dtype_of<double>() {
  return DType::f64;
}
template <>
constexpr DType dtype_of<std::int64_t>() {
  return DType::i64;
}
template <>
constexpr DType dtype_of<std::uint8_t>() {
  return DType::u8;
}

// A device: a back-end and its number. "cpu", "cuda", "cuda:1", "emulated".
struct Device {
  Backend backend = Backend::cpu;
  int index = 0;
  bool operator==(const Device&) const = default;
};
inline constexpr Device cpu_device{};
std::string name(Device);
std::ostream& operator<<(std::ostream&, Device);
// Parses "auto", "cpu", "cuda", "cuda:N", "emulated"; auto is the first cuda device that answers,
// else cpu. Error (device) when it is not there, Error (usage) when the text is none of these.
Device device_from(const std::string& text);
std::vector<Device> devices();  // all that answer

// Sizes of a contiguous tensor, slowest first. A scalar has no dimensions and one element.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<Index> d) : Shape(std::vector<Index>(d)) {}
  explicit Shape(
      std::vector<Index> d);  // Error (usage) on a negative size or an element count beyond 2^59
  int rank() const { return int(d_.size()); }
  Index operator[](int i) const { return d_[std::size_t(i < 0 ? i + rank() : i)]; }
  Index numel() const { return numel_; }
  const std::vector<Index>& dims() const { return d_; }
  auto begin() const { return d_.begin(); }
  auto end() const { return d_.end(); }
  bool operator==(const Shape& o) const { return d_ == o.d_; }
  std::string str() const;  // "[128, 784]"

 private:
  std::vector<Index> d_;
  Index numel_ = 1;
};
std::ostream& operator<<(std::ostream&, const Shape&);

}  // namespace imago
