// What the parts of `imago evaluate` share: its options, and how figures are printed. Not here: how
// they are measured.
#pragma once
#include <chrono>
#include <nlohmann/json.hpp>

#include "models/generative_task.h"
#include "models/measures/feature_network.h"
#include "tools/imago/program.h"
#include "tools/imago/terminal.h"

namespace imago::tool {

struct EvaluateCommand {
  RunOptions run;
  std::vector<std::string> metrics;  // as they were asked for
  std::string data, resize, split = "test", judge, features, reference, weights, cache,
                            pipeline = "torch-fidelity", frechet = "imago";
  std::int64_t seed = 0, samples = 1000, chains = 16, temperatures = 1000, drawn = 10000, limit = 0,
               count = 2048, subset = 1000, splits = 10;
  bool bias = false, json = false;
  models::FeatureOptions of_features() const { return {frechet, subset, splits}; }
};

// Names for what the library calls otherwise: fid is fd, prdc is four figures.
std::vector<std::string> plain_metrics(const std::vector<std::string>& asked);
bool asks(const EvaluateCommand& o, const std::string& metric);
// modes and prdc are objects of their own, and fd is called as it was asked for.
nlohmann::ordered_json json_of(const EvaluateCommand& o, const training::Figures& figures);

// That of --weights, else that of --judge, else the recipe's for --data; null without any.
std::shared_ptr<const models::FeatureNetwork> network_of(const EvaluateCommand& o);
// What features are of.
void add_network(nlohmann::ordered_json& object, const models::FeatureNetwork& network);
std::string network_line(const models::FeatureNetwork& network);

// What is said of figures besides, in order: near_ties 0.
using Notes = std::vector<std::pair<std::string, std::string>>;
// What figures depend on besides: ddof and how fd was taken, the subsets of kid, the splits of is;
// and notes.
void add_details(nlohmann::ordered_json& object, const EvaluateCommand& o,
                 const training::Figures& figures, const Notes& notes);
std::string details(const EvaluateCommand& o, const training::Figures& figures,
                    const std::string& method, const Notes& notes);

// The progress of what is measured, with the time left, where a terminal shows it.
class Progress {
 public:
  Progress() : status_(true) {}
  std::function<void(double)> hook();
  void clear() { status_.clear(); }

 private:
  StatusLine status_;
  double share_ = 2;
  std::chrono::steady_clock::time_point begin_;
};

// Of images or features that no run of ours made. Returns the exit status.
bool is_of_samples_alone(const EvaluateCommand& o);
int evaluate_samples(const EvaluateCommand& o);

}  // namespace imago::tool
