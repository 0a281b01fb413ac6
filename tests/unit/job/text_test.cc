#include "common/job/text.h"

#include <gtest/gtest.h>

#include <string_view>

namespace ballast {
namespace {

TEST(Text, KnowsUtf8) {
  struct Case {
    const char* name;
    std::string_view text;
    bool valid;
  };
  const Case cases[] = {
      {"empty", "", true},
      {"ASCII", "age", true},
      {"two, three and four bytes", "\xC3\xA9 \xE4\xB8\xAD \xF0\x9F\x98\x80", true},
      {"last character of all", "\xF4\x8F\xBF\xBF", true},
      {"beyond the last", "\xF4\x90\x80\x80", false},
      {"continuation alone", "\x80", false},
      {"cut short", "\xE4\xB8", false},
      {"overlong slash", "\xC0\xAF", false},
      {"overlong in three bytes", "\xE0\x80\xAF", false},
      {"surrogate", "\xED\xA0\x80", false},
      {"Latin-1", "caf\xE9", false},
      {"bad byte in the middle", "a\xFFz", false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(is_utf8(c.text), c.valid);
  }
}

TEST(Text, WritesBytesInHexadecimal) {
  const std::string bytes("\x00\xFFz", 3);
  EXPECT_EQ(hexadecimal(bytes), "00ff7a");
  std::string out = "before";
  EXPECT_TRUE(from_hexadecimal("00ff7a", out));
  EXPECT_EQ(out, bytes);
  EXPECT_TRUE(from_hexadecimal("", out));
  EXPECT_EQ(out, "");
  for (const char* wrong : {"0", "0g", "FF", "00 f"}) {
    EXPECT_FALSE(from_hexadecimal(wrong, out)) << wrong;
  }
}

TEST(Text, CountsEdits) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("batch", "batch"), 0U);
  EXPECT_EQ(edit_distance("", "batch"), 5U);
  EXPECT_EQ(edit_distance("batch", "bach"), 1U);
  EXPECT_EQ(edit_distance("batch", "btach"), 1U);  // Neighbours swapped count once.
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(Text, FindsTheNearestWord) {
  const std::string_view words[] = {"epochs", "steps", "batch", "leaves", "log_every"};
  EXPECT_EQ(nearest("epoch", words), "epochs");
  EXPECT_EQ(nearest("bathc", words), "batch");
  EXPECT_EQ(nearest("batch_size", words), "batch");
  EXPECT_EQ(nearest("every", words), "log_every");
  EXPECT_EQ(nearest("temperature", words), "");
  EXPECT_EQ(nearest("x", words), "");
  EXPECT_EQ(nearest("", words), "");
}

}  // namespace
}  // namespace ballast
