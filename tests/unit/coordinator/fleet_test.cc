#include "coordinator/fleet.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/status.h"

namespace ballast::fleet_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MemberId kServer{101};
constexpr MemberId kWorker1{201};
constexpr MemberId kWorker2{202};
constexpr MemberId kWorker3{203};

// So many runs, each begun as soon as there is room.
class Several final : public Agenda {
 public:
  // Those before `first` have ended.
  explicit Several(std::uint64_t runs, std::uint64_t first = 1) : left_(runs), next_(first) {}
  std::optional<RunId> next() override {
    if (next_ > left_) return std::nullopt;
    return RunId{next_++};
  }
  bool offers(RunId run) const override { return index(run) >= next_ && index(run) <= left_; }
  void on_end(const RunEnd&) override {}
  std::uint64_t left() const override { return left_ + 1 - next_; }
  bool is_over() const override { return next_ > left_; }
  Exit exit() const override { return {}; }

 private:
  const std::uint64_t left_;
  std::uint64_t next_;
};

class FleetTest : public testing::Test {
 protected:
  using After = Effects<FleetJob>;

  explicit FleetTest(std::uint64_t runs = 3, Duration budget = {})
      : fleet_(options(budget), std::make_unique<Several>(runs)) {}

  static FleetOptions options(Duration budget) {
    FleetOptions options;
    options.budget = budget;
    options.job = "search";
    options.version = "v";
    options.silence = seconds(10);
    options.farewell = seconds(2);
    return options;
  }

  After step(Input<FleetOutcome> input) {
    After effects;
    fleet_.step(now_, std::move(input), effects);
    for (const Send& send : effects.sends) {
      if (const auto* const orders = std::get_if<wire::Orders>(&send.body)) {
        orders_[send.to] = *orders;
      }
    }
    return effects;
  }
  After later(Duration time) {
    now_ += time;
    return step(Tick{});
  }
  After receive(MemberId from, wire::Body body, RunId run = kFleet, Term term = 1) {
    return step(Received{wire::Message{from, std::move(body), term, run}});
  }
  After enlist(MemberId who, std::vector<RunId> runs = {}, bool leaving = false, Term term = 1) {
    return receive(who,
                   wire::Enlist{.role = who == kServer ? wire::Role::server : wire::Role::worker,
                                .version = "v",
                                .host = "host",
                                .runs = std::move(runs),
                                .leaving = leaving},
                   kFleet, term);
  }
  After outcome(FleetOutcome what) { return step(Done<FleetOutcome>{std::move(what)}); }
  After made(std::uint64_t run) {
    auto config = std::make_shared<RunConfig>();
    config->name = "c" + std::to_string(run);
    config->steps = 1;
    config->steps_per_epoch = 1;
    return outcome(RunMade{
        .run = RunId{run}, .config = std::move(config), .checkpoints = "store", .error = ""});
  }
  // A run ends with an error of its store.
  void fail(std::uint64_t run) {
    const After failed = outcome(RunWorked{
        RunId{run},
        TimelineClaimed{.timeline = 0, .latest = {}, .damaged = {}, .error = "no such store"}});
    EXPECT_EQ(count<RecordEnd>(failed), 1U);
    outcome(EndRecorded{.run = RunId{run}, .error = ""});
  }
  void begin() {
    step(Tick{});
    outcome(FleetClaimed{.term = 1, .superseded = false, .error = ""});
  }
  std::string ordered(MemberId who) {
    std::string text;
    for (const RunId run : orders_[who].runs)
      text += (text.empty() ? "" : " ") + std::to_string(index(run));
    return text;
  }
  static std::vector<RunId> made_runs(const After& effects) {
    std::vector<RunId> runs;
    for (const FleetJob& job : effects.jobs) {
      if (const auto* const make = std::get_if<MakeRun>(&job)) runs.push_back(make->run);
    }
    return runs;
  }
  template <class Job>
  static std::size_t count(const After& effects) {
    return static_cast<std::size_t>(
        std::count_if(effects.jobs.begin(), effects.jobs.end(),
                      [](const FleetJob& job) { return std::holds_alternative<Job>(job); }));
  }

