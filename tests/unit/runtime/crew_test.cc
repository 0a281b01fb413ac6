#include "common/runtime/crew.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace ballast {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr RunId kOne{1};
constexpr RunId kTwo{2};
constexpr MemberId kPeer{7};

// Does what a message to it says, and keeps what it was given.
class Puppet {
 public:
  struct Job {
    int number = 0;
  };
  struct Outcome {
    int number = 0;
  };
  struct Seen {
    std::vector<std::string> inputs;
    std::vector<int> outcomes;
  };

  explicit Puppet(std::shared_ptr<Seen> seen) : seen_(std::move(seen)) {}

  [[nodiscard]] std::optional<Step> at_step() const { return Step{7}; }

  void step(Time now, Input<Outcome> input, Effects<Job>& effects) {
    effects.term = 5;
    effects.wake_at = now + seconds(3);
    std::visit(
        Overloaded{
            [&](const Received& received) { on_message(received.message, effects); },
            [&](const Disconnected&) { seen_->inputs.emplace_back("disconnected"); },
            [&](const Tick&) { seen_->inputs.emplace_back("tick"); },
            [&](const StopAsked&) { seen_->inputs.emplace_back("stop"); },
            [&](const Done<Outcome>& done) { seen_->outcomes.push_back(done.outcome.number); },
        },
        input);
  }

 private:
  void on_message(const wire::Message& message, Effects<Job>& effects) {
    seen_->inputs.emplace_back(wire::name_of(message.body));
    if (std::holds_alternative<wire::Plan>(message.body)) {
      effects.connections.push_back({kPeer, "there"});
    }
    if (std::holds_alternative<wire::Stale>(message.body)) effects.disconnections.push_back(kPeer);
    if (std::holds_alternative<wire::Rejoin>(message.body)) effects.send(kPeer, wire::Ready{});
    if (std::holds_alternative<wire::Evaluate>(message.body)) effects.jobs.push_back({42});
    if (std::holds_alternative<wire::Released>(message.body)) {
      effects.exit = Exit{ExitCode::done, "released"};
    }
    if (std::holds_alternative<wire::Finish>(message.body)) {
      effects.send(kPeer, wire::Ready{});
      effects.exit = Exit{ExitCode::done, "finished"};
    }
    if (const auto* const refused = std::get_if<wire::Refused>(&message.body)) {
      effects.exit = Exit{ExitCode::user_error, refused->reason, true};
    }
  }

  const std::shared_ptr<Seen> seen_;
};

class CrewTest : public testing::Test {
 protected:
  using After = Effects<Crew<Puppet>::Job>;

  CrewTest()
      : crew_({.enlist = {.role = wire::Role::worker, .version = "v", .host = "h", .runs = {}},
               .coordinator = "tcp://there",
               .give_up = seconds(60)},
              [this](RunId run, std::uint64_t life) {
                lives_.push_back(life);
                seen_[run] = std::make_shared<Puppet::Seen>();
                return std::make_unique<Puppet>(seen_[run]);
              }) {}

  After step(Input<Crew<Puppet>::Outcome> input) {
    After effects;
    crew_.step(now_, std::move(input), effects);
    return effects;
  }
  After receive(RunId run, wire::Body body, Term term = 1, MemberId from = kCoordinator) {
    return step(Received{wire::Message{from, std::move(body), term, run}});
  }
  After orders(std::uint64_t number, std::vector<RunId> runs, Term term = 1) {
    return receive(kFleet, wire::Orders{.number = number, .runs = std::move(runs)}, term);
  }
  After later(Duration time) {
    now_ += time;
    return step(Tick{});
  }
  // What the crew says that it serves, if it says so; the runs as text.
  static std::string enlisted(const After& effects) {
    std::string text;
    for (const Send& send : effects.sends) {
      const auto* const enlist = std::get_if<wire::Enlist>(&send.body);
      if (enlist == nullptr) continue;
      text += enlist->leaving ? "leaving:" : "serves:";
      for (const RunId run : enlist->runs) text += " " + std::to_string(index(run));
    }
    return text;
  }

  std::map<RunId, std::shared_ptr<Puppet::Seen>> seen_;
  std::vector<std::uint64_t> lives_;
  Time now_ = Time{} + seconds(100);
  Crew<Puppet> crew_;
};

