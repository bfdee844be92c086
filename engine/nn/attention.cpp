#include "engine/nn/attention.h"

#include <algorithm>

#include "engine/ops/ops.h"

namespace imago::nn {

SelfAttention::SelfAttention(Index channels, const Init& init, const WeightOptions& options)
    : query(channels, std::max<Index>(1, channels / 8), 1, {}, init, false, options),
      key(channels, std::max<Index>(1, channels / 8), 1, {}, init, false, options),
      value(channels, std::max<Index>(1, channels / 2), 1, {}, init, false, options),
      out(std::max<Index>(1, channels / 2), channels, 1, {}, init, false, options) {
  child("query", query);
  child("key", key);
  child("value", value);
  child("out", out);
  parameter("gamma", gamma, Tensor::zeros({1}, init.dtype, init.device));
}

Tensor SelfAttention::forward(const Tensor& x) {
  if (x.rank() != 4 || x.size(3) != query.weight.size(3))
    op_error("SelfAttention", concat("images [n, h, w, ", query.weight.size(3), "]"),
             concat("shape ", x.shape()));
  const Index n = x.size(0), pixels = x.size(1) * x.size(2);
  const bool pooled = x.size(1) > 1 && x.size(2) > 1;
  const auto sources = [&](Conv2d& layer) {
    const Tensor y = layer(x);
    const Tensor p = pooled ? ops::max_pool2d(y, 2) : y;
    return ops::reshape(p, Shape{n, p.size(1) * p.size(2), p.size(3)});
  };
  const Tensor q = query(x);
  const Tensor scores =
      ops::matmul(ops::reshape(q, Shape{n, pixels, q.size(3)}), sources(key), false, true);
  const Tensor seen = ops::matmul(ops::softmax(scores), sources(value));
  const Tensor y = ops::reshape(seen, Shape{n, x.size(1), x.size(2), seen.size(2)});
  return x + gamma * out(y);
}

std::string SelfAttention::describe() const {
  const auto& w = query.weight;
  return concat("SelfAttention(", w.size(3), ", ", w.size(0), " of queries and keys, ",
                out.weight.size(3), " of values", query.rule_text(), ")");
}

}  // namespace imago::nn
