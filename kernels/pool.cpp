#include "kernels/pool.h"

#include "kernels/backend.h"

namespace imago::IMAGO_BACKEND {
namespace {

struct Pixel {
  Index image, y, x;
};
DEVICE inline Pixel pixel(Index r, Index height, Index width) {
  const Index row = quotient(r, width), image = quotient(row, height);
  return {image, row - image * height, r - row * width};
}
// [first, last) along one axis.
struct Range {
  Index first, last;
};
// Pixels of window o.
DEVICE inline Range window(Index o, Index kernel, Index stride, Index pad, Index size) {
  const Index first = o * stride - pad, last = first + kernel;
  return {first < 0 ? 0 : first, last < size ? last : size};
}
// Windows that hold pixel i.
DEVICE inline Range windows_over(Index i, Index kernel, Index stride, Index pad, Index windows) {
  const Index behind = quotient(i + pad, stride) + 1, before = i + pad - kernel;
  return {before < 0 ? 0 : quotient(before, stride) + 1, behind < windows ? behind : windows};
}
// The sum of term(window) over the windows that hold pixel r.
template <class T, class F>
DEVICE inline T sum_over_windows(const PoolShape& s, Index r, F term) {
  const Pixel at = pixel(r, s.height, s.width);
  const Range down = windows_over(at.y, s.kernel_h, s.stride_h, s.pad_h, s.out_height),
              across = windows_over(at.x, s.kernel_w, s.stride_w, s.pad_w, s.out_width);
  T sum = 0;
  for (Index oy = down.first; oy < down.last; oy++)
    for (Index ox = across.first; ox < across.last; ox++)
      sum += term((at.image * s.out_height + oy) * s.out_width + ox, at.y * s.width + at.x);
  return sum;
}

}  // namespace

template <class T>
void max_pool(Stream stream, const MaxPool<T>& p) {
  for_each(
      stream, p.shape.batch * p.shape.out_height * p.shape.out_width, p.shape.channels,
      KERNEL(Index r, Index c) {
        const PoolShape& s = p.shape;
        const Pixel at = pixel(r, s.out_height, s.out_width);
        const Range down = window(at.y, s.kernel_h, s.stride_h, s.pad_h, s.height),
                    across = window(at.x, s.kernel_w, s.stride_w, s.pad_w, s.width);
        const T* x = p.x + at.image * s.height * s.width * s.channels + c;
        Index place = down.first * s.width + across.first;
        T most = x[place * s.channels];
        for (Index iy = down.first; iy < down.last; iy++)
          for (Index ix = across.first; ix < across.last; ix++) {
            const T v = x[(iy * s.width + ix) * s.channels];
            const bool larger = most == most && !(v <= most);  // of NaN, too
            most = larger ? v : most;
            place = larger ? iy * s.width + ix : place;
          }
        p.y[r * s.channels + c] = most;
        p.place[r * s.channels + c] = place;
      });
}

template <class T>
void pool_gather(Stream stream, const PoolPlaces<T>& p) {
  for_each(
      stream, p.shape.batch * p.shape.out_height * p.shape.out_width, p.shape.channels,
      KERNEL(Index r, Index c) {
        const PoolShape& s = p.shape;
        const Index image = quotient(r, s.out_height * s.out_width), i = r * s.channels + c;
        p.out[i] = p.in[(image * s.height * s.width + p.place[i]) * s.channels + c];
      });
}
template <class T>
void pool_scatter(Stream stream, const PoolPlaces<T>& p) {
  for_each(
      stream, p.shape.batch * p.shape.height * p.shape.width, p.shape.channels,
      KERNEL(Index r, Index c) {
        const Index channels = p.shape.channels;
        p.out[r * channels + c] = sum_over_windows<T>(p.shape, r, [=](Index w, Index place) {
          const Index i = w * channels + c;
          return p.place[i] == place ? p.in[i] : T(0);
        });
      });
}

template <class T>
void sum_pool(Stream stream, const SumPool<T>& p) {
  for_each(
      stream, p.shape.batch * p.shape.out_height * p.shape.out_width, p.shape.channels,
      KERNEL(Index r, Index c) {
        const PoolShape& s = p.shape;
        const Pixel at = pixel(r, s.out_height, s.out_width);
        const Range down = window(at.y, s.kernel_h, s.stride_h, s.pad_h, s.height),
                    across = window(at.x, s.kernel_w, s.stride_w, s.pad_w, s.width);
        const T* x = p.in + at.image * s.height * s.width * s.channels + c;
        T sum = 0;
        for (Index iy = down.first; iy < down.last; iy++)
          for (Index ix = across.first; ix < across.last; ix++)
            sum += x[(iy * s.width + ix) * s.channels];
        p.out[r * s.channels + c] = p.scale * sum;
      });
}
template <class T>
void sum_pool_adjoint(Stream stream, const SumPool<T>& p) {
  for_each(
      stream, p.shape.batch * p.shape.height * p.shape.width, p.shape.channels,
      KERNEL(Index r, Index c) {
        const Index channels = p.shape.channels;
        p.out[r * channels + c] = p.scale * sum_over_windows<T>(p.shape, r, [=](Index w, Index) {
                                    return p.in[w * channels + c];
                                  });
      });
}

IMAGO_INSTANTIATE(max_pool, MaxPool)
IMAGO_INSTANTIATE(pool_gather, PoolPlaces)
IMAGO_INSTANTIATE(pool_scatter, PoolPlaces)
IMAGO_INSTANTIATE(sum_pool, SumPool)
IMAGO_INSTANTIATE(sum_pool_adjoint, SumPool)

}  // namespace imago::IMAGO_BACKEND
