// An array in host memory as files hold it: dtype, shape, bytes. What every loader returns and
// every writer takes. Not here: arithmetic or devices beyond the copy to and from a Tensor.
#pragma once
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/core/tensor.h"

namespace imago::io {

using Bytes = std::vector<std::byte>;

struct HostArray {
  DType dtype = DType::f32;
  Shape shape;
  Bytes bytes;  // numel * size_of(dtype), this machine's byte order, last dimension fastest

  template <class T>
  std::span<const T> values() const {
    check(dtype_of<T>());
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  template <class T>
  std::span<T> values() {
    check(dtype_of<T>());
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }

 private:
  void check(DType asked) const;  // Error (usage) when it is not the dtype
};

HostArray zeros(DType dtype, Shape shape);
template <class T>
HostArray host_array(const std::vector<T>& values, Shape shape);
HostArray to_host(const Tensor& x);  // waits for the device
Tensor to_tensor(const HostArray& a, Device device = {});

using NamedArrays = std::map<std::string, HostArray>;

HostArray copy_of(DType dtype, Shape shape, const void* values, std::size_t count);
template <class T>
HostArray host_array(const std::vector<T>& values, Shape shape) {
  return copy_of(dtype_of<T>(), std::move(shape), values.data(), values.size());
}

}  // namespace imago::io
