#include "common/runtime/pool.h"

#include <gtest/gtest.h>

#include <map>
#include <semaphore>
#include <utility>
#include <vector>

namespace ballast {
namespace {

struct Job {
  std::size_t lane = 0;
  int number = 0;
};
struct Outcome {
  Job job;
  std::thread::id by;
};

// Jobs of a lane are done by one thread, in their order; another lane does not wait for them.
TEST(Pool, LanesKeepTheirOrderAndDoNotWaitForEachOther) {
  constexpr int kJobs = 200;
  std::binary_semaphore held(0);
  std::counting_semaphore<> announced(0);
  const auto executor = [&](Job&& job) {
    if (job.lane == 0 && job.number == 0) held.acquire();
    return Outcome{job, std::this_thread::get_id()};
  };
  Pool<Job, Outcome> pool(
      {executor, executor}, [&] { announced.release(); }, [](const Job& job) { return job.lane; });
  for (int i = 0; i < kJobs; ++i) {
    for (const std::size_t lane : {0U, 1U, 2U}) pool.give({lane, i});  // 2 shares 0's thread.
  }
  std::map<std::size_t, std::vector<Outcome>> done;
  const auto wait_for = [&](std::size_t lane) {
    while (done[lane].size() < kJobs) {
      announced.acquire();
      for (const Outcome& outcome : pool.take()) done[outcome.job.lane].push_back(outcome);
    }
  };
  wait_for(1);
  EXPECT_TRUE(done[0].empty()) << "it is held";
  held.release();
  wait_for(0);
  wait_for(2);
  for (const auto& [lane, outcomes] : done) {
    for (int i = 0; i < kJobs; ++i) {
      EXPECT_EQ(outcomes[i].job.number, i) << "lane " << lane;
      EXPECT_EQ(outcomes[i].by, outcomes[0].by) << "lane " << lane;
    }
  }
  EXPECT_NE(done[0][0].by, done[1][0].by);
}

}  // namespace
}  // namespace ballast
