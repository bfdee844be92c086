// What the parts of imago-bench share: the ceilings of the machine, measured on the spot, and how a
// benchmark reports against them. Not here: the benchmarks themselves.
#pragma once
#include <benchmark/benchmark.h>

#include <functional>
#include <string>

#include "engine/core/tensor.h"
#include "engine/io/safetensors.h"
#include "engine/nn/module.h"

namespace imago::bench {

// Rates of a device with the present number of threads, each measured when first asked for.
double copy_rate(
    Device, double bytes);  // bytes read and written a second, for a working set of about this size
double gemm_rate(Device);   // float32 flops a second of a large matrix product
double special_rate(Device);  // evaluations of exp a second, data in cache

// The least time the work can take on the device, in seconds: the slowest of memory, arithmetic and
// special functions.
struct Work {
  double bytes = 0, flops = 0, special = 0, normals = 0;
  double floor(Device) const;
};

// Runs step under the benchmark's loop and reports GB/s, GFLOP/s and `ceiling`, the share floor /
// measured. Returns seconds a step.
double measure(benchmark::State&, Device, const Work&, const std::function<void()>& step);

// The same of a training step, which returns its loss, beside its floor in seconds.
void measure_training(benchmark::State&, Device, double floor, const std::function<Tensor()>& step);
// What another program needs to take the same steps: data, batches (the rows of each, taken in
// turn), initial weights, and the losses of the 20 steps that are taken here.
void write_losses(const std::string& file, const Tensor& data, const std::vector<Tensor>& batches,
                  const std::vector<Parameter>& weights, const std::function<Tensor()>& step,
                  const io::Metadata& metadata);

void register_ops();    // every row of tests/op_cases with a bench shape; fused ops beside their
                        // composite
void register_steps();  // training steps: cases A, B and B'; Adam alone and its composite
void register_critic_steps();  // case D
void register_dcgan_steps();   // case C
void register_frechet();       // case E: covariance and trace
void register_measures();      // case E, what is measured of pairs
// write_losses of a case ("A") on cpu; seed of the noise and the loss in its metadata.
void dump_losses(const std::string& name, const std::string& file);
// The same of case D's critics; false for another name.
bool dump_critic_losses(const std::string& name, const std::string& file);
std::vector<std::string> critic_cases();
bool dump_dcgan_losses(const std::string& name, const std::string& file);  // of case C
bool dump_measures(const std::string& name, const std::string& file);      // features and figures
std::vector<std::string> measure_cases();
// Prints, for every benchmark of a JSON file written by --benchmark_out, the time now over the time
// then.
class Comparison : public benchmark::ConsoleReporter {
 public:
  explicit Comparison(const std::string& file);  // Error (data) when it cannot be read
  void ReportRuns(const std::vector<Run>&) override;
  void Finalize() override;

 private:
  struct Row {
    std::string name;
    double ratio;
  };
  std::vector<std::pair<std::string, double>> before_;
  std::vector<Row> rows_;
};

}  // namespace imago::bench