  std::map<MemberId, wire::Orders> orders_;  // The latest that each was sent.
  Time now_ = Time{} + seconds(100);
  Fleet fleet_;
};

// Whoever is sent to a run that is being made is there before it.
TEST_F(FleetTest, ARunHearsWhoGreetedWhileItWasMade) {
  const auto greet = [&](MemberId who) {
    receive(who,
            wire::Hello{.role = who == kServer ? wire::Role::server : wire::Role::worker,
                        .version = "v",
                        .endpoint = "inproc://" + std::to_string(index(who)),
                        .host = "host",
                        .families = {KernelFamily::haswell},
                        .held = {}},
            RunId{1});
  };
  begin();
  for (const MemberId who : {kServer, kWorker1, kWorker2}) {
    enlist(who);
    greet(who);
  }
  step(Disconnected{kWorker2});
  const After after = made(1);
  std::set<MemberId> answered;
  for (const Send& send : after.sends) {
    if (send.run == RunId{1}) answered.insert(send.to);
  }
  EXPECT_EQ(answered, (std::set<MemberId>{kServer, kWorker1}));
}

TEST_F(FleetTest, WhatARunSaysHasItsName) {
  begin();
  enlist(kServer);
  enlist(kWorker1);
  made(1);
  const After full = outcome(RunWorked{
      RunId{1},
      TimelineClaimed{
          .timeline = 0, .latest = {}, .damaged = {}, .error = "it is full", .may_pass = true}});
  ASSERT_EQ(full.notes.size(), 1U);
  EXPECT_EQ(full.notes[0].text, "c1: it is full");
  EXPECT_EQ(full.notes[0].run, RunId{1});
  EXPECT_EQ(full.notes[0].step, Step{0});
}

TEST_F(FleetTest, GaugesAreSumsOverRunsAndTellWhoIsIdle) {
  begin();
  enlist(kServer);
  EXPECT_EQ(fleet_.gauges().servers.serving, 1U) << "of the run that is being made";
  enlist(kWorker1);
  enlist(kWorker2);
  made(1);
  made(2);
  const FleetGauges gauges = fleet_.gauges();
  EXPECT_EQ(gauges.active, 2U);
  EXPECT_EQ(gauges.runs.leaves, 2 * fleet_.machine(RunId{1})->gauges().leaves);
  EXPECT_EQ(gauges.workers.serving, 2U);
  EXPECT_EQ(gauges.workers.idle, 0U);
  fail(1);
  EXPECT_EQ(fleet_.gauges().active, 1U);
  EXPECT_EQ(fleet_.gauges().ended, 1U);
  EXPECT_EQ(fleet_.gauges().failed, 1U);
}

TEST_F(FleetTest, ClaimsTheJobBeforeAnybodyHasOrders) {
  EXPECT_EQ(count<ClaimFleet>(step(Tick{})), 1U);
  enlist(kWorker1);
  EXPECT_FALSE(orders_.contains(kWorker1));
  const After claimed = outcome(FleetClaimed{.term = 4, .superseded = false, .error = ""});
  EXPECT_EQ(claimed.term, 4U);
  EXPECT_EQ(made_runs(claimed), (std::vector<RunId>{RunId{1}}));
  enlist(kWorker1, {}, false, 4);
  EXPECT_GE(orders_[kWorker1].number, std::uint64_t{4} << 32) << "above those of every earlier one";
}

