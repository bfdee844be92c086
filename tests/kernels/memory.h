// Memory of one back-end for the kernel tests: blocks of the exact size, so that the sanitizer sees
// every bound; no caching.
#pragma once
#include <cstdlib>
#include <string>
#include <vector>

#include "kernels/runtime.h"

namespace imago::test {

template <class T>
class DeviceArray {
 public:
  DeviceArray(Backend b, const std::vector<T>& values)
      : stream_(runtime::compute_stream(b, 0)),
        size_(values.size()),
        data_(static_cast<T*>(runtime::allocate(b, 0, size_ * sizeof(T)))) {
    if (!data_) throw std::bad_alloc();
    runtime::copy(stream_, data_, b, values.data(), Backend::cpu, size_ * sizeof(T));
  }
  ~DeviceArray() { runtime::release(stream_.backend, 0, data_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  T* data() const { return data_; }
  std::vector<T> values() const {
    std::vector<T> v(size_);
    runtime::copy(stream_, v.data(), Backend::cpu, data_, stream_.backend, size_ * sizeof(T));
    return v;
  }

 private:
  Stream stream_;
  std::size_t size_;
  T* data_;
};

// The order of emulated threads while it lives.
struct Order {
  explicit Order(int order) { setenv("IMAGO_SIMT_ORDER", std::to_string(order).c_str(), 1); }
  ~Order() { unsetenv("IMAGO_SIMT_ORDER"); }
  Order(const Order&) = delete;
  Order& operator=(const Order&) = delete;
};
inline const std::vector<int>& orders() {
  static const std::vector<int> all = {0, 1, 7};
  return all;
}

}  // namespace imago::test
