// Tensor: a contiguous array on a device, and its place in the autograd graph. Copies share memory
// (as in PyTorch). Not here: arithmetic, which is engine/ops/ops.h; gradients, which are
// engine/autograd/autograd.h.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "engine/core/types.h"

namespace imago {

struct Node;  // engine/autograd/autograd.h

// Memory of one or more tensors. version counts in-place changes, so that autograd refuses a
// changed saved tensor.
struct Storage {
  Storage(Device device, std::size_t bytes);  // Error (device) when there is no memory
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;
  Device device;
  std::size_t bytes;
  void* data;
  std::uint32_t version = 0;
};

struct TensorImpl {
  std::shared_ptr<Storage> storage;
  Index offset = 0;  // elements
  Shape shape;
  DType dtype = DType::f32;
  bool requires_grad = false;
  std::shared_ptr<Node> node;  // the operation that made it; null for a leaf
  int output = 0;              // which output of node
  std::shared_ptr<TensorImpl> grad;
};

class Tensor {
 public:
  Tensor() = default;  // undefined
  explicit Tensor(std::shared_ptr<TensorImpl> impl) : impl_(std::move(impl)) {}

  static Tensor empty(Shape, DType = DType::f32,
                      Device = {});  // contents undefined (NaN in debug mode)
  static Tensor zeros(Shape, DType = DType::f32, Device = {});
  static Tensor full(Shape, double value, DType = DType::f32, Device = {});
  static Tensor scalar(double value, DType = DType::f32, Device = {});
  // A copy of the caller's values. Error (usage) when their number is not the shape's.
  template <class T>
  static Tensor from(std::span<const T> values, Shape shape, Device device = {}) {
    return from_bytes(values.data(), values.size(), dtype_of<T>(), std::move(shape), device);
  }
  template <class T>
  static Tensor from(const std::vector<T>& values, Shape shape, Device device = {}) {
    return from(std::span<const T>(values), std::move(shape), device);
  }

  bool defined() const { return impl_ != nullptr; }
  explicit operator bool() const { return defined(); }
  const Shape& shape() const { return impl().shape; }
  Index size(int dim) const;  // negative counts from the end; Error (usage) when out of range
  int rank() const { return shape().rank(); }
  Index numel() const { return shape().numel(); }
  DType dtype() const { return impl().dtype; }
  Device device() const { return impl().storage->device; }
  Stream stream() const;  // the device's compute stream
  // First element, on device(). Error (usage) unless T is the dtype.
  template <class T>
  T* data() const {
    if (dtype_of<T>() != dtype()) wrong_dtype(dtype_of<T>());
    return static_cast<T*>(raw());
  }
  void* raw() const;

  double item() const;  // the value of a one-element tensor; waits for the device
  template <class T>
  std::vector<T> to_vector() const {  // a copy on the host; waits. T must be the dtype.
    if (dtype_of<T>() != dtype()) wrong_dtype(dtype_of<T>());
    std::vector<T> v(static_cast<std::size_t>(numel()));
    read(v.data());
    return v;
  }
  std::vector<double> values() const;  // any dtype, converted on the host
  void read(void* host) const;         // numel elements; waits

  // Copies; not differentiable (ops::cast is). The same tensor when nothing changes.
  Tensor to(Device) const;
  // In place, shape and dtype equal: outside the graph, bumps the version. For optimisers,
  // initialisers and loading.
  void copy_(const Tensor& from) const;
  void fill_(double value) const;

  bool requires_grad() const { return defined() && (impl().requires_grad || impl().node); }
  const Tensor& requires_grad_(bool on = true) const;  // leaves of a floating dtype only
  bool is_leaf() const { return !impl().node; }
  Tensor detach() const;  // shares memory and version; no graph
  Tensor grad() const { return impl().grad ? Tensor(impl().grad) : Tensor(); }
  void set_grad(const Tensor& g) const;
  std::uint32_t version() const { return impl().storage->version; }
  void bump_version() const { impl().storage->version++; }

  TensorImpl& impl() const {
    if (!impl_) undefined();
    return *impl_;
  }
  const std::shared_ptr<TensorImpl>& ptr() const { return impl_; }

 private:
  static Tensor from_bytes(const void* values, std::size_t count, DType, Shape, Device);
  [[noreturn]] static void undefined();
  [[noreturn]] void wrong_dtype(DType asked) const;
  std::shared_ptr<TensorImpl> impl_;
};

}  // namespace imago