// W1
TEST_F(CrewTest, SaysWhatItServesAgainAndAgain) {
  EXPECT_EQ(enlisted(step(Tick{})), "serves:");
  EXPECT_EQ(enlisted(later(milliseconds(100))), "");
  EXPECT_EQ(enlisted(later(milliseconds(500))), "serves:");
  EXPECT_EQ(enlisted(orders(1, {kOne, kTwo})), "serves: 1 2") << "at once, since it changed";
  EXPECT_EQ(enlisted(later(milliseconds(500))), "");
  EXPECT_EQ(enlisted(later(milliseconds(500))), "serves: 1 2");
  EXPECT_EQ(enlisted(step(Disconnected{kCoordinator})), "serves: 1 2");
}

TEST_F(CrewTest, GivesMessagesToTheMachineOfTheirRun) {
  orders(1, {kOne, kTwo});
  receive(kTwo, wire::Ready{});
  receive(RunId{3}, wire::Ready{});
  EXPECT_EQ(seen_[kOne]->inputs, (std::vector<std::string>{"tick"}));
  EXPECT_EQ(seen_[kTwo]->inputs, (std::vector<std::string>{"tick", "Ready"}));

  const After after = receive(kTwo, wire::Rejoin{});
  ASSERT_EQ(after.sends.size(), 1U);
  EXPECT_EQ(after.sends[0].run, kTwo);
  EXPECT_EQ(after.sends[0].term, 5U) << "the run's, not the fleet's";
}

// W2
TEST_F(CrewTest, FollowsTheNewestOrdersOfTheNewestCoordinator) {
  orders(5, {kOne});
  orders(4, {kTwo});
  EXPECT_EQ(crew_.runs(), (std::vector<RunId>{kOne})) << "late";
  orders(2, {kOne, kTwo}, 3);
  EXPECT_EQ(crew_.runs(), (std::vector<RunId>{kOne, kTwo})) << "a later coordinator counts anew";
  EXPECT_FALSE(
      receive(kFleet, wire::Orders{.number = 9, .runs = {}, .over = wire::Finish{}}, 1).exit)
      << "an older self";
  EXPECT_EQ(crew_.runs().size(), 2U);
  EXPECT_FALSE(
      receive(kFleet, wire::Orders{.number = 9, .runs = {}, .over = wire::Finish{}}, 3, kPeer).exit)
      << "anybody";
}

