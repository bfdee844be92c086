// Convolutions on the host: oneDNN for float on nhwc images, the direct kernels for double and
// where the library has its reference code only (a hundred times slower). The images are shared out
// in pieces that the sizes alone determine, each computed by one thread, and the pieces' weight
// gradients are added in order: the same bits with any number of threads, whatever the library does
// inside a piece.
//
// Measured with AVX-512, one thread, oneDNN 2.6, at the layers of image networks, batch 64, in
// pieces of 16e6 flops (64e6 of a weight gradient; not measured again since they are smaller):
// forward and input gradient reach the rate of a large matrix product, weight gradients 75% to
// 100%. Against the library's blocked images (nChw16c, without the reorders) nhwc is level to 10%
// slower. Weights are brought into the library's format on every call: they change with every step,
// and it is 1% to 5% of the call. Its Winograd code (2.6 only, blocked images only) does 3x3
// kernels twice as fast; it is not used. Towards an image of one channel, add_columns takes a
// seventh of the time of the library's nhwc code. A piece of a weight gradient rereads all weights:
// below 512 flops a weight it lost 25%.
#include "kernels/conv.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "kernels/cpu/dnnl.h"
#include "kernels/cpu/jobs.h"
#include "kernels/reduce.h"

namespace imago::host {
namespace {

enum class Pass { forward, input, weight };

constexpr std::size_t max_cached = 512;  // primitives a thread keeps
// Flops of a piece: long beside handing it out, short beside a core's second-level cache. A piece
// of a weight gradient writes all weights, so there are fewer.
constexpr double piece_flops = 4e6, weight_piece_flops = 8e6, flops_a_weight = 512;
constexpr Index max_pieces = 64, max_weight_pieces = 16;
// Up to how many channels an image is made by a product and add_columns.
constexpr Index few_channels = 4;

Index pieces(const ConvShape& s, Pass pass) {
  const double least = pass == Pass::weight
                           ? std::max(weight_piece_flops, flops_a_weight * double(s.w_size()))
                           : piece_flops;
  const double want = s.flops() / least;
  const Index most = pass == Pass::weight ? max_weight_pieces : max_pieces;
  return std::clamp(Index(std::min(want, 1e6)), Index(1), std::min(most, s.batch));
}
ConvShape images(ConvShape s, Index batch) {
  s.batch = batch;
  return s;
}
Index x_image(const ConvShape& s) { return s.height * s.width * s.channels; }
Index y_image(const ConvShape& s) { return s.out_height * s.out_width * s.out_channels; }

// --- oneDNN

dnnl::memory::desc image_of(Index n, Index h, Index w, Index c) {
  return {{n, c, h, w}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::nhwc};
}
dnnl::memory::desc weights_of(const ConvShape& s, bool ours) {
  using tag = dnnl::memory::format_tag;
  const Index outs = s.out_channels / s.groups, ins = s.group_channels();
  if (s.groups == 1)
    return {{outs, ins, s.kernel_h, s.kernel_w},
            dnnl::memory::data_type::f32,
            ours ? tag::ohwi : tag::any};
  // [groups, outs, h, w, ins]
  if (!ours)
    return {{s.groups, outs, ins, s.kernel_h, s.kernel_w}, dnnl::memory::data_type::f32, tag::any};
  const Index tap = ins, row = s.kernel_w * tap, out = s.kernel_h * row;
  return {{s.groups, outs, ins, s.kernel_h, s.kernel_w},
          dnnl::memory::data_type::f32,
          dnnl::memory::dims{outs * out, out, 1, row, tap}};
}
// Padding behind the image so that exactly `outputs` places fit.
Index pad_behind(Index size, Index outputs, Index kernel, Index stride, Index pad, Index dilation) {
  return (outputs - 1) * stride + (kernel - 1) * dilation + 1 - size - pad;
}

// A oneDNN primitive with its arguments. Belongs to one thread.
class Convolution {
 public:
  // weights: the format they shall have, or any.
  Convolution(Pass pass, const ConvShape& s, const dnnl::memory::desc& weights) {
    const ConvolutionOf c{
        image_of(s.batch, s.height, s.width, s.channels),
        weights,
        image_of(s.batch, s.out_height, s.out_width, s.out_channels),
        {s.stride_h, s.stride_w},
        {s.dilation_h - 1, s.dilation_w - 1},
        {s.pad_h, s.pad_w},
        {pad_behind(s.height, s.out_height, s.kernel_h, s.stride_h, s.pad_h, s.dilation_h),
         pad_behind(s.width, s.out_width, s.kernel_w, s.stride_w, s.pad_w, s.dilation_w)}};
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    try {
      const auto forward = forward_descriptor(c, attributes);
      if (pass == Pass::forward)
        take<dnnl::convolution_forward>(forward, forward.weights_desc(),
                                        {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
                                        {c.x, forward.weights_desc(), c.y});
      if (pass == Pass::input) {
        const auto d = backward_descriptor<dnnl::convolution_backward_data>(c, attributes, forward);
        take<dnnl::convolution_backward_data>(
            d, d.weights_desc(), {DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_SRC},
            {c.y, d.weights_desc(), c.x});
      }
      if (pass == Pass::weight) {
        const auto d =
            backward_descriptor<dnnl::convolution_backward_weights>(c, attributes, forward);
        take<dnnl::convolution_backward_weights>(
            d, d.diff_weights_desc(), {DNNL_ARG_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_WEIGHTS},
            {c.x, c.y, d.diff_weights_desc()});
      }
    } catch (const dnnl::error& e) {
      if (e.status != dnnl_unimplemented) throw;
    }
  }
  // Does the library have more than its reference code for this?
  bool usable() const { return usable_; }
  const dnnl::memory::desc& weights() const { return weights_; }

  void run(const float* a, const float* b, float* out) {
    memories_[0].set_data_handle(const_cast<float*>(a));
    memories_[1].set_data_handle(const_cast<float*>(b));
    memories_[2].set_data_handle(out);
    memories_[3].set_data_handle(primitive_scratch(scratch_bytes_));
    dnnl::error::wrap_c_api(dnnl_primitive_execute(primitive_.get(), dnnl_stream().get(),
                                                   int(arguments_.size()), arguments_.data()),
                            "could not execute");
  }

 private:
  template <class P>
  void take(const typename P::primitive_desc& d, const dnnl::memory::desc& weights,
            const std::array<int, 3>& roles, const std::array<dnnl::memory::desc, 3>& operands) {
    usable_ = std::string(d.impl_info_str()).rfind("ref", 0) != 0;
    if (!usable_) return;
    primitive_ = P(d);
    weights_ = weights;
    scratch_bytes_ = d.scratchpad_desc().get_size();
    const auto add = [&](int argument, const dnnl::memory::desc& m) {
      memories_.emplace_back(m, dnnl_engine(), nullptr);
      arguments_.push_back({argument, memories_.back().get()});
    };
    for (std::size_t i = 0; i < 3; i++) add(roles[i], operands[i]);
    add(DNNL_ARG_SCRATCHPAD, d.scratchpad_desc());
  }
  dnnl::primitive primitive_;
  dnnl::memory::desc weights_;
  std::vector<dnnl::memory> memories_;
  std::vector<dnnl_exec_arg_t> arguments_;
  std::size_t scratch_bytes_ = 0;
  bool usable_ = false;
};

// The primitive of this thread for pieces of so many images, for one thread; made once. like: the
// images of the piece that chooses the format of the weights.
Convolution& convolution(Pass pass, const ConvShape& s, Index batch, Index like) {
  thread_local std::unordered_map<KeyOf<18>, Convolution, KeyHash> cache;
  const KeyOf<18> key{Index(pass),  batch,        like,        s.height,       s.width,
                      s.channels,   s.out_height, s.out_width, s.out_channels, s.kernel_h,
                      s.kernel_w,   s.stride_h,   s.stride_w,  s.pad_h,        s.pad_w,
                      s.dilation_h, s.dilation_w, s.groups};
  if (const auto found = cache.find(key); found != cache.end()) return found->second;
  if (cache.size() >= max_cached) cache.clear();
  const Threads scope(1);
  auto weights = weights_of(s, false);
  if (batch != like) {
    const Convolution first(pass, images(s, like), weights);
    if (first.usable()) weights = first.weights();
  }
  return cache.try_emplace(key, pass, images(s, batch), weights).first->second;
}

void reorder(const dnnl::memory::desc& from_format, const float* from,
             const dnnl::memory::desc& to_format, float* to) {
  dnnl::memory a(from_format, dnnl_engine(), const_cast<float*>(from)),
      b(to_format, dnnl_engine(), to);
  dnnl::reorder(a, b).execute(dnnl_stream(), a, b);
}

// --- pieces

// Bias and activation of a piece, while it is in cache.
void finish(Stream s, const Conv<float>& p, float* out, Index pixels, Index channels) {
  if (p.bias || p.activation != Epilogue::none)
    kernels::bias_activation(s, BiasActivation<float>{pixels, channels, out, p.bias, p.activation});
}
bool parallel(const ConvShape& s) { return !omp_in_parallel() && s.flops() > 1 << 18; }

// The images of each piece: f(first image, images).
template <class F>
void for_each_piece(const ConvShape& s, Pass pass, F f) {
  const Index n = pieces(s, pass);
  run_jobs(n, parallel(s), [&](Index i) {
    const Threads scope(1);  // some of the library's implementations ask again when they run
    const Index first = piece(s.batch, n, i);
    f(i, first, piece(s.batch, n, i + 1) - first);
  });
}
Index largest_piece(const ConvShape& s, Pass pass) {
  const Index n = pieces(s, pass);
  return (s.batch + n - 1) / n;
}
// Has the library code for every piece?
bool usable(const ConvShape& s, Pass pass) {
  const Index most = largest_piece(s, pass), least = s.batch / pieces(s, pass);
  return convolution(pass, s, most, most).usable() && convolution(pass, s, least, most).usable();
}

// y from x, or x from y, through a library primitive.
bool images_by_library(Stream stream, const Conv<float>& p, Pass pass) {
  const ConvShape& s = p.shape;
  if (!usable(s, pass)) return false;
  const Index most = largest_piece(s, pass);
  const dnnl::memory::desc ours = weights_of(s, true),
                           theirs = convolution(pass, s, most, most).weights();
  const float* w = p.b;
  if (theirs != ours) {
    thread_local Scratch packed;
    float* const to = static_cast<float*>(packed.of(theirs.get_size()));
    reorder(ours, p.b, theirs, to);
    w = to;
  }
  const bool forward = pass == Pass::forward;
  const Index a = forward ? x_image(s) : y_image(s), out = forward ? y_image(s) : x_image(s);
  const Index channels = forward ? s.out_channels : s.channels;
  for_each_piece(s, pass, [&](Index, Index first, Index count) {
    float* const to = p.out + first * out;
    convolution(pass, s, count, most).run(p.a + first * a, w, to);
    finish(stream, p, to, count * out / channels, channels);
  });
  return true;
}

// Adds the columns, [out_height, out_width, kernel_h, kernel_w, channels], to the pixels of an
// image that they belong to.
void add_columns(const ConvShape& s, const float* cols, float* x) {
  const bool joined = s.dilation_w == 1;  // a row of the kernel is one piece of a row of the image
  const Index width = s.width * s.channels, row = s.kernel_w * s.channels,
              step = joined ? row : s.channels;
  std::fill(x, x + s.height * width, 0.f);
  for (Index oy = 0; oy < s.out_height; oy++)
    for (Index ox = 0; ox < s.out_width; ox++)
      for (Index ky = 0; ky < s.kernel_h; ky++, cols += row) {
        const Index iy = oy * s.stride_h - s.pad_h + ky * s.dilation_h;
        if (iy < 0 || iy >= s.height) continue;
        float* const line = x + iy * width;
        for (Index k = 0; k < row; k += step) {
          const Index at = (ox * s.stride_w - s.pad_w) * s.channels + k * s.dilation_w;
          const Index first = std::max(Index(0), -at), last = std::min(step, width - at);
          for (Index i = first; i < last; i++) line[at + i] += cols[k + i];
        }
      }
}

// x from y for few channels: a product into columns, which add_columns adds up. The library's
// nhwc code computes sixteen channels there.
void images_by_columns(Stream stream, const Conv<float>& p) {
  const ConvShape& s = p.shape;
  const Index field = s.kernel_h * s.kernel_w * s.channels, pixels = s.out_height * s.out_width;
  for_each_piece(s, Pass::input, [&](Index, Index first, Index count) {
    thread_local Scratch memory;
    float* const cols =
        static_cast<float*>(memory.of(std::size_t(count * pixels * field) * sizeof(float)));
    Gemm<float> g;
    g.m = count * pixels, g.n = field, g.k = s.out_channels;
    g.a = p.a + first * y_image(s), g.b = p.b, g.c = cols;
    kernels::gemm(stream, g);
    float* const to = p.out + first * x_image(s);
    for (Index i = 0; i < count; i++)
      add_columns(s, cols + i * pixels * field, to + i * x_image(s));
    finish(stream, p, to, count * s.height * s.width, s.channels);
  });
}

// The pieces' weight gradients in the library's format, added up, and brought into ours.
bool weights_by_library(Stream stream, const Conv<float>& p) {
  const ConvShape& s = p.shape;
  if (!usable(s, Pass::weight)) return false;
  const Index n = pieces(s, Pass::weight), most = largest_piece(s, Pass::weight);
  const dnnl::memory::desc ours = weights_of(s, true),
                           theirs = convolution(Pass::weight, s, most, most).weights();
  const Index size =
      Index((theirs.get_size() + sizeof(Line) - 1) / sizeof(Line) * sizeof(Line) / sizeof(float));
  thread_local Scratch memory;
  float* const parts = static_cast<float*>(memory.of(std::size_t(size * (n + 1)) * sizeof(float)));
  for_each_piece(s, Pass::weight, [&](Index i, Index first, Index count) {
    convolution(Pass::weight, s, count, most)
        .run(p.a + first * x_image(s), p.b + first * y_image(s), parts + i * size);
  });
  float* const total = n == 1 ? parts : parts + n * size;
  if (n > 1) kernels::reduce_sum(stream, Reduce<float>{parts, total, 1, n, size});
  reorder(theirs, total, ours, p.out);
  return true;
}

template <class T>
void direct(Stream stream, const Conv<T>& p, Pass pass) {
  const ConvShape& s = p.shape;
  if (pass == Pass::weight) return kernels::direct_conv_weight(stream, p);
  const bool forward = pass == Pass::forward;
  forward ? kernels::direct_conv_forward(stream, p) : kernels::direct_conv_input(stream, p);
  const Index channels = forward ? s.out_channels : s.channels;
  if (p.bias || p.activation != Epilogue::none)
    kernels::bias_activation(
        stream, BiasActivation<T>{(forward ? s.y_size() : s.x_size()) / channels, channels, p.out,
                                  p.bias, p.activation});
}

void run(Stream stream, const Conv<double>& p, Pass pass) { direct(stream, p, pass); }
void run(Stream stream, const Conv<float>& p, Pass pass) {
  const ConvShape& s = p.shape;
  if (s.batch == 0) return direct(stream, p, pass);
  if (pass == Pass::input && s.groups == 1 && s.channels <= few_channels)
    return images_by_columns(stream, p);
  const bool done = dnnl_call("convolution", [&] {
    return pass == Pass::weight ? weights_by_library(stream, p)
                                : images_by_library(stream, p, pass);
  });
  if (!done) direct(stream, p, pass);
}

}  // namespace

template <class T>
void conv_forward(Stream s, const Conv<T>& p) {
  run(s, p, Pass::forward);
}
template <class T>
void conv_input(Stream s, const Conv<T>& p) {
  run(s, p, Pass::input);
}
template <class T>
void conv_weight(Stream s, const Conv<T>& p) {
  run(s, p, Pass::weight);
}
#define IMAGO_INSTANTIATE_CONV(name)                     \
  template void name<float>(Stream, const Conv<float>&); \
  template void name<double>(Stream, const Conv<double>&);
IMAGO_INSTANTIATE_CONV(conv_forward)
IMAGO_INSTANTIATE_CONV(conv_input)
IMAGO_INSTANTIATE_CONV(conv_weight)
#undef IMAGO_INSTANTIATE_CONV

}  // namespace imago::host
