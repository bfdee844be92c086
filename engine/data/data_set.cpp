#include "engine/data/data_set.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "engine/data/batches.h"
#include "engine/data/densities.h"
#include "engine/data/generated.h"
#include "engine/data/sources.h"
#include "engine/io/file.h"
#include "engine/io/fingerprint.h"
#include "engine/ops/index.h"
#include "engine/ops/random.h"
#include "engine/random/host.h"

namespace imago::data {

using io::fail;
using io::Fingerprint;
using io::HostArray;

Binarize binarize_from(const std::string& text) {
  if (text == "none") return Binarize::none;
  if (text == "static") return Binarize::fixed;
  if (text == "dynamic") return Binarize::dynamic;
  if (text == "threshold") return Binarize::threshold;
  throw Error(ErrorKind::usage,
              {"unknown binarisation", {}, "none, static, dynamic or threshold", text});
}

io::Size resize_from(const std::string& text) {
  if (text.empty()) return {};
  constexpr Index most = 16384;
  Index sides[2] = {};
  const char *at = text.data(), *const end = at + text.size();
  int n = 0;
  for (; n < 2; n++) {
    const auto [next, error] = std::from_chars(at, end, sides[n]);
    if (error != std::errc() || sides[n] < 1 || sides[n] > most) break;
    if (next == end) return {sides[0], sides[n]};
    if (*next != 'x') break;
    at = next + 1;
  }
  throw Error(ErrorKind::usage,
              {"wrong size", "option 'resize'", concat("N or HEIGHTxWIDTH, each from 1 to ", most),
               "'" + text + "'"});
}

const std::vector<SetInfo>& sets() {
  static const std::vector<SetInfo> all = [] {
    std::vector<SetInfo> sets = {
        {"fashion-mnist", "60000 + 10000 grey images of clothes, 28 x 28, 10 classes", false},
        {"mnist", "60000 + 10000 grey images of digits, 28 x 28, 10 classes", false},
        {"kmnist", "60000 + 10000 grey images of cursive kana, 28 x 28, 10 classes", false},
        {"cifar10", "50000 + 10000 colour images of things and animals, 32 x 32, 10 classes",
         false},
        {"ring8", "eight Gaussians on a circle", true},
        {"grid25", "25 Gaussians on a grid", true},
        {"two-moons", "two interleaved half circles", true},
        {"swiss-roll", "a spiral", true},
        {"checkerboard", "uniform on the dark squares of a board", true},
        {"pinwheel", "five curved blades", true},
        {"four-patterns", "the four one-hot images of 2 x 2 pixels", true},
    };
    for (const DensityInfo& d : densities())
      sets.push_back({sampler_prefix + d.name, "Markov chains on " + d.about, true});
    for (const DensityInfo& d : densities())
      sets.push_back({density_prefix + d.name, "unnormalised: " + d.about, true});
    return sets;
  }();
  return all;
}

namespace {

// The x of a split as [N, H, W, C] or [N, D], uint8 or float32.
void normalize_x(HostArray& x, const std::string& where) {
  const Shape s = x.shape;
  if (x.dtype == DType::i64)
    fail(where, {"wrong element type of the samples", "uint8 or floating", name(x.dtype),
                 "convert it, e.g. with .astype('uint8')"});
  if (s.rank() < 2 || s.rank() > 4 || (s.rank() == 4 && s[3] != 1 && s[3] != 3))
    fail(where, {"wrong shape of the samples", "[N, H, W], [N, H, W, C] with C 1 or 3, or [N, D]",
                 s.str()});
  if (s.numel() == 0) fail(where, {"no samples", "at least one", "shape " + s.str()});
  if (s.rank() == 3) x.shape = {s[0], s[1], s[2], 1};
  const Index side = Index(std::lround(std::sqrt(double(s[1]))));
  if (s.rank() == 2 && x.dtype == DType::u8 && side * side == s[1]) x.shape = {s[0], side, side, 1};
  if (x.dtype == DType::f64) {
    HostArray f = io::zeros(DType::f32, x.shape);
    std::transform(x.values<double>().begin(), x.values<double>().end(), f.values<float>().begin(),
                   [](double v) { return float(v); });
    x = std::move(f);
  }
  if (x.dtype != DType::f32) return;
  const bool image = x.shape.rank() == 4;
  const auto values = std::as_const(x).values<float>();
  for (std::size_t i = 0; i < values.size(); i++) {
    const float v = values[i];
    const std::size_t row = i / (values.size() / std::size_t(x.shape[0]));
    if (!std::isfinite(v))
      fail(where, {concat("not a number in row ", row), "finite values", concat(v)});
    if (image && (v < 0 || v > 1))
      fail(where, {concat("value out of range in row ", row), "images in [0, 1] (or uint8)",
                   concat(v), "scale the images"});
  }
}
void normalize_labels(HostSplit& s, const std::string& where) {
  if (s.labels.shape.rank() == 0) return;
  if (s.labels.dtype == DType::f32 || s.labels.dtype == DType::f64 ||
      s.labels.shape != Shape{s.x.shape[0]})
    fail(where, {"wrong labels", concat("integers [", s.x.shape[0], "], one for each sample"),
                 concat(s.labels.dtype, " ", s.labels.shape)});
  if (s.labels.dtype == DType::u8) {
    HostArray wide = io::zeros(DType::i64, s.labels.shape);
    std::copy_n(s.labels.values<std::uint8_t>().begin(), s.labels.shape.numel(),
                wide.values<std::int64_t>().begin());
    s.labels = std::move(wide);
  }
  for (const std::int64_t l : s.labels.values<std::int64_t>())
    if (l < 0 || l >= 1'000'000) fail(where, {"label out of range", "0 to 999999", concat(l)});
}

HostArray rows_of(const HostArray& a, const std::vector<std::int64_t>& rows) {
  std::vector<Index> dims = a.shape.dims();
  const std::size_t size = a.bytes.size() / std::size_t(dims[0]);
  dims[0] = Index(rows.size());
  HostArray r = io::zeros(a.dtype, Shape(dims));
  for (std::size_t i = 0; i < rows.size(); i++)
    std::memcpy(r.bytes.data() + i * size, a.bytes.data() + std::size_t(rows[i]) * size, size);
  return r;
}
// Moves n rows of from to a split of their own: the last n of a permutation that is the same for
// every run. The order of both stays.
// A number that was asked for and is too large is the asker's fault; none asked for, the data's.
HostSplit hold_out(HostSplit& from, Index n, bool asked, const std::string& part,
                   const std::string& where) {
  const Index rows = from.x.shape[0];
  if (n >= rows)
    throw Error(asked ? ErrorKind::usage : ErrorKind::data,
                {concat("cannot hold out a ", part, " split"),
                 asked ? concat("option '", part, "' for ", where) : where,
                 concat("fewer than the ", rows, " training samples"), concat(n),
                 asked ? "hold out fewer, or give more data" : "give more data"});
  std::vector<std::int64_t> order = permutation(rows, 0, std::uint64_t(1) << 40);
  std::sort(order.begin(), order.end() - n);
  std::sort(order.end() - n, order.end());
  const std::vector<std::int64_t> keep(order.begin(), order.end() - n),
      out(order.end() - n, order.end());
  HostSplit held{rows_of(from.x, out), {}};
  from.x = rows_of(from.x, keep);
  if (from.labels.shape.rank()) {
    held.labels = rows_of(from.labels, out);
    from.labels = rows_of(from.labels, keep);
  }
  return held;
}

// Grey to 0 and 1: drawn once from Philox words, or by threshold. part tells splits apart.
void binarize(HostArray& x, int levels, bool draw, std::uint64_t part) {
  HostArray out = io::zeros(DType::u8, x.shape);
  const auto to = out.values<std::uint8_t>();
  const Index n = x.shape.numel();
  const PhiloxKey key{0, std::uint64_t(Purpose::binarize) << 48 | part, 0};
  const std::uint8_t* bytes = x.dtype == DType::u8 ? x.values<std::uint8_t>().data() : nullptr;
  const float* floats = bytes ? nullptr : x.values<float>().data();
  const std::uint64_t top = levels == 256 ? 255 : 1;
#pragma omp parallel for schedule(static)
  for (Index b = 0; b < (n + 3) / 4; b++) {
    const auto words = draw ? philox_words(key, std::uint64_t(b)) : std::array<std::uint32_t, 4>{};
    for (Index i = 4 * b; i < std::min(n, 4 * b + 4); i++) {
      const std::uint64_t word = words[std::size_t(i % 4)];
      bool one;
      if (bytes)  // word / 2^32 < byte / top, exactly
        one = draw ? word * top < std::uint64_t(bytes[i]) << 32 : 2 * bytes[i] >= top;
      else
        one = draw ? float(word >> 8) * 0x1p-24f < floats[i] : floats[i] >= .5f;
      to[std::size_t(i)] = one;
    }
  }
  x = std::move(out);
}

bool is_named(const std::string& set) {
  return std::any_of(sets().begin(), sets().end(), [&](const SetInfo& i) { return i.name == set; });
}

HostSet read(const std::string& set, const LoadOptions& o) {
  if (o.resize && !is_image_folder(set) && (is_named(set) || is_generated(set) || io::exists(set)))
    throw Error(ErrorKind::usage, {"cannot resize these data", "option 'resize'",
                                   "a folder of PNG or JPEG files", set, "leave resize out"});
  if (is_generated(set)) {
    const bool patterns = set == "four-patterns";
    const Index train = patterns ? 4096 : 50000, test = patterns ? 4 : 10000;
    HostSet s;
    s.where = set;
    Rows a = generate(set, train, o.seed, 0), b = generate(set, test, o.seed, 1);
    s.train = {std::move(a.x), std::move(a.labels)};
    s.test = {std::move(b.x), std::move(b.labels)};
    return s;
  }
  if (set == "cifar10") return read_cifar10(o.dir);
  if (is_named(set)) return read_idx_set(set, o.dir);
  if (is_image_folder(set)) return read_image_folder(set, o.resize);
  if (set.ends_with(".npy")) return read_npy_set(set);
  if (set.ends_with(".npz")) return read_npz_set(set);
  if (io::exists(set))
    fail(set, {"unknown kind of data", "a .npy or .npz file, or a folder of PNG or JPEG files",
               "another file"});
  std::string known;
  for (const SetInfo& i : sets())
    if (i.name.find(':') == i.name.npos) known += i.name + ", ";
  known += sampler_prefix + "DENSITY, " + density_prefix + "DENSITY, ";
  fail(set,
       {"no such data",
        "one of " + known + "or a path to a .npy or .npz file or a folder of PNG or JPEG files",
        "nothing there"});
}

bool same_row(const HostArray& a, const HostArray& b) {
  return a.dtype == b.dtype &&
         std::equal(a.shape.begin() + 1, a.shape.end(), b.shape.begin() + 1, b.shape.end());
}
int levels_of(const std::vector<HostSplit*>& splits) {
  if (splits[0]->x.dtype != DType::u8) return 0;
  for (const HostSplit* s : splits)
    for (const std::uint8_t v : std::as_const(s->x).values<std::uint8_t>())
      if (v > 1) return 256;
  return 2;
}

Split upload(HostSplit& s, Device device) {
  if (s.empty()) return {};
  Split r{io::to_tensor(s.x, device), {}};
  if (s.labels.shape.rank()) r.labels = io::to_tensor(s.labels, device);
  s = {};  // frees the host's copy before the next one
  return r;
}

}  // namespace

bool is_image_folder(const std::string& name) {
  return !is_named(name) && !is_generated(name) && io::is_directory(name);
}

DataSet load(const std::string& set, const LoadOptions& o) {
  if (o.valid < 0 || o.test < -1)
    throw Error(ErrorKind::usage,
                {"cannot hold out", {}, "0 or more samples", concat(std::min(o.valid, o.test))});
  HostSet host = read(set, o);
  std::vector<HostSplit*> splits;
  for (HostSplit* s : {&host.train, &host.valid, &host.test}) {
    if (s->empty()) continue;
    normalize_x(s->x, host.where);
    normalize_labels(*s, host.where);
    if (!same_row(s->x, host.train.x))
      fail(host.where, {"the splits differ",
                        concat("rows as in train: ", host.train.x.dtype, " ", host.train.x.shape),
                        concat(s->x.dtype, " ", s->x.shape)});
    splits.push_back(s);
  }

  DataSet d;
  d.name = set;
  if (set.starts_with(density_prefix)) d.density = set.substr(density_prefix.size());
  d.binarize = o.binarize;
  const std::vector<Index>& dims = host.train.x.shape.dims();
  d.sample_shape = Shape(std::vector<Index>(dims.begin() + 1, dims.end()));
  d.kind = d.sample_shape.rank() == 3 ? Kind::image : Kind::vector;
  d.levels = levels_of(splits);
  if (o.binarize != Binarize::none && d.kind == Kind::vector && d.levels == 0)
    throw Error(ErrorKind::usage,
                {"cannot binarise", set, "images", "points", "leave binarize out"});
  if (o.binarize == Binarize::fixed || o.binarize == Binarize::threshold) {
    std::uint64_t part = 0;
    for (HostSplit* s : {&host.train, &host.valid, &host.test}) {
      if (!s->empty()) binarize(s->x, d.levels, o.binarize == Binarize::fixed, part);
      part++;
    }
    d.levels = 2;
  }
  if (o.test > 0 && !host.test.empty())
    throw Error(ErrorKind::usage, {"the data has a test split of its own", host.where,
                                   "no held-out test samples", concat(o.test)});
  if (o.valid > 0 && !host.valid.empty())
    throw Error(ErrorKind::usage,
                {"the data has a valid split of its own", host.where, "valid=0", concat(o.valid)});
  if (host.test.empty() && o.test != 0)
    host.test =
        hold_out(host.train, o.test > 0 ? o.test : std::max<Index>(1, host.train.x.shape[0] / 10),
                 o.test > 0, "test", host.where);
  if (o.valid) host.valid = hold_out(host.train, o.valid, true, "valid", host.where);

  Fingerprint fingerprint;
  for (HostSplit* s : {&host.train, &host.valid, &host.test}) {
    fingerprint.add(s->x);
    fingerprint.add(s->labels);
    if (!s->labels.bytes.empty())
      for (const std::int64_t l : std::as_const(s->labels).values<std::int64_t>())
        d.classes = std::max(d.classes, Index(l + 1));
  }
  d.fingerprint = fingerprint.str();
  d.train = upload(host.train, o.device);
  d.valid = upload(host.valid, o.device);
  d.test = upload(host.test, o.device);
  return d;
}

Tensor take(const DataSet& set, const Split& split, const Tensor& index, Generator& g,
            DType dtype) {
  Tensor x = ops::gather_normalize(split.x, index, set.scale(), 0, dtype);
  return set.binarize == Binarize::dynamic ? ops::bernoulli(x, g) : x;
}

}  // namespace imago::data
