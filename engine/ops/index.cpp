#include "engine/ops/index.h"

#include "engine/core/allocator.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/ops.h"
#include "kernels/index.h"

namespace imago::ops {
namespace {
using imago::concat;  // of messages, not of tensors

// Indices are read on the host: always on cpu; on a device, where that waits for it, in debug mode.
void check_range(const char* op, const Tensor& index, Index n) {
  const bool here = index.device().backend == Backend::cpu;
  if (!here && !debug_mode()) return;
  std::vector<Index> copy;
  if (!here) copy = index.to_vector<Index>();
  const Index* i = here ? index.data<Index>() : copy.data();
  for (Index k = 0; k < index.numel(); k++)
    if (i[k] < 0 || i[k] >= n)
      op_error(op, concat("indices from 0 to ", n - 1), concat("index ", i[k], " at position ", k));
}
void check_index(const char* op, const Tensor& x, const Tensor& index) {
  if (index.dtype() != DType::i64) op_error(op, "an int64 index", name(index.dtype()));
  if (index.device() != x.device())
    op_error(op, concat("an index on ", name(x.device())), concat("on ", name(index.device())),
             "move one with to()");
}
void check_rows(const char* op, const Tensor& x, const Tensor& index) {
  check_index(op, x, index);
  if (x.rank() < 1) op_error(op, "a tensor with rows", "a scalar");
  if (index.rank() != 1) op_error(op, "an index of one dimension", concat("shape ", index.shape()));
}
void check_floating(const char* op, DType dtype) {
  if (!is_floating(dtype)) op_error(op, "float32 or float64", name(dtype));
}
Shape with_rows(const Shape& shape, Index rows) {
  std::vector<Index> d = shape.dims();
  d[0] = rows;
  return Shape(std::move(d));
}
Shape with_cols(const Shape& shape, Index cols) {
  std::vector<Index> d = shape.dims();
  d.back() = cols;
  return Shape(std::move(d));
}
Index row_size(const Shape& shape) {
  Index n = 1;
  for (int a = 1; a < shape.rank(); a++) n *= shape[a];
  return n;
}
// Equal in all dimensions but the last.
void check_columns(const char* op, const Tensor& x, const Tensor& index) {
  check_index(op, x, index);
  check_floating(op, x.dtype());
  if (x.rank() < 1 || index.rank() != x.rank() ||
      with_cols(x.shape(), 0) != with_cols(index.shape(), 0))
    op_error(op, concat("an index of shape ", x.shape(), " but for the last dimension"),
             concat(index.shape()));
}
Index count_rows(const Shape& shape) {
  Index n = 1;
  for (int a = 0; a + 1 < shape.rank(); a++) n *= shape[a];
  return n;
}

template <class T>
void run_gather_rows(const Tensor& x, const Tensor& index, const Tensor& out) {
  kernels::gather_rows<T>(x.stream(), {x.data<T>(), index.data<Index>(), out.data<T>(),
                                       x.shape()[0], row_size(x.shape()), index.numel()});
}
template <class T>
void run_scatter_add_rows(const Tensor& x, const Tensor& index, const Tensor& out) {
  const Index rows = out.shape()[0], count = index.numel();
  const Tensor first = Tensor::empty({rows}, DType::i64, x.device());
  const Tensor next = Tensor::empty({count}, DType::i64, x.device());
  kernels::scatter_add_rows<T>(
      x.stream(), {x.data<T>(), index.data<Index>(), out.data<T>(), first.data<Index>(),
                   next.data<Index>(), rows, row_size(x.shape()), count});
}
template <class T>
void run_gather(const Tensor& x, const Tensor& index, const Tensor& out) {
  kernels::gather_columns<T>(x.stream(), {x.data<T>(), index.data<Index>(), out.data<T>(),
                                          count_rows(x.shape()), x.shape()[-1], index.shape()[-1]});
}
template <class T>
void run_scatter_add(const Tensor& x, const Tensor& index, const Tensor& out) {
  kernels::scatter_add_columns<T>(
      x.stream(), {x.data<T>(), index.data<Index>(), out.data<T>(), count_rows(x.shape()),
                   out.shape()[-1], x.shape()[-1]});
}
template <class T, class U>
void run_gather_normalize(const Tensor& x, const Tensor& index, const Tensor& out, double scale,
                          double shift) {
  kernels::gather_normalize<T, U>(x.stream(),
                                  {x.data<U>(), index.data<Index>(), out.data<T>(), x.shape()[0],
                                   row_size(x.shape()), index.numel(), T(scale), T(shift)});
}
template <class T>
void run_gather_normalize(const Tensor& x, const Tensor& index, const Tensor& out, double scale,
                          double shift) {
  switch (x.dtype()) {
    case DType::u8: return run_gather_normalize<T, std::uint8_t>(x, index, out, scale, shift);
    case DType::f32: return run_gather_normalize<T, float>(x, index, out, scale, shift);
    case DType::f64: return run_gather_normalize<T, double>(x, index, out, scale, shift);
    case DType::i64:
      op_error("gather_normalize", "a uint8, float32 or float64 tensor", name(x.dtype()));
  }
}

}  // namespace

Tensor gather_rows(const Tensor& x, const Tensor& index) {
  check_rows("gather_rows", x, index);
  check_range("gather_rows", index, x.shape()[0]);
  const Tensor out = Tensor::empty(with_rows(x.shape(), index.numel()), x.dtype(), x.device());
  switch (x.dtype()) {
    case DType::f32: run_gather_rows<float>(x, index, out); break;
    case DType::f64: run_gather_rows<double>(x, index, out); break;
    case DType::i64: run_gather_rows<Index>(x, index, out); break;
    case DType::u8: run_gather_rows<std::uint8_t>(x, index, out); break;
  }
  return record(out, "gather_rows", {x, index}, save_input(1), [rows = x.shape()[0]](Vjp& v) {
    v.give(0, [&] { return scatter_add_rows(v.grad(), v.input(1), rows); });
  });
}

Tensor scatter_add_rows(const Tensor& x, const Tensor& index, Index rows) {
  check_rows("scatter_add_rows", x, index);
  check_floating("scatter_add_rows", x.dtype());
  if (rows < 0) op_error("scatter_add_rows", "a number of rows >= 0", concat(rows));
  if (index.numel() != x.shape()[0])
    op_error("scatter_add_rows", concat("an index for each of ", x.shape()[0], " rows"),
             concat(index.numel()));
  check_range("scatter_add_rows", index, rows);
  const Tensor out = Tensor::empty(with_rows(x.shape(), rows), x.dtype(), x.device());
  (x.dtype() == DType::f64 ? run_scatter_add_rows<double> : run_scatter_add_rows<float>)(x, index,
                                                                                         out);
  return record(out, "scatter_add_rows", {x, index}, save_input(1),
                [](Vjp& v) { v.give(0, [&] { return gather_rows(v.grad(), v.input(1)); }); });
}

Tensor gather(const Tensor& x, const Tensor& index) {
  check_columns("gather", x, index);
  check_range("gather", index, x.shape()[-1]);
  const Tensor out = Tensor::empty(index.shape(), x.dtype(), x.device());
  (x.dtype() == DType::f64 ? run_gather<double> : run_gather<float>)(x, index, out);
  return record(out, "gather", {x, index}, save_input(1), [cols = x.shape()[-1]](Vjp& v) {
    v.give(0, [&] { return scatter_add(v.grad(), v.input(1), cols); });
  });
}

Tensor scatter_add(const Tensor& x, const Tensor& index, Index cols) {
  check_columns("scatter_add", x, index);
  if (cols < 0) op_error("scatter_add", "a number of columns >= 0", concat(cols));
  if (x.shape() != index.shape())
    op_error("scatter_add", concat("an index of shape ", x.shape()), concat(index.shape()));
  check_range("scatter_add", index, cols);
  const Tensor out = Tensor::empty(with_cols(x.shape(), cols), x.dtype(), x.device());
  (x.dtype() == DType::f64 ? run_scatter_add<double> : run_scatter_add<float>)(x, index, out);
  return record(out, "scatter_add", {x, index}, save_input(1),
                [](Vjp& v) { v.give(0, [&] { return gather(v.grad(), v.input(1)); }); });
}

Tensor one_hot(const Tensor& labels, Index classes, DType dtype) {
  if (labels.dtype() != DType::i64) op_error("one_hot", "int64 labels", name(labels.dtype()));
  check_floating("one_hot", dtype);
  if (classes < 1) op_error("one_hot", "a number of classes >= 1", concat(classes));
  check_range("one_hot", labels, classes);
  std::vector<Index> d = labels.shape().dims();
  d.push_back(classes);
  const Tensor out = Tensor::empty(Shape(std::move(d)), dtype, labels.device());
  if (dtype == DType::f64)
    kernels::one_hot<double>(labels.stream(),
                             {labels.data<Index>(), out.data<double>(), labels.numel(), classes});
  else
    kernels::one_hot<float>(labels.stream(),
                            {labels.data<Index>(), out.data<float>(), labels.numel(), classes});
  return out;
}

Tensor gather_normalize(const Tensor& x, const Tensor& index, double scale, double shift,
                        DType dtype) {
  check_rows("gather_normalize", x, index);
  check_floating("gather_normalize", dtype);
  // A data set is rarely differentiated; when it is, plain ops do it.
  if (grad_enabled() && x.requires_grad())
    return affine(cast(gather_rows(x, index), dtype), scale, shift);
  check_range("gather_normalize", index, x.shape()[0]);
  const Tensor out = Tensor::empty(with_rows(x.shape(), index.numel()), dtype, x.device());
  if (dtype == DType::f64)
    run_gather_normalize<double>(x, index, out, scale, shift);
  else
    run_gather_normalize<float>(x, index, out, scale, shift);
  return out;
}

}  // namespace imago::ops
