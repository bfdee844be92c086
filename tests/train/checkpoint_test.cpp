// Checkpoints: what goes in comes out, equal bytes for equal contents, and what a broken one is
// told.
#include "engine/train/checkpoint.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "engine/io/safetensors.h"

namespace imago::training {
namespace {

Checkpoint example() {
  Checkpoint c;
  c.model = {{"encoder.0.weight", Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3})},
             {"n", Tensor::from(std::vector<std::int64_t>{7}, {1})}};
  c.optimizer = {{"main.encoder.0.weight.exp_avg", Tensor::zeros({2, 3})},
                 {"main.encoder.0.weight.ema", Tensor::full({2, 3}, 2)}};
  c.generator = {~0ull - 4, 1ull << 63};
  c.step = 17;
  c.epoch = 1;
  c.step_in_epoch = 3;
  c.terms = {"loss", "rate"};
  c.sums = {1.5, -2};
  c.counts = {3, 1};
  c.config = R"({"latent":2})";
  c.data = R"({"fingerprint":"00"})";
  return c;
}
struct CheckpointFile : testing::Test {
  std::string path = (std::filesystem::path(testing::TempDir()) /
                      ("imago-checkpoint-" + std::to_string(getpid()) + ".safetensors"))
                         .string();
  ~CheckpointFile() override { std::filesystem::remove(path); }
  std::string bytes() const {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string data_error() const {
    try {
      read_checkpoint(path);
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::data) << e.what();
      EXPECT_NE(std::string(e.what()).find(path), std::string::npos) << e.what();
      return e.what();
    }
    ADD_FAILURE() << "no error";
    return {};
  }
};

TEST_F(CheckpointFile, RoundTrips) {
  write_checkpoint(path, example());
  const std::string first = bytes();
  const Checkpoint c = read_checkpoint(path), e = example();
  ASSERT_EQ(c.model.size(), 2u);
  ASSERT_EQ(c.optimizer.size(), 2u);
  for (std::size_t i = 0; i < 2; i++)
    for (const auto& p : c.model)
      if (p.name == e.model[i].name) {
        EXPECT_EQ(p.value.values(), e.model[i].value.values());
      }
  EXPECT_EQ(c.generator, e.generator);
  EXPECT_EQ(c.step, 17);
  EXPECT_EQ(c.epoch, 1);
  EXPECT_EQ(c.step_in_epoch, 3);
  EXPECT_EQ(c.sums, e.sums);
  EXPECT_EQ(c.counts, e.counts);
  EXPECT_EQ(c.config, e.config);
  EXPECT_EQ(c.data, e.data);
  const auto average = averaged(c);
  ASSERT_EQ(average.size(), 1u);
  EXPECT_EQ(average[0].name, "encoder.0.weight");
  EXPECT_EQ(average[0].value.values(), std::vector<double>(6, 2));
  write_checkpoint(path, c);
  EXPECT_EQ(bytes(), first);
}

TEST_F(CheckpointFile, BrokenOnesSayWhatIsWrong) {
  EXPECT_NE(data_error(), "");  // missing
  io::write_safetensors(path, io::NamedTensors{{"w", Tensor::zeros({1})}});
  EXPECT_NE(data_error().find("imago.format"), std::string::npos);
  write_checkpoint(path, example());
  io::SafeTensors file = io::read_safetensors(path);
  const auto without = [&](const char* name) {
    io::NamedArrays left = file.tensors;
    left.erase(name);
    io::write_safetensors(path, left, file.metadata);
    return data_error();
  };
  EXPECT_NE(without("imago.counters").find("imago.counters"), std::string::npos);
  EXPECT_NE(without("imago.generator").find("imago.generator"), std::string::npos);
  file.metadata["imago.format"] = "99";
  io::write_safetensors(path, file.tensors, file.metadata);
  EXPECT_NE(data_error().find("99"), std::string::npos);
  write_checkpoint(path, example());
  const std::string whole = bytes();
  for (std::size_t n : {std::size_t(0), std::size_t(4), whole.size() / 2, whole.size() - 1}) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << whole.substr(0, n);
    EXPECT_NE(data_error(), "") << n;
  }
}

TEST_F(CheckpointFile, RefusesAParameterNamedLikeItsOwn) {
  Checkpoint c = example();
  c.model[0].name = "imago.step";
  EXPECT_THROW(write_checkpoint(path, c), Error);
}

}  // namespace
}  // namespace imago::training
