// The classifier, the judge it becomes, and the figures of samples: by models whose samples are
// known.
#include "models/measures/judge.h"

#include <cmath>

#include "engine/data/generated.h"
#include "engine/io/file.h"
#include "engine/ops/ops.h"
#include "models/classifier.h"
#include "models/measures/frechet.h"
#include "models/measures/sample_figures.h"
#include "models/run.h"
#include "tests/errors.h"
#include "tests/io/files.h"

namespace imago::models {
namespace {
using test::expect_error;

TrainRequest classifier(const std::string& out, const std::string& data = "ring8",
                        const std::string& seed = "0") {
  return {"classifier",
          {{"data", data},
           {"device", "cpu"},
           {"features", "16"},
           {"steps", "150"},
           {"batch", "64"},
           {"lr", "0.01"},
           {"seed", seed}},
          out};
}

// Draws what it is told to: of choice k, the means of these modes in turn, moved aside.
class Known : public GenerativeTask {
 public:
  Known(std::vector<std::vector<Index>> modes, bool codes, double aside = 0)
      : GenerativeTask(0), modes_(std::move(modes)), codes_(codes), aside_(aside) {}
  nn::Module& model() override { return none_; }
  std::vector<training::Phase> phases() override { return {}; }
  bool draw(const data::DataSet&, const std::string&) override { return false; }
  std::string describe() const override { return {}; }
  bool generates() const override { return true; }
  Choices choices() const override { return {Index(modes_.size()), codes_}; }
  Picture sample(const SampleOptions& o) override {
    const data::Mixture m = data::mixture("ring8");
    std::vector<float> v;
    for (Index i = 0; i < o.n; i++) {
      const auto& of = modes_[std::size_t(o.label < 0 ? i % Index(modes_.size()) : o.label)];
      const auto k = std::size_t(of[std::size_t(i) % of.size()]);
      for (const std::size_t d : {0, 1}) v.push_back(float(m.means[2 * k + d] + aside_));
    }
    return {Tensor::from(v, {o.n, 2}), 0};
  }
  std::vector<std::string> metric_names() const override { return {"own"}; }
  training::Figures measure(const data::DataSet&, const data::Split&,
                            const MeasureOptions& o) override {
    checked_metrics(o.metrics, {}, {"own"});
    return {{"own", 1}};
  }

 private:
  nn::Sequential none_;
  std::vector<std::vector<Index>> modes_;
  bool codes_;
  double aside_;
};

TEST(Classifier, CrossEntropyByHand) {
  const Tensor logits = Tensor::from(std::vector<double>{0, std::log(3.), 5, 5}, {2, 2});
  const Tensor labels = Tensor::from(std::vector<std::int64_t>{1, 0}, {2});
  EXPECT_NEAR(cross_entropy(logits, labels).item(), (std::log(4. / 3) + std::log(2.)) / 2, 1e-12);
}

TEST(Classifier, LearnsAndCountsWhatItGetsRight) {
  const test::TemporaryFolder folder;
  const Outcome trained = train(classifier(folder / "run", "pinwheel"));
  EXPECT_GT(training::figure(trained.test, "accuracy"), 0.9);

  const models::Run run = models::Run::open(folder / "run", "cpu");
  const auto judge = Judge::open(folder / "run", "cpu");
  const data::Split& test = run.split("test");
  const auto found = judge->classify(test.x).to_vector<std::int64_t>(),
             truth = test.labels.to_vector<std::int64_t>();
  double right = 0;
  for (std::size_t i = 0; i < truth.size(); i++) right += found[i] == truth[i];
  EXPECT_DOUBLE_EQ(training::figure(trained.test, "accuracy"), right / double(truth.size()));
  EXPECT_EQ(judge->features(test.x).shape(), (Shape{test.size(), 16}));
  EXPECT_EQ(judge->classes(), 5);

  expect_error([&] { run.sample(); }, {"generates nothing", "evaluate"});
  expect_error([&] { run.reconstruct(1); }, {"reconstructs nothing", "evaluate"});
  expect_error([&] { run.interpolate(); }, {"no codes", "evaluate"});
  EvaluateOptions of_samples;
  of_samples.measure.metrics = {"fd"};
  expect_error([&] { run.evaluate(of_samples); }, {"loss, accuracy", "fd"});
}

TEST(Classifier, ImagesOfAnySize) {
  for (const Shape& shape : {Shape{28, 28, 1}, Shape{2, 2, 1}, Shape{1, 9, 3}, Shape{40, 6, 2}}) {
    Generator g{3};
    Classifier net({.data = {.sample_shape = shape, .classes = 4}, .width = 2, .features = 5},
                   nn::Init{g});
    const Tensor x = ops::rand(Shape{3, shape.numel()}, g);
    EXPECT_EQ(net.logits(x).shape(), (Shape{3, 4})) << shape;
    EXPECT_EQ(net.features(x).shape(), (Shape{3, 5})) << shape;
  }
}

TEST(Classifier, NeedsLabels) {
  const test::TemporaryFolder folder;
  expect_error([&] { train(classifier(folder / "run", "swiss-roll")); },
               {"no labels", "swiss-roll", "two classes or more"});
}

class Judged : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new test::TemporaryFolder;
    train(classifier(*folder_ / "run"));
    run_ = new models::Run(models::Run::open(*folder_ / "run", "cpu"));
    judge_ = Judge::open(*folder_ / "run", "cpu");
  }
  static void TearDownTestSuite() {
    judge_ = nullptr;
    delete run_;
    delete folder_;
  }
  static training::Figures figures(Known&& task, const MeasureOptions& o) {
    return all_figures(task, run_->data(), run_->split("test"), o);
  }
  static test::TemporaryFolder* folder_;
  static models::Run* run_;
  static std::shared_ptr<const Judge> judge_;
};
test::TemporaryFolder* Judged::folder_;
models::Run* Judged::run_;
std::shared_ptr<const Judge> Judged::judge_;

