#include "models/measures/assignment.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "models/measures/rows.h"

namespace imago::models {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr Index nobody = -1;

// Dual variables: price[j] of columns, and of a row its cheapest cost less price. An assigned row
// has a column that is cheapest for it; rows without one are taken in by the shortest augmenting
// path.
class Solver {
 public:
  Solver(std::span<const double> cost, Index n)
      : cost_(cost),
        n_(n),
        price_(std::size_t(n), infinity),
        row_of_(std::size_t(n), nobody),
        column_of_(std::size_t(n), nobody) {}

  std::vector<Index> solve() {
    if (n_ == 1) return {0};  // without a second cheapest column
    reduce_columns();
    std::vector<Index> free;
    for (Index i = 0; i < n_; i++)
      if (at(column_of_, i) == nobody) free.push_back(i);
    for (int pass = 0; pass < 2 && !free.empty(); pass++) free = reduce_rows(free);
    for (const Index i : free) augment(i);
    return std::move(column_of_);
  }

 private:
  template <class T>
  static T& at(std::vector<T>& v, Index i) {
    return v[std::size_t(i)];
  }
  const double* row(Index i) const { return cost_.data() + i * n_; }

  // Each column goes to the row that it is cheapest for, where that row has none yet.
  void reduce_columns() {
    std::vector<Index> cheapest(std::size_t(n_), 0), wooed(std::size_t(n_), 0);
    for (Index i = 0; i < n_; i++) {
      const double* c = row(i);
      for (Index j = 0; j < n_; j++)
        if (c[j] < at(price_, j)) at(price_, j) = c[j], at(cheapest, j) = i;
    }
    for (Index j = n_ - 1; j >= 0; j--) {
      const Index i = at(cheapest, j);
      if (at(wooed, i)++ == 0) at(column_of_, i) = j, at(row_of_, j) = i;
    }
    // Its slack to the second cheapest column is passed on, so that rows without one find their
    // own.
    for (Index i = 0; i < n_; i++) {
      if (at(wooed, i) != 1) continue;
      const Index own = at(column_of_, i);
      double slack = infinity;
      for (Index j = 0; j < n_; j++)
        if (j != own) slack = std::min(slack, row(i)[j] - at(price_, j));
      at(price_, own) -= slack;
    }
  }

  // Free rows bid for their cheapest column, as much as it is better than the second. Those left
  // over are returned.
  std::vector<Index> reduce_rows(std::vector<Index> free) {
    std::vector<Index> left;
    // A bid lowers a price. One lost in rounding would be made for ever: it is left to augment().
    Index bids = 4 * n_;
    while (!free.empty()) {
      const Index i = free.back();
      free.pop_back();
      double first = infinity, second = infinity;
      Index best = 0, next = 0;
      for (Index j = 0; j < n_; j++) {
        const double c = row(i)[j] - at(price_, j);
        if (c < first) {
          second = first, next = best;
          first = c, best = j;
        } else if (c < second) {
          second = c, next = j;
        }
      }
      const double before = at(price_, best);
      at(price_, best) -= second - first;
      const bool lower = at(price_, best) < before;
      if (second == first && at(row_of_, best) != nobody) best = next;
      const Index other = at(row_of_, best);
      if (other != nobody && !lower) {
        left.push_back(i);
        continue;
      }
      at(row_of_, best) = i;
      at(column_of_, i) = best;
      if (other == nobody) continue;
      at(column_of_, other) = nobody;
      (bids-- > 0 ? free : left).push_back(other);
    }
    return left;
  }

