// Inception's weights and some images by name, never stored: words of Philox whose key is the hash
// of the name. tests/golden/make_golden_inception.py makes the same.
#pragma once
#include <cmath>
#include <string>

#include "engine/random/host.h"
#include "models/measures/inception.h"

namespace imago::test {

inline std::vector<std::uint32_t> named_words(const std::string& name, Index n) {
  std::uint64_t key = 0xCBF29CE484222325;  // FNV-1a
  for (const char ch : name) key = (key ^ std::uint8_t(ch)) * 0x100000001B3;
  std::vector<std::uint32_t> words;
  words.reserve(std::size_t(n) + 4);
  for (std::uint64_t block = 0; Index(words.size()) < n; block++)
    for (const std::uint32_t w : philox_words({key, 0, 0}, block)) words.push_back(w);
  words.resize(std::size_t(n));
  return words;
}

inline io::HostArray random_weight(const std::string& name, const Shape& shape) {
  const auto ends = [&](const char* end) { return name.ends_with(end); };
  double low = -.1, width = .2;
  if (ends(".bn.weight") || ends(".bn.running_var")) low = .5, width = 1;
  if (ends(".conv.weight") || ends("fc.weight")) {
    low = -std::sqrt(6. / double(shape.numel() / shape[0]));
    width = -2 * low;
  }
  io::HostArray a = io::zeros(DType::f32, shape);
  const auto words = named_words(name, shape.numel());
  for (std::size_t i = 0; i < words.size(); i++)
    a.values<float>()[i] = float(low + width * (double(words[i] >> 8) * 0x1p-24));
  return a;
}

// The whole state dict of the network.
inline io::NamedArrays random_inception() {
  io::NamedArrays all;
  const auto add = [&](const std::string& name, const Shape& shape) {
    all.emplace(name, random_weight(name, shape));
  };
  for (const auto& c : models::Inception::convolutions()) {
    add(c.name + ".conv.weight", {c.out, c.in, c.kernel.h, c.kernel.w});
    for (const char* of : {"weight", "bias", "running_mean", "running_var"})
      add(c.name + ".bn." + of, {c.out});
    all.emplace(c.name + ".bn.num_batches_tracked", io::zeros(DType::i64, {}));
  }
  add("fc.weight", {1008, 2048});
  add("fc.bias", {1008});
  return all;
}

// [n, h, w, c], values 0 to 255.
inline Tensor random_images(const std::string& name, const Shape& shape) {
  std::vector<float> v;
  for (const std::uint32_t w : named_words(name, shape.numel())) v.push_back(float(w & 255));
  return Tensor::from(v, shape);
}

}  // namespace imago::test
