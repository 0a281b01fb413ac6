#include "common/http/range.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace ballast::http {
namespace {

TEST(Range, NamesAPartOfTheFileOrAllOfIt) {
  struct Case {
    const char* field;
    std::uint64_t file_bytes;
    std::string expected;  // "begin+bytes", "whole" or "beyond"
  };
  const Case cases[] = {
      {"bytes=0-9", 100, "0+10"},
      {"bytes=90-", 100, "90+10"},
      {"bytes=90-1000", 100, "90+10"},
      {"bytes=-10", 100, "90+10"},
      {"bytes=-1000", 100, "0+100"},
      {"bytes=99-99", 100, "99+1"},
      {"bytes=100-", 100, "beyond"},
      {"bytes=-0", 100, "beyond"},
      {"bytes=0-", 0, "beyond"},
      {"bytes=-5", 0, "beyond"},
      {"", 100, "whole"},
      {"bytes=9-3", 100, "whole"},
      {"bytes=0-1,4-5", 100, "whole"},
      {"bytes=-", 100, "whole"},
      {"bytes=a-b", 100, "whole"},
      {"lines=0-9", 100, "whole"},
      {"bytes=99999999999999999999-", 100, "whole"},
      {"bytes=0-18446744073709551615", 100, "0+100"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.field);
    const auto part = parse_range(c.field, c.file_bytes);
    std::string seen = std::holds_alternative<WholeFile>(part) ? "whole" : "beyond";
    if (const auto* const range = std::get_if<FileRange>(&part)) {
      seen = std::to_string(range->begin) + "+" + std::to_string(range->bytes);
    }
    EXPECT_EQ(seen, c.expected);
  }
}

}  // namespace
}  // namespace ballast::http