TEST_F(FleetTest, TriesAgainToClaimWhereThatMayHelp) {
  step(Tick{});
  outcome(FleetClaimed{.term = 0, .superseded = false, .error = "full", .may_pass = true});
  EXPECT_EQ(count<ClaimFleet>(later(seconds(2))), 0U);
  EXPECT_EQ(count<ClaimFleet>(later(seconds(1))), 1U);
  EXPECT_EQ(outcome(FleetClaimed{.term = 0, .superseded = false, .error = "broken"}).exit->code,
            ExitCode::user_error);
}

TEST_F(FleetTest, BeginsAsManyRunsAsThereAreWorkersFor) {
  begin();
  EXPECT_TRUE(made_runs(enlist(kServer)).empty());
  EXPECT_TRUE(made_runs(enlist(kWorker1)).empty()) << "the first run was begun without";
  EXPECT_EQ(made_runs(enlist(kWorker2)), (std::vector<RunId>{RunId{2}}));
  made(1);
  made(2);
  EXPECT_EQ(ordered(kServer), "1 2");
  EXPECT_EQ(ordered(kWorker1), "1");
  EXPECT_EQ(ordered(kWorker2), "2");
}

TEST_F(FleetTest, AWorkerOfARunThatEndedGoesToTheNext) {
  begin();
  enlist(kServer);
  enlist(kWorker1);
  enlist(kWorker2);
  made(1);
  made(2);
  const std::uint64_t before = orders_[kWorker1].number;
  fail(1);
  EXPECT_EQ(ordered(kWorker1), "3") << "it waits there while the run is made";
  EXPECT_GT(orders_[kWorker1].number, before);
  made(3);
  EXPECT_EQ(ordered(kServer), "2 3");
  EXPECT_EQ(ordered(kWorker2), "2") << "who serves a run stays there";
  ASSERT_EQ(fleet_.ended().size(), 1U);
  EXPECT_EQ(fleet_.ended()[0].exit.reason, "no such store");
}

TEST_F(FleetTest, EndsWhenAllRunsHaveAndTheJobIsConcluded) {
  begin();
  enlist(kServer);
  enlist(kWorker1);
  made(1);
  fail(1);
  outcome(RunMade{.run = RunId{2}, .config = nullptr, .checkpoints = "", .error = "bad data"});
  EXPECT_EQ(fleet_.ended().size(), 1U) << "not known to whoever resumes";
  outcome(EndRecorded{.run = RunId{2}, .error = "full", .may_pass = true});
  EXPECT_EQ(count<RecordEnd>(later(seconds(3))), 1U);
  outcome(EndRecorded{.run = RunId{2}, .error = ""});
  made(3);
  fail(3);
  EXPECT_EQ(fleet_.ended().size(), 3U);
  EXPECT_FALSE(outcome(JobConcluded{.error = "full", .may_pass = true}).exit);
  EXPECT_FALSE(orders_[kWorker1].over);
  EXPECT_EQ(count<ConcludeJob>(later(seconds(3))), 1U);
  EXPECT_FALSE(outcome(JobConcluded{}).exit) << "members are told first";
  EXPECT_TRUE(orders_[kWorker1].over);
  orders_.clear();
  enlist(kServer);
  EXPECT_TRUE(orders_[kServer].over) << "again";
  EXPECT_FALSE(enlist(kServer, {}, true).exit);
  const After last = enlist(kWorker1, {}, true);
  ASSERT_TRUE(last.exit);
  EXPECT_EQ(last.exit->code, ExitCode::done);
}

TEST_F(FleetTest, TellsWhoMissedItThatARunIsOver) {
  begin();
  enlist(kWorker1);
  made(1);
  fail(1);
  const After after = receive(kWorker1, wire::Heartbeat{}, RunId{1}, 7);
  ASSERT_EQ(after.sends.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<wire::Finish>(after.sends[0].body));
  EXPECT_EQ(after.sends[0].run, RunId{1});
  EXPECT_EQ(after.sends[0].term, 7U) << "a lower one would be passed over";
  EXPECT_TRUE(receive(kWorker1, wire::Heartbeat{}, RunId{3}).sends.empty()) << "not begun";
}

