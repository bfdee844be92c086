#include "models/measures/manifold.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/ops/ops.h"
#include "engine/ops/pairs.h"
#include "models/measures/row_set.h"

namespace imago::models {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double tie = 1e-9;  // of a distance to a radius, relative

// One set about a centre, in units in which no norm is above 1: products of such rows neither
// overflow nor lose all their digits to a common offset.
struct Centred {
  const RowSet& set;
  Tensor centre;              // [d], float64
  double unit = 1;            // a power of 2: exact
  std::vector<double> norms;  // squared, in those units

  Tensor tile(Index first, Index last, DType t) const {
    return ops::cast((set.tile(first, last) - centre) * unit, t);
  }
};
// f(first row, squared norms) of parts of a set, as centred; float64.
template <class F>
void for_norms(const Centred& c, F f) {
  constexpr Index block = 4096;
  for (Index i = 0; i < c.set.count(); i += block) {
    const Tensor rows = c.tile(i, std::min(i + block, c.set.count()), DType::f64);
    f(i, ops::sum(ops::square(rows), {1}).values());
  }
}
void check_range(const RowSet& x) {
  const Centred as_is{x, Tensor::zeros({1}, DType::f64, x.device()), 1, {}};
  for_norms(as_is, [&](Index first, const std::vector<double>& norms) {
    for (std::size_t i = 0; i < norms.size(); i++)
      if (!(norms[i] < 1e300))
        throw Error(ErrorKind::data, {concat("too far out in row ", first + Index(i)), x.where(),
                                      "a squared norm below 1e300", concat(norms[i])});
  });
}
// Of one or two sets about one centre.
std::vector<Centred> centred(const std::vector<const RowSet*>& sets, const Tensor& centre) {
  std::vector<Centred> all;
  double most = 0;
  for (const RowSet* s : sets) {
    Centred c{*s, centre, 1, {}};
    for_norms(c, [&](Index, const std::vector<double>& norms) {
      c.norms.insert(c.norms.end(), norms.begin(), norms.end());
      most = std::max(most, *std::max_element(norms.begin(), norms.end()));
    });
    all.push_back(std::move(c));
  }
  const int exponent = most > 0 ? std::clamp(-std::ilogb(most) / 2 - 1, -500, 500) : 0;
  for (Centred& c : all) {
    c.unit = std::ldexp(1, exponent);
    for (double& v : c.norms) v *= c.unit * c.unit;
  }
  return all;
}

// |a|^2 + |b|^2 - 2 a.b from a product in T is off by at most relative (|a|^2 + |b|^2) + absolute,
// and so is the distance that pair_distances computes: Higham 2002, section 3.1 for a sum in any
// order of d products, and for the rounding of rows to T; the absolute part for what is below the
// smallest number.
struct Bound {
  double relative, absolute;
  Bound(Index d, DType t) {
    const auto gamma = [&](double u) { return double(d + 8) * u / (1 - double(d + 8) * u); };
    const double fine = gamma(0x1p-53);
    relative = t == DType::f32 ? gamma(0x1p-24) + 4 * fine : 5 * fine;
    absolute = double(d) * (t == DType::f32 ? 1e-36 : 1e-290);
  }
};

// Rows i0 .. of a and j0 .. of b, and their products.
template <class T>
struct Tile {
  const Centred &a, &b;
  Index i0, j0, rows, cols;
  const T* product;  // [rows, cols]
  Bound bound;
};
struct Candidates {
  std::vector<Index> i, j;  // rows of the sets
  void add(const Candidates& c) {
    i.insert(i.end(), c.i.begin(), c.i.end());
    j.insert(j.end(), c.j.begin(), c.j.end());
  }
};
// The candidates of all rows r of a tile, by find(r, candidates).
template <class F>
Candidates gathered(Index rows, F find) {
  constexpr Index few = 32;  // one thread is done sooner than another is called
  Candidates all;
#pragma omp parallel if (rows > few)
  {
    Candidates own;
#pragma omp for schedule(static)
    for (Index r = 0; r < rows; r++) find(r, own);
#pragma omp critical(imago_manifold)
    all.add(own);
  }
  return all;
}

// f(i, j, squared distance) for each candidate, a part at a time so that memory stays bounded.
template <class F>
void exactly(const RowSet& a, const RowSet& b, const Candidates& c, F f) {
  constexpr std::size_t part = 1 << 16;
  for (std::size_t at = 0; at < c.i.size(); at += part) {
    const std::size_t n = std::min(part, c.i.size() - at);
    const auto list = [&](const std::vector<Index>& v) {
      return Tensor::from(std::span<const Index>(v.data() + at, n), {Index(n)}, a.device());
    };
    const std::vector<double> d =
        pairs::squared_distances(a.values(), b.values(), list(c.i), list(c.j)).values();
    for (std::size_t p = 0; p < n; p++) f(c.i[at + p], c.j[at + p], d[p]);
  }
}

// Rows [first, last) of a set in float32 and float64, made when first asked for.
class Block {
 public:
  Block(const Centred& set, Index first, Index last) : set(set), first(first), last(last) {}
  const Tensor& as(DType t) {
    Tensor& tile = tiles_[t == DType::f32];
    if (!tile) tile = set.tile(first, last, t);
    return tile;
  }
  Index size() const { return last - first; }
  const Centred& set;
  const Index first, last;

