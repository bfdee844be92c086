// Convolutions by cuDNN on NHWC images in full float32 (no TF32): an algorithm for each shape is
// chosen once among the deterministic ones and kept, so that a shape gives the same bits every
// time. The direct kernels serve double, geometries that cuDNN lacks, and builds without it.
#include "kernels/conv.h"

#include "kernels/backend.h"

#if IMAGO_HAS_CUDNN
#include <cudnn.h>

#include <array>
#include <compare>
#include <map>
#include <memory>
#include <mutex>
#endif

namespace imago::cuda {
namespace {

enum class Pass { forward, input, weight };

#if IMAGO_HAS_CUDNN
constexpr std::size_t kMostWorkspace = std::size_t(256) << 20;
constexpr std::size_t kMostPlans = 4096;

void check(cudnnStatus_t status, const char* call) {
  if (status != CUDNN_STATUS_SUCCESS)
    throw DeviceError(std::string(call) + ": " + cudnnGetErrorString(status));
}

// A cuDNN descriptor, created and destroyed by its own functions.
template <class D, cudnnStatus_t (*Create)(D*), cudnnStatus_t (*Destroy)(D)>
struct Owned {
  D d = nullptr;
  Owned() { check(Create(&d), "cudnnCreate...Descriptor"); }
  ~Owned() { Destroy(d); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
};

// All that the choice of an algorithm depends on.
struct Shape {
  int device;
  Pass pass;
  std::array<Index, 16> sizes;
  unsigned alignment;  // bytes, of the three operands
  auto operator<=>(const Shape&) const = default;
};

struct Plan {
  Owned<cudnnTensorDescriptor_t, cudnnCreateTensorDescriptor, cudnnDestroyTensorDescriptor> x, y;
  Owned<cudnnFilterDescriptor_t, cudnnCreateFilterDescriptor, cudnnDestroyFilterDescriptor> w;
  Owned<cudnnConvolutionDescriptor_t, cudnnCreateConvolutionDescriptor,
        cudnnDestroyConvolutionDescriptor>
      how;
  int algorithm = -1;  // of the pass's enumeration; -1: cuDNN has none
  std::size_t workspace = 0;
};

struct Library {
  std::mutex mutex;  // a handle serves one thread at a time
  cudnnHandle_t handle = nullptr;
  std::map<Shape, std::unique_ptr<Plan>> plans;
};
// Kept until the program ends: the driver may be gone before destructors run.
Library& library(int device) {
  static std::mutex mutex;
  static auto* const all = new std::map<int, Library>;
  const std::lock_guard lock(mutex);
  Library& l = (*all)[device];
  if (!l.handle) check(cudnnCreate(&l.handle), "cudnnCreate");
  return l;
}

// The first algorithm of the library's list that is deterministic and multiplies in float32.
template <class Performance, class Choose>
void choose(Plan& plan, Choose choose) {
  std::array<Performance, 16> list{};
  int count = 0;
  if (choose(int(list.size()), &count, list.data()) != CUDNN_STATUS_SUCCESS) return;
  for (int i = 0; i < count; i++) {
    const Performance& p = list[std::size_t(i)];
    if (p.status != CUDNN_STATUS_SUCCESS || p.determinism != CUDNN_DETERMINISTIC ||
        p.mathType != CUDNN_FMA_MATH || p.memory > kMostWorkspace)
      continue;
    plan.algorithm = int(p.algo), plan.workspace = p.memory;
    return;
  }
}

void build(Plan& p, Pass pass, const ConvShape& s, cudnnHandle_t handle) {
  const auto image = [](cudnnTensorDescriptor_t d, Index n, Index c, Index h, Index w) {
    check(cudnnSetTensor4dDescriptor(d, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, int(n), int(c), int(h),
                                     int(w)),
          "cudnnSetTensor4dDescriptor");
  };
  image(p.x.d, s.batch, s.channels, s.height, s.width);
  image(p.y.d, s.batch, s.out_channels, s.out_height, s.out_width);
  check(cudnnSetFilter4dDescriptor(p.w.d, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NHWC, int(s.out_channels),
                                   int(s.group_channels()), int(s.kernel_h), int(s.kernel_w)),
        "cudnnSetFilter4dDescriptor");
  check(cudnnSetConvolution2dDescriptor(p.how.d, int(s.pad_h), int(s.pad_w), int(s.stride_h),
                                        int(s.stride_w), int(s.dilation_h), int(s.dilation_w),
                                        CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
        "cudnnSetConvolution2dDescriptor");
  check(cudnnSetConvolutionGroupCount(p.how.d, int(s.groups)), "cudnnSetConvolutionGroupCount");
  check(cudnnSetConvolutionMathType(p.how.d, CUDNN_FMA_MATH), "cudnnSetConvolutionMathType");
  switch (pass) {
    case Pass::forward:
      return choose<cudnnConvolutionFwdAlgoPerf_t>(p, [&](int most, int* count, auto* list) {
        return cudnnGetConvolutionForwardAlgorithm_v7(handle, p.x.d, p.w.d, p.how.d, p.y.d, most,
                                                      count, list);
      });
    case Pass::input:
      return choose<cudnnConvolutionBwdDataAlgoPerf_t>(p, [&](int most, int* count, auto* list) {
        return cudnnGetConvolutionBackwardDataAlgorithm_v7(handle, p.w.d, p.y.d, p.how.d, p.x.d,
                                                           most, count, list);
      });
    case Pass::weight:
      return choose<cudnnConvolutionBwdFilterAlgoPerf_t>(p, [&](int most, int* count, auto* list) {
        return cudnnGetConvolutionBackwardFilterAlgorithm_v7(handle, p.x.d, p.y.d, p.how.d, p.w.d,
                                                             most, count, list);
      });
  }
}

// cuDNN derives the size of y from x; ours may be smaller. Its sizes are ints.
bool expressible(const ConvShape& s) {
  const auto places = [](Index n, Index kernel, Index stride, Index pad, Index dilation) {
    return (n + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1;
  };
  constexpr Index most = (Index(1) << 31) - 1;
  return s.out_height == places(s.height, s.kernel_h, s.stride_h, s.pad_h, s.dilation_h) &&
         s.out_width == places(s.width, s.kernel_w, s.stride_w, s.pad_w, s.dilation_w) &&
         s.x_size() <= most && s.y_size() <= most && s.w_size() <= most;
}

bool by_library(Stream, const Conv<double>&, Pass) { return false; }
bool by_library(Stream stream, const Conv<float>& p, Pass pass) {
  const ConvShape& s = p.shape;
  if (s.batch == 0 || !expressible(s)) return false;
  const auto bits = reinterpret_cast<std::uintptr_t>(p.a) | reinterpret_cast<std::uintptr_t>(p.b) |
                    reinterpret_cast<std::uintptr_t>(p.out) | 256;
  const Shape shape{stream.device,
                    pass,
                    {s.batch, s.height, s.width, s.channels, s.out_height, s.out_width,
                     s.out_channels, s.kernel_h, s.kernel_w, s.stride_h, s.stride_w, s.pad_h,
                     s.pad_w, s.dilation_h, s.dilation_w, s.groups},
                    unsigned(bits & (~bits + 1))};
  Library& l = library(stream.device);
  const std::lock_guard lock(l.mutex);
  if (l.plans.size() > kMostPlans) l.plans.clear();
  auto at = l.plans.find(shape);
  if (at == l.plans.end()) {
    auto plan = std::make_unique<Plan>();
    build(*plan, pass, s, l.handle);
    at = l.plans.emplace(shape, std::move(plan)).first;
  }
  Plan& plan = *at->second;
  if (plan.algorithm < 0) return false;
  check(cudnnSetStream(l.handle, raw(stream)), "cudnnSetStream");
  void* const workspace = plan.workspace ? scratch(stream, plan.workspace) : nullptr;
  const float one = 1, zero = 0;
  cudnnStatus_t status = CUDNN_STATUS_SUCCESS;
  switch (pass) {
    case Pass::forward:
      status = cudnnConvolutionForward(l.handle, &one, plan.x.d, p.a, plan.w.d, p.b, plan.how.d,
                                       cudnnConvolutionFwdAlgo_t(plan.algorithm), workspace,
                                       plan.workspace, &zero, plan.y.d, p.out);
      break;
    case Pass::input:
      status =
          cudnnConvolutionBackwardData(l.handle, &one, plan.w.d, p.b, plan.y.d, p.a, plan.how.d,
                                       cudnnConvolutionBwdDataAlgo_t(plan.algorithm), workspace,
                                       plan.workspace, &zero, plan.x.d, p.out);
      break;
    case Pass::weight:
      status =
          cudnnConvolutionBackwardFilter(l.handle, &one, plan.x.d, p.a, plan.y.d, p.b, plan.how.d,
                                         cudnnConvolutionBwdFilterAlgo_t(plan.algorithm), workspace,
                                         plan.workspace, &zero, plan.w.d, p.out);
  }
  if (status == CUDNN_STATUS_NOT_SUPPORTED) {
    plan.algorithm = -1;
    return false;
  }
  check(status, "cudnnConvolution");
  return true;
}
#else
template <class T>
bool by_library(Stream, const Conv<T>&, Pass) {
  return false;
}
#endif

template <class T>
void finish(Stream s, const Conv<T>& p, Index size, Index channels) {
  if (size > 0 && (p.bias || p.activation != Epilogue::none))
    bias_activation(s, BiasActivation<T>{size / channels, channels, p.out, p.bias, p.activation});
}

}  // namespace

template <class T>
void conv_forward(Stream s, const Conv<T>& p) {
  check(cudaSetDevice(s.device), "cudaSetDevice");
  if (!by_library(s, p, Pass::forward)) direct_conv_forward(s, p);
  finish(s, p, p.shape.y_size(), p.shape.out_channels);
}
template <class T>
void conv_input(Stream s, const Conv<T>& p) {
  check(cudaSetDevice(s.device), "cudaSetDevice");
  if (!by_library(s, p, Pass::input)) direct_conv_input(s, p);
  finish(s, p, p.shape.x_size(), p.shape.channels);
}
template <class T>
void conv_weight(Stream s, const Conv<T>& p) {
  check(cudaSetDevice(s.device), "cudaSetDevice");
  if (!by_library(s, p, Pass::weight)) direct_conv_weight(s, p);
}
IMAGO_INSTANTIATE(conv_forward, Conv)
IMAGO_INSTANTIATE(conv_input, Conv)
IMAGO_INSTANTIATE(conv_weight, Conv)

}  // namespace imago::cuda