// W3
TEST_F(CrewTest, TakesUpARunAgainOnlyByNewerOrders) {
  orders(1, {kOne});
  const After left = receive(kOne, wire::Released{});
  EXPECT_EQ(enlisted(left), "serves:");
  ASSERT_EQ(left.jobs.size(), 1U);
  EXPECT_TRUE(std::get<CloseRun>(left.jobs[0].work).is_over);
  orders(1, {kOne});
  EXPECT_TRUE(crew_.runs().empty());
  orders(2, {kOne});
  EXPECT_EQ(crew_.runs().size(), 1U);
  EXPECT_EQ(lives_, (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(CrewTest, DropsWhatAnEarlierLifeAskedFor) {
  orders(1, {kOne});
  const After asked = receive(kOne, wire::Evaluate{});
  ASSERT_EQ(asked.jobs.size(), 1U);
  receive(kOne, wire::Released{});
  orders(2, {kOne});
  step(Done<Crew<Puppet>::Outcome>{{kOne, asked.jobs[0].life, Puppet::Outcome{1}}});
  EXPECT_TRUE(seen_[kOne]->outcomes.empty());
  step(Done<Crew<Puppet>::Outcome>{{kOne, 2, Puppet::Outcome{2}}});
  EXPECT_EQ(seen_[kOne]->outcomes, (std::vector<int>{2}));
}

TEST_F(CrewTest, AsksARunThatIsNotOrderedAnyMoreToStopOnce) {
  orders(1, {kOne});
  orders(2, {kTwo});
  orders(3, {kTwo});
  EXPECT_EQ(seen_[kOne]->inputs, (std::vector<std::string>{"tick", "stop"}));
  EXPECT_EQ(crew_.runs().size(), 2U) << "it drains";
  receive(kOne, wire::Released{});
  EXPECT_EQ(crew_.runs(), (std::vector<RunId>{kTwo}));
}

TEST_F(CrewTest, ARunThatItLeavesIsNotOver) {
  orders(1, {kOne, kTwo});
  orders(2, {kTwo});
  const After left = receive(kOne, wire::Released{});
  ASSERT_EQ(left.jobs.size(), 1U);
  EXPECT_FALSE(std::get<CloseRun>(left.jobs[0].work).is_over) << "others go on with it";
}

TEST_F(CrewTest, ComesBackToARunThatItWasOrderedBackToWhileItDrained) {
  orders(1, {kOne});
  orders(2, {kTwo});
  orders(3, {kOne});
  receive(kOne, wire::Released{});
  EXPECT_EQ(crew_.runs(), (std::vector<RunId>{kTwo})) << "which drains too";
  orders(2, {kOne});
  EXPECT_EQ(crew_.runs().size(), 1U) << "late";
  orders(3, {kOne});
  EXPECT_EQ(crew_.runs().size(), 2U) << "the coordinator has no reason to number them anew";
}

// W4
TEST_F(CrewTest, KeepsAPeerUntilTheLastRunLetsItGo) {
  orders(1, {kOne, kTwo});
  EXPECT_EQ(receive(kOne, wire::Plan{}).connections.size(), 1U);
  receive(kTwo, wire::Plan{});
  EXPECT_TRUE(receive(kOne, wire::Stale{}).disconnections.empty());
  EXPECT_EQ(receive(kTwo, wire::Stale{}).disconnections, (std::vector<MemberId>{kPeer}));
  receive(kTwo, wire::Plan{});
  EXPECT_EQ(receive(kTwo, wire::Released{}).disconnections, (std::vector<MemberId>{kPeer}))
      << "with the run";
}

TEST_F(CrewTest, SendsNothingToAPeerThatItLetsGo) {
  orders(1, {kOne, kTwo});
  receive(kOne, wire::Plan{});
  receive(kTwo, wire::Plan{});
  const auto to_peer = [](const After& after) {
    return std::count_if(after.sends.begin(), after.sends.end(),
                         [](const Send& send) { return send.to == kPeer; });
  };
  EXPECT_EQ(to_peer(receive(kOne, wire::Finish{})), 1) << "the other run is still connected";
  EXPECT_EQ(to_peer(receive(kTwo, wire::Finish{})), 0);
}

TEST_F(CrewTest, WakesEachMachineWhenItAsked) {
  orders(1, {kOne});
  later(seconds(1));
  orders(2, {kOne, kTwo});
  later(seconds(2));
  EXPECT_EQ(seen_[kOne]->inputs.size(), 2U);
  EXPECT_EQ(seen_[kTwo]->inputs.size(), 1U) << "a second early";
}

TEST_F(CrewTest, LeavesWhenEveryRunLetItGo) {
  orders(1, {kOne, kTwo});
  EXPECT_FALSE(step(StopAsked{}).exit);
  orders(2, {kOne, kTwo, RunId{3}});
  EXPECT_EQ(crew_.runs().size(), 2U) << "nothing new";
  EXPECT_FALSE(receive(kOne, wire::Released{}).exit);
  const After last = receive(kTwo, wire::Released{});
  ASSERT_TRUE(last.exit);
  EXPECT_EQ(last.exit->code, ExitCode::done);
  EXPECT_EQ(enlisted(last), "leaving:");
  EXPECT_FALSE(std::get<CloseRun>(last.jobs.at(0).work).is_over) << "others go on with it";
}

TEST_F(CrewTest, EndsAsTheJobDoes) {
  orders(1, {kOne});
  const After over = receive(
      kFleet,
      wire::Orders{.number = 2, .runs = {}, .over = wire::Finish{wire::Ending::fault, "no"}});
  ASSERT_TRUE(over.exit);
  EXPECT_EQ(over.exit->code, ExitCode::fault);
  EXPECT_EQ(enlisted(over), "leaving: 1");
}

TEST_F(CrewTest, ARefusalEndsTheProcess) {
  orders(1, {kOne, kTwo});
  const After refused = receive(kOne, wire::Refused{"no such CPU"});
  ASSERT_TRUE(refused.exit);
  EXPECT_EQ(refused.exit->code, ExitCode::user_error);
  EXPECT_EQ(receive(kFleet, wire::Refused{"another version"}).exit->reason, "another version");
}

TEST_F(CrewTest, GivesUpOnACoordinatorThatNeverAnswers) {
  step(Tick{});
  EXPECT_FALSE(later(seconds(59)).exit);
  const After after = later(seconds(1));
  ASSERT_TRUE(after.exit);
  EXPECT_EQ(after.exit->code, ExitCode::user_error);
}

TEST_F(CrewTest, SaysThatItHasNothingToDo) {
  step(Tick{});
  const After silent = later(seconds(11));
  ASSERT_EQ(silent.notes.size(), 1U);
  EXPECT_EQ(silent.notes[0].level, NoteLevel::warning);
  orders(1, {});
  later(seconds(5));
  orders(1, {});
  const After idle = later(seconds(6));
  ASSERT_EQ(idle.notes.size(), 1U);
  EXPECT_NE(idle.notes[0].text.find("a part in a run"), std::string::npos);
}

}  // namespace
}  // namespace ballast