 private:
  Tensor tiles_[2];
};

// use(tile, last) for the product of rows of a and of b, and where both sides are wanted for that
// of b and a. It may decline while this is not the last try: too many pairs are not decided, and
// it is asked again with a product in float64. On the cpu float32 is twice as fast and decides
// nearly all; devices do not promise its rounding.
template <class Use>
void with_product(Block& a, Block& b, bool both_sides, Use use) {
  bool served[2] = {false, !both_sides};
  const auto as = [&]<class T>(T, DType t) {
    const Tensor product = ops::matmul(a.as(t), b.as(t), false, true).to(cpu_device);
    const Bound bound(a.set.set.width(), t);
    const bool last = t == DType::f64;
    if (!served[0])
      served[0] =
          use(Tile<T>{a.set, b.set, a.first, b.first, a.size(), b.size(), product.data<T>(), bound},
              last);
    if (!served[1])
      served[1] = use(Tile<T>{b.set, a.set, b.first, a.first, b.size(), a.size(),
                              ops::transpose(product).data<T>(), bound},
                      last);
  };
  if (a.set.set.device() == cpu_device && a.set.set.width() < 100000) as(float{}, DType::f32);
  if (!served[0] || !served[1]) as(double{}, DType::f64);
}
// Candidates beyond which a product in float64 is less work than their distances.
template <class T>
bool too_many(const Tile<T>& t, const Candidates& c) {
  return Index(c.i.size()) > std::max<Index>(4096, t.rows * t.cols / 8);
}

// The k + 1 smallest squared distances from each row of a set to rows of it, itself included.
class Neighbours {
 public:
  Neighbours(Index n, Index k)
      : each_(std::size_t(k + 1)), heaps_(std::size_t(n) * each_, infinity) {}
  double radius(Index i) const { return heaps_[std::size_t(i) * each_]; }

  template <class T>
  bool use(const Tile<T>& t, bool last) {
    const double unit = t.a.unit * t.a.unit;
    const Candidates found = gathered(t.rows, [&](Index r, Candidates& c) {
      const double *heap = &heaps_[std::size_t(t.i0 + r) * each_],
                   *norms = &t.b.norms[std::size_t(t.j0)];
      if (heap[0] == 0) return;
      std::vector<double> upper(heap, heap + each_);  // bounds from above of the smallest
      for (double& v : upper) v *= unit;
      const T* product = t.product + r * t.cols;
      const double norm = t.a.norms[std::size_t(t.i0 + r)];
      for (Index j = 0; j < t.cols; j++) {
        const double both = norm + norms[j], slack = t.bound.relative * both + t.bound.absolute,
                     low = both - 2 * double(product[j]) - slack;
        if (low >= upper.front()) continue;
        c.i.push_back(t.i0 + r);
        c.j.push_back(t.j0 + j);
        if (const double high = low + 2 * slack; high < upper.front()) replace(upper.data(), high);
      }
    });
    if (!last && too_many(t, found)) return false;
    exactly(t.a.set, t.b.set, found, [&](Index i, Index, double d) {
      double* heap = &heaps_[std::size_t(i) * each_];
      if (d < heap[0]) replace(heap, d);
    });
    return true;
  }