TEST_F(FleetTest, WhatAWorkerServesAlreadyItGoesOnWith) {
  begin();  // Perhaps after a restart.
  enlist(kServer, {RunId{1}, RunId{2}});
  enlist(kWorker1, {RunId{2}});
  EXPECT_EQ(ordered(kWorker1), "2");
  enlist(kWorker2, {RunId{1}});
  made(1);
  made(2);
  EXPECT_EQ(ordered(kWorker1), "2") << "nobody is moved";
  EXPECT_EQ(ordered(kWorker2), "1");
}

TEST_F(FleetTest, BeginsNothingForAMemberOfARunThatEndedBefore) {
  Fleet resumed(options({}), std::make_unique<Several>(5, 2));
  After effects;
  resumed.step(now_, Tick{}, effects);
  resumed.step(now_, Done<FleetOutcome>{FleetClaimed{.term = 2, .error = ""}}, effects);
  resumed.step(
      now_,
      Received{wire::Message{
          kWorker1,
          wire::Enlist{
              .role = wire::Role::worker, .version = "v", .host = "host", .runs = {RunId{1}}},
          1, kFleet}},
      effects);
  EXPECT_EQ(made_runs(effects), (std::vector<RunId>{RunId{2}})) << "there is one worker";
}

TEST_F(FleetTest, LosesWhoIsSilentDisconnectedOrGone) {
  begin();
  enlist(kWorker1);
  enlist(kWorker2);
  enlist(kWorker3);
  made(1);
  made(2);
  made(3);
  EXPECT_EQ(ordered(kWorker1) + ordered(kWorker2) + ordered(kWorker3), "123");
  step(Disconnected{kWorker1});
  EXPECT_EQ(ordered(kWorker2) + ordered(kWorker3), "23") << "run 1 waits";
  later(seconds(4));
  enlist(kWorker3, {RunId{3}});
  later(seconds(4));
  later(seconds(4));
  EXPECT_EQ(made_runs(enlist(kWorker1, {RunId{1}})), (std::vector<RunId>{}));
  fail(3);
  EXPECT_EQ(ordered(kWorker3), "2") << "worker 2 was silent for too long";
}

TEST_F(FleetTest, SaysWhatItsRunsDo) {
  begin();
  enlist(kServer);
  enlist(kWorker1);
  made(1);
  fail(1);
  made(2);
  const After after = receive(MemberId{9}, wire::AskStatus{}, kFleet, 0);
  ASSERT_EQ(after.sends.size(), 1U);
  const auto status = job_status_from_json(std::get<wire::StatusReport>(after.sends[0].body).json);
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->job, "search");
  EXPECT_EQ(status->ended, 1U);
  EXPECT_EQ(status->failed, 1U);
  EXPECT_EQ(status->workers, 1U);
  ASSERT_EQ(status->runs.size(), 1U);
  EXPECT_EQ(status->runs[0].phase, "claiming");
}

TEST_F(FleetTest, RefusesAnotherVersion) {
  begin();
  const After after = receive(
      kWorker1, wire::Enlist{.role = wire::Role::worker, .version = "w", .host = "h", .runs = {}});
  ASSERT_EQ(after.sends.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<wire::Refused>(after.sends[0].body));
}

TEST_F(FleetTest, StopsWhenItsRunsHaveStopped) {
  begin();
  enlist(kWorker1);
  made(1);
  EXPECT_FALSE(step(StopAsked{}).exit);
  EXPECT_TRUE(made_runs(later(seconds(1))).empty());
  EXPECT_TRUE(fleet_.ended().empty()) << "it goes on another time";
  EXPECT_TRUE(orders_[kWorker1].over);
  EXPECT_EQ(orders_[kWorker1].over->ending, wire::Ending::interrupted);
  EXPECT_EQ(enlist(kWorker1, {}, true).exit->code, ExitCode::interrupted);
}

