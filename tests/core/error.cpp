// What an error's text may hold.
#include "engine/core/error.h"

#include <gtest/gtest.h>

namespace imago {
namespace {

std::string text(const std::string& what) { return Error(ErrorKind::data, {what}).what(); }

TEST(Error, NoControlCharacterReachesTheTerminal) {
  EXPECT_EQ(text("a\nb\x1b[31mc\x7f"), "a b [31mc ");
  // U+009b is what ESC [ is; as UTF-8, from the first to the last of its kind.
  EXPECT_EQ(text("a\xc2\x9b"
                 "31mb\xc2\x80\xc2\x9f"),
            "a  31mb    ");
}
TEST(Error, OtherCharactersStay) {
  // No-break space, an e with an accent, one whose second byte is 9b, and a character cut short.
  const std::string kept = "\xc2\xa0 \xc3\xa9 \xc3\x9b \xe2\x80\x93 \xc2";
  EXPECT_EQ(text(kept), kept);
}

}  // namespace
}  // namespace imago
