// Matrix products by cuBLASLt: a plan for each shape is chosen once and kept, so that a shape gives
// the same bits every time. Full float32 (no TF32) and float64. Activations that cuBLASLt lacks are
// a pass of ours.
#include "kernels/gemm.h"

#include <cublasLt.h>

#include <compare>
#include <map>
#include <memory>
#include <mutex>

#include "kernels/backend.h"

namespace imago::cuda {
namespace {

constexpr std::size_t kWorkspace = std::size_t(32) << 20;  // what NVIDIA advises for Hopper
constexpr std::size_t kMostPlans = 4096;

void check(cublasStatus_t status, const char* call) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw DeviceError(std::string(call) + ": " + cublasLtGetStatusString(status));
}

template <class T>
struct Types {
  static constexpr cudaDataType_t data = CUDA_R_32F;
  static constexpr cublasComputeType_t compute = CUBLAS_COMPUTE_32F;
};
template <>
struct Types<double> {
  static constexpr cudaDataType_t data = CUDA_R_64F;
  static constexpr cublasComputeType_t compute = CUBLAS_COMPUTE_64F;
};

// All that the choice of an algorithm depends on.
struct Shape {
  int device, element_bytes;
  Index batch, m, n, k, stride_a, stride_b, stride_c;
  bool transpose_a, transpose_b, reads_c;
  cublasLtEpilogue_t epilogue;
  unsigned alignment;  // bytes, of every matrix of the batch and of the bias
  auto operator<=>(const Shape&) const = default;
};

// The library reads column-major matrices, so it computes the transpose: c' [n, m] = op(b)' op(a)'.
struct Plan {
  cublasLtMatmulDesc_t product = nullptr;
  cublasLtMatrixLayout_t first = nullptr, second = nullptr, result = nullptr;
  cublasLtMatmulAlgo_t algorithm{};
  bool found = false;  // false: the library has no algorithm for this epilogue

