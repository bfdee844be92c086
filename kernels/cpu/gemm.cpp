// Matrix products on the host: oneDNN's matmul for float, BLAS for double, the same bits with any
// number of threads.
//
// Measured with AVX-512, one and two threads, oneDNN 2.6, at the products of dense VAEs: matmul on
// plain row-major operands against dnnl_sgemm is at most 5% slower to 35% faster, but for small
// weight gradients (20 columns: 28% slower, 3 us) and for vectors (10 us slower); against OpenBLAS
// twice as fast. Packing the weights on every call loses 5-20% at batch 128. Bias and activation as
// post-ops cost 0-3% (7% when k is 20), less than a pass of their own. Its AVX-512 implementation
// sums every element in an order that the sizes determine, except when a is transposed and k is
// long: then it splits k among threads (seen from 2048 up), so k is cut here, at 1024, for 1-11%.
// The others (gemm:jit, before AVX-512) do not; there the product is cut into tiles by the sizes
// alone, each done by one thread.
#include "kernels/gemm.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <unordered_map>
#include <vector>

#include "kernels/cpu/blas.h"
#include "kernels/cpu/dnnl.h"
#include "kernels/cpu/jobs.h"

extern "C" void dgemm_(const char* transpose_a, const char* transpose_b, const int* m, const int* n,
                       const int* k, const double* alpha, const double* a, const int* lda,
                       const double* b, const int* ldb, const double* beta, double* c,
                       const int* ldc);

namespace imago::host {
namespace {

constexpr Index max_k = 1024;            // of one call when a is transposed
constexpr std::size_t max_cached = 512;  // primitives a thread keeps
// m n k up to which OpenBLAS uses one thread; so do we: it is microseconds.
constexpr double small = 1 << 18;
// 100 us or so: much longer than handing a tile out, short enough that many threads get some.
constexpr double tile_flops = 16e6;
// BLAS packs a tile's rows and columns anew: of double, where tiles are all there is, they are
// large, a few ms.
constexpr double double_tile_flops = 128e6;
constexpr Index max_tiles = 64, least_tile = 16;

// A product of one library call: shapes, and distances between rows and between the matrices of a
// batch.
struct Product {
  Index batch, m, n, k;
  bool transpose_a, transpose_b;
  Index lda, ldb, ldc, stride_a, stride_b, stride_c;
};
template <class T>
Product product(const Gemm<T>& p) {
  return {p.batch,
          p.m,
          p.n,
          p.k,
          p.transpose_a,
          p.transpose_b,
          p.transpose_a ? p.m : p.k,
          p.transpose_b ? p.k : p.n,
          p.n,
          p.stride_a,
          p.stride_b,
          p.stride_c};
}
template <class T>
double volume(const Gemm<T>& p) {
  return double(p.m) * double(p.n) * double(p.k);
}
Index offset_a(const Product& p, Index i, Index k) {
  return p.transpose_a ? k * p.lda + i : i * p.lda + k;
}
Index offset_b(const Product& p, Index k, Index j) {
  return p.transpose_b ? j * p.ldb + k : k * p.ldb + j;
}

// What follows the sums: c = activation(alpha sums + beta c + bias).
struct After {
  float alpha = 1, beta = 0;
  bool bias = false;
  Epilogue activation = Epilogue::none;
};

// A oneDNN primitive with its arguments. Belongs to one thread.
class Matmul {
 public:
  Matmul(const Product& p, const After& after) {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    attributes.set_post_ops(post_ops(after));
    const bool batched = p.batch > 1;
    const auto matrix = [&](bool shared, Index stride, Index rows, Index cols, Index ld,
                            bool transpose) {
      dnnl::memory::dims dims{rows, cols}, strides{transpose ? 1 : ld, transpose ? ld : 1};
      if (batched) {
        dims.insert(dims.begin(), shared ? 1 : p.batch);
        strides.insert(strides.begin(), shared ? (transpose ? cols : rows) * ld : stride);
      }
      return dnnl::memory::desc(dims, dnnl::memory::data_type::f32, strides);
    };
    const auto a = matrix(p.stride_a == 0, p.stride_a, p.m, p.k, p.lda, p.transpose_a);
    const auto b = matrix(p.stride_b == 0, p.stride_b, p.k, p.n, p.ldb, p.transpose_b);
    const auto c = matrix(false, p.stride_c, p.m, p.n, p.ldc, false);
    const auto bias = matrix(true, 0, 1, p.n, p.n, false);
    const auto descriptor = matmul_descriptor(a, b, after.bias ? &bias : nullptr, c, attributes);
    const std::string name = descriptor.impl_info_str();
    steady_ = name.rfind("brg", 0) == 0 && name.find("avx512") != name.npos;
    primitive_ = dnnl::matmul(descriptor);
    scratch_bytes_ = descriptor.scratchpad_desc().get_size();
    const auto add = [&](int argument, const dnnl::memory::desc& d) {
      memories_.emplace_back(d, dnnl_engine(), nullptr);
      arguments_.push_back({argument, memories_.back().get()});
    };
    add(DNNL_ARG_SRC, a);
    add(DNNL_ARG_WEIGHTS, b);
    add(DNNL_ARG_DST, c);
    add(DNNL_ARG_SCRATCHPAD, descriptor.scratchpad_desc());
    if (after.bias) add(DNNL_ARG_BIAS, bias);
  }
  // Does the order of its sums depend on the sizes alone?
  bool steady() const { return steady_; }