  // Dijkstra from row `start` to the nearest free column, over reduced costs.
  void augment(Index start) {
    distance_.assign(std::size_t(n_), infinity);
    parent_.assign(std::size_t(n_), start);
    open_.resize(std::size_t(n_));
    for (Index j = 0; j < n_; j++) at(open_, j) = j;
    std::vector<Index> scanned;
    Index i = start, end = nobody;
    double shortest = 0;
    while (end == nobody) {
      const double* c = row(i);
      // Of the row's own column the reduced cost is the least there is.
      const double base =
          i == start ? 0 : shortest - (c[at(column_of_, i)] - at(price_, at(column_of_, i)));
      double least = infinity;
      std::size_t place = 0;
      for (std::size_t k = 0; k < open_.size(); k++) {
        const Index j = open_[k];
        const double d = base + (c[j] - at(price_, j));
        if (d < at(distance_, j)) at(distance_, j) = d, at(parent_, j) = i;
        // Of equals a free column: it ends the search.
        if (at(distance_, j) < least || (at(distance_, j) == least && at(row_of_, j) == nobody)) {
          least = at(distance_, j);
          place = k;
        }
      }
      const Index j = open_[place];
      open_[place] = open_.back();
      open_.pop_back();
      shortest = least;
      if (at(row_of_, j) == nobody) {
        end = j;
      } else {
        scanned.push_back(j);
        i = at(row_of_, j);
      }
    }
    for (const Index j : scanned) at(price_, j) += at(distance_, j) - shortest;
    for (Index j = end;;) {
      const Index i = at(parent_, j);
      at(row_of_, j) = i;
      std::swap(at(column_of_, i), j);
      if (i == start) break;
    }
  }

  std::span<const double> cost_;
  Index n_;
  std::vector<double> price_, distance_;
  std::vector<Index> row_of_, column_of_, parent_, open_;
};

void check_size(Index n, const char* where) {
  if (n > assignment_limit)
    throw Error(ErrorKind::usage, {"too many rows for an exact assignment", where,
                                   concat("at most ", assignment_limit), concat(n), "take fewer"});
}

}  // namespace

Assignment assign(std::span<const double> cost, Index n) {
  check_size(n, "assignment");
  if (n < 0 || cost.size() != std::size_t(n * n))
    throw Error(ErrorKind::usage,
                {"wrong costs", "assignment", concat(n, " x ", n), concat(cost.size(), " values")});
  for (std::size_t i = 0; i < cost.size(); i++)
    if (!std::isfinite(cost[i]))
      throw Error(ErrorKind::data, {concat("not a number in row ", i / std::size_t(n)),
                                    "costs of an assignment", "finite values", concat(cost[i])});
  Assignment a{Solver(cost, n).solve()};
  for (Index i = 0; i < n; i++) a.cost += cost[std::size_t(i * n + a.columns[std::size_t(i)])];
  return a;
}

double wasserstein(const Tensor& x, const Tensor& y, int power) {
  if (power != 1 && power != 2)
    throw Error(ErrorKind::usage,
                {"unknown power", "Wasserstein distance", "1 or 2", concat(power)});
  const std::vector<double> a = finite_rows(x, "Wasserstein distance, first set"),
                            b = finite_rows(y, "Wasserstein distance, second set");
  if (x.shape() != y.shape() || x.size(0) == 0)
    throw Error(ErrorKind::usage,
                {"wrong sets", "Wasserstein distance", "two of one shape [N, D] with rows",
                 concat(x.shape(), " and ", y.shape())});
  const Index n = x.size(0), d = x.size(1);
  check_size(n, "Wasserstein distance");
  std::vector<double> cost(static_cast<std::size_t>(n * n));
#pragma omp parallel for schedule(static)
  for (Index i = 0; i < n; i++)
    for (Index j = 0; j < n; j++) {
      double sum = 0;
      for (Index k = 0; k < d; k++) {
        const double e = a[std::size_t(i * d + k)] - b[std::size_t(j * d + k)];
        sum += e * e;
      }
      cost[std::size_t(i * n + j)] = power == 1 ? std::sqrt(sum) : sum;
    }
  const double mean = assign(cost, n).cost / double(n);
  return power == 1 ? mean : std::sqrt(mean);
}

}  // namespace imago::models
