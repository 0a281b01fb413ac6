#include "common/runtime/crew_executor.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace ballast {
namespace {

constexpr RunId kRun{3};

// Adds up at its site what its jobs say.
struct Adder {
  struct Job {
    int number = 0;
  };
  struct Outcome {
    int sum = 0;
  };
};
struct Sum {
  int sum = 0;
};
class AddingExecutor {
 public:
  explicit AddingExecutor(Sum& at) : at_(at) {}
  Adder::Outcome operator()(Adder::Job&& job) { return {at_.sum += job.number}; }

 private:
  Sum& at_;
};

class CrewExecutorTest : public testing::Test {
 protected:
  using Thread = CrewExecutor<Adder, AddingExecutor, Sum>;
  using Outcome = Crew<Adder>::Outcome;

  static Outcome add(Thread& thread, std::uint64_t life, int number) {
    return thread({kRun, life, Adder::Job{number}});
  }
  static int sum(const Outcome& outcome) { return std::get<Adder::Outcome>(outcome.result).sum; }
  static bool is_dropped(const Outcome& outcome) {
    return std::holds_alternative<RunClosed>(outcome.result);
  }

  std::vector<RunId> removed_;
  int made_ = 0;
  Sites<Sum> sites_{[this](RunId) {
                      ++made_;
                      return std::make_shared<Sum>();
                    },
                    [this](RunId run) { removed_.push_back(run); }};
  Thread one_{sites_};
  Thread two_{sites_};
};

TEST_F(CrewExecutorTest, ThreadsShareTheSiteOfALife) {
  EXPECT_EQ(sum(add(one_, 1, 1)), 1);
  EXPECT_EQ(sum(add(two_, 1, 2)), 3);
  EXPECT_EQ(sum(add(two_, 2, 5)), 5) << "another life begins anew";
  EXPECT_EQ(made_, 2);
}

TEST_F(CrewExecutorTest, RemovesWhatARunThatIsOverLeft) {
  add(one_, 1, 1);
  EXPECT_TRUE(is_dropped(one_({kRun, 1, CloseRun{.is_over = false}})));
  EXPECT_TRUE(removed_.empty());
  add(one_, 2, 1);
  one_({kRun, 2, CloseRun{.is_over = true}});
  EXPECT_EQ(removed_, (std::vector<RunId>{kRun}));
}

// Threads take jobs in order, and do not get to them in order.
TEST_F(CrewExecutorTest, DropsAJobThatIsOvertakenByTheEndOfItsRun) {
  add(one_, 1, 1);
  add(two_, 1, 1);
  two_({kRun, 1, CloseRun{}});
  EXPECT_TRUE(is_dropped(add(one_, 1, 1)));
  EXPECT_TRUE(is_dropped(add(two_, 1, 1)));
  EXPECT_EQ(made_, 1) << "no site comes of it that nothing was loaded into";
}

}  // namespace
}  // namespace ballast