  void run(const float* a, const float* b, const float* bias, float* c) {
    memories_[0].set_data_handle(const_cast<float*>(a));
    memories_[1].set_data_handle(const_cast<float*>(b));
    memories_[2].set_data_handle(c);
    memories_[3].set_data_handle(primitive_scratch(scratch_bytes_));
    if (memories_.size() > 4) memories_[4].set_data_handle(const_cast<float*>(bias));
    dnnl::error::wrap_c_api(dnnl_primitive_execute(primitive_.get(), dnnl_stream().get(),
                                                   int(arguments_.size()), arguments_.data()),
                            "could not execute");
  }

 private:
  static dnnl::post_ops post_ops(const After& after) {
    using dnnl::algorithm;
    dnnl::post_ops ops;
    if (after.alpha != 1) append_eltwise(ops, algorithm::eltwise_linear, after.alpha, 0);
    if (after.beta != 0) ops.append_sum(after.beta);
    switch (after.activation) {
      case Epilogue::none:
      case Epilogue::relu: break;  // a pass of our own
      case Epilogue::leaky_relu: append_eltwise(ops, algorithm::eltwise_relu, .2f, 0); break;
      case Epilogue::tanh: append_eltwise(ops, algorithm::eltwise_tanh, 0, 0); break;
      case Epilogue::sigmoid: append_eltwise(ops, algorithm::eltwise_logistic, 0, 0); break;
    }
    return ops;
  }
  dnnl::matmul primitive_;
  std::vector<dnnl::memory> memories_;
  std::vector<dnnl_exec_arg_t> arguments_;
  std::size_t scratch_bytes_ = 0;
  bool steady_ = false;
};

using Key = KeyOf<16>;
// The primitive for p on so many threads; made once. oneDNN plans the split among threads when a
// primitive is made.
Matmul& matmul(const Product& p, const After& after, int threads) {
  thread_local std::unordered_map<Key, Matmul, KeyHash> cache;
  std::uint32_t alpha, beta;
  std::memcpy(&alpha, &after.alpha, sizeof alpha);
  std::memcpy(&beta, &after.beta, sizeof beta);
  const Key key{p.batch,       p.m,        p.n,   p.k,   p.transpose_a,
                p.transpose_b, p.lda,      p.ldb, p.ldc, p.stride_a,
                p.stride_b,    p.stride_c, alpha, beta,  Index(after.activation) * 2 + after.bias,
                threads};
  if (const auto found = cache.find(key); found != cache.end()) return found->second;
  if (cache.size() >= max_cached) cache.clear();
  const Threads scope(threads);
  return cache.try_emplace(key, p, after).first->second;
}

// How many rows and columns of tiles: a function of the sizes alone. Fewest elements of a and b are
// read again.
struct Grid {
  Index rows = 1, cols = 1;
};
Grid grid(Index m, Index n, Index k, double each) {
  const double flops = 2. * double(m) * double(n) * double(k);
  const Index want = std::clamp(Index(std::min(flops / each, 1e9)), Index(1), max_tiles);
  Grid best;
  double least = std::numeric_limits<double>::infinity();
  for (Index rows = 1; rows <= want; rows++) {
    const Index cols = (want + rows - 1) / rows;
    if ((rows > 1 && m / rows < least_tile) || (cols > 1 && n / cols < least_tile)) continue;
    const double reads = double(cols) * double(m) + double(rows) * double(n);
    if (reads < least) least = reads, best = {rows, cols};
  }
  return best;
}
// Where piece i of g begins in n elements; whole vectors of 16.
Index cut(Index n, Index g, Index i) {
  return std::min(n, (n + least_tile - 1) / least_tile * i / g * least_tile);
}

// f(tile, a, b, c, first column) for every tile of every matrix of the batch, each on one thread.
template <class T, class F>
void for_each_tile(const Gemm<T>& p, F f) {
  const Product whole = product(p);
  const Grid g = grid(p.m, p.n, p.k, sizeof(T) == 8 ? double_tile_flops : tile_flops);
  const Index tiles = g.rows * g.cols, jobs = p.batch * tiles;
  // A single tile runs in a parallel region too: there OpenBLAS uses one thread, as it does for any
  // small product.
  const bool parallel = !omp_in_parallel() && double(p.batch) * volume(p) > small;
  run_jobs(jobs, parallel, [&](Index job) {
    const Index z = job / tiles, row = job % tiles / g.cols, col = job % g.cols;
    const Index m0 = cut(p.m, g.rows, row), n0 = cut(p.n, g.cols, col);
    Product tile = whole;
    tile.batch = 1;
    tile.m = cut(p.m, g.rows, row + 1) - m0;
    tile.n = cut(p.n, g.cols, col + 1) - n0;
    tile.stride_a = tile.stride_b = tile.stride_c = 0;
    f(tile, p.a + z * p.stride_a + offset_a(whole, m0, 0),
      p.b + z * p.stride_b + offset_b(whole, 0, n0), p.c + z * p.stride_c + m0 * whole.ldc + n0,
      n0);
  });
}

// Bias and activation in a pass of their own.
template <class T>
void finish(Stream s, const Gemm<T>& p) {
  if (!p.bias && p.activation == Epilogue::none) return;
  const bool contiguous = p.stride_c == p.m * p.n;
  for (Index z = 0; z < (contiguous ? 1 : p.batch); z++)
    kernels::bias_activation(s, BiasActivation<T>{contiguous ? p.batch * p.m : p.m, p.n,
                                                  p.c + z * p.stride_c, p.bias, p.activation});
}

// What remains of the product when k is 0.
template <class T>
void scale(const Gemm<T>& p) {
  for (Index z = 0; z < p.batch; z++)
    for (Index i = 0; i < p.m * p.n; i++) {
      T& c = p.c[z * p.stride_c + i];
      c = p.beta == 0 ? T(0) : p.beta * c;
    }
}

// In tiles, each by one thread.
void multiply_tiles(const Gemm<float>& p, const After& after) {
  for_each_tile(p, [&](const Product& tile, const float* a, const float* b, float* c, Index n0) {
    const Threads scope(1);  // some of the library's implementations ask again when they run
    matmul(tile, after, 1).run(a, b, after.bias ? p.bias + n0 : nullptr, c);
  });
}

// With the library's own threads, k in pieces that it does not split. False, with nothing done,
// where its sums depend on the number of threads.
bool multiply_whole(const Gemm<float>& p, const After& after) {
  const Product whole = product(p);
  const Index parts = p.transpose_a ? (p.k + max_k - 1) / max_k : 1;
  const bool alone = omp_in_parallel() || double(p.batch) * volume(p) <= small;
  const int threads = alone ? 1 : omp_get_max_threads();
  const auto first_k = [&](Index i) { return p.k * i / parts; };
  const auto primitive = [&](Index i) -> Matmul& {
    Product part = whole;
    part.k = first_k(i + 1) - first_k(i);
    const bool last = i + 1 == parts;
    return matmul(part,
                  {after.alpha, i == 0 ? after.beta : 1, last && after.bias,
                   last ? after.activation : Epilogue::none},
                  threads);
  };
  for (Index i = 0; i < parts; i++)
    if (!primitive(i).steady()) return false;
  for (Index i = 0; i < parts; i++)
    primitive(i).run(p.a + offset_a(whole, 0, first_k(i)), p.b + offset_b(whole, first_k(i), 0),
                     p.bias, p.c);
  return true;
}

void multiply(Stream s, const Gemm<float>& p) {
  // The library adds the bias before it applies alpha, and its relu turns NaN into 0, which would
  // hide a training that diverged.
  const bool fused = p.alpha == 1 && p.activation != Epilogue::relu;
  const After after{p.alpha, p.beta, fused && p.bias, fused ? p.activation : Epilogue::none};
  dnnl_call("matmul", [&] {
    // oneDNN has no batch of which both sides are shared.
    const bool repeated = p.batch > 1 && p.stride_a == 0 && p.stride_b == 0;
    if (repeated || !multiply_whole(p, after)) multiply_tiles(p, after);
  });
  if (!fused) finish(s, p);
}

void multiply(Stream s, const Gemm<double>& p) {
  one_blas_thread();  // the tiles are the threads
  if (std::max({p.m, p.n, p.k}) > std::numeric_limits<int>::max())
    throw DeviceError("dgemm: a size of " + std::to_string(std::max({p.m, p.n, p.k})) +
                      " is beyond a 32-bit BLAS");
  for_each_tile(p, [&](const Product& t, const double* a, const double* b, double* c, Index) {
    // BLAS is column-major: it computes the transposed product.
    const char ta = t.transpose_a ? 'T' : 'N', tb = t.transpose_b ? 'T' : 'N';
    const int m = int(t.m), n = int(t.n), k = int(t.k), lda = int(t.lda), ldb = int(t.ldb),
              ldc = int(t.ldc);
    dgemm_(&tb, &ta, &n, &m, &k, &p.alpha, b, &ldb, a, &lda, &p.beta, c, &ldc);
  });
  finish(s, p);
}

}  // namespace

template <class T>
void gemm(Stream s, const Gemm<T>& p) {
  if (p.batch == 0 || p.m == 0 || p.n == 0) return;
  if (p.k > 0) return multiply(s, p);
  scale(p);
  finish(s, p);
}
template void gemm<float>(Stream, const Gemm<float>&);
template void gemm<double>(Stream, const Gemm<double>&);

}  // namespace imago::host
