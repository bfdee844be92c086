// The reader of PyTorch's files against files that PyTorch wrote (make_golden_pth.py).
#include "engine/io/pth.h"

#include "engine/io/safetensors.h"
#include "tests/io/files.h"

namespace imago::test {
namespace {

void expect_state(const std::string& file) {
  const auto want = io::read_safetensors(IMAGO_GOLDEN "/state.safetensors").tensors;
  const io::NamedArrays got = io::read_pth(IMAGO_GOLDEN "/" + file);
  EXPECT_EQ(want.size(), got.size());
  ASSERT_EQ(want.size(), 21u);
  for (const auto& [name, a] : want) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(got.count(name));
    expect_equal(got.at(name), a);
  }
}
TEST(GoldenPth, ZipArchive) { expect_state("state_zip.pth"); }
TEST(GoldenPth, OlderForm) { expect_state("state_legacy.pth"); }

}  // namespace
}  // namespace imago::test
