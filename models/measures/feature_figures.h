// What two sets of features say of the samples they are of: Frechet distance, KID, precision and
// its kin, and of one set's logits the inception score. Not here: each of these measures, and the
// networks.
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "engine/data/data_set.h"
#include "engine/train/metrics.h"
#include "models/measures/feature_network.h"
#include "models/measures/feature_options.h"
#include "models/measures/moments.h"
#include "models/measures/watch.h"

namespace imago::models {

//   fd       Frechet distance                       kid, kid_std  kernel distance, over subsets
//   is, is_std  inception score, over 10 splits; of the generated samples alone
//   precision, recall, density, coverage  of nearest neighbours, k = 5, as prdc has them
//   mmd      squared maximum mean discrepancy: Gaussian kernels of 1/4 to 4 times the median
//   sinkhorn  Wasserstein-1 with entropy          sliced  Wasserstein-1 along directions
const std::vector<std::string>& feature_metrics();  // fd, kid, is, precision, ...
bool is_feature_metric(const std::string& name);
// Of a split at least, to compare with; kid's subsets being of their usual size.
Index rows_needed(const std::string& metric);

// What of a set the metrics need.
struct Wanted {
  bool moments = false, rows = false, logits = false;
  MomentOptions of_moments = {};
};
Wanted wanted_of_samples(const std::vector<std::string>& metrics, const FeatureOptions& = {});
Wanted wanted_of_reference(const std::vector<std::string>& metrics, const FeatureOptions& = {});

struct FeatureSet {
  std::string where;  // for errors
  Index count = 0;    // 0: not known
  Moments moments;
  Tensor rows, logits;  // [n, d], [n, classes]; undefined where they are not wanted or not known
  Device device = {};   // where they were made, or are to be measured
};
Index feature_count(const FeatureSet&);  // 0: of neither moments nor rows
// Of rows(first, last) for [0, n), batch by batch; nothing where stopped. Error (data) naming the
// first row that is not finite, and for fewer than two.
std::optional<FeatureSet> look_at(const FeatureNetwork& network, const DataInfo& info, Index n,
                                  const std::function<Tensor(Index first, Index last)>& rows,
                                  const Wanted& wanted, const std::string& where,
                                  const Watch& watch = {});
// Of the first n rows of a split. With a cache, a folder, moments are read from there where they
// are kept by the content of all that they depend on, and else kept; rows are never.
std::optional<FeatureSet> cached_features(const FeatureNetwork& network, const data::DataSet& data,
                                          const data::Split& split, Index n, std::uint64_t seed,
                                          const Wanted& wanted, const std::string& cache,
                                          const Watch& watch = {});
// Of a file: .npy of features [n, d], .npz of one such array, or of mu and sigma as pytorch-fid
// writes them. Error (data).
FeatureSet read_features(const std::string& path, const Wanted& wanted);

struct FeatureFigures {
  training::Figures figures;
  std::string method;  // of the Frechet distance
  // What else there is to say of a figure: near_ties of precision and its kin, which other programs
  // may decide otherwise; sliced_error, a standard error; sinkhorn's error of the marginals.
  std::vector<std::pair<std::string, std::string>> notes;
};
// The metrics asked for, in the order above; the Frechet distance on the device of the samples.
// Nothing where stopped. Error (data) where the numbers of features differ, Error (usage) where a
// metric needs what a set has not.
std::optional<FeatureFigures> feature_figures(const std::vector<std::string>& metrics,
                                              const FeatureSet& samples,
                                              const FeatureSet& reference,
                                              const FeatureOptions& options = {},
                                              const Watch& watch = {});

}  // namespace imago::models
