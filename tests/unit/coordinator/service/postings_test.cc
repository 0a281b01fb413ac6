#include "coordinator/service/postings.h"

#include <gtest/gtest.h>

#include <string>

namespace ballast::postings_test {
namespace {

constexpr JobId kA{1};
constexpr JobId kB{2};
constexpr JobId kC{3};

MemberId member(std::uint64_t number) { return MemberId{number}; }

// "1:1 2:1 3:2": which member serves which job.
std::string text(const std::map<MemberId, JobId>& posted) {
  std::string said;
  for (const auto& [who, job] : posted) {
    said +=
        (said.empty() ? "" : " ") + std::to_string(index(who)) + ":" + std::to_string(index(job));
  }
  return said;
}
std::string text(const std::map<MemberId, std::vector<JobId>>& posted) {
  std::string said;
  for (const auto& [who, jobs] : posted) {
    said += (said.empty() ? "" : " ") + std::to_string(index(who)) + ":";
    for (const JobId job : jobs) said += std::to_string(index(job));
  }
  return said;
}

struct WorkersCase {
  const char* name;
  std::map<MemberId, std::optional<JobId>> workers;
  std::vector<JobShare> jobs;
  Barred barred;
  const char* posted;
};

TEST(Postings, WorkersHaveOneJobEach) {
  const auto idle = std::nullopt;
  const WorkersCase cases[] = {
      {"nobody", {}, {{kA, 0, 0}}, {}, ""},
      {"no job", {{member(1), kA}}, {}, {}, ""},
      {"all to the only one", {{member(1), idle}, {member(2), idle}}, {{kA, 0, 0}}, {}, "1:1 2:1"},
      {"equal shares, the larger to the first",
       {{member(1), idle}, {member(2), idle}, {member(3), idle}},
       {{kB, 0, 0}, {kA, 0, 0}},
       {},
       "1:2 2:2 3:1"},
      {"who serves stays as far as the share goes",
       {{member(1), kA}, {member(2), kA}, {member(3), kA}, {member(4), idle}},
       {{kA, 0, 0}, {kB, 0, 0}},
       {},
       "1:1 2:1 3:2 4:2"},
      {"no more than it asks for",
       {{member(1), idle}, {member(2), idle}, {member(3), idle}, {member(4), idle}},
       {{kA, 1, 0}, {kB, 0, 0}},
       {},
       "1:1 2:2 3:2 4:2"},
      {"all have what they ask for, and one is idle",
       {{member(1), idle}, {member(2), idle}, {member(3), idle}},
       {{kA, 1, 0}, {kB, 1, 0}},
       {},
       "1:1 2:2"},
      {"fewer than jobs: the first ones",
       {{member(1), kC}},
       {{kA, 0, 0}, {kB, 0, 0}, {kC, 0, 0}},
       {},
       "1:1"},
      {"one that has ended is left",
       {{member(1), kC}, {member(2), kA}},
       {{kA, 0, 0}, {kB, 0, 0}},
       {},
       "1:2 2:1"},
      {"who refused a job has another",
       {{member(1), kA}, {member(2), idle}},
       {{kA, 0, 0}, {kB, 0, 0}},
       {{member(1), kA}},
       "1:2 2:1"},
  };
  for (const WorkersCase& example : cases) {
    EXPECT_EQ(text(post_workers(example.workers, example.jobs, example.barred)), example.posted)
        << example.name;
  }
}

TEST(Postings, AgainChangesNothing) {
  std::map<MemberId, std::optional<JobId>> workers;
  for (std::uint64_t i = 1; i <= 7; ++i) workers[member(i)] = std::nullopt;
  const std::vector<JobShare> jobs = {{kB, 0, 0}, {kA, 2, 0}, {kC, 0, 0}};
  const auto first = post_workers(workers, jobs, {});
  for (const auto& [who, job] : first) workers[who] = job;
  EXPECT_EQ(post_workers(workers, jobs, {}), first);
}

struct ServersCase {
  const char* name;
  std::map<MemberId, std::vector<JobId>> servers;
  std::vector<JobShare> jobs;
  Barred barred;
  const char* posted;
};

TEST(Postings, ServersServeMany) {
  const ServersCase cases[] = {
      {"nobody", {}, {{kA, 0, 0}}, {}, ""},
      {"all serve all",
       {{member(1), {}}, {member(2), {}}},
       {{kB, 0, 0}, {kA, 0, 0}},
       {},
       "1:12 2:12"},
      {"those with the fewest",
       {{member(1), {}}, {member(2), {}}, {member(3), {}}},
       {{kA, 0, 1}, {kB, 0, 1}, {kC, 0, 2}},
       {},
       "1:13 2:2 3:3"},
      {"who serves stays", {{member(1), {}}, {member(2), {kA}}}, {{kA, 0, 1}}, {}, "1: 2:1"},
      {"who refused does not",
       {{member(1), {}}, {member(2), {}}},
       {{kA, 0, 0}},
       {{member(1), kA}},
       "1: 2:1"},
  };
  for (const ServersCase& example : cases) {
    EXPECT_EQ(text(post_servers(example.servers, example.jobs, example.barred)), example.posted)
        << example.name;
  }
}

}  // namespace
}  // namespace ballast::postings_test
