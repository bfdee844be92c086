#include "models/measures/statistics.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "engine/io/file.h"
#include "engine/io/fingerprint.h"
#include "engine/io/npy.h"
#include "engine/ops/linalg.h"
#include "engine/ops/ops.h"

namespace imago::models {

namespace {

constexpr const char* how = "write mu [d] and sigma [d, d] with numpy.savez";

// The array of that name, as float64 of the given rank.
Tensor array(const io::NamedArrays& arrays, const std::string& path, const char* key, int rank) {
  const auto found = arrays.find(key);
  if (found == arrays.end()) {
    std::string names;
    for (const auto& [name, value] : arrays) names += (names.empty() ? "" : ", ") + name;
    io::fail(path, {concat("no ", key, " in a file of statistics"), "mu and sigma",
                    names.empty() ? "nothing" : names, how});
  }
  const io::HostArray& a = found->second;
  if (a.shape.rank() != rank || a.shape.numel() == 0 || !is_floating(a.dtype))
    io::fail(path, {concat("wrong ", key, " in a file of statistics"),
                    concat(rank, rank == 1 ? " dimension" : " dimensions", ", floating"),
                    concat(a.shape, ", ", a.dtype), how});
  const Tensor t = ops::cast(io::to_tensor(a), DType::f64);
  const double* v = t.data<double>();
  const double* bad = std::find_if(v, v + t.numel(), [](double x) { return !std::isfinite(x); });
  if (bad != v + t.numel())
    io::fail(path,
             {concat("not a number in row ", (bad - v) / (rank == 1 ? 1 : t.size(1)), " of ", key),
              "finite values", concat(*bad)});
  return t;
}

void check_covariance(const Tensor& sigma, const std::string& path) {
  const Index d = sigma.size(0);
  const double* v = sigma.data<double>();
  double most = 0;
  for (Index i = 0; i < d; i++) {
    if (v[i * (d + 1)] < 0)
      io::fail(path, {concat("a negative variance in row ", i, " of sigma"), "at least 0",
                      concat(v[i * (d + 1)])});
    most = std::max(most, v[i * (d + 1)]);
  }
  for (Index i = 0; i < d; i++)
    for (Index j = 0; j < i; j++)
      if (std::fabs(v[i * d + j] - v[j * d + i]) > 1e-6 * most)
        io::fail(path, {concat("sigma is not symmetric in row ", i), concat(v[j * d + i]),
                        concat(v[i * d + j]), "is it a covariance?"});
  // The factor of a semi-definite matrix has all of its trace but rounding (of float32, in files).
  double traces = 0, found = 0;
  for (Index i = 0; i < d; i++) traces += v[i * (d + 1)];
  for (const double l : linalg::pivoted_cholesky(sigma).l.values()) found += l * l;
  if (!(std::fabs(found - traces) <= 1e-2 * traces))
    io::fail(path,
             {"sigma has negative eigenvalues", "none below 0",
              concat("a trace of ", traces, " and a factor of ", found), "is it a covariance?"});
}

// One process at a time; where the file system knows no locks, whoever comes first.
class FolderLock {
 public:
  explicit FolderLock(const std::string& folder)
      : file_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (file_ >= 0) ::flock(file_, LOCK_EX);
  }
  ~FolderLock() {
    if (file_ >= 0) ::close(file_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int file_;
};

}  // namespace

Moments read_statistics(const std::string& path) {
  const NoGrad no_grad;
  const io::NamedArrays arrays = io::read_npz(path);
  Moments m;
  m.mean = array(arrays, path, "mu", 1);
  m.covariance = array(arrays, path, "sigma", 2);
  const Index d = m.mean.size(0);
  if (m.covariance.shape() != Shape{d, d})
    io::fail(path, {"mu and sigma do not go together", concat("sigma of ", Shape{d, d}),
                    concat(m.covariance.shape()), how});
  check_covariance(m.covariance, path);
  if (arrays.count("n")) {
    const io::HostArray& n = arrays.at("n");
    if (n.dtype != DType::i64 || n.shape.numel() != 1 || n.values<std::int64_t>()[0] < 2)
      io::fail(path, {"wrong n in a file of statistics", "an integer of at least 2",
                      concat(n.shape, ", ", n.dtype)});
    m.count = n.values<std::int64_t>()[0];
  }
  if (arrays.count("rows")) {
    m.rows = array(arrays, path, "rows", 2);
    if (m.rows.shape() != Shape{m.count, d})
      io::fail(path, {"mu and rows do not go together", concat("rows of ", Shape{m.count, d}),
                      concat(m.rows.shape())});
  }
  return m;
}

void write_statistics(const std::string& path, const Moments& m) {
  io::NamedArrays arrays{{"mu", io::to_host(m.mean)}, {"sigma", io::to_host(m.covariance)}};
  if (m.count) arrays["n"] = io::host_array(std::vector<std::int64_t>{m.count}, {});
  if (m.count && m.rows.defined()) arrays["rows"] = io::to_host(m.rows);
  io::write_npz(path, arrays, false);  // noise does not deflate
}

std::string StatisticsCache::key(const std::vector<std::string>& parts) {
  io::Fingerprint print;
  for (const std::string& p : parts) print.add(p.data(), p.size());
  return print.str();
}
std::string StatisticsCache::path(const std::string& key) const {
  return directory_ + "/" + key + ".npz";
}
std::optional<Moments> StatisticsCache::find(const std::string& key) const {
  if (!io::exists(path(key))) return {};
  return read_statistics(path(key));
}
void StatisticsCache::prepare() const {
  std::error_code error;
  std::filesystem::create_directories(directory_, error);
  if (error)
    throw Error(ErrorKind::internal,
                {"cannot make the folder of cached statistics", directory_,
                 "a folder that can be written", error.message(), "give another with --cache"});
  const FolderLock lock(directory_);
  const io::AtomicFile probe(path("probe"));  // not committed: nothing remains
}
void StatisticsCache::store(const std::string& key, const Moments& m) const {
  prepare();
  const FolderLock lock(directory_);
  write_statistics(path(key), m);
}

}  // namespace imago::models
