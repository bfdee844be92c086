// Rows of the ops that move elements. A reference says, for each place of the output, where its
// element comes from.
#include <optional>

#include "tests/op_cases/op_case.h"

namespace imago::test {
namespace {

using Place = std::vector<Index>;
// The output of `shape` whose element at place p is that of `in` at source(p), or value where there
// is none.
using Source = std::function<std::optional<Place>(const Place&)>;
Array moved(const Array& in, const Shape& shape, const Source& source, double value = 0) {
  Array out = zeros(shape);
  for (Index i = 0; i < shape.numel(); i++) {
    Place p(std::size_t(shape.rank()));
    for (Index d = shape.rank() - 1, rest = i; d >= 0; rest /= shape[int(d)], d--)
      p[std::size_t(d)] = rest % shape[int(d)];
    const auto from = source(p);
    Index at = 0;
    for (int d = 0; from && d < in.shape.rank(); d++)
      at = at * in.shape[d] + (*from)[std::size_t(d)];
    out[i] = from ? in[at] : value;
  }
  return out;
}

struct MoveCase {
  const char* op;
  std::string name;
  std::vector<Shape> in;
  std::function<Tensors(const Tensors&)> forward;
  std::function<Arrays(const Arrays&)> reference;
};

Arrays with_shape(const Array& a, const Shape& s) { return {{s, a.v}}; }

void add_views(std::vector<MoveCase>& rows) {
  const auto reshaped = [&](const char* name, Shape from, std::vector<Index> dims, Shape to) {
    rows.push_back({"reshape",
                    name,
                    {from},
                    [dims](const Tensors& in) { return Tensors{ops::reshape(in[0], dims)}; },
                    [to](const Arrays& in) { return with_shape(in[0], to); }});
  };
  reshaped("matrix", {33, 301}, {301, 33}, {301, 33});
  reshaped("infer", {4, 3, 5}, {5, -1}, {5, 12});
  reshaped("to_scalar", {1, 1}, {}, {});
  reshaped("from_scalar", {}, {1, -1}, {1, 1});
  reshaped("empty", {0, 3}, {3, 0, 7}, {3, 0, 7});
  reshaped("rank5", {2, 3, 4, 5, 1}, {24, 5}, {24, 5});
  rows.push_back({"unsqueeze",
                  "first",
                  {{3, 5}},
                  [](const Tensors& in) { return Tensors{ops::unsqueeze(in[0], 0)}; },
                  [](const Arrays& in) {
                    return with_shape(in[0], {1, 3, 5});
                  }});
  rows.push_back({"unsqueeze",
                  "last",
                  {{3, 5}},
                  [](const Tensors& in) { return Tensors{ops::unsqueeze(in[0], -1)}; },
                  [](const Arrays& in) {
                    return with_shape(in[0], {3, 5, 1});
                  }});
  rows.push_back({"unsqueeze",
                  "empty",
                  {{0, 5}},
                  [](const Tensors& in) { return Tensors{ops::unsqueeze(in[0], 1)}; },
                  [](const Arrays& in) {
                    return with_shape(in[0], {0, 1, 5});
                  }});
  rows.push_back({"unsqueeze",
                  "scalar",
                  {{}},
                  [](const Tensors& in) { return Tensors{ops::unsqueeze(in[0], 0)}; },
                  [](const Arrays& in) { return with_shape(in[0], {1}); }});
  rows.push_back({"squeeze",
                  "middle",
                  {{3, 1, 5}},
                  [](const Tensors& in) { return Tensors{ops::squeeze(in[0], 1)}; },
                  [](const Arrays& in) {
                    return with_shape(in[0], {3, 5});
                  }});
  rows.push_back({"squeeze",
                  "empty",
                  {{0, 1}},
                  [](const Tensors& in) { return Tensors{ops::squeeze(in[0], 1)}; },
                  [](const Arrays& in) { return with_shape(in[0], {0}); }});
  rows.push_back({"squeeze",
                  "last",
                  {{7, 1}},
                  [](const Tensors& in) { return Tensors{ops::squeeze(in[0], -1)}; },
                  [](const Arrays& in) { return with_shape(in[0], {7}); }});
  rows.push_back({"flatten",
                  "images",
                  {{2, 5, 7, 3}},
                  [](const Tensors& in) { return Tensors{ops::flatten(in[0])}; },
                  [](const Arrays& in) {
                    return with_shape(in[0], {2, 105});
                  }});
  rows.push_back({"flatten",
                  "all",
                  {{2, 5, 7}},
                  [](const Tensors& in) { return Tensors{ops::flatten(in[0], 0)}; },
                  [](const Arrays& in) { return with_shape(in[0], {70}); }});
  rows.push_back({"flatten",
                  "empty",
                  {{0, 5, 7}},
                  [](const Tensors& in) { return Tensors{ops::flatten(in[0], -2)}; },
                  [](const Arrays& in) {
                    return with_shape(in[0], {0, 35});
                  }});
}

void add_broadcast(std::vector<MoveCase>& rows) {
  const auto add = [&](const char* name, Shape from, Shape to) {
    rows.push_back({"broadcast_to",
                    name,
                    {from},
                    [to](const Tensors& in) { return Tensors{ops::broadcast_to(in[0], to)}; },
                    [to](const Arrays& in) {
                      const int lead = to.rank() - in[0].shape.rank();
                      return Arrays{moved(in[0], to, [&](const Place& p) {
                        Place from(p.begin() + lead, p.end());
                        for (int d = 0; d < in[0].shape.rank(); d++)
                          if (in[0].shape[d] == 1) from[std::size_t(d)] = 0;
                        return from;
                      })};
                    }});
  };
  add("same", {3, 5}, {3, 5});
  add("scalar", {}, {3, 5});
  add("row", {301}, {33, 301});
  add("column", {33, 1}, {33, 301});
  add("middle", {3, 1, 5}, {2, 3, 4, 5});
  add("rank5", {2, 1, 3, 1, 2}, {2, 4, 3, 5, 2});
  add("to_empty", {1, 5}, {0, 5});
  add("empty", {0, 1}, {0, 3});
}

void add_permutations(std::vector<MoveCase>& rows) {
  const auto permuted = [](const Array& in, const std::vector<int>& order) {
    std::vector<Index> d;
    for (int k : order) d.push_back(in.shape[k]);
    return moved(in, Shape(d), [&](const Place& p) {
      Place from(p.size());
      for (std::size_t i = 0; i < p.size(); i++) from[std::size_t(order[i])] = p[i];
      return from;
    });
  };
  const auto add = [&](const char* name, Shape from, std::vector<int> order) {
    rows.push_back(
        {"permute",
         name,
         {from},
         [order](const Tensors& in) { return Tensors{ops::permute(in[0], order)}; },
         [order, permuted](const Arrays& in) { return Arrays{permuted(in[0], order)}; }});
  };
  add("scalar", {}, {});
  add("one", {1}, {0});
  add("identity", {3, 5, 7}, {0, 1, 2});
  add("matrix", {33, 301}, {1, 0});
  add("tile", {32, 64}, {1, 0});
  add("channels_first", {2, 5, 7, 3}, {0, 3, 1, 2});
  add("channels_last", {2, 3, 5, 7}, {0, 2, 3, 1});
  add("heads", {2, 5, 3, 4}, {0, 2, 1, 3});
  add("reverse", {2, 3, 4, 5, 2}, {4, 3, 2, 1, 0});
  add("wide_batch", {5, 33, 65}, {0, 2, 1});
  add("rotate", {3, 33, 37}, {2, 0, 1});
  add("outer_swap", {4, 3, 35}, {1, 2, 0});
  add("empty", {3, 0, 5}, {2, 0, 1});
  add("rank8", {2, 1, 2, 3, 2, 1, 2, 2}, {7, 0, 6, 1, 5, 2, 4, 3});
  rows.push_back({"transpose",
                  "matrix",
                  {{33, 301}},
                  [](const Tensors& in) { return Tensors{ops::transpose(in[0])}; },
                  [permuted](const Arrays& in) {
                    return Arrays{permuted(in[0], {1, 0})};
                  }});
  rows.push_back({"transpose",
                  "empty",
                  {{0, 5}},
                  [](const Tensors& in) { return Tensors{ops::transpose(in[0])}; },
                  [permuted](const Arrays& in) {
                    return Arrays{permuted(in[0], {1, 0})};
                  }});
  rows.push_back({"transpose",
                  "outer",
                  {{2, 5, 7}},
                  [](const Tensors& in) { return Tensors{ops::transpose(in[0], 0, 1)}; },
                  [permuted](const Arrays& in) {
                    return Arrays{permuted(in[0], {1, 0, 2})};
                  }});
  rows.push_back({"transpose",
                  "ends",
                  {{2, 5, 7}},
                  [](const Tensors& in) { return Tensors{ops::transpose(in[0], -1, 0)}; },
                  [permuted](const Arrays& in) {
                    return Arrays{permuted(in[0], {2, 1, 0})};
                  }});
}

Array sliced(const Array& in, int dim, Index begin, Index end) {
  std::vector<Index> d = in.shape.dims();
  d[std::size_t(dim)] = end - begin;
  return moved(in, Shape(d), [&](Place p) {
    p[std::size_t(dim)] += begin;
    return p;
  });
}

void add_slices(std::vector<MoveCase>& rows) {
  const auto slice = [&](const char* name, Shape from, int dim, Index begin, Index end) {
    rows.push_back({"slice",
                    name,
                    {from},
                    [=](const Tensors& in) { return Tensors{ops::slice(in[0], dim, begin, end)}; },
                    [=](const Arrays& in) {
                      return Arrays{
                          sliced(in[0], dim < 0 ? dim + in[0].shape.rank() : dim, begin, end)};
                    }});
  };
  slice("rows", {33, 301}, 0, 5, 17);
  slice("columns", {33, 301}, 1, 100, 237);
  slice("last", {3, 5, 7}, -1, 6, 7);
  slice("middle", {3, 5, 7}, 1, 1, 4);
  slice("all", {3, 5}, 1, 0, 5);
  slice("none", {3, 5}, 1, 2, 2);
  slice("behind_one", {1, 7, 3}, 1, 2, 5);
  slice("empty", {0, 5}, 1, 1, 4);
  slice("rank5", {2, 3, 4, 3, 2}, 2, 1, 3);

  const auto pad = [&](const char* name, Shape from, int dim, Index before, Index after,
                       double value) {
    rows.push_back(
        {"pad",
         name,
         {from},
         [=](const Tensors& in) { return Tensors{ops::pad(in[0], dim, before, after, value)}; },
         [=](const Arrays& in) {
           const int k = dim < 0 ? dim + in[0].shape.rank() : dim;
           std::vector<Index> d = in[0].shape.dims();
           d[std::size_t(k)] += before + after;
           const Source source = [&](const Place& p) -> std::optional<Place> {
             Place from = p;
             from[std::size_t(k)] -= before;
             if (from[std::size_t(k)] < 0 || from[std::size_t(k)] >= in[0].shape[k]) return {};
             return from;
           };
           return Arrays{moved(in[0], Shape(d), source, value)};
         }});
  };
  pad("rows", {33, 301}, 0, 2, 3, 0);
  pad("columns", {33, 301}, 1, 1, 0, 3);
  pad("middle", {2, 5, 7, 3}, 1, 1, 1, 0);
  pad("last", {2, 5, 7, 3}, -1, 0, 5, 7);
  pad("nothing", {3, 5}, 0, 0, 0, 1);
  pad("one", {1}, 0, 1, 1, 2);
  pad("empty", {3, 0}, 1, 2, 1, 4);
  pad("no_rows", {0, 3}, 1, 2, 1, 4);

  const auto split = [&](const char* name, Shape from, int dim, std::vector<Index> sizes) {
    rows.push_back({"split",
                    name,
                    {from},
                    [=](const Tensors& in) { return ops::split(in[0], dim, sizes); },
                    [=](const Arrays& in) {
                      Arrays parts;
                      Index begin = 0;
                      for (Index n : sizes) {
                        parts.push_back(sliced(in[0], dim, begin, begin + n));
                        begin += n;
                      }
                      return parts;
                    }});
  };
  split("rows", {7, 5}, 0, {3, 4});
  split("columns", {33, 301}, 1, {1, 200, 100});
  split("with_empty", {3, 6, 2}, 1, {2, 0, 4});
  split("whole", {5}, 0, {5});
  split("ones", {2}, 0, {1, 1});
  split("no_rows", {0, 5}, 1, {2, 3});
}

void add_joins(std::vector<MoveCase>& rows) {
  // Part k begins at place start[k] along dim.
  const auto joined = [](const Arrays& in, int dim, const Shape& shape,
                         const std::vector<Index>& starts) {
    Array out = zeros(shape);
    for (std::size_t k = 0; k < in.size(); k++) {
      const Source source = [&](const Place& p) -> std::optional<Place> {
        Place from = p;
        from[std::size_t(dim)] -= starts[k];
        if (from[std::size_t(dim)] < 0 || from[std::size_t(dim)] >= in[k].shape[dim]) return {};
        return from;
      };
      const Array part = moved(in[k], shape, source);
      for (std::size_t i = 0; i < out.v.size(); i++) out.v[i] += part.v[i];
    }
    return out;
  };
  const auto concat = [&](const char* name, std::vector<Shape> in, int dim, Shape out) {
    rows.push_back({"concat", name, in,
                    [=](const Tensors& t) { return Tensors{ops::concat(t, dim)}; },
                    [=](const Arrays& a) {
                      const int d = dim < 0 ? dim + out.rank() : dim;
                      std::vector<Index> starts{0};
                      for (const Array& x : a) starts.push_back(starts.back() + x.shape[d]);
                      return Arrays{joined(a, d, out, starts)};
                    }});
  };
  concat("rows", {{3, 5}, {4, 5}, {1, 5}}, 0, {8, 5});
  concat("columns", {{33, 100}, {33, 201}}, 1, {33, 301});
  concat("channels", {{2, 5, 7, 3}, {2, 5, 7, 1}}, -1, {2, 5, 7, 4});
  concat("single", {{3, 5}}, 1, {3, 5});
  concat("ones", {{1}, {1}}, 0, {2});
  concat("with_empty", {{3, 2}, {3, 0}, {3, 1}}, 1, {3, 3});
  concat("no_rows", {{0, 2}, {0, 1}}, 1, {0, 3});
  const auto stack = [&](const char* name, Shape each, std::size_t n, int dim, Shape out) {
    rows.push_back({"stack", name, std::vector<Shape>(n, each),
                    [=](const Tensors& t) { return Tensors{ops::stack(t, dim)}; },
                    [=](const Arrays& a) {
                      const int d = dim < 0 ? dim + out.rank() : dim;
                      std::vector<Index> starts;
                      Arrays raised;
                      for (const Array& x : a) {
                        std::vector<Index> dims = x.shape.dims();
                        dims.insert(dims.begin() + d, 1);
                        starts.push_back(Index(raised.size()));
                        raised.push_back({Shape(dims), x.v});
                      }
                      return Arrays{joined(raised, d, out, starts)};
                    }});
  };
  stack("scalars", {}, 3, 0, {3});
  stack("empty", {0, 3}, 2, 1, {0, 2, 3});
  stack("rows", {5, 7}, 3, 0, {3, 5, 7});
  stack("middle", {5, 7}, 2, 1, {5, 2, 7});
  stack("last", {33, 17}, 2, -1, {33, 17, 2});

  const auto repeat = [&](const char* name, Shape from, Index times) {
    rows.push_back({"repeat_interleave",
                    name,
                    {from},
                    [=](const Tensors& t) { return Tensors{ops::repeat_interleave(t[0], times)}; },
                    [=](const Arrays& a) {
                      std::vector<Index> d = a[0].shape.dims();
                      d[0] *= times;
                      return Arrays{moved(a[0], Shape(d), [&](Place p) {
                        p[0] /= times;
                        return p;
                      })};
                    }});
  };
  repeat("once", {3, 5}, 1);
  repeat("one", {1}, 1);
  repeat("samples", {7, 33}, 5);
  repeat("vector", {7}, 3);
  repeat("images", {2, 3, 4, 2}, 3);
  repeat("zero", {3, 2}, 0);
  repeat("empty", {0, 2}, 4);
}

}  // namespace

void add_layout_cases(std::vector<OpCase>& rows) {
  std::vector<MoveCase> moves;
  add_views(moves);
  add_broadcast(moves);
  add_permutations(moves);
  add_slices(moves);
  add_joins(moves);
  for (const MoveCase& m : moves) {
    OpCase c;
    c.op = m.op;
    c.name = m.name;
    for (const Shape& s : m.in) c.inputs.push_back({s});
    c.forward = m.forward;
    c.reference = m.reference;
    if (c.op == "permute" && (c.name == "matrix" || c.name == "channels_first")) {
      c.bench = {{c.name == "matrix" ? Shape{4096, 1024} : Shape{64, 32, 32, 64}}};
      c.bench_bytes = 2 * 4. * 4096 * 1024;
    }
    rows.push_back(c);
    // Movement is for every dtype; of the integer ones there is no gradient.
    for (const DType t : {DType::i64, DType::u8}) {
      c.name = m.name + "_" + name(t);
      c.inputs.clear();
      for (const Shape& s : m.in) c.inputs.push_back({s, 0, 200, {}, true, false, true, t});
      c.gradient = false;
      c.bench.clear();
      rows.push_back(c);
    }
  }
}

}  // namespace imago::test
