#include "engine/optim/stored.h"

#include "engine/ops/layout.h"

namespace imago {

Shape stored_shape(const Shape& s) { return s.rank() == 4 ? Shape{s[0], s[3], s[1], s[2]} : s; }
Tensor stored(const Tensor& own) {
  const NoGrad no_grad;
  return own.rank() == 4 ? ops::permute(own, {0, 3, 1, 2}) : own.detach();
}
void load_stored(const Tensor& own, const Tensor& value) {
  const NoGrad no_grad;
  own.copy_((value.rank() == 4 ? ops::permute(value, {0, 2, 3, 1}) : value).to(own.device()));
}

}  // namespace imago