 private:
  void replace(double* heap, double value) const {
    std::pop_heap(heap, heap + each_);
    heap[each_ - 1] = value;
    std::push_heap(heap, heap + each_);
  }
  std::size_t each_;
  std::vector<double> heaps_;
};

// How much of all the pairs has been served.
class Progress {
 public:
  Progress(double pairs, const Watch& watch) : all_(pairs), watch_(watch) {}
  bool stopped() const { return watch_.stopped(); }
  void served(Index rows, Index cols) {
    done_ += double(rows) * double(cols);
    watch_.done(std::min(1., done_ / all_));
  }

 private:
  double all_, done_ = 0;
  const Watch& watch_;
};

void check(const RowSet& x, Index k, Index tile) {
  if (k < 1)
    throw Error(ErrorKind::usage, {"no neighbours", x.where(), "k of at least 1", concat(k)});
  if (tile < 1)
    throw Error(ErrorKind::usage, {"no tiles", x.where(), "a size of at least 1", concat(tile)});
  if (x.count() <= k)
    throw Error(ErrorKind::data,
                {concat("too few rows for ", k, " neighbours"), x.where(),
                 concat("at least ", k + 1), concat(x.count()), "give more samples"});
  check_range(x);
}
// Pairs of the tiles that are computed within a set.
double half(Index n, Index tile) { return double(n) * double(n + tile) / 2; }

// Squared distance of each row to its k-th neighbour.
std::optional<std::vector<double>> radii(const RowSet& x, Index k, Index tile, Progress& progress) {
  const Index n = x.count();
  const Centred a = centred({&x}, x.mean())[0];
  Neighbours neighbours(n, k);
  for (Index i = 0; i < n; i += tile) {
    Block rows(a, i, std::min(i + tile, n));
    for (Index j = i; j < n; j += tile) {
      if (progress.stopped()) return {};
      Block cols(a, j, std::min(j + tile, n));
      with_product(rows, cols, j != i,
                   [&](const auto& t, bool last) { return neighbours.use(t, last); });
      progress.served(rows.size(), cols.size());
    }
  }
  std::vector<double> r;
  for (Index i = 0; i < n; i++) r.push_back(neighbours.radius(i));
  return r;
}

// Which samples of one set are in which balls of the other.
class Balls {
 public:
  Balls(const std::vector<double>& real, const std::vector<double>& fake, bool closed)
      : real_(real),
        fake_(fake),
        closed_(closed),
        balls_of_fake(fake.size()),
        real_inside(real.size()),
        real_covered(real.size()) {}

  // a: fake, b: real.
  template <class T>
  bool use(const Tile<T>& t, bool last) {
    const double unit = t.a.unit * t.a.unit;
    struct Window {  // squared distances below low are inside, above high outside
      double low, high;
    };
    const auto window = [&](double radius) {
      const double r = radius * unit;
      return Window{r * (1 - 2.1 * tie), r * (1 + 2.1 * tie)};
    };
    std::vector<Window> of_real;
    for (Index j = t.j0; j < t.j0 + t.cols; j++) of_real.push_back(window(real_[std::size_t(j)]));
    std::vector<Index> counts(static_cast<std::size_t>(t.rows));
    std::vector<char> inside(static_cast<std::size_t>(t.cols)), covered = inside;
    const auto mark = [](char& flag) {
#pragma omp atomic write
      flag = 1;
    };
    const Candidates found = gathered(t.rows, [&](Index r, Candidates& c) {
      const double norm = t.a.norms[std::size_t(t.i0 + r)], *norms = &t.b.norms[std::size_t(t.j0)];
      const Window of_fake = window(fake_[std::size_t(t.i0 + r)]);
      const T* product = t.product + r * t.cols;
      Index count = 0;
      for (Index j = 0; j < t.cols; j++) {
        const double both = norm + norms[j], slack = t.bound.relative * both + t.bound.absolute,
                     d = both - 2 * double(product[j]), low = d - slack, high = d + slack;
        const Window& w = of_real[std::size_t(j)];
        const bool in_real = high < w.low, in_fake = high < of_fake.low;
        if ((!in_real && low <= w.high) || (!in_fake && low <= of_fake.high)) {
          c.i.push_back(t.i0 + r);
          c.j.push_back(t.j0 + j);
          continue;
        }
        count += in_real;
        if (in_real) mark(covered[std::size_t(j)]);
        if (in_fake) mark(inside[std::size_t(j)]);
      }
      counts[std::size_t(r)] = count;
    });
    if (!last && too_many(t, found)) return false;
    for (std::size_t r = 0; r < counts.size(); r++)
      balls_of_fake[std::size_t(t.i0) + r] += counts[r];
    for (std::size_t j = 0; j < covered.size(); j++) {
      real_covered[std::size_t(t.j0) + j] |= covered[j];
      real_inside[std::size_t(t.j0) + j] |= inside[j];
    }
    exactly(t.a.set, t.b.set, found, [&](Index i, Index j, double d) {
      if (is_inside(d, real_[std::size_t(j)])) {
        balls_of_fake[std::size_t(i)]++;
        real_covered[std::size_t(j)] = 1;
      }
      if (is_inside(d, fake_[std::size_t(i)])) real_inside[std::size_t(j)] = 1;
    });
    return true;
  }

