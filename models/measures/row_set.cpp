#include "models/measures/row_set.h"

#include <algorithm>

#include "engine/ops/ops.h"
#include "models/measures/rows.h"

namespace imago::models {

namespace {
constexpr Index block = 4096;  // rows read at once where a set is gone through
}

RowSet::RowSet(const Tensor& x, std::string where, DType as) : where_(std::move(where)) {
  if (x.rank() != 2 || x.numel() == 0)
    throw Error(ErrorKind::usage, {"wrong features", where_, "[N, D], with rows and features",
                                   concat("shape ", x.shape())});
  if (x.dtype() != DType::f32 && x.dtype() != DType::f64)
    throw Error(ErrorKind::usage,
                {"wrong features", where_, "float32 or float64", concat(x.dtype())});
  const NoGrad no_grad;
  x_ = x.dtype() == as ? x.detach() : ops::cast(x.detach(), as);
  for (Index i = 0; i < count(); i += block)
    finite_rows(ops::slice(x_, 0, i, std::min(i + block, count())), where_, i);
}

Tensor RowSet::tile(Index first, Index last) const {
  return ops::cast(ops::slice(x_, 0, first, last), DType::f64);
}
Tensor RowSet::rows(const std::vector<Index>& index) const {
  return ops::cast(ops::gather_rows(x_, Tensor::from(index, {Index(index.size())}, x_.device())),
                   DType::f64);
}
Tensor RowSet::mean() const {
  const NoGrad no_grad;
  Tensor sum = Tensor::zeros({width()}, DType::f64, device());
  for (Index i = 0; i < count(); i += block)
    sum = sum + ops::sum(tile(i, std::min(i + block, count())), {0});
  return sum / double(count());
}

void check_pair(const RowSet& x, const RowSet& y) {
  if (x.width() != y.width())
    throw Error(ErrorKind::usage,
                {"the numbers of features differ", concat(x.where(), " and ", y.where()),
                 concat(x.width()), concat(y.width())});
  if (!(x.device() == y.device()))
    throw Error(ErrorKind::usage,
                {"the features are on two devices", concat(x.where(), " and ", y.where()),
                 name(x.device()), name(y.device())});
}

}  // namespace imago::models
