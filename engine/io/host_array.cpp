#include "engine/io/host_array.h"

#include <cstring>

namespace imago::io {

void HostArray::check(DType asked) const {
  if (asked != dtype)
    throw Error(ErrorKind::usage, {"wrong element type of an array", {}, name(dtype), name(asked)});
}

HostArray zeros(DType dtype, Shape shape) {
  HostArray a{dtype, std::move(shape), {}};
  a.bytes.resize(std::size_t(a.shape.numel()) * size_of(dtype));
  return a;
}
HostArray copy_of(DType dtype, Shape shape, const void* values, std::size_t count) {
  if (count != std::size_t(shape.numel()))
    throw Error(ErrorKind::usage, {"wrong number of values for shape " + shape.str(),
                                   {},
                                   concat(shape.numel()),
                                   concat(count)});
  HostArray a = zeros(dtype, std::move(shape));
  if (count) std::memcpy(a.bytes.data(), values, a.bytes.size());
  return a;
}

HostArray to_host(const Tensor& x) {
  HostArray a = zeros(x.dtype(), x.shape());
  x.read(a.bytes.data());
  return a;
}
Tensor to_tensor(const HostArray& a, Device device) {
  switch (a.dtype) {
    case DType::f32: return Tensor::from(a.values<float>(), a.shape, device);
    case DType::f64: return Tensor::from(a.values<double>(), a.shape, device);
    case DType::i64: return Tensor::from(a.values<std::int64_t>(), a.shape, device);
    case DType::u8: return Tensor::from(a.values<std::uint8_t>(), a.shape, device);
  }
  return {};
}

}  // namespace imago::io
