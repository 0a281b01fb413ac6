#include "coordinator/assign.h"

#include <gtest/gtest.h>

#include <string>

namespace ballast {
namespace {

using Workers = std::map<MemberId, std::optional<RunId>>;

std::string text(const std::map<MemberId, RunId>& assigned) {
  std::string text;
  for (const auto& [worker, run] : assigned) {
    text += (text.empty() ? "" : " ") + std::to_string(index(worker)) + ":" +
            std::to_string(index(run));
  }
  return text;
}

TEST(AssignWorkersTest, SharesAreEvenAndWhoServesStays) {
  const RunId one{1};
  const RunId two{2};
  const RunId three{3};
  const struct {
    const char* name;
    Workers workers;
    std::vector<RunId> runs;
    const char* expected;
  } cases[] = {
      {"no run", {{MemberId{1}, one}}, {}, ""},
      {"no worker", {}, {one}, ""},
      {"all to the only one", {{MemberId{1}, {}}, {MemberId{2}, {}}}, {one}, "1:1 2:1"},
      {"the odd one to the first",
       {{MemberId{1}, {}}, {MemberId{2}, {}}, {MemberId{3}, {}}},
       {one, two},
       "1:1 2:1 3:2"},
      {"who serves stays", {{MemberId{1}, two}, {MemberId{2}, one}}, {one, two}, "1:2 2:1"},
      {"a run that is over lets go",
       {{MemberId{1}, one}, {MemberId{2}, two}},
       {two, three},
       "1:3 2:2"},
      {"a run that begins takes its share",
       {{MemberId{1}, one}, {MemberId{2}, one}, {MemberId{3}, one}, {MemberId{4}, one}},
       {one, two},
       "1:1 2:1 3:2 4:2"},
      {"more runs than workers: the first ones",
       {{MemberId{1}, {}}, {MemberId{2}, {}}},
       {one, two, three},
       "1:1 2:2"},
      {"... and then nobody moves", {{MemberId{1}, three}}, {one, two, three}, "1:3"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(text(assign_workers(c.workers, c.runs)), c.expected);
  }
}

}  // namespace
}  // namespace ballast