  Plan() = default;
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  ~Plan() {
    if (product) cublasLtMatmulDescDestroy(product);
    for (auto layout : {first, second, result})
      if (layout) cublasLtMatrixLayoutDestroy(layout);
  }
};

struct Library {
  std::mutex mutex;  // a plan's description holds the bias pointer of the call
  cublasLtHandle_t handle = nullptr;
  std::map<Shape, std::unique_ptr<Plan>> plans;
};
// Kept until the program ends: the driver may be gone before destructors run.
Library& library(int device) {
  static std::mutex mutex;
  static auto* const all = new std::map<int, Library>;
  const std::lock_guard lock(mutex);
  Library& l = (*all)[device];
  if (!l.handle) check(cublasLtCreate(&l.handle), "cublasLtCreate");
  return l;
}

template <class V>
void set(cublasLtMatmulDesc_t product, cublasLtMatmulDescAttributes_t attribute, V value) {
  check(cublasLtMatmulDescSetAttribute(product, attribute, &value, sizeof value),
        "cublasLtMatmulDescSetAttribute");
}
cublasLtMatrixLayout_t layout(cudaDataType_t type, Index rows, Index cols, const Shape& shape,
                              Index stride) {
  cublasLtMatrixLayout_t l = nullptr;
  check(cublasLtMatrixLayoutCreate(&l, type, std::uint64_t(rows), std::uint64_t(cols), rows),
        "cublasLtMatrixLayoutCreate");
  const auto batch = std::int32_t(shape.batch);
  const auto offset = std::int64_t(stride);
  check(
      cublasLtMatrixLayoutSetAttribute(l, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batch, sizeof batch),
      "cublasLtMatrixLayoutSetAttribute");
  check(cublasLtMatrixLayoutSetAttribute(l, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &offset,
                                         sizeof offset),
        "cublasLtMatrixLayoutSetAttribute");
  return l;
}

template <class T>
void build(Plan& plan, const Shape& s, const T* bias, cublasLtHandle_t handle) {
  constexpr auto type = Types<T>::data;
  check(cublasLtMatmulDescCreate(&plan.product, Types<T>::compute, type),
        "cublasLtMatmulDescCreate");
  set(plan.product, CUBLASLT_MATMUL_DESC_TRANSA, s.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(plan.product, CUBLASLT_MATMUL_DESC_TRANSB, s.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(plan.product, CUBLASLT_MATMUL_DESC_EPILOGUE, s.epilogue);
  if (bias) set(plan.product, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  plan.first = layout(type, s.transpose_b ? s.k : s.n, s.transpose_b ? s.n : s.k, s, s.stride_b);
  plan.second = layout(type, s.transpose_a ? s.m : s.k, s.transpose_a ? s.k : s.m, s, s.stride_a);
  plan.result = layout(type, s.n, s.m, s, s.stride_c);

  cublasLtMatmulPreference_t preference = nullptr;
  check(cublasLtMatmulPreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate");
  const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
    check(cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value),
          "cublasLtMatmulPreferenceSetAttribute");
  };
  prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kWorkspace);
  for (auto matrix :
       {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
    prefer(matrix, std::uint32_t(s.alignment));
  cublasLtMatmulHeuristicResult_t best{};
  int count = 0;
  const cublasStatus_t status =
      cublasLtMatmulAlgoGetHeuristic(handle, plan.product, plan.first, plan.second, plan.result,
                                     plan.result, preference, 1, &best, &count);
  cublasLtMatmulPreferenceDestroy(preference);
  // What the library calls a fused epilogue that it lacks is not documented.
  const bool fused = s.epilogue != CUBLASLT_EPILOGUE_DEFAULT;
  if (status != CUBLAS_STATUS_NOT_SUPPORTED && !(fused && status == CUBLAS_STATUS_INVALID_VALUE))
    check(status, "cublasLtMatmulAlgoGetHeuristic");
  plan.found = status == CUBLAS_STATUS_SUCCESS && count > 0 && best.state == CUBLAS_STATUS_SUCCESS;
  plan.algorithm = best.algo;
}

// False when the library has no algorithm with this epilogue.
template <class T>
bool multiply(Stream s, const Gemm<T>& p, cublasLtEpilogue_t epilogue, const T* bias) {
  const Index strides = p.batch > 1 ? p.stride_a | p.stride_b | p.stride_c : 0;
  const auto bits = reinterpret_cast<std::uintptr_t>(p.a) | reinterpret_cast<std::uintptr_t>(p.b) |
                    reinterpret_cast<std::uintptr_t>(p.c) | reinterpret_cast<std::uintptr_t>(bias) |
                    std::uintptr_t(strides) * sizeof(T) | 256;
  const Shape shape{s.device,      int(sizeof(T)),
                    p.batch,       p.m,
                    p.n,           p.k,
                    p.stride_a,    p.stride_b,
                    p.stride_c,    p.transpose_a,
                    p.transpose_b, p.beta != T(0),
                    epilogue,      unsigned(bits & (~bits + 1))};
  Library& l = library(s.device);
  const std::lock_guard lock(l.mutex);
  if (l.plans.size() > kMostPlans) l.plans.clear();
  auto at = l.plans.find(shape);
  if (at == l.plans.end()) {
    auto plan = std::make_unique<Plan>();
    build(*plan, shape, bias, l.handle);
    at = l.plans.emplace(shape, std::move(plan)).first;
  }
  const Plan& plan = *at->second;
  if (!plan.found) return false;
  if (bias) set(plan.product, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  check(cublasLtMatmul(l.handle, plan.product, &p.alpha, p.b, plan.first, p.a, plan.second, &p.beta,
                       p.c, plan.result, p.c, plan.result, &plan.algorithm, scratch(s, kWorkspace),
                       kWorkspace, raw(s)),
        "cublasLtMatmul");
  return true;
}

template <class T>
void bias_and_activation(Stream s, const Gemm<T>& p) {
  if (!p.bias && p.activation == Epilogue::none) return;
  if (p.stride_c == p.m * p.n || p.batch == 1)
    return bias_activation(s, BiasActivation<T>{p.batch * p.m, p.n, p.c, p.bias, p.activation});
  for (Index i = 0; i < p.batch; i++)
    bias_activation(s, BiasActivation<T>{p.m, p.n, p.c + i * p.stride_c, p.bias, p.activation});
}

}  // namespace

template <class T>
void gemm(Stream s, const Gemm<T>& p) {
  if (p.batch == 0 || p.m == 0 || p.n == 0) return;
  check(cudaSetDevice(s.device), "cudaSetDevice");
  if (p.k == 0) {
    for_each(
        s, p.batch, p.m * p.n, KERNEL(Index i, Index j) {
          T& y = p.c[i * p.stride_c + j];
          y = p.beta == T(0) ? T(0) : p.beta * y;
        });
    return bias_and_activation(s, p);
  }
  // The library's epilogues may read a bias in vectors of 16 bytes. Its relu is not used: max(x, 0)
  // may turn NaN into 0, which would hide a training that diverged.
  const bool aligned = reinterpret_cast<std::uintptr_t>(p.bias) % 16 == 0;
  if (p.bias && aligned && p.activation == Epilogue::none &&
      multiply(s, p, CUBLASLT_EPILOGUE_BIAS, p.bias))
    return;
  if (!multiply<T>(s, p, CUBLASLT_EPILOGUE_DEFAULT, nullptr))
    throw DeviceError("cublasLt has no algorithm for a product of m " + std::to_string(p.m) +
                      ", n " + std::to_string(p.n) + ", k " + std::to_string(p.k) + ", batch " +
                      std::to_string(p.batch));
  bias_and_activation(s, p);
}
template void gemm<float>(Stream, const Gemm<float>&);
template void gemm<double>(Stream, const Gemm<double>&);

}  // namespace imago::cuda
