#include "engine/core/tensor.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "engine/core/allocator.h"
#include "kernels/layout.h"
#include "kernels/runtime.h"

namespace imago {
namespace {

// The stream that orders a copy between two places: the device's side, if there is one.
Stream stream_between(Device a, Device b) {
  const Device d = a.backend != Backend::cpu ? a : b;
  return runtime::compute_stream(d.backend, d.index);
}
// value in dtype t, n times, into host memory.
void fill_host(void* to, DType t, double value, Index n) {
  switch (t) {
    case DType::f32: std::fill_n(static_cast<float*>(to), n, float(value)); return;
    case DType::f64: std::fill_n(static_cast<double*>(to), n, value); return;
    case DType::i64: std::fill_n(static_cast<std::int64_t*>(to), n, std::int64_t(value)); return;
    case DType::u8: std::fill_n(static_cast<std::uint8_t*>(to), n, std::uint8_t(value)); return;
  }
}

template <class Bits, class T>
void fill_device(const Tensor& t, T value) {
  kernels::pad(t.stream(), Pad<Bits>{1, 0, t.numel(), 0, std::bit_cast<Bits>(value), nullptr,
                                     static_cast<Bits*>(t.raw())});
}

}  // namespace

Storage::Storage(Device d, std::size_t n) : device(d), bytes(n), data(allocate(d, n)) {}
Storage::~Storage() { release(device, data); }

Tensor Tensor::empty(Shape shape, DType dtype, Device device) {
  auto impl = std::make_shared<TensorImpl>();
  impl->storage = std::make_shared<Storage>(device, std::size_t(shape.numel()) * size_of(dtype));
  impl->shape = std::move(shape);
  impl->dtype = dtype;
  return Tensor(std::move(impl));
}
Tensor Tensor::zeros(Shape shape, DType dtype, Device device) {
  Tensor t = empty(std::move(shape), dtype, device);
  runtime::fill(t.stream(), t.raw(), 0, std::size_t(t.numel()) * size_of(dtype));
  return t;
}
Tensor Tensor::full(Shape shape, double value, DType dtype, Device device) {
  Tensor t = empty(std::move(shape), dtype, device);
  t.fill_(value);
  return t;
}
Tensor Tensor::scalar(double value, DType dtype, Device device) {
  return full({}, value, dtype, device);
}

Tensor Tensor::from_bytes(const void* values, std::size_t count, DType dtype, Shape shape,
                          Device device) {
  if (count != std::size_t(shape.numel()))
    throw Error(ErrorKind::usage, {"[Tensor::from] wrong number of values",
                                   {},
                                   concat(shape.numel(), " for shape ", shape),
                                   concat(count)});
  Tensor t = empty(std::move(shape), dtype, device);
  runtime::copy(t.stream(), t.raw(), device.backend, values, Backend::cpu, count * size_of(dtype));
  return t;
}

Index Tensor::size(int dim) const {
  const int d = dim < 0 ? dim + rank() : dim;
  if (d < 0 || d >= rank())
    throw Error(ErrorKind::usage,
                {"[size] no such dimension", {}, concat("one of ", rank()), concat(dim)});
  return shape()[d];
}
Stream Tensor::stream() const { return runtime::compute_stream(device().backend, device().index); }
void* Tensor::raw() const {
  TensorImpl& t = impl();
  return static_cast<char*>(t.storage->data) + std::size_t(t.offset) * size_of(t.dtype);
}

void Tensor::read(void* host) const {
  runtime::copy(stream(), host, Backend::cpu, raw(), device().backend,
                std::size_t(numel()) * size_of(dtype()));
}
std::vector<double> Tensor::values() const {
  const auto widen = [](const auto& v) { return std::vector<double>(v.begin(), v.end()); };
  switch (dtype()) {
    case DType::f32: return widen(to_vector<float>());
    case DType::f64: return to_vector<double>();
    case DType::i64: return widen(to_vector<std::int64_t>());
    case DType::u8: return widen(to_vector<std::uint8_t>());
  }
  return {};
}
double Tensor::item() const {
  if (numel() != 1)
    throw Error(
        ErrorKind::usage,
        {"[item] needs a tensor of one element", {}, "one element", concat("shape ", shape())});
  return values()[0];
}

Tensor Tensor::to(Device to) const {
  if (to == device()) return *this;
  Tensor t = empty(shape(), dtype(), to);
  t.copy_(*this);
  return t;
}
void Tensor::copy_(const Tensor& from) const {
  if (from.shape() != shape() || from.dtype() != dtype())
    throw Error(ErrorKind::usage, {"[copy_] shapes or dtypes differ",
                                   {},
                                   concat(shape(), " ", dtype()),
                                   concat(from.shape(), " ", from.dtype())});
  const Device a = from.device(), b = device();
  const std::size_t bytes = std::size_t(numel()) * size_of(dtype());
  bump_version();
  if (from.raw() == raw()) return;
  if (a == b || a.backend == Backend::cpu || b.backend == Backend::cpu) {
    runtime::copy(stream_between(a, b), raw(), b.backend, from.raw(), a.backend, bytes);
  } else {  // between two devices, through the host
    std::vector<char> host(bytes);
    from.read(host.data());
    runtime::copy(stream(), raw(), b.backend, host.data(), Backend::cpu, bytes);
  }
}
void Tensor::fill_(double value) const {
  bump_version();
  if (device().backend == Backend::cpu) {
    fill_host(raw(), dtype(), value, numel());
  } else {
    // Padding around nothing. A copy of host memory would wait for the device: each backward pass
    // starts from a 1.
    switch (dtype()) {
      case DType::f32: fill_device<std::uint32_t>(*this, float(value)); return;
      case DType::f64: fill_device<std::uint64_t>(*this, value); return;
      case DType::i64: fill_device<std::uint64_t>(*this, std::int64_t(value)); return;
      case DType::u8: fill_device<std::uint8_t>(*this, std::uint8_t(value)); return;
    }
  }
}

const Tensor& Tensor::requires_grad_(bool on) const {
  if (!is_leaf())
    throw Error(ErrorKind::usage, {"[requires_grad_] only leaves can be switched",
                                   {},
                                   "a leaf",
                                   "the output of an op",
                                   "use detach()"});
  if (on && !is_floating(dtype()))
    throw Error(ErrorKind::usage, {"[requires_grad_] only floating tensors have gradients",
                                   {},
                                   "float32 or float64",
                                   name(dtype())});
  impl().requires_grad = on;
  return *this;
}
Tensor Tensor::detach() const {
  auto t = std::make_shared<TensorImpl>();
  t->storage = impl().storage;
  t->offset = impl().offset;
  t->shape = impl().shape;
  t->dtype = impl().dtype;
  return Tensor(std::move(t));
}
void Tensor::set_grad(const Tensor& g) const { impl().grad = g.ptr(); }

void Tensor::undefined() {
  throw Error(ErrorKind::usage, {"undefined tensor used", {}, "a tensor with a value", "Tensor()"});
}
void Tensor::wrong_dtype(DType asked) const {
  throw Error(ErrorKind::usage, {"[data] wrong element type", {}, name(dtype()), name(asked)});
}

}  // namespace imago