 private:
  bool is_inside(double d, double radius) {
    near_ties += std::fabs(std::sqrt(d) - std::sqrt(radius)) <= tie * std::sqrt(radius);
    return closed_ ? d <= radius : d < radius;
  }
  const std::vector<double>&real_, &fake_;  // squared radii
  bool closed_;

 public:
  std::vector<Index> balls_of_fake;
  std::vector<char> real_inside, real_covered;
  Index near_ties = 0;
};

}  // namespace

std::optional<std::vector<double>> neighbour_distances(const Tensor& x, Index k, const Watch& watch,
                                                       Index tile) {
  const NoGrad no_grad;
  const RowSet rows(x, "features");
  check(rows, k, tile);
  Progress progress(half(rows.count(), tile), watch);
  std::optional<std::vector<double>> r = radii(rows, k, tile, progress);
  if (!r) return {};
  for (double& v : *r) v = std::sqrt(v);
  watch.done(1);
  return r;
}

std::optional<Manifold> manifold(const Tensor& real, const Tensor& fake, const ManifoldOptions& o) {
  const NoGrad no_grad;
  const DType t = real.dtype() == fake.dtype() ? real.dtype() : DType::f64;
  const RowSet x(real, o.real, t), y(fake, o.fake, t);
  check_pair(x, y);
  check(x, o.k, o.tile);
  check(y, o.k, o.tile);
  const Index n = x.count(), m = y.count();
  Progress progress(half(n, o.tile) + half(m, o.tile) + double(n) * double(m), o.watch);
  const auto real_radii = radii(x, o.k, o.tile, progress);
  const auto fake_radii = real_radii ? radii(y, o.k, o.tile, progress) : std::nullopt;
  if (!fake_radii) return {};

  const Tensor centre = (x.mean() + y.mean()) / 2;
  const std::vector<Centred> sets = centred({&y, &x}, centre);
  Balls balls(*real_radii, *fake_radii, o.closed);
  for (Index i = 0; i < m; i += o.tile) {
    Block rows(sets[0], i, std::min(i + o.tile, m));
    for (Index j = 0; j < n; j += o.tile) {
      if (progress.stopped()) return {};
      Block cols(sets[1], j, std::min(j + o.tile, n));
      with_product(rows, cols, false, [&](const auto& t, bool last) { return balls.use(t, last); });
      progress.served(rows.size(), cols.size());
    }
  }

  Manifold r;
  for (const Index count : balls.balls_of_fake) {
    r.precision += count > 0;
    r.density += double(count);
  }
  r.precision /= double(m);
  r.density /= double(o.k) * double(m);
  for (const char c : balls.real_inside) r.recall += c;
  for (const char c : balls.real_covered) r.coverage += c;
  r.recall /= double(n);
  r.coverage /= double(n);
  r.f_score = 2 * r.precision * r.recall / std::max(1e-5, r.precision + r.recall);
  r.near_ties = balls.near_ties;
  o.watch.done(1);
  return r;
}

}  // namespace imago::models
