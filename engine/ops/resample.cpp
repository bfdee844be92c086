#include "engine/ops/resample.h"

#include "engine/ops/dispatch.h"
#include "engine/ops/layout.h"
#include "kernels/pool.h"
#include "kernels/resample.h"

namespace imago::ops {
namespace {
using imago::concat;  // of messages, not of tensors

void check_images(const char* op, const Tensor& x) {
  if (!is_floating(x.dtype())) op_error(op, "float32 or float64 images", name(x.dtype()));
  if (x.rank() != 4 || x.size(1) == 0 || x.size(2) == 0)
    op_error(op, "images [n, h, w, c], h and w not 0", concat("shape ", x.shape()));
}
PoolShape geometry(const char* op, const Tensor& x, Size2 window, const PoolOptions& o) {
  check_images(op, x);
  const Size2 stride{o.stride.h ? o.stride.h : window.h, o.stride.w ? o.stride.w : window.w};
  const bool sound = window.h > 0 && window.w > 0 && stride.h > 0 && stride.w > 0 &&
                     o.padding.h >= 0 && o.padding.w >= 0 && 2 * o.padding.h <= window.h &&
                     2 * o.padding.w <= window.w;
  const Index room_h = x.size(1) + 2 * o.padding.h - window.h,
              room_w = x.size(2) + 2 * o.padding.w - window.w;
  if (!sound || room_h < 0 || room_w < 0)
    op_error(op,
             "a window of 1 or more, padding of at most half of it, an image with its padding no "
             "smaller",
             concat("window ", window.h, " by ", window.w, ", stride ", stride.h, " by ", stride.w,
                    ", padding ", o.padding.h, " by ", o.padding.w, ", images ", x.shape()));
  return {x.size(0), x.size(1), x.size(2), x.size(3), room_h / stride.h + 1, room_w / stride.w + 1,
          window.h,  window.w,  stride.h,  stride.w,  o.padding.h,           o.padding.w};
}
Shape x_shape(const PoolShape& s) { return {s.batch, s.height, s.width, s.channels}; }
Shape y_shape(const PoolShape& s) { return {s.batch, s.out_height, s.out_width, s.channels}; }

// y = x at place, or its adjoint: each is the other's derivative.
Tensor at_places(bool gather, const PoolShape& s, const Tensor& in, const Tensor& place) {
  const Tensor out = Tensor::empty(gather ? y_shape(s) : x_shape(s), in.dtype(), in.device());
  with_floating("max_pool2d", in.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const PoolPlaces<T> p{s, in.data<T>(), place.data<Index>(), out.data<T>()};
    gather ? kernels::pool_gather(in.stream(), p) : kernels::pool_scatter(in.stream(), p);
  });
  return record(out, gather ? "pool_gather" : "pool_scatter", {in}, save_nothing,
                [=](Vjp& v) { v.give(0, [&] { return at_places(!gather, s, v.grad(), place); }); });
}

Tensor mean_pool(bool forward, const PoolShape& s, const Tensor& in) {
  const Tensor out = Tensor::empty(forward ? y_shape(s) : x_shape(s), in.dtype(), in.device());
  with_floating("avg_pool2d", in.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const SumPool<T> p{s, in.data<T>(), out.data<T>(), T(1) / T(s.kernel_h * s.kernel_w)};
    forward ? kernels::sum_pool(in.stream(), p) : kernels::sum_pool_adjoint(in.stream(), p);
  });
  return record(out, forward ? "avg_pool2d" : "avg_pool2d_adjoint", {in}, save_nothing,
                [=](Vjp& v) { v.give(0, [&] { return mean_pool(!forward, s, v.grad()); }); });
}

Tensor resampled(bool forward, const Tensor& in, Size2 size, Size2 out_size, bool linear) {
  const Size2 to = forward ? out_size : size;
  const Tensor out = Tensor::empty({in.size(0), to.h, to.w, in.size(3)}, in.dtype(), in.device());
  with_floating("interpolate", in.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const Resample<T> p{in.size(0), size.h, size.w,       in.size(3),   out_size.h,
                        out_size.w, linear, in.data<T>(), out.data<T>()};
    forward ? kernels::resample(in.stream(), p) : kernels::resample_adjoint(in.stream(), p);
  });
  return record(out, forward ? "interpolate" : "interpolate_adjoint", {in}, save_nothing,
                [=](Vjp& v) {
                  v.give(0, [&] { return resampled(!forward, v.grad(), size, out_size, linear); });
                });
}

}  // namespace

Tensor max_pool2d(const Tensor& x, Size2 window, const PoolOptions& options) {
  const PoolShape s = geometry("max_pool2d", x, window, options);
  const Tensor y = Tensor::empty(y_shape(s), x.dtype(), x.device());
  const Tensor place = Tensor::empty(y_shape(s), DType::i64, x.device());
  with_floating("max_pool2d", x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    kernels::max_pool(x.stream(), MaxPool<T>{s, x.data<T>(), y.data<T>(), place.data<Index>()});
  });
  return record(y, "max_pool2d", {x}, save_nothing,
                [=](Vjp& v) { v.give(0, [&] { return at_places(false, s, v.grad(), place); }); });
}
Tensor avg_pool2d(const Tensor& x, Size2 window, const PoolOptions& options) {
  return mean_pool(true, geometry("avg_pool2d", x, window, options), x);
}

Tensor interpolate(const Tensor& x, Size2 size, Interpolation mode) {
  check_images("interpolate", x);
  if (size.h < 1 || size.w < 1)
    op_error("interpolate", "a size of 1 or more", concat(size.h, " by ", size.w));
  return resampled(true, x, {x.size(1), x.size(2)}, size, mode == Interpolation::bilinear);
}

Tensor pixel_shuffle(const Tensor& x, Index r) {
  if (x.rank() != 4 || r < 1 || x.size(3) % (r * r))
    op_error("pixel_shuffle", "images [n, h, w, c r r] and r >= 1",
             concat("shape ", x.shape(), " and r ", r));
  const Index n = x.size(0), h = x.size(1), w = x.size(2), c = x.size(3) / (r * r);
  const Tensor blocks = permute(reshape(x, {n, h, w, c, r, r}), {0, 1, 4, 2, 5, 3});
  return reshape(blocks, {n, h * r, w * r, c});
}
Tensor pixel_unshuffle(const Tensor& x, Index r) {
  if (x.rank() != 4 || r < 1 || x.size(1) % r || x.size(2) % r)
    op_error("pixel_unshuffle", "images [n, h r, w r, c] and r >= 1",
             concat("shape ", x.shape(), " and r ", r));
  const Index n = x.size(0), h = x.size(1) / r, w = x.size(2) / r, c = x.size(3);
  const Tensor pixels = permute(reshape(x, {n, h, r, w, r, c}), {0, 1, 3, 5, 2, 4});
  return reshape(pixels, {n, h, w, c * r * r});
}

}  // namespace imago::ops
