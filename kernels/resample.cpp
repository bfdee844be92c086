#include "kernels/resample.h"

#include "kernels/backend.h"

namespace imago::IMAGO_BACKEND {
namespace {

// What output o is along one axis: (1 - weight) of input first, weight of input second.
template <class T>
struct Taps {
  Index first, second;
  T weight;
  DEVICE T of(Index i) const {
    return (i == first ? T(1) - weight : T(0)) + (i == second ? weight : T(0));
  }
};
template <class T>
DEVICE inline Taps<T> taps(Index o, Index size, Index out_size, bool linear) {
  if (!linear) {
    const Index i = quotient(o * size, out_size);
    return {i, i, T(0)};
  }
  const double at = (double(o) + .5) * double(size) / double(out_size) - .5;
  const Index first = at > 0 ? Index(at) : 0;
  return {first, first + 1 < size ? first + 1 : first, at > 0 ? T(at - double(first)) : T(0)};
}
// Outputs among which all are that input i is used for.
struct Range {
  Index first, last;
};
DEVICE inline Range uses(Index i, Index size, Index out_size) {
  const Index first = i < 1 ? 0 : quotient((i - 1) * out_size, size) - 1,
              last = quotient((i + 2) * out_size, size) + 3;
  return {first < 0 ? 0 : first, last < out_size ? last : out_size};
}

}  // namespace

template <class T>
void resample(Stream s, const Resample<T>& p) {
  for_each(
      s, p.batch * p.out_height * p.out_width, p.channels, KERNEL(Index r, Index c) {
        const Index row = quotient(r, p.out_width), image = quotient(row, p.out_height);
        const Taps<T> y = taps<T>(row - image * p.out_height, p.height, p.out_height, p.linear),
                      x = taps<T>(r - row * p.out_width, p.width, p.out_width, p.linear);
        const T* in = p.in + image * p.height * p.width * p.channels + c;
        const T* above = in + y.first * p.width * p.channels;
        const T* below = in + y.second * p.width * p.channels;
        const Index left = x.first * p.channels, right = x.second * p.channels;
        const T high = above[left] * (T(1) - x.weight) + above[right] * x.weight;
        const T low = below[left] * (T(1) - x.weight) + below[right] * x.weight;
        p.out[r * p.channels + c] =
            p.linear ? high * (T(1) - y.weight) + low * y.weight : above[left];
      });
}

template <class T>
void resample_adjoint(Stream s, const Resample<T>& p) {
  for_each(
      s, p.batch * p.height * p.width, p.channels, KERNEL(Index r, Index c) {
        const Index row = quotient(r, p.width), image = quotient(row, p.height),
                    iy = row - image * p.height, ix = r - row * p.width;
        const Range down = uses(iy, p.height, p.out_height),
                    across = uses(ix, p.width, p.out_width);
        T sum = 0;
        for (Index oy = down.first; oy < down.last; oy++) {
          const T high = taps<T>(oy, p.height, p.out_height, p.linear).of(iy);
          if (high == T(0)) continue;
          const T* in = p.in + (image * p.out_height + oy) * p.out_width * p.channels + c;
          for (Index ox = across.first; ox < across.last; ox++) {
            const T wide = taps<T>(ox, p.width, p.out_width, p.linear).of(ix);
            if (wide != T(0)) sum += high * wide * in[ox * p.channels];
          }
        }
        p.out[r * p.channels + c] = sum;
      });
}

IMAGO_INSTANTIATE(resample, Resample)
IMAGO_INSTANTIATE(resample_adjoint, Resample)

}  // namespace imago::IMAGO_BACKEND
