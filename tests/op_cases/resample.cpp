// Rows of pooling, interpolation and pixel shuffling.
#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/op_cases/op_case.h"

namespace imago::test {
namespace {

using ops::Interpolation;
using ops::PoolOptions;
using ops::Size2;

double& at(Array& a, Index n, Index y, Index x, Index c) {
  return a[((n * a.shape[1] + y) * a.shape[2] + x) * a.shape[3] + c];
}
double at(const Array& a, Index n, Index y, Index x, Index c) {
  return a[((n * a.shape[1] + y) * a.shape[2] + x) * a.shape[3] + c];
}
// f(n, y, x, c) for every pixel.
template <class F>
void for_each_pixel(const Shape& s, F f) {
  for (Index n = 0; n < s[0]; n++)
    for (Index y = 0; y < s[1]; y++)
      for (Index x = 0; x < s[2]; x++)
        for (Index c = 0; c < s[3]; c++) f(n, y, x, c);
}

Array pooled(const Array& x, Size2 window, Size2 stride, Size2 padding, bool largest) {
  const auto windows = [](Index n, Index k, Index s, Index p) { return (n + 2 * p - k) / s + 1; };
  Array y = zeros({x.shape[0], windows(x.shape[1], window.h, stride.h, padding.h),
                   windows(x.shape[2], window.w, stride.w, padding.w), x.shape[3]});
  for_each_pixel(y.shape, [&](Index n, Index oy, Index ox, Index c) {
    double sum = 0, most = -std::numeric_limits<double>::infinity();
    for (Index ky = 0; ky < window.h; ky++)
      for (Index kx = 0; kx < window.w; kx++) {
        const Index iy = oy * stride.h + ky - padding.h, ix = ox * stride.w + kx - padding.w;
        if (iy < 0 || ix < 0 || iy >= x.shape[1] || ix >= x.shape[2]) continue;
        const double v = at(x, n, iy, ix, c);
        sum += v, most = std::max(most, v);
      }
    at(y, n, oy, ox, c) = largest ? most : sum / double(window.h * window.w);
  });
  return y;
}
void add_pools(std::vector<OpCase>& rows, const std::string& name, const Shape& shape, Size2 window,
               const PoolOptions& options = {}) {
  const Size2 stride{options.stride.h ? options.stride.h : window.h,
                     options.stride.w ? options.stride.w : window.w};
  for (const bool largest : {true, false}) {
    OpCase c;
    c.op = largest ? "max_pool2d" : "avg_pool2d";
    c.name = name;
    c.inputs = {{shape}};
    c.forward = [=](const Tensors& t) {
      return Tensors{(largest ? ops::max_pool2d : ops::avg_pool2d)(t[0], window, options)};
    };
    c.reference = [=](const Arrays& t) {
      return Arrays{pooled(t[0], window, stride, options.padding, largest)};
    };
    if (name == "half") {
      c.bench = {{Shape{64, 32, 32, 64}}};
      c.bench_bytes = 4. * 64 * 32 * 32 * 64 * 5 / 4;
    }
    rows.push_back(std::move(c));
  }
}

// Output o along one axis, as a function of the input.
double along(Index o, Index size, Index out_size, bool linear,
             const std::function<double(Index)>& f) {
  const double ratio = double(size) / double(out_size);
  if (!linear) return f(std::min(Index(std::floor(double(o) * ratio + 1e-9)), size - 1));
  const double place = std::clamp((double(o) + .5) * ratio - .5, 0., double(size - 1));
  const double below = std::floor(place), above = std::min(below + 1, double(size - 1));
  return f(Index(below)) * (1 - (place - below)) + f(Index(above)) * (place - below);
}
Array interpolated(const Array& x, Size2 size, bool linear) {
  Array y = zeros({x.shape[0], size.h, size.w, x.shape[3]});
  for_each_pixel(y.shape, [&](Index n, Index oy, Index ox, Index c) {
    at(y, n, oy, ox, c) = along(oy, x.shape[1], size.h, linear, [&](Index iy) {
      return along(ox, x.shape[2], size.w, linear, [&](Index ix) { return at(x, n, iy, ix, c); });
    });
  });
  return y;
}
void add_interpolations(std::vector<OpCase>& rows, const std::string& name, const Shape& shape,
                        Size2 size) {
  for (const bool linear : {false, true}) {
    OpCase c;
    c.op = "interpolate";
    c.name = name + (linear ? "_bilinear" : "_nearest");
    c.inputs = {{shape}};
    c.forward = [=](const Tensors& t) {
      return Tensors{
          ops::interpolate(t[0], size, linear ? Interpolation::bilinear : Interpolation::nearest)};
    };
    c.reference = [=](const Arrays& t) { return Arrays{interpolated(t[0], size, linear)}; };
    rows.push_back(std::move(c));
  }
}

void add_shuffle(std::vector<OpCase>& rows, const std::string& name, const Shape& small, Index r) {
  const Shape big{small[0], small[1] * r, small[2] * r, small[3] / (r * r)};
  const auto move = [=](const Array& from, bool back) {
    Array to = zeros(back ? small : big);
    for_each_pixel(small, [&](Index n, Index y, Index x, Index c) {
      const Index block = c % (r * r), by = y * r + block / r, bx = x * r + block % r;
      if (back)
        at(to, n, y, x, c) = at(from, n, by, bx, c / (r * r));
      else
        at(to, n, by, bx, c / (r * r)) = at(from, n, y, x, c);
    });
    return to;
  };
  for (const bool back : {false, true}) {
    OpCase c;
    c.op = back ? "pixel_unshuffle" : "pixel_shuffle";
    c.name = name;
    c.inputs = {{back ? big : small}};
    c.forward = [=](const Tensors& t) {
      return Tensors{(back ? ops::pixel_unshuffle : ops::pixel_shuffle)(t[0], r)};
    };
    c.reference = [=](const Arrays& t) { return Arrays{move(t[0], back)}; };
    rows.push_back(std::move(c));
  }
}

}  // namespace

void add_resample_cases(std::vector<OpCase>& rows) {
  add_pools(rows, "one", {1, 1, 1, 1}, 1);
  add_pools(rows, "half", {2, 4, 6, 3}, 2);
  add_pools(rows, "leftover", {1, 7, 5, 2}, {3, 2});
  add_pools(rows, "overlapping", {2, 6, 5, 2}, 3, {.stride = {2, 1}, .padding = 1});
  add_pools(rows, "stride_beyond_window", {1, 7, 8, 3}, {2, 1}, {.stride = {3, 4}});
  add_pools(rows, "whole_image", {2, 3, 5, 2}, {3, 5});
  add_pools(rows, "padded_edges", {1, 3, 2, 2}, {4, 2}, {.stride = 1, .padding = {2, 1}});
  add_pools(rows, "empty", {0, 4, 4, 2}, 2);

  add_interpolations(rows, "same", {1, 3, 2, 2}, {3, 2});
  add_interpolations(rows, "double", {2, 3, 4, 2}, {6, 8});
  add_interpolations(rows, "half", {1, 6, 8, 2}, {3, 4});
  add_interpolations(rows, "primes_up", {1, 3, 5, 2}, {7, 11});
  add_interpolations(rows, "primes_down", {1, 11, 7, 2}, {3, 5});
  add_interpolations(rows, "one_up_one_down", {2, 2, 9, 1}, {5, 4});
  add_interpolations(rows, "from_one", {1, 1, 1, 3}, {4, 3});
  add_interpolations(rows, "to_one", {1, 5, 4, 2}, 1);
  add_interpolations(rows, "empty", {0, 3, 3, 1}, 6);

  add_shuffle(rows, "one", {2, 3, 2, 3}, 1);
  add_shuffle(rows, "two", {2, 3, 2, 8}, 2);
  add_shuffle(rows, "three", {1, 2, 1, 18}, 3);
}

}  // namespace imago::test
