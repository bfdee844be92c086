#include "engine/ops/layout.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "engine/ops/dispatch.h"
#include "engine/ops/reduce.h"
#include "engine/ops/strides.h"
#include "kernels/layout.h"

namespace imago::ops {
namespace {

int checked_dim(const char* op, int dim, int rank) {
  if (dim < -rank || dim >= rank)
    op_error(op, imago::concat("a dimension from ", -rank, " to ", rank - 1), std::to_string(dim));
  return dim < 0 ? dim + rank : dim;
}
Shape with_size(const Shape& s, int dim, Index n) {
  std::vector<Index> d = s.dims();
  d[std::size_t(dim)] = n;
  return Shape(std::move(d));
}
Index product(const Shape& s, int from, int to) {
  return std::accumulate(s.begin() + from, s.begin() + to, Index(1), std::multiplies<>());
}

// Elements [offset, offset + shape.numel()) of x under another shape.
Tensor view(const Tensor& x, Shape shape, Index offset = 0) {
  auto t = std::make_shared<TensorImpl>();
  t->storage = x.impl().storage;
  t->offset = x.impl().offset + offset;
  t->shape = std::move(shape);
  t->dtype = x.dtype();
  return Tensor(std::move(t));
}

// out, seen as [sizes] with strides `to` from its element `at`, = in with strides `from`.
void copy_nest(const char* op, const Tensor& out, Index at, const std::vector<Index>& to,
               const Tensor& in, const std::vector<Index>& from, const Shape& sizes) {
  if (sizes.numel() == 0) return;
  const Strides<2> nest = collapse<2>(op, sizes, {to, from});
  with_bits(out.dtype(), [&](auto t) {
    using T = decltype(t);
    kernels::copy_strided(out.stream(), Copy<T>{nest, static_cast<T*>(out.raw()) + at,
                                                static_cast<const T*>(in.raw())});
  });
}

void check_permutation(const std::vector<int>& order, int rank) {
  std::vector<int> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (int i = 0; i < int(sorted.size()); i++)
    if (int(sorted.size()) != rank || sorted[std::size_t(i)] != i) {
      std::string text;
      for (int d : order) text += std::to_string(d) + " ";
      op_error("permute", imago::concat("each of the dimensions 0 to ", rank - 1, " once"), text);
    }
}

}  // namespace

Tensor reshape(const Tensor& x, const Shape& shape) {
  if (shape.numel() != x.numel())
    op_error("reshape", imago::concat("a shape of ", x.numel(), " elements, as ", x.shape()),
             shape.str());
  return record(view(x, shape), "reshape", {x}, save_nothing,
                [from = x.shape()](Vjp& r) { r.give(0, [&] { return reshape(r.grad(), from); }); });
}
Tensor reshape(const Tensor& x, std::vector<Index> dims) {
  const auto open = std::find(dims.begin(), dims.end(), -1);
  if (open != dims.end()) {
    Index known = 1;
    for (auto d = dims.begin(); d != dims.end(); ++d)
      if (d != open) known *= *d;
    if (known <= 0 || x.numel() % known)
      op_error("reshape",
               imago::concat("sizes that divide the ", x.numel(), " elements of ", x.shape(),
                             ", one of them -1"),
               imago::concat("a product of ", known, " without the -1"));
    *open = x.numel() / known;
  }
  return reshape(x, Shape(std::move(dims)));
}
Tensor unsqueeze(const Tensor& x, int dim) {
  std::vector<Index> d = x.shape().dims();
  d.insert(d.begin() + checked_dim("unsqueeze", dim, x.rank() + 1), 1);
  return reshape(x, Shape(std::move(d)));
}
Tensor squeeze(const Tensor& x, int dim) {
  dim = checked_dim("squeeze", dim, x.rank());
  if (x.size(dim) != 1)
    op_error("squeeze", "a dimension of size 1",
             imago::concat("dimension ", dim, " of ", x.shape()));
  std::vector<Index> d = x.shape().dims();
  d.erase(d.begin() + dim);
  return reshape(x, Shape(std::move(d)));
}
Tensor flatten(const Tensor& x, int from) {
  if (x.rank() == 0) return reshape(x, Shape{1});
  from = checked_dim("flatten", from, x.rank());
  std::vector<Index> d(x.shape().begin(), x.shape().begin() + from);
  d.push_back(product(x.shape(), from, x.rank()));
  return reshape(x, Shape(std::move(d)));
}

Tensor broadcast_to(const Tensor& x, const Shape& shape) {
  if (x.rank() > shape.rank() || broadcast_shape("broadcast_to", x.shape(), shape) != shape)
    op_error("broadcast_to", imago::concat("a shape that ", x.shape(), " broadcasts to"),
             shape.str());
  Tensor out = Tensor::empty(shape, x.dtype(), x.device());
  copy_nest("broadcast_to", out, 0, contiguous_strides(shape), x,
            broadcast_strides(x.shape(), shape), shape);
  return record(std::move(out), "broadcast_to", {x}, save_nothing,
                [from = x.shape()](Vjp& r) { r.give(0, [&] { return sum_to(r.grad(), from); }); });
}

Tensor permute(const Tensor& x, const std::vector<int>& order) {
  check_permutation(order, x.rank());
  const std::vector<Index> strides = contiguous_strides(x.shape());
  std::vector<Index> sizes, from;
  std::vector<int> inverse(order.size());
  for (std::size_t i = 0; i < order.size(); i++) {
    sizes.push_back(x.size(order[i]));
    from.push_back(strides[std::size_t(order[i])]);
    inverse[std::size_t(order[i])] = int(i);
  }
  const Shape shape{std::move(sizes)};
  Tensor out = Tensor::empty(shape, x.dtype(), x.device());
  if (x.numel() > 0) {
    const Strides<2> nest = collapse<2>("permute", shape, {contiguous_strides(shape), from});
    const int last = nest.rank - 1;
    // A transpose of the last two, alone or in a batch of contiguous matrices, goes by tiles.
    const bool tiles = last >= 1 && last <= 2 && nest.stride[1][last - 1] == 1 &&
                       nest.stride[1][last] == nest.size[last - 1] &&
                       (last == 1 || nest.stride[1][0] == nest.size[1] * nest.size[2]);
    with_bits(x.dtype(), [&](auto t) {
      using T = decltype(t);
      T* const to = static_cast<T*>(out.raw());
      const T* const in = static_cast<const T*>(x.raw());
      if (tiles)
        kernels::transpose(x.stream(), Transpose<T>{last == 1 ? 1 : nest.size[0], nest.size[last],
                                                    nest.size[last - 1], in, to});
      else
        kernels::copy_strided(x.stream(), Copy<T>{nest, to, in});
    });
  }
  return record(std::move(out), "permute", {x}, save_nothing,
                [inverse](Vjp& r) { r.give(0, [&] { return permute(r.grad(), inverse); }); });
}
Tensor transpose(const Tensor& x, int a, int b) {
  std::vector<int> order(std::size_t(x.rank()));
  std::iota(order.begin(), order.end(), 0);
  a = checked_dim("transpose", a, x.rank()), b = checked_dim("transpose", b, x.rank());
  std::swap(order[std::size_t(a)], order[std::size_t(b)]);
  return permute(x, order);
}

Tensor slice(const Tensor& x, int dim, Index begin, Index end) {
  dim = checked_dim("slice", dim, x.rank());
  const Index n = x.size(dim);
  if (begin < 0 || end < begin || end > n)
    op_error("slice",
             imago::concat("0 <= begin <= end <= ", n, " in dimension ", dim, " of ", x.shape()),
             imago::concat("[", begin, ", ", end, ")"));
  const Shape shape = with_size(x.shape(), dim, end - begin);
  const Index inner = product(x.shape(), dim + 1, x.rank()), outer = product(x.shape(), 0, dim);
  Tensor out;
  if (outer == 1) {  // dim 0, or behind dimensions of size 1
    out = view(x, shape, begin * inner);
  } else {
    out = Tensor::empty(shape, x.dtype(), x.device());
    const Index width = (end - begin) * inner;
    const Tensor from = view(x, Shape{}, begin * inner);
    copy_nest("slice", out, 0, {width, 1}, from, {n * inner, 1}, Shape{outer, width});
  }
  return record(std::move(out), "slice", {x}, save_nothing, [dim, begin, after = n - end](Vjp& r) {
    r.give(0, [&] { return pad(r.grad(), dim, begin, after); });
  });
}

Tensor pad(const Tensor& x, int dim, Index before, Index after, double value) {
  dim = checked_dim("pad", dim, x.rank());
  if (before < 0 || after < 0)
    op_error("pad", "before >= 0 and after >= 0", imago::concat(before, " and ", after),
             "use slice to remove elements");
  const Index n = x.size(dim), inner = product(x.shape(), dim + 1, x.rank());
  Tensor out = Tensor::empty(with_size(x.shape(), dim, before + n + after), x.dtype(), x.device());
  const auto launch = [&](auto bits) {
    using T = decltype(bits);
    if (out.numel() > 0)
      kernels::pad(x.stream(),
                   Pad<T>{product(x.shape(), 0, dim), n * inner, before * inner, after * inner,
                          bits, static_cast<const T*>(x.raw()), static_cast<T*>(out.raw())});
  };
  switch (x.dtype()) {
    case DType::f32: launch(std::bit_cast<std::uint32_t>(float(value))); break;
    case DType::f64: launch(std::bit_cast<std::uint64_t>(value)); break;
    case DType::i64: launch(std::bit_cast<std::uint64_t>(std::int64_t(value))); break;
    case DType::u8: launch(std::uint8_t(value)); break;
  }
  return record(std::move(out), "pad", {x}, save_nothing, [dim, before, n](Vjp& r) {
    r.give(0, [&] { return slice(r.grad(), dim, before, before + n); });
  });
}

Tensor concat(const std::vector<Tensor>& parts, int dim) {
  if (parts.empty()) op_error("concat", "at least one tensor", "none");
  const Tensor& first = parts[0];
  dim = checked_dim("concat", dim, first.rank());
  std::vector<Index> starts{0};
  for (const Tensor& t : parts) {
    const bool fits = t.rank() == first.rank() && t.dtype() == first.dtype() &&
                      t.device() == first.device() &&
                      with_size(t.shape(), dim, first.size(dim)) == first.shape();
    if (!fits)
      op_error("concat",
               imago::concat(first.shape(), " ", first.dtype(), " on ", first.device(),
                             " but for dimension ", dim),
               imago::concat(t.shape(), " ", t.dtype(), " on ", t.device()));
    starts.push_back(starts.back() + t.size(dim));
  }
  Tensor out =
      Tensor::empty(with_size(first.shape(), dim, starts.back()), first.dtype(), first.device());
  const Index outer = product(first.shape(), 0, dim),
              inner = product(first.shape(), dim + 1, first.rank());
  for (std::size_t k = 0; k < parts.size(); k++) {
    const Index width = parts[k].size(dim) * inner;
    copy_nest("concat", out, starts[k] * inner, {starts.back() * inner, 1}, parts[k], {width, 1},
              Shape{outer, width});
  }
  return record(std::move(out), "concat", parts, save_nothing, [dim, starts](Vjp& r) {
    for (std::size_t k = 0; k + 1 < starts.size(); k++)
      r.give(int(k), [&] { return slice(r.grad(), dim, starts[k], starts[k + 1]); });
  });
}
Tensor stack(const std::vector<Tensor>& parts, int dim) {
  if (parts.empty()) op_error("stack", "at least one tensor", "none");
  dim = checked_dim("stack", dim, parts[0].rank() + 1);
  std::vector<Tensor> raised;
  for (const Tensor& t : parts) {
    if (t.shape() != parts[0].shape())
      op_error("stack", imago::concat("tensors of shape ", parts[0].shape()), t.shape().str());
    raised.push_back(unsqueeze(t, dim));
  }
  return concat(raised, dim);
}
std::vector<Tensor> split(const Tensor& x, int dim, const std::vector<Index>& sizes) {
  dim = checked_dim("split", dim, x.rank());
  std::vector<Tensor> parts;
  Index begin = 0;
  for (Index n : sizes) {
    if (n < 0 || n > x.size(dim) - begin) break;
    parts.push_back(slice(x, dim, begin, begin + n));
    begin += n;
  }
  if (parts.size() != sizes.size() || begin != x.size(dim)) {
    std::string text;
    for (Index n : sizes) text += std::to_string(n) + " ";
    op_error("split", imago::concat("sizes that sum to ", x.size(dim)), text);
  }
  return parts;
}

Tensor repeat_interleave(const Tensor& x, Index times) {
  if (x.rank() == 0 || times < 0)
    op_error("repeat_interleave", "a tensor with rows and times >= 0",
             imago::concat(x.shape(), " and ", times));
  const Index rows = x.size(0), cols = product(x.shape(), 1, x.rank());
  const Tensor all = broadcast_to(reshape(x, Shape{rows, 1, cols}), Shape{rows, times, cols});
  return reshape(all, with_size(x.shape(), 0, rows * times));
}

}  // namespace imago::ops