const std::vector<std::vector<Index>> in_order{{0}, {1}, {2}, {3}, {4}, {5}, {6}, {7}};

TEST_F(Judged, ItsWeightsHaveAFingerprint) {
  EXPECT_EQ(judge_->weights().size(), 16u);
  EXPECT_EQ(Judge::open(*folder_ / "run", "cpu")->weights(), judge_->weights());
  train(classifier(*folder_ / "other", "ring8", "1"));
  EXPECT_NE(Judge::open(*folder_ / "other", "cpu")->weights(), judge_->weights());
}

TEST_F(Judged, OnlyAClassifierOfSuchData) {
  train({"vae",
         {{"data", "four-patterns"}, {"device", "cpu"}, {"hidden", "8"}, {"steps", "1"}},
         *folder_ / "vae"});
  expect_error([&] { Judge::open(*folder_ / "vae", "cpu"); }, {"no classifier", "vae"});
  expect_error(
      [&] {
        judge_->check({.sample_shape = Shape{2, 2, 1}});
      },
      {"cannot look", concat(Shape{2, 2, 1})});
  expect_error(
      [&] {
        train({"vae",
               {{"data", "four-patterns"}, {"device", "cpu"}, {"judge", *folder_ / "run"}},
               *folder_ / "refused"});
      },
      {"cannot look"});
  EXPECT_FALSE(io::exists(*folder_ / "refused"));
}

TEST_F(Judged, DistanceIsThatOfItsFeatures) {
  const MeasureOptions o{.metrics = {"fd"}, .drawn = 1600, .judge = judge_};
  const Tensor real = judge_->features(run_->split("test").x);
  double before = 0;
  for (const double aside : {0., 0.3}) {
    Known task(in_order, false, aside);
    const Tensor fake = judge_->features(task.sample({.n = 1600}).x);
    const double fd = training::figure(figures(Known(in_order, false, aside), o), "fd");
    EXPECT_NEAR(fd, frechet_distance(real, fake).distance, 1e-9 * fd);
    EXPECT_GT(fd, before);
    before = fd;
  }
  // Of the first rows alone.
  MeasureOptions few = o;
  few.limit = 300;
  EXPECT_NEAR(training::figure(figures(Known(in_order, false), few), "fd"),
              frechet_distance(ops::slice(real, 0, 0, 300),
                               judge_->features(Known(in_order, false).sample({.n = 1600}).x))
                  .distance,
              1e-9);
}

TEST_F(Judged, LabelsObeyed) {
  auto modes = in_order;
  modes[3] = {3, 3, 4, 3};  // a quarter of one class is of another
  for (const auto& judge : {std::shared_ptr<const Judge>(), judge_}) {
    const MeasureOptions o{.metrics = {"label_accuracy"}, .drawn = 800, .judge = judge};
    EXPECT_DOUBLE_EQ(training::figure(figures(Known(in_order, false), o), "label_accuracy"), 1);
    EXPECT_DOUBLE_EQ(training::figure(figures(Known(modes, false), o), "label_accuracy"),
                     1 - 0.25 / 8);
  }
  expect_error(
      [&] {
        figures(Known({{0}, {1}}, false), {.metrics = {"label_accuracy"}});
      },
      {"labels are not those", "2 classes", "8"});
}

TEST_F(Judged, PurityIsOfCodes) {
  const MeasureOptions o{.metrics = {"purity"}, .drawn = 800};
  const auto purity = [&](const std::vector<std::vector<Index>>& modes) {
    return training::figure(figures(Known(modes, true), o), "purity");
  };
  EXPECT_DOUBLE_EQ(purity({{5}, {1}, {7}}), 1);  // whatever a code means
  EXPECT_DOUBLE_EQ(purity({{5}, {1, 2}}), 0.75);
  EXPECT_DOUBLE_EQ(purity({{0, 1, 1, 1}, {2, 3, 4, 5}}), 0.5);
}

TEST_F(Judged, WhatIsThereIsReported) {
  const auto names = [&](bool codes, const MeasureOptions& o) {
    std::string text;
    for (const auto& [name, value] : figures(Known(in_order, codes), o)) text += name + " ";
    return text;
  };
  EXPECT_EQ(names(false, {.drawn = 80}), "own label_accuracy ");
  EXPECT_EQ(names(true, {.drawn = 80, .judge = judge_}), "own fd purity ");
  EXPECT_EQ(names(false, {.metrics = {"own"}, .drawn = 80, .judge = judge_}), "own ");
  expect_error([&] { names(false, {.metrics = {"fd"}}); },
               {"needs a network", "--judge", "--weights"});
  expect_error([&] { names(false, {.metrics = {"purity"}}); },
               {"own, fd, kid", "sliced, label_accuracy"});
}

}  // namespace
}  // namespace imago::models
