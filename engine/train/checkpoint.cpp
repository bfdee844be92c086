#include "engine/train/checkpoint.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/io/safetensors.h"

namespace imago::training {

namespace {

const std::string own = "imago.";  // what is not the model's
const std::string optimizer_prefix = own + "optimizer.";
const char* const format = "1";

[[noreturn]] void broken(const std::string& path, std::string what, std::string expected,
                         std::string received) {
  throw Error(ErrorKind::data, {std::move(what), path, std::move(expected), std::move(received),
                                "use a checkpoint that imago wrote"});
}
template <class T>
std::vector<T> values(const io::SafeTensors& file, const std::string& path,
                      const std::string& name) {
  const auto found = file.tensors.find(own + name);
  if (found == file.tensors.end())
    broken(path, "the checkpoint lacks '" + own + name + "'", "a tensor", "none");
  if (found->second.dtype != dtype_of<T>() || found->second.shape.rank() != 1)
    broken(path, "the checkpoint's '" + own + name + "' is of another kind",
           concat("a list of ", dtype_of<T>()),
           concat(found->second.dtype, " ", found->second.shape));
  const auto span = found->second.values<T>();
  return {span.begin(), span.end()};
}

}  // namespace

void write_checkpoint(const std::string& path, const Checkpoint& c,
                      const std::function<void()>& before_commit) {
  io::NamedTensors tensors;
  for (const auto& p : c.model) {
    if (p.name.rfind(own, 0) == 0)
      throw Error(ErrorKind::usage,
                  {"a parameter's name begins with '" + own + "'", path, {}, p.name});
    tensors.emplace_back(p.name, p.value);
  }
  for (const auto& p : c.optimizer) tensors.emplace_back(optimizer_prefix + p.name, p.value);
  const auto add = [&](const char* name, const auto& values) {
    tensors.emplace_back(own + name, Tensor::from(values, Shape{Index(values.size())}));
  };
  add("counters", std::vector<std::int64_t>{c.step, c.epoch, c.step_in_epoch});
  add("generator",
      std::vector<std::int64_t>{std::int64_t(c.generator.seed), std::int64_t(c.generator.offset)});
  add("sums", c.sums);
  add("counts", c.counts);
  io::Metadata metadata{
      {own + "format", format}, {own + "config", c.config}, {own + "data", c.data}};
  if (!c.terms.empty()) metadata[own + "terms"] = nlohmann::json(c.terms).dump();
  if (!c.score.empty()) metadata[own + "score"] = c.score;
  if (!c.units.empty()) metadata[own + "units"] = c.units;
  io::write_safetensors(path, tensors, metadata, before_commit);
}

Checkpoint read_checkpoint(const std::string& path) {
  const io::SafeTensors file = io::read_safetensors(path);
  Checkpoint c;
  const auto text = [&](const char* key) {
    const auto found = file.metadata.find(own + key);
    if (found == file.metadata.end())
      broken(path, concat("the metadata lacks '", own, key, "'"), "a checkpoint of a run", "none");
    return found->second;
  };
  if (text("format") != format)
    broken(path, "a checkpoint of another format", concat("format ", format), text("format"));
  c.config = text("config");
  c.data = text("data");
  if (const auto score = file.metadata.find(own + "score"); score != file.metadata.end())
    c.score = score->second;
  if (const auto units = file.metadata.find(own + "units"); units != file.metadata.end())
    c.units = units->second;
  for (const auto& [name, array] : file.tensors) {
    if (name.rfind(own, 0) != 0)
      c.model.push_back({name, io::to_tensor(array)});
    else if (name.rfind(optimizer_prefix, 0) == 0)
      c.optimizer.push_back({name.substr(optimizer_prefix.size()), io::to_tensor(array)});
  }
  const auto counters = values<std::int64_t>(file, path, "counters");
  if (counters.size() != 3 || counters[0] < 0 || counters[1] < 0 || counters[2] < 0)
    broken(path, "the checkpoint's counters are broken", "step, epoch and step in the epoch",
           concat(counters.size(), " numbers"));
  c.step = counters[0];
  c.epoch = counters[1];
  c.step_in_epoch = counters[2];
  const auto generator = values<std::int64_t>(file, path, "generator");
  if (generator.size() != 2)
    broken(path, "the checkpoint's generator is broken", "seed and offset",
           concat(generator.size(), " numbers"));
  c.generator = {std::uint64_t(generator[0]), std::uint64_t(generator[1])};
  c.sums = values<double>(file, path, "sums");
  if (const auto terms = file.metadata.find(own + "terms"); terms != file.metadata.end()) try {
      c.terms = nlohmann::json::parse(terms->second).get<std::vector<std::string>>();
    } catch (const nlohmann::json::exception&) {
      broken(path, "the checkpoint's terms are broken", "a list of names", terms->second);
    }
  c.counts = values<std::int64_t>(file, path, "counts");
  if (c.terms.size() != c.sums.size() || c.counts.size() != c.sums.size() ||
      std::any_of(c.counts.begin(), c.counts.end(), [](Index n) { return n < 0; }))
    broken(path, "the checkpoint's sums are broken", concat(c.terms.size(), " numbers"),
           concat(c.sums.size(), " and ", c.counts.size()));
  return c;
}

bool holds_weights_only(const std::string& path) {
  return io::read_safetensors(path).metadata.count(own + "format") == 0;
}
std::vector<Parameter> read_weights(const std::string& path) {
  std::vector<Parameter> all;
  for (const auto& [name, array] : io::read_safetensors(path).tensors)
    all.push_back({name, io::to_tensor(array)});
  return all;
}

std::vector<Parameter> averaged(const Checkpoint& c) {
  const std::string suffix = ".ema";
  std::vector<Parameter> all;
  for (const auto& p : c.optimizer) {
    const std::size_t phase = p.name.find('.');
    if (phase == std::string::npos || p.name.size() < suffix.size() ||
        p.name.substr(p.name.size() - suffix.size()) != suffix)
      continue;
    all.push_back({p.name.substr(phase + 1, p.name.size() - suffix.size() - phase - 1), p.value});
  }
  return all;
}

}  // namespace imago::training
