#include "common/runtime/agent.h"

#include <gtest/gtest.h>

#include "tests/unit/runtime/driven.h"

namespace ballast::agent_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr wire::ServedJob kFirst{JobId{1}, 1};
constexpr wire::ServedJob kSecond{JobId{2}, 1};

class AgentTest : public test::Driven<Agent> {
 protected:
  Agent& machine() override { return agent_; }

  After postings(std::uint64_t number, std::vector<wire::ServedJob> jobs, Term term = 1) {
    wire::Postings said{.number = number, .postings = {}};
    for (const wire::ServedJob& job : jobs) said.postings.push_back({job, "ipc://job"});
    return step(Received{wire::Message{kCoordinator, std::move(said), term}});
  }
  After ended(JobId job, int code) { return step(Done<AgentOutcome>{MemberEnded{job, code}}); }
  static std::vector<JobId> started(const After& effects) {
    std::vector<JobId> ids;
    for (const StartMember& start : jobs<StartMember>(effects)) ids.push_back(start.of.job);
    return ids;
  }
  static const wire::Offer* offer(const After& effects) {
    for (const Send& send : effects.sends) {
      if (const auto* const said = std::get_if<wire::Offer>(&send.body)) return said;
    }
    return nullptr;
  }

  using Ids = std::vector<JobId>;
  Agent agent_{{.version = "v", .host = "h", .service = "tcp://s", .give_up = seconds(60)}};
};

TEST_F(AgentTest, StartsAndEndsWhatTheServiceSays) {
  ASSERT_NE(offer(step(Tick{})), nullptr);
  EXPECT_EQ(started(postings(1, {kFirst})), Ids{JobId{1}});
  EXPECT_TRUE(started(postings(1, {kFirst})).empty());
  EXPECT_EQ(started(postings(2, {kFirst, kSecond})), Ids{JobId{2}});
  EXPECT_EQ(offer(later(seconds(1)))->serves.size(), 2U);
  const After moved = postings(3, {kSecond});
  ASSERT_EQ(jobs<EndMember>(moved).size(), 1U);
  EXPECT_EQ(jobs<EndMember>(moved)[0].job, JobId{1});
  const After gone = ended(JobId{1}, 0);
  ASSERT_NE(offer(gone), nullptr);
  EXPECT_EQ(offer(gone)->serves, std::vector{kSecond});
  ASSERT_EQ(jobs<TidyHomes>(gone).size(), 1U);
  EXPECT_EQ(jobs<TidyHomes>(gone)[0].keep, Ids{JobId{2}});
}

// A1
TEST_F(AgentTest, OlderPostingsAndOlderServicesCountNothing) {
  postings(5, {kFirst}, 2);
  EXPECT_TRUE(started(postings(4, {kSecond}, 2)).empty());
  EXPECT_TRUE(started(postings(9, {kSecond}, 1)).empty());
  EXPECT_EQ(started(postings(1, {kFirst, kSecond}, 3)), Ids{JobId{2}});
}

// A2
TEST_F(AgentTest, ANewLifeOfAJobWaitsForTheOldOne) {
  postings(1, {kFirst});
  const wire::ServedJob anew{JobId{1}, 2};
  const After asked = postings(2, {anew});
  EXPECT_EQ(jobs<EndMember>(asked).size(), 1U);
  EXPECT_TRUE(started(asked).empty());
  EXPECT_EQ(jobs<StartMember>(ended(JobId{1}, 0)).at(0).of, anew);
}

TEST_F(AgentTest, AMemberThatDiesIsStartedAgainWhileItIsWanted) {
  postings(1, {kFirst});
  EXPECT_TRUE(started(ended(JobId{1}, 137)).empty());
  EXPECT_TRUE(started(later(milliseconds(499))).empty());
  EXPECT_EQ(started(later(milliseconds(1))), Ids{JobId{1}});
  ended(JobId{1}, 137);
  EXPECT_TRUE(started(later(milliseconds(999))).empty());
  EXPECT_EQ(started(later(milliseconds(1))), Ids{JobId{1}});
  ended(JobId{1}, 137);
  postings(2, {});
  EXPECT_TRUE(started(later(seconds(20))).empty());
}

TEST_F(AgentTest, OneThatCannotServeIsNotStartedAgain) {
  postings(1, {kFirst});
  const After refused = ended(JobId{1}, 2);
  ASSERT_NE(offer(refused), nullptr);
  EXPECT_EQ(offer(refused)->ended, (std::vector<wire::EndedMember>{{kFirst, 2}}));
  EXPECT_TRUE(started(later(seconds(30))).empty());
  EXPECT_TRUE(started(postings(2, {kFirst})).empty());
  EXPECT_EQ(started(postings(3, {{JobId{1}, 2}})), Ids{JobId{1}});  // Another life, another try.
}

// A3
TEST_F(AgentTest, SilenceEndsNoMember) {
  postings(1, {kFirst});
  const After silent = later(seconds(1000));
  EXPECT_TRUE(silent.jobs.empty());
  EXPECT_FALSE(silent.exit);
  ASSERT_EQ(silent.notes.size(), 1U);
  EXPECT_NE(silent.notes[0].text.find("1000 s"), std::string::npos);
}

// A4
TEST_F(AgentTest, LeavingItWaitsForItsMembersAndKillsThoseThatDoNotGo) {
  postings(1, {kFirst});
  const After leaving = step(StopAsked{});
  ASSERT_EQ(jobs<EndMember>(leaving).size(), 1U);
  EXPECT_TRUE(offer(leaving)->leaving);
  EXPECT_FALSE(leaving.exit);
  EXPECT_TRUE(started(postings(2, {kFirst, kSecond})).empty());
  const After late = later(seconds(25));
  ASSERT_EQ(jobs<EndMember>(late).size(), 1U);
  EXPECT_EQ(jobs<EndMember>(late)[0].by, EndMemberBy::killing);
  const After gone = ended(JobId{1}, 137);
  ASSERT_TRUE(gone.exit);
  EXPECT_EQ(gone.exit->code, ExitCode::done);
  EXPECT_TRUE(offer(gone)->serves.empty());
}

TEST_F(AgentTest, LeavesAtOnceWithNothingToDo) {
  step(Tick{});
  EXPECT_TRUE(step(StopAsked{}).exit);
}

TEST_F(AgentTest, GivesUpOnAServiceThatWasNeverThere) {
  step(Tick{});
  EXPECT_FALSE(later(seconds(59)).exit);
  const After given_up = later(seconds(1));
  ASSERT_TRUE(given_up.exit);
  EXPECT_EQ(given_up.exit->code, ExitCode::user_error);
  EXPECT_NE(given_up.exit->reason.find("tcp://s for 60 s"), std::string::npos);
}

TEST_F(AgentTest, ACoordinatorOfOneJobIsNoService) {
  const After orders = receive(kCoordinator, wire::Orders{.number = 1, .runs = {}});
  ASSERT_TRUE(orders.exit);
  EXPECT_NE(orders.exit->reason.find("--coordinator"), std::string::npos);
  EXPECT_TRUE(receive(kCoordinator, wire::Refused{"no"}).exit);
}

}  // namespace
}  // namespace ballast::agent_test
