#include "models/generator_set.h"

#include "engine/ops/index.h"
#include "engine/ops/layout.h"

namespace imago::models {

Tensor generate_each(const GeneratorSet& set, const Tensor& z, const Tensor& who) {
  const std::vector<std::int64_t> of = who.to_vector<std::int64_t>();
  std::vector<std::vector<std::int64_t>> rows(set.size());
  for (std::size_t i = 0; i < of.size(); i++) rows.at(std::size_t(of[i])).push_back(Index(i));
  const auto on_device = [&](const std::vector<std::int64_t>& index) {
    return Tensor::from(index, Shape{Index(index.size())}, z.device());
  };
  std::vector<Tensor> parts;
  std::vector<std::int64_t> place(of.size());  // of each row among the parts
  Index done = 0;
  for (std::size_t k = 0; k < set.size(); k++) {
    if (rows[k].empty()) continue;
    parts.push_back(set[k]->forward(ops::gather_rows(z, on_device(rows[k]))));
    for (const std::int64_t i : rows[k]) place[std::size_t(i)] = done++;
  }
  return ops::gather_rows(ops::concat(parts, 0), on_device(place));
}

}  // namespace imago::models
