#include "worker/data/records.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace ballast {
namespace {

// The naive twin: walks every character and keeps track of quotes and comments.
std::vector<std::size_t> record_starts(const std::string& text, const RecordSyntax& syntax) {
  std::vector<std::size_t> starts;
  std::size_t at = 0;
  while (at < text.size()) {
    starts.push_back(at);
    const bool comment =
        !syntax.comment.empty() && std::string_view(text).substr(at).starts_with(syntax.comment);
    bool quoted = false;
    bool cell_begins = true;
    for (; at < text.size(); ++at) {
      const char c = text[at];
      if (quoted) {
        if (c == '"' && at + 1 < text.size() && text[at + 1] == '"') {
          ++at;
        } else if (c == '"') {
          quoted = false;
        }
        continue;
      }
      if (c == '\n') break;
      if (c == '"' && cell_begins && syntax.quotes && !comment) {
        quoted = true;
        cell_begins = false;
      } else if (c == syntax.delimiter) {
        cell_begins = true;
      } else if (c != ' ') {
        cell_begins = false;
      }
    }
    ++at;
  }
  return starts;
}

TEST(SplitRecords, CutsOnlyWhereARecordBegins) {
  struct Case {
    const char* name;
    std::string text;
    RecordSyntax syntax;
  };
  const RecordSyntax csv{.quotes = true, .delimiter = ','};
  const RecordSyntax commented{.quotes = true, .delimiter = ',', .comment = "#"};
  const Case cases[] = {
      {"plain lines", "1,2\n3,4\n5,6\n", csv},
      {"no newline at the end", "1,2\n3,4", csv},
      {"empty lines", "\n\n1,2\n\n", csv},
      {"newlines in quotes", "1,\"a\nb\nc\"\n2,\"\n\n\"\n3,x\n", csv},
      {"doubled quotes", "1,\"a\"\"\n\"\"b\"\n2,\"\"\"\n\"\n3,x\n", csv},
      {"stray quotes", "1,5\" pipe\n2,say \"hi\"\n3,x\"\n", csv},
      {"spaces before quotes", "1,  \"a\nb\"\n2,x \"\n3,y\n", csv},
      {"quote begins the text", "\"a\nb\",1\n\"c\",2\n", csv},
      {"quote closes at the end", "1,\"a\nb\"", csv},
      {"never closed", "1,\"a\nb\n2,c\n", csv},
      {"CRLF", "1,\"a\r\nb\"\r\n2,c\r\n", csv},
      {"comments with quotes", "# \"a\n1,2\n#,\"b\n3,\"c\n#d\"\n# e\n4,5\n", commented},
      {"a comment's prefix is a quote", "\" x\n1,\"\n2\"\n", {.quotes = true, .comment = "\""}},
      {"a comment's prefix holds a quote",
       "#\",\"\n1,2\n#,\"\n\"\n3,4\n",
       {.quotes = true, .comment = "#\""}},
      {"a hash within a record", "1,\"x\n# y\",\"\n\"\n2,3\n", commented},
      {"tabs and quotes mean nothing", "\"a\n\"b\n", {.quotes = false, .delimiter = '\t'}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const std::vector<std::size_t> starts = record_starts(c.text, c.syntax);
    for (std::size_t chunk_bytes = 1; chunk_bytes <= c.text.size() + 1; ++chunk_bytes) {
      SCOPED_TRACE(chunk_bytes);
      const std::vector<Chunk> chunks = split_records(c.text, 0, c.syntax, chunk_bytes);
      std::size_t at = 0;
      for (const Chunk& chunk : chunks) {
        EXPECT_EQ(chunk.begin, at);
        EXPECT_LT(chunk.begin, chunk.end);
        EXPECT_NE(std::find(starts.begin(), starts.end(), chunk.begin), starts.end())
            << "cut at " << chunk.begin;
        at = chunk.end;
      }
      EXPECT_EQ(at, c.text.size());
      if (chunk_bytes == 1) {
        EXPECT_EQ(chunks.size(), starts.size());
      }
    }
  }
}

// Every text that a few bytes can make, so that no combination is left to imagination.
TEST(SplitRecords, CutsEveryShortTextAsItsTwinDoes) {
  constexpr std::string_view kBytes = ",\"\n #a";
  constexpr std::size_t kLongest = 6;
  const RecordSyntax syntaxes[] = {{.quotes = true},
                                   {.quotes = true, .comment = "#"},
                                   {.quotes = true, .comment = "\""},
                                   {.quotes = true, .comment = "#\""},
                                   {.quotes = true, .delimiter = ' ', .comment = "#"}};
  for (std::size_t size = 1; size <= kLongest; ++size) {
    std::size_t texts = 1;
    for (std::size_t i = 0; i < size; ++i) texts *= kBytes.size();
    for (std::size_t number = 0; number < texts; ++number) {
      std::string text;
      for (std::size_t rest = number; text.size() < size; rest /= kBytes.size()) {
        text += kBytes[rest % kBytes.size()];
      }
      for (const RecordSyntax& syntax : syntaxes) {
        std::vector<std::size_t> begins;
        for (const Chunk& chunk : split_records(text, 0, syntax, 1)) begins.push_back(chunk.begin);
        ASSERT_EQ(begins, record_starts(text, syntax))
            << testing::PrintToString(text) << ", delimiter " << syntax.delimiter << ", comment "
            << syntax.comment;
      }
    }
  }
}

TEST(SplitRecords, StartsBehindAHeader) {
  const std::string text = "x,y\n1,2\n3,4\n";
  const std::vector<Chunk> chunks = split_records(text, 4, {.quotes = true}, 1);
  ASSERT_EQ(chunks.size(), 2U);
  EXPECT_EQ(chunks[0].begin, 4U);
  EXPECT_EQ(chunks[1].begin, 8U);
}

}  // namespace
}  // namespace ballast