class FleetWithATimeTest : public FleetTest {
 protected:
  FleetWithATimeTest() : FleetTest(3, seconds(60)) {}
};

TEST_F(FleetWithATimeTest, StopsItsRunsAndConcludesWithWhatThereIs) {
  begin();
  enlist(kWorker1);
  made(1);
  EXPECT_EQ(made_runs(later(seconds(5))), (std::vector<RunId>{}));
  fail(1);
  made(2);
  EXPECT_EQ(count<ConcludeJob>(later(seconds(50))), 0U);
  const After asked = receive(MemberId{9}, wire::AskStatus{}, kFleet, 0);
  const auto status = job_status_from_json(std::get<wire::StatusReport>(asked.sends[0].body).json);
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->seconds_left, 5.0);

  const After up = later(seconds(5));
  EXPECT_TRUE(made_runs(up).empty()) << "no run begins any more";
  ASSERT_EQ(count<ConcludeJob>(up), 1U);
  EXPECT_EQ(std::get<ConcludeJob>(up.jobs.back()).conclusion, Conclusion::time_is_up);
  EXPECT_EQ(fleet_.ended().size(), 1U) << "what was cut goes on another time";
  outcome(JobConcluded{});
  ASSERT_TRUE(orders_[kWorker1].over);
  EXPECT_EQ(orders_[kWorker1].over->ending, wire::Ending::done) << "they did what was asked";
  const After gone = enlist(kWorker1, {}, true);
  ASSERT_TRUE(gone.exit);
  EXPECT_EQ(gone.exit->code, ExitCode::unfinished);
  EXPECT_NE(gone.exit->reason.find("job.seconds"), std::string::npos);
}

TEST_F(FleetWithATimeTest, IsWholeWhenAllRunsHadEnded) {
  begin();
  enlist(kWorker1);
  for (const std::uint64_t run : {1, 2, 3}) {
    made(run);
    fail(run);
  }
  EXPECT_EQ(count<ConcludeJob>(later(seconds(100))), 0U) << "it was asked for before";
  outcome(JobConcluded{});
  EXPECT_EQ(enlist(kWorker1, {}, true).exit->code, ExitCode::done);
}

TEST_F(FleetTest, ARunThatWasStoppedIsNotSaidToBeDone) {
  begin();
  enlist(kWorker1);
  enlist(kWorker2);
  made(1);
  EXPECT_FALSE(step(StopAsked{}).exit) << "run 2 is being made";
  const After after = receive(kWorker1, wire::Heartbeat{}, RunId{1}, 7);
  ASSERT_EQ(after.sends.size(), 1U);
  EXPECT_EQ(std::get<wire::Finish>(after.sends[0].body).ending, wire::Ending::interrupted);
}

TEST_F(FleetTest, GoesWithoutAWordWhenAnotherHasTakenOver) {
  begin();
  enlist(kWorker1);
  made(1);
  orders_.clear();
  EXPECT_EQ(count<ClaimFleet>(enlist(kWorker2, {}, false, 9)), 1U) << "it follows a later one";
  const After gone = outcome(FleetClaimed{.term = 0, .superseded = true, .error = ""});
  ASSERT_TRUE(gone.exit);
  EXPECT_EQ(gone.exit->code, ExitCode::fault);
  EXPECT_TRUE(gone.sends.empty());
  EXPECT_TRUE(orders_.empty());
}

TEST_F(FleetTest, TakesAHigherTermWhenNobodyElseDid) {
  begin();
  enlist(kWorker2, {}, false, 9);
  EXPECT_EQ(outcome(FleetClaimed{.term = 10, .superseded = false, .error = ""}).term, 10U);
  enlist(kWorker2, {}, false, 10);
  EXPECT_GE(orders_[kWorker2].number, std::uint64_t{10} << 32);
}

}  // namespace
}  // namespace ballast::fleet_test
