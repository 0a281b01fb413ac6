#include "coordinator/coordinator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/job/run_json.h"
#include "common/runtime/membership.h"
#include "coordinator/status.h"

namespace ballast {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MemberId kServer1{101};
constexpr MemberId kServer2{102};
constexpr MemberId kWorker1{201};
constexpr MemberId kWorker2{202};

// Six steps in two epochs; two partitions, four leaves; a validation split of two batches.
RunConfig small_run() {
  RunConfig run;
  run.name = "small";
  run.partitions = 2;
  run.leaves = 4;
  run.batch = 4;
  run.leaf_examples = 1;
  run.train_examples = 12;
  run.validation_examples = 3;
  run.evaluation_batch = 2;
  run.steps_per_epoch = 3;
  run.steps = 6;
  run.outputs = 1;
  run.task = Task::binary;
  run.loss = LossKind::binary_cross_entropy;
  run.training.log_every = 1;
  run.checkpoint.every_seconds = 0.0;
  return run;
}

class CoordinatorTest : public testing::Test {
 protected:
  using After = Effects<CoordinatorJob>;

  explicit CoordinatorTest(RunConfig run = small_run())
      : run_(std::make_shared<const RunConfig>(std::move(run))),
        coordinator_({.run = run_,
                      .checkpoints = "store",
                      .version = "v",
                      .workers = 2,
                      .servers = 2,
                      .retry = milliseconds(100),
                      .loud = seconds(5),
                      .farewell = milliseconds(500),
                      .stop_within = seconds(20),
                      .counters = &counters_}) {}

  After step(Input<CoordinatorOutcome> input) {
    After effects;
    coordinator_.step(now_, std::move(input), effects);
    if (!disk_answers_) return effects;
    const auto appends = jobs<AppendHistory>(effects);
    for (const AppendHistory& job : appends) {
      const After more = outcome(HistoryAppended{.life = job.life,
                                                 .first = job.first,
                                                 .lines = job.lines.size(),
                                                 .error = "",
                                                 .fenced = false});
      effects.sends.insert(effects.sends.end(), more.sends.begin(), more.sends.end());
      effects.jobs.insert(effects.jobs.end(), more.jobs.begin(), more.jobs.end());
      effects.notes.insert(effects.notes.end(), more.notes.begin(), more.notes.end());
      if (more.exit) effects.exit = more.exit;
    }
    return effects;
  }
  After receive(MemberId from, wire::Body body) {
    return step(Received{wire::Message{from, std::move(body), coordinator_.term()}});
  }
  After outcome(CoordinatorOutcome what) { return step(Done<CoordinatorOutcome>{std::move(what)}); }
  After later(Duration time) {
    now_ += time;
    return step(Tick{});
  }

  static wire::Hello hello(wire::Role role) {
    return {.role = role,
            .version = "v",
            .endpoint = "there",
            .host = "host",
            .families = {KernelFamily::haswell},
            .held = {}};
  }
  After ready(MemberId who) { return receive(who, wire::Ready{.canary = 5, .blas_version = "b"}); }
  void join(MemberId who, wire::Role role) {
    receive(who, hello(role));
    ready(who);
  }

  // A server is lost, and the others, who are asked, hold nothing that helps.
  After lose(MemberId who, const std::vector<MemberId>& others) {
    EXPECT_EQ(all<wire::Rejoin>(step(Disconnected{who})).size(), others.size());
    for (const MemberId other : others) {
      const bool is_worker = other == kWorker1 || other == kWorker2;
      join(other, is_worker ? wire::Role::worker : wire::Role::server);
    }
    return later(seconds(1));
  }

  // From nothing to training version 0.
  After begin() {
    step(Tick{});
    outcome(TimelineClaimed{.timeline = 1, .latest = {}, .damaged = {}, .error = ""});
    receive(kServer1, hello(wire::Role::server));
    receive(kServer2, hello(wire::Role::server));
    receive(kWorker1, hello(wire::Role::worker));
    receive(kWorker2, hello(wire::Role::worker));
    for (const MemberId who : {kServer1, kServer2, kWorker1, kWorker2}) ready(who);
    receive(kServer1, wire::Restored{1, ""});
    return receive(kServer2, wire::Restored{1, ""});
  }

  wire::Prepared prepared(MemberId server, Step step, Timeline timeline = 1) const {
    const wire::Plan& plan = coordinator_.plan();
    wire::Prepared prepared;
    prepared.timeline = timeline;
    prepared.step = step;
    prepared.plan = plan.number;
    for (std::uint32_t p = 0; p < plan.owners.size(); ++p) {
      const wire::Replica copy{PartitionId{p}, server};
      const bool keeps =
          plan.owners[p] == server ||
          std::find(plan.replicas.begin(), plan.replicas.end(), copy) != plan.replicas.end();
      if (!keeps) continue;
      prepared.partitions.push_back({PartitionId{p}, 1, 2.0});
      if (p != 0) continue;
      prepared.has_figures = true;
      prepared.figures = {.loss = 2.0, .examples = 4, .correct = 1};
    }
    return prepared;
  }
  // Both servers prepare the step.
  After prepare(Step step, Timeline timeline = 1) {
    receive(kServer1, prepared(kServer1, step, timeline));
    return receive(kServer2, prepared(kServer2, step, timeline));
  }
  After evaluated(Step version, std::uint32_t batch, Timeline timeline = 1) {
    const std::size_t count = batch == 0 ? 2 : 1;
    return receive(kWorker1,
                   wire::Evaluated{.timeline = timeline,
                                   .version = version,
                                   .split = Split::validation,
                                   .batch = batch,
                                   .loss = 0.5,
                                   .outputs = Bytes::own(std::vector<float>(count, 0.75F)),
                                   .labels = Bytes::own(std::vector<float>(count, 1.0F)),
                                   .weights = {}});
  }
  After cut_done(MemberId server, Step step, std::string error = "") {
    wire::CutDone done{1, step, {}, {}, std::move(error)};
    const auto& owners = coordinator_.plan().owners;
    for (std::uint32_t p = 0; p < owners.size() && done.error.empty(); ++p) {
      if (owners[p] == server) done.files.push_back({PartitionId{p}, "f", 1, 1, "c"});
    }
    return receive(server, done);
  }
  // All steps up to this one, with their evaluations.
  void train_to(Step last) {
    for (Step step = 1; step <= last; ++step) {
      prepare(step);
      if (step % 3 != 0) continue;
      evaluated(step, 0);
      evaluated(step, 1);
    }
  }

  template <class Body>
  static std::vector<std::pair<MemberId, Body>> all(const After& effects) {
    std::vector<std::pair<MemberId, Body>> found;
    for (const Send& send : effects.sends) {
      if (const auto* body = std::get_if<Body>(&send.body)) found.emplace_back(send.to, *body);
    }
    return found;
  }
  template <class Job>
  static std::vector<Job> jobs(const After& effects) {
    std::vector<Job> found;
    for (const CoordinatorJob& job : effects.jobs) {
      if (const auto* concrete = std::get_if<Job>(&job)) found.push_back(*concrete);
    }
    return found;
  }

  bool disk_answers_ = true;  // Lines of the history are written at once.
  CoordinatorCounters counters_;
  std::shared_ptr<const RunConfig> run_;
  Coordinator coordinator_;
  Time now_ = Time{} + seconds(1);
};

// ---- members and plans --------------------------------------------------------------------------

TEST_F(CoordinatorTest, TheFirstPlanWaitsForEverybodyAndNamesOwnersAndLeaves) {
  const After effects = begin();
  const auto plans = all<wire::Plan>(effects);
  ASSERT_EQ(plans.size(), 4U) << "one for every member";
  const wire::Plan& plan = plans[0].second;
  EXPECT_EQ(plan.number, (PlanNumber{1} << 32) + 1);
  EXPECT_EQ(plan.timeline, 1U);
  EXPECT_EQ(plan.committed, 0U);
  ASSERT_EQ(plan.owners.size(), 2U);
  EXPECT_NE(plan.owners[0], plan.owners[1]);
  ASSERT_EQ(plan.workers.size(), 2U);
  EXPECT_EQ(plan.workers[0].leaves, (LeafRange{0, 2}));
  EXPECT_EQ(plan.workers[1].leaves, (LeafRange{2, 4}));
}

TEST_F(CoordinatorTest, NobodyIsWelcomedBeforeAllHaveSaidWhatTheyCanRun) {
  step(Tick{});
  outcome(TimelineClaimed{.timeline = 1, .latest = {}, .damaged = {}, .error = ""});
  EXPECT_TRUE(all<wire::Welcome>(receive(kServer1, hello(wire::Role::server))).empty());
  receive(kServer2, hello(wire::Role::server));
  receive(kWorker1, hello(wire::Role::worker));
  EXPECT_EQ(all<wire::Welcome>(receive(kWorker2, hello(wire::Role::worker))).size(), 4U);
}

TEST_F(CoordinatorTest, AWorkerLostInTheMiddleOfAStepIsReplacedByANewPlan) {
  begin();
  receive(kServer1, prepared(kServer1, 1));
  const After effects = step(Disconnected{kWorker1});
  const auto plans = all<wire::Plan>(effects);
  ASSERT_EQ(plans.size(), 3U);
  EXPECT_EQ(plans[0].second.number, (PlanNumber{1} << 32) + 2);
  EXPECT_EQ(plans[0].second.timeline, 1U) << "no data is lost with a worker";
  ASSERT_EQ(plans[0].second.workers.size(), 1U);
  EXPECT_EQ(plans[0].second.workers[0], (wire::Assignment{kWorker2, {0, 4}}));
  EXPECT_EQ(all<wire::CommitStep>(receive(kServer2, prepared(kServer2, 1))).size(), 2U)
      << "what was prepared stays so";
}

TEST_F(CoordinatorTest, AWorkerThatSaysGoodbyeIsReleasedAndReplaced) {
  begin();
  const After effects = receive(kWorker2, wire::Goodbye{});
  ASSERT_EQ(all<wire::Released>(effects).size(), 1U);
  EXPECT_EQ(all<wire::Released>(effects)[0].first, kWorker2);
  EXPECT_EQ(all<wire::Plan>(effects).size(), 3U);
}

TEST_F(CoordinatorTest, AWorkerThatJoinsGetsLeaves) {
  begin();
  receive(MemberId{203}, hello(wire::Role::worker));
  const auto plans = all<wire::Plan>(ready(MemberId{203}));
  ASSERT_EQ(plans.size(), 5U);
  EXPECT_EQ(plans[0].second.workers.size(), 3U);
}

TEST_F(CoordinatorTest, SilenceIsALoss) {
  begin();
  for (int i = 0; i < 9; ++i) {
    later(seconds(1));
    for (const MemberId who : {kServer1, kServer2, kWorker1}) receive(who, wire::Heartbeat{});
  }
  const After effects = later(seconds(1));
  ASSERT_EQ(all<wire::Plan>(effects).size(), 3U);
  EXPECT_EQ(all<wire::Plan>(effects)[0].second.workers.size(), 1U);
}

TEST_F(CoordinatorTest, ACoordinatorThatStoodStillTakesNobodyForLost) {
  begin();
  EXPECT_TRUE(all<wire::Plan>(later(seconds(60))).empty());
  EXPECT_EQ(coordinator_.progress().workers, 2U);
}

TEST_F(CoordinatorTest, StrangersAreToldToJoinAgain) {
  begin();
  EXPECT_EQ(all<wire::Rejoin>(receive(MemberId{999}, wire::Heartbeat{})).size(), 1U);
  EXPECT_EQ(all<wire::Rejoin>(receive(MemberId{999}, prepared(kServer1, 1))).size(), 1U);
}

TEST_F(CoordinatorTest, RefusesWhoCannotTakePart) {
  begin();
  wire::Hello other_version = hello(wire::Role::worker);
  other_version.version = "w";
  wire::Hello other_protocol = hello(wire::Role::worker);
  other_protocol.protocol += 1;
  wire::Hello other_family = hello(wire::Role::worker);
  other_family.families = {KernelFamily::skylakex};
  wire::Hello no_family = hello(wire::Role::worker);
  no_family.families = {};
  for (const wire::Hello& spoiled : {other_version, other_protocol, other_family, no_family}) {
    EXPECT_EQ(all<wire::Refused>(receive(MemberId{300}, spoiled)).size(), 1U);
  }
  receive(MemberId{301}, hello(wire::Role::worker));
  const auto refused =
      all<wire::Refused>(receive(MemberId{301}, wire::Ready{.canary = 6, .blas_version = "c"}));
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_NE(refused[0].second.reason.find("arithmetic differs"), std::string::npos);
}

// ---- steps --------------------------------------------------------------------------------------

TEST_F(CoordinatorTest, CommitsOnceEveryServerHasPreparedAndAgainForWhoMissedIt) {
  begin();
  EXPECT_TRUE(all<wire::CommitStep>(receive(kServer1, prepared(kServer1, 1))).empty());
  EXPECT_TRUE(all<wire::CommitStep>(receive(kServer1, prepared(kServer1, 1))).empty());
  const auto commits = all<wire::CommitStep>(receive(kServer2, prepared(kServer2, 1)));
  ASSERT_EQ(commits.size(), 2U);
  EXPECT_EQ(commits[0].second.commit, commits[1].second.commit);
  EXPECT_EQ(commits[0].second.commit.step, 1U);
  EXPECT_EQ(commits[0].second.commit.scale, 0.25F);

  const auto again = all<wire::CommitStep>(receive(kServer1, prepared(kServer1, 1)));
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].first, kServer1);
  EXPECT_EQ(again[0].second.commit, commits[0].second.commit);
}

RunConfig that_diverges() {
  RunConfig run = small_run();
  run.training.diverged_above = 0.25;  // A step's mean loss is twice that: see prepared().
  return run;
}

class DivergedTest : public CoordinatorTest {
 protected:
  DivergedTest() : CoordinatorTest(that_diverges()) {}
};

TEST_F(DivergedTest, ARunThatDivergesEndsWithoutACommit) {
  begin();
  const After effects = prepare(1);
  EXPECT_TRUE(all<wire::CommitStep>(effects).empty());
  const auto finishes = all<wire::Finish>(effects);
  ASSERT_EQ(finishes.size(), 4U);
  EXPECT_TRUE(finishes[0].second.reason.starts_with(
      "the mean loss of step 1 is above training.diverged_above; lower optimizer.learning_rate"))
      << finishes[0].second.reason;
}

TEST_F(CoordinatorTest, PassesOverPreparedThatCannotBe) {
  begin();
  receive(kServer1, prepared(kServer1, 1));
  struct Case {
    const char* name;
    void (*spoil)(wire::Prepared&);
  };
  const Case cases[] = {
      {"another timeline", [](wire::Prepared& p) { p.timeline = 2; }},
      {"a partition too few", [](wire::Prepared& p) { p.partitions.clear(); }},
      {"somebody else's partition",
       [](wire::Prepared& p) {
         p.partitions[0].partition = PartitionId{1 - index(p.partitions[0].partition)};
       }},
      {"a partition beyond the last",
       [](wire::Prepared& p) { p.partitions[0].partition = PartitionId{7}; }},
      {"figures the other way round", [](wire::Prepared& p) { p.has_figures = !p.has_figures; }},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    wire::Prepared spoiled = prepared(kServer2, 1);
    c.spoil(spoiled);
    EXPECT_TRUE(all<wire::CommitStep>(receive(kServer2, spoiled)).empty());
  }
  EXPECT_EQ(all<wire::CommitStep>(receive(kServer2, prepared(kServer2, 1))).size(), 2U);
}

// R12
// ---- stragglers ---------------------------------------------------------------------------------

TEST_F(CoordinatorTest, LateLeavesGoToWhoIsThrough) {
  begin();
  const wire::Late late{.timeline = 1, .step = 1, .nodes = {{1, 1}}};  // The second worker's.
  EXPECT_TRUE(receive(kServer1, wire::Late{1, 2, {{1, 1}}}).sends.empty()) << "another step";
  EXPECT_TRUE(receive(kServer1, wire::Late{2, 1, {{1, 1}}}).sends.empty()) << "another timeline";
  EXPECT_TRUE(receive(kServer1, wire::Late{1, 1, {{2, 1}}}).sends.empty()) << "no such leaves";

  const auto dealt = all<wire::Assist>(receive(kServer1, late));
  ASSERT_EQ(dealt.size(), 1U);
  EXPECT_EQ(dealt[0].first, kWorker1);
  EXPECT_EQ(dealt[0].second.step, 1U);
  EXPECT_EQ(dealt[0].second.nodes, (std::vector<Node>{{1, 1}}));
  EXPECT_TRUE(all<wire::Assist>(receive(kServer2, late)).empty()) << "known";
  later(seconds(2));
  EXPECT_EQ(all<wire::Assist>(receive(kServer2, late)).size(), 1U) << "it still has not come";

  prepare(1);
  EXPECT_TRUE(all<wire::Assist>(receive(kServer1, late)).empty()) << "it has come";
}

TEST_F(CoordinatorTest, WhereAllAreLateNobodyIsAsked) {
  begin();
  EXPECT_TRUE(all<wire::Assist>(receive(kServer1, wire::Late{1, 1, {{2, 0}}})).empty());
}

TEST_F(CoordinatorTest, AHelperThatIsLostIsReplaced) {
  begin();
  join(MemberId{203}, wire::Role::worker);
  const wire::Late late{.timeline = 1, .step = 1, .nodes = {{0, 0}}};
  const auto dealt = all<wire::Assist>(receive(kServer1, late));
  ASSERT_EQ(dealt.size(), 1U);
  ASSERT_EQ(dealt[0].first, kWorker2);
  step(Disconnected{kWorker2});
  const auto again = all<wire::Assist>(receive(kServer1, late));
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].first, MemberId{203});
}

TEST_F(CoordinatorTest, WhoIsLateAgainAndAgainRestsLongerEachTime) {
  begin();
  const auto be_late = [&](Step step) {
    receive(kServer1, wire::Late{1, step, {{1, 1}}});
    return all<wire::Plan>(prepare(step));
  };
  EXPECT_TRUE(be_late(1).empty());
  EXPECT_TRUE(be_late(2).empty());
  const auto plans = be_late(3);
  ASSERT_EQ(plans.size(), 4U);
  ASSERT_EQ(plans[0].second.workers.size(), 1U);
  EXPECT_EQ(plans[0].second.workers[0], (wire::Assignment{kWorker1, {0, 4}}));
  evaluated(3, 0);
  evaluated(3, 1);

  EXPECT_TRUE(all<wire::Plan>(later(milliseconds(1900))).empty());
  const auto back = all<wire::Plan>(later(milliseconds(100)));
  ASSERT_EQ(back.size(), 4U);
  EXPECT_EQ(back[0].second.workers.size(), 2U);
}

TEST_F(CoordinatorTest, TheLastWorkerDoesNotRest) {
  begin();
  for (Step step = 1; step <= 3; ++step) {
    receive(kServer1, wire::Late{1, step, {{1, 1}}});
    prepare(step);
  }
  const auto plans = all<wire::Plan>(step(Disconnected{kWorker1}));
  ASSERT_FALSE(plans.empty());
  ASSERT_EQ(plans[0].second.workers.size(), 1U);
  EXPECT_EQ(plans[0].second.workers[0], (wire::Assignment{kWorker2, {0, 4}}));
}

// ---- evaluation ---------------------------------------------------------------------------------

TEST_F(CoordinatorTest, AnEvaluationHoldsTheNextCommit) {
  begin();
  prepare(1);
  prepare(2);
  const auto dealt = all<wire::Evaluate>(prepare(3));
  ASSERT_EQ(dealt.size(), 2U);
  EXPECT_EQ(dealt[0].second.version, 3U);

  EXPECT_TRUE(all<wire::CommitStep>(prepare(4)).empty());
  EXPECT_TRUE(all<wire::CommitStep>(evaluated(3, 0)).empty());
  EXPECT_TRUE(all<wire::CommitStep>(evaluated(3, 0)).empty()) << "the same batch again";
  const auto commits = all<wire::CommitStep>(evaluated(3, 1));
  ASSERT_EQ(commits.size(), 2U);
  EXPECT_EQ(commits[0].second.commit.step, 4U);
}

TEST_F(CoordinatorTest, WhatALostWorkerWasToEvaluateIsDealtAgain) {
  begin();
  prepare(1);
  prepare(2);
  prepare(3);
  const auto dealt = all<wire::Evaluate>(step(Disconnected{kWorker1}));
  ASSERT_EQ(dealt.size(), 1U);
  EXPECT_EQ(dealt[0].first, kWorker2);
  EXPECT_EQ(dealt[0].second.begin, 0U);
  EXPECT_EQ(dealt[0].second.end, 2U);
}

TEST_F(CoordinatorTest, ABatchThatDoesNotComeGoesToSomebodyElse) {
  begin();
  prepare(1);
  prepare(2);
  const auto dealt = all<wire::Evaluate>(prepare(3));
  ASSERT_EQ(dealt.size(), 2U);
  ASSERT_EQ(dealt[0].first, kWorker1);
  ASSERT_EQ(dealt[0].second.begin, 0U);
  evaluated(3, 1);  // The other's batch; the first worker stands still.
  EXPECT_EQ(all<wire::Evaluate>(later(milliseconds(500)))[0].first, kWorker1) << "a repeat";
  const auto passed_on = all<wire::Evaluate>(later(milliseconds(1500)));
  ASSERT_EQ(passed_on.size(), 1U);
  EXPECT_EQ(passed_on[0].first, kWorker2);
  EXPECT_EQ(passed_on[0].second.begin, 0U);
  EXPECT_EQ(all<wire::Evaluate>(later(milliseconds(3500)))[0].first, kWorker2);
  EXPECT_EQ(all<wire::Evaluate>(later(milliseconds(500)))[0].first, kWorker1) << "4 s later";
}

TEST_F(CoordinatorTest, WhoIsLateDoesNotEvaluate) {
  begin();
  prepare(1);
  prepare(2);
  receive(kServer1, wire::Late{1, 3, {{1, 1}}});  // The second worker's.
  const auto dealt = all<wire::Evaluate>(prepare(3));
  ASSERT_EQ(dealt.size(), 1U);
  EXPECT_EQ(dealt[0].first, kWorker1);
  EXPECT_EQ(dealt[0].second.end, 2U);
}

TEST_F(CoordinatorTest, HistoryHasALineForEveryStepAndEvaluation) {
  begin();
  std::vector<std::string> lines;
  const auto note = [&](const After& effects) {
    for (const AppendHistory& job : jobs<AppendHistory>(effects)) {
      EXPECT_EQ(job.first, lines.size());
      lines.insert(lines.end(), job.lines.begin(), job.lines.end());
    }
  };
  for (Step step = 1; step <= 3; ++step) note(prepare(step));
  note(evaluated(3, 1));
  note(evaluated(3, 0));
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_NE(lines[0].find("\"step\":1"), std::string::npos);
  EXPECT_NE(lines[3].find("\"validation\""), std::string::npos) << lines[3];
}

// ---- losing a server ----------------------------------------------------------------------------

TEST_F(CoordinatorTest, ALostServerTakesTheRunBackToTheLastCheckpointOnANewTimeline) {
  begin();
  prepare(1);
  const PlanNumber before = coordinator_.plan().number;
  const After effects = lose(kServer1, {kServer2, kWorker1, kWorker2});
  ASSERT_EQ(jobs<ClaimTimeline>(effects).size(), 1U);
  EXPECT_EQ(jobs<ClaimTimeline>(effects)[0].above, 1U);
  EXPECT_TRUE(all<wire::CommitStep>(prepare(2)).empty());

  const auto restores = all<wire::Restore>(
      outcome(TimelineClaimed{.timeline = 2, .latest = {}, .damaged = {}, .error = ""}));
  ASSERT_EQ(restores.size(), 1U);
  EXPECT_EQ(restores[0].first, kServer2);
  EXPECT_EQ(restores[0].second.partitions.size(), 2U);
  EXPECT_EQ(restores[0].second.commit.step, 0U);
  const auto plans = all<wire::Plan>(receive(kServer2, wire::Restored{2, ""}));
  ASSERT_EQ(plans.size(), 3U);
  EXPECT_EQ(plans[0].second.timeline, 2U);
  EXPECT_GT(plans[0].second.number, before);
  EXPECT_EQ(counters_.rollbacks, 1U);
}

// ---- what monitors see --------------------------------------------------------------------------

TEST_F(CoordinatorTest, CountsWhatItCommits) {
  begin();
  now_ += seconds(2);
  receive(kServer1, prepared(kServer1, 1));
  receive(kServer1, prepared(kServer1, 1));  // Said twice.
  now_ += seconds(1);
  receive(kServer2, prepared(kServer2, 1));
  EXPECT_EQ(counters_.steps, 1U);
  EXPECT_EQ(counters_.examples, 4U);
  EXPECT_EQ(counters_.step.seconds(), 3.0);
  EXPECT_EQ(counters_.round_trip.seconds(), 5.0) << "of each server";
  prepare(2);
  prepare(3);
  now_ += seconds(4);
  evaluated(3, 0);
  evaluated(3, 1);
  EXPECT_EQ(counters_.evaluation.seconds(), 4.0);
  EXPECT_EQ(counters_.steps, 3U);
}

TEST_F(CoordinatorTest, SaysByNameWhatItWaitsForAndSinceWhen) {
  EXPECT_EQ(coordinator_.gauges().wait, Wait::members) << "before it has begun";
  step(Tick{});
  EXPECT_EQ(coordinator_.gauges().wait, Wait::store);
  outcome(TimelineClaimed{.timeline = 1, .latest = {}, .damaged = {}, .error = ""});
  EXPECT_EQ(coordinator_.gauges().wait, Wait::members);
  EXPECT_EQ(coordinator_.gauges().leaves_waiting, 4U) << "there is nobody to compute them";
  for (const MemberId who : {kServer1, kServer2}) receive(who, hello(wire::Role::server));
  for (const MemberId who : {kWorker1, kWorker2}) receive(who, hello(wire::Role::worker));
  for (const MemberId who : {kServer1, kServer2, kWorker1, kWorker2}) ready(who);
  EXPECT_EQ(coordinator_.gauges().wait, Wait::restoring);
  receive(kServer1, wire::Restored{1, ""});
  receive(kServer2, wire::Restored{1, ""});
  later(seconds(3));
  EXPECT_EQ(coordinator_.gauges().wait, Wait::servers);
  EXPECT_EQ(coordinator_.gauges().waiting, seconds(3));
  EXPECT_EQ(coordinator_.gauges().leaves, 4U);
  EXPECT_EQ(coordinator_.gauges().leaves_waiting, 0U);
  for (const Step step : {1, 2, 3}) prepare(step);
  EXPECT_EQ(coordinator_.gauges().wait, Wait::evaluation);
  step(Disconnected{kWorker1});
  step(Disconnected{kWorker2});
  EXPECT_EQ(coordinator_.gauges().wait, Wait::workers);
  EXPECT_EQ(coordinator_.gauges().leaves_waiting, 4U);
  EXPECT_EQ(counters_.lost_workers, 2U);
}

TEST_F(CoordinatorTest, WhoSaysGoodbyeIsNotCountedAsLost) {
  begin();
  receive(kWorker1, wire::Goodbye{});
  EXPECT_EQ(counters_.lost_workers, 0U);
}

// ---- taking over (R13) --------------------------------------------------------------------------

// A coordinator that is started while members of the run are there.
class TakeoverTest : public CoordinatorTest {
 protected:
  TakeoverTest() {
    plan_.number = (PlanNumber{1} << 32) + 7;
    plan_.timeline = 1;
    plan_.owners = {kServer1, kServer2};
    plan_.servers = {{kServer1, "one"}, {kServer2, "two"}};
    step(Tick{});
    outcome(TimelineClaimed{.timeline = 4, .latest = {}, .damaged = {}, .error = ""});
  }

  wire::Hello holding(MemberId server, Step applied, Step promised) const {
    wire::Hello greeting = hello(wire::Role::server);
    Commit commit;
    commit.step = applied;
    const std::vector<PartitionId> copies = {PartitionId{server == kServer1 ? 0U : 1U}};
    greeting.held = wire::Held{.run = fingerprint_of_run(run_to_json(*run_), "store"),
                               .family = KernelFamily::haswell,
                               .canary = 5,
                               .blas_version = "b",
                               .plan = plan_,
                               .timeline = 1,
                               .commits = {commit},
                               .partitions = copies,
                               .promised = promised,
                               .prepared = promised > applied ? copies : decltype(copies){},
                               .formers = {}};
    return greeting;
  }

  // Both servers greet, holding what is said; what the coordinator does once they are ready.
  After greet(Step applied1, Step promised1, Step applied2, Step promised2) {
    receive(kServer1, holding(kServer1, applied1, promised1));
    receive(kServer2, holding(kServer2, applied2, promised2));
    ready(kServer1);
    return ready(kServer2);
  }

  wire::Plan plan_;
};

TEST_F(TakeoverTest, GoesOnFromWhatTheServersHold) {
  EXPECT_EQ(all<wire::Welcome>(receive(kServer1, holding(kServer1, 2, 2))).size(), 1U);
  EXPECT_TRUE(ready(kServer1).jobs.empty()) << "the other server is waited for";
  receive(kServer2, holding(kServer2, 1, 2));
  const After effects = ready(kServer2);
  EXPECT_TRUE(all<wire::Restore>(effects).empty());
  const auto plans = all<wire::Plan>(effects);
  ASSERT_EQ(plans.size(), 2U);
  EXPECT_EQ(plans[0].second.timeline, 1U);
  EXPECT_GT(plans[0].second.number, PlanNumber{4} << 32);
  EXPECT_EQ(plans[0].second.owners, plan_.owners);
  const auto commits = all<wire::CommitStep>(effects);
  ASSERT_EQ(commits.size(), 1U) << "one waits for the commit that the other has";
  EXPECT_EQ(commits[0].first, kServer2);
  EXPECT_EQ(commits[0].second.commit.step, 2U);

  EXPECT_TRUE(all<wire::CommitStep>(receive(kServer1, prepared(kServer1, 3))).empty());
  EXPECT_EQ(all<wire::CommitStep>(receive(kServer2, prepared(kServer2, 3))).size(), 2U);
}

TEST_F(TakeoverTest, BelievesOnlyWhoHasPromisedToListenToNoOther) {
  const wire::Message greeting{kServer1, holding(kServer1, 2, 2), 1};
  const After effects = step(Received{greeting});
  EXPECT_TRUE(all<wire::Welcome>(effects).empty());
  EXPECT_EQ(all<wire::Rejoin>(effects).size(), 1U);
  EXPECT_EQ(effects.term, 4U);
}

// A greeting that comes twice, or late, says what was once held.
TEST_F(TakeoverTest, AnOlderGreetingOfAMemberTakesNothingBack) {
  receive(kServer1, holding(kServer1, 2, 2));
  step(Received{wire::Message{kServer1, holding(kServer1, 0, 0), 1}});
  ready(kServer1);
  receive(kServer2, holding(kServer2, 2, 2));
  const auto plans = all<wire::Plan>(ready(kServer2));
  ASSERT_EQ(plans.size(), 2U);
  EXPECT_EQ(plans[0].second.committed, 2U);
}

// Seed 1700000706: greetings from before our last commit came late.
TEST_F(TakeoverTest, KnowsWhatItCommittedItself) {
  greet(2, 2, 2, 2);
  receive(kServer1, prepared(kServer1, 3));
  ASSERT_EQ(all<wire::CommitStep>(receive(kServer2, prepared(kServer2, 3))).size(), 2U);

  step(Disconnected{kServer1});
  const After effects = greet(2, 3, 2, 3);
  ASSERT_EQ(all<wire::Plan>(effects).size(), 2U);
  EXPECT_EQ(all<wire::Plan>(effects)[0].second.committed, 3U);
  EXPECT_EQ(all<wire::CommitStep>(effects).size(), 2U) << "both may have been told in vain";
}

TEST_F(TakeoverTest, AsksAgainWhenAServerIsFurtherThanItSaid) {
  greet(1, 2, 1, 2);
  wire::Prepared early = prepared(kServer1, 3);
  early.plan = plan_.number;
  EXPECT_TRUE(receive(kServer1, early).sends.empty()) << "it has not heard that we went back";
  EXPECT_EQ(all<wire::Rejoin>(receive(kServer1, prepared(kServer1, 3))).size(), 2U);
  const auto plans = all<wire::Plan>(greet(2, 3, 1, 2));
  ASSERT_EQ(plans.size(), 2U);
  EXPECT_EQ(plans[0].second.committed, 2U);
}

TEST_F(TakeoverTest, AServerThatComesLaterBeginsWithNothing) {
  const auto plans = all<wire::Plan>(greet(2, 2, 2, 2));
  ASSERT_EQ(plans.size(), 2U);
  for (const wire::ServerAddress& server : plans[0].second.servers) EXPECT_EQ(server.since, 0U);
  constexpr MemberId kServer3{103};
  receive(kServer3, hello(wire::Role::server));
  ready(kServer3);
  receive(kServer1, wire::Goodbye{});  // Somebody has to take over what it keeps.
  bool named = false;
  for (const wire::ServerAddress& server : coordinator_.plan().servers) {
    named |= server.server == kServer3;
    EXPECT_EQ(server.since, server.server == kServer3 ? plans[0].second.number + 1 : 0U);
  }
  EXPECT_TRUE(named) << "it is given its part";
}

TEST_F(TakeoverTest, GoesBackToACheckpointWhenAPartitionIsHeldByNobody) {
  receive(kServer1, holding(kServer1, 2, 2));
  ready(kServer1);
  EXPECT_TRUE(later(seconds(1)).jobs.empty()) << "heartbeats may be that slow";
  constexpr MemberId kServer3{103};
  join(kServer3, wire::Role::server);
  join(kWorker1, wire::Role::worker);
  join(kWorker2, wire::Role::worker);
  const auto restores = all<wire::Restore>(later(seconds(60)));
  ASSERT_EQ(restores.size(), 2U);
  EXPECT_EQ(restores[0].second.timeline, 4U);
}

TEST_F(TakeoverTest, GoesBackWhenAnOwnerNeverPreparedTheVersion) {
  receive(kServer1, holding(kServer1, 2, 1));
  wire::Hello behind = holding(kServer2, 1, 1);  // It never prepared step 2.
  receive(kServer2, behind);
  ready(kServer1);
  ready(kServer2);
  join(kWorker1, wire::Role::worker);
  EXPECT_EQ(all<wire::Restore>([&] {
              receive(kWorker2, hello(wire::Role::worker));
              return ready(kWorker2);
            }())
                .size(),
            2U);
}

TEST_F(TakeoverTest, StepsDownWithoutAWordWhenTheStoreSaysSo) {
  receive(kServer1, holding(kServer1, 2, 2));
  const After asked = step(Received{wire::Message{kServer1, wire::Heartbeat{}, 6}});
  const auto raises = jobs<RaiseClaim>(asked);
  ASSERT_EQ(raises.size(), 1U);
  EXPECT_EQ(raises[0].holding, 4U);
  EXPECT_EQ(raises[0].above, 6U);
  const After effects = outcome(ClaimRaised{.term = 0, .superseded = true, .error = ""});
  ASSERT_TRUE(effects.exit);
  EXPECT_EQ(effects.exit->code, ExitCode::fault);
  EXPECT_TRUE(all<wire::Finish>(effects).empty()) << "the members are the other one's";
}

TEST_F(TakeoverTest, DoesNotTakeBackAStoreThatAnotherHasClaimed) {
  receive(kServer1, holding(kServer1, 2, 2));
  ready(kServer1);
  join(kServer2, wire::Role::server);
  join(kWorker1, wire::Role::worker);
  join(kWorker2, wire::Role::worker);
  step(Disconnected{kServer1});  // While it restores: another timeline is wanted.
  TimelineClaimed claimed;
  claimed.superseded = true;
  const After effects = outcome(claimed);
  ASSERT_TRUE(effects.exit);
  EXPECT_EQ(effects.exit->code, ExitCode::fault);
  EXPECT_TRUE(all<wire::Finish>(effects).empty()) << "the members are the other one's";
}

TEST_F(TakeoverTest, RaisesItsTermWhenTheStoreKnowsNoOther) {
  step(Received{wire::Message{kServer1, wire::Heartbeat{}, 6}});
  EXPECT_EQ(outcome(ClaimRaised{.term = 7, .superseded = false, .error = ""}).term, 7U);
}

// ---- waiting, and saying so ---------------------------------------------------------------------

TEST_F(CoordinatorTest, BeginsWithWhoIsThereWhenTheOthersDoNotCome) {
  step(Tick{});
  outcome(TimelineClaimed{.timeline = 1, .latest = {}, .damaged = {}, .error = ""});
  receive(kServer1, hello(wire::Role::server));
  const auto keep_alive = [&] { receive(kServer1, wire::Heartbeat{}); };
  for (int i = 0; i < 31; ++i) {
    later(seconds(1));
    keep_alive();
  }
  EXPECT_TRUE(coordinator_.plan().owners.empty()) << "a server alone trains nothing";
  EXPECT_EQ(all<wire::Welcome>(receive(kWorker1, hello(wire::Role::worker))).size(), 2U);
  ready(kServer1);
  const After effects = ready(kWorker1);
  ASSERT_EQ(all<wire::Restore>(effects).size(), 1U);
  const auto said = [](const Note& note) {
    return note.text.find("beginning with 1 of 2 servers and 1 of 2 workers") != std::string::npos;
  };
  EXPECT_TRUE(std::any_of(effects.notes.begin(), effects.notes.end(), said));
  EXPECT_EQ(all<wire::Plan>(receive(kServer1, wire::Restored{1, ""})).size(), 2U);
}

TEST_F(CoordinatorTest, WaitsForAllThatWereAnnouncedUntilThen) {
  step(Tick{});
  outcome(TimelineClaimed{.timeline = 1, .latest = {}, .damaged = {}, .error = ""});
  receive(kServer1, hello(wire::Role::server));
  receive(kWorker1, hello(wire::Role::worker));
  for (int i = 0; i < 29; ++i) {
    EXPECT_TRUE(all<wire::Welcome>(later(seconds(1))).empty());
    receive(kServer1, wire::Heartbeat{});
    receive(kWorker1, wire::Heartbeat{});
  }
  EXPECT_EQ(all<wire::Welcome>(later(seconds(1))).size(), 2U);
}

TEST_F(CoordinatorTest, AStoreThatRefusesToBeClaimedIsAskedAgain) {
  step(Tick{});
  TimelineClaimed refused;
  refused.error = "no space left";
  refused.may_pass = true;
  EXPECT_EQ(outcome(refused).notes.size(), 1U);
  EXPECT_TRUE(jobs<ClaimTimeline>(later(milliseconds(2900))).empty());
  EXPECT_EQ(jobs<ClaimTimeline>(later(milliseconds(100))).size(), 1U);
  EXPECT_TRUE(jobs<ClaimTimeline>(later(seconds(3))).empty()) << "one at a time";
  const After again = outcome(refused);
  EXPECT_FALSE(again.exit);
  std::string notices;
  for (int i = 0; i < 6; ++i) {
    for (const Note& note : later(seconds(1)).notes) notices += note.text;
  }
  EXPECT_NE(notices.find("the checkpoint store, which says: no space left"), std::string::npos)
      << notices;
  EXPECT_EQ(outcome(TimelineClaimed{.timeline = 1, .latest = {}, .damaged = {}, .error = ""}).term,
            1U);
}

TEST_F(CoordinatorTest, AStoreThatCanNotBeClaimedEndsTheRunAtOnce) {
  step(Tick{});
  TimelineClaimed taken;
  taken.error = "claimed by another process";
  const After effects = outcome(taken);
  ASSERT_TRUE(effects.exit);
  EXPECT_EQ(effects.exit->code, ExitCode::user_error);
}

// It would be held against the claim before, and our own be taken for another coordinator's.
TEST_F(CoordinatorTest, RaisesNoClaimWhileOneIsOnItsWay) {
  begin();
  lose(kServer1, {kServer2, kWorker1, kWorker2});
  const auto raises = [&] {
    return jobs<RaiseClaim>(step(Received{wire::Message{kServer2, wire::Heartbeat{}, 9}})).size();
  };
  EXPECT_EQ(raises(), 0U);
  outcome(TimelineClaimed{.timeline = 2, .latest = {}, .damaged = {}, .error = ""});
  EXPECT_EQ(raises(), 1U);
}

TEST_F(TakeoverTest, AClaimThatCannotBeRaisedNowIsTriedAgain) {
  const auto raises = [&] {
    return jobs<RaiseClaim>(step(Received{wire::Message{kServer1, wire::Heartbeat{}, 6}})).size();
  };
  EXPECT_EQ(raises(), 1U);
  EXPECT_FALSE(
      outcome(ClaimRaised{.term = 0, .superseded = false, .error = "full", .may_pass = true}).exit);
  EXPECT_EQ(raises(), 0U) << "not at once";
  later(seconds(3));
  EXPECT_EQ(raises(), 1U);
}

TEST_F(CoordinatorTest, ARestoreThatMayPassIsTriedAgainAndAnyOtherEndsTheRun) {
  begin();
  lose(kServer1, {kServer2, kWorker1, kWorker2});
  outcome(TimelineClaimed{.timeline = 2, .latest = {}, .damaged = {}, .error = ""});
  const After refused =
      receive(kServer2, wire::Restored{.timeline = 2, .error = "no space", .may_pass = true});
  EXPECT_FALSE(refused.exit);
  EXPECT_EQ(refused.notes.size(), 1U);
  EXPECT_EQ(all<wire::Restore>(later(milliseconds(500))).size(), 1U);
  EXPECT_TRUE(
      receive(kServer2, wire::Restored{.timeline = 2, .error = "no space", .may_pass = true})
          .notes.empty())
      << "said once";
  std::string notices;
  for (int i = 0; i < 6; ++i) {
    for (const Note& note : later(seconds(1)).notes) notices += note.text;
    receive(kServer2, wire::Heartbeat{});
  }
  EXPECT_NE(notices.find("server host (which says: no space) to restore version 0"),
            std::string::npos)
      << notices;
  const After broken = receive(kServer2, wire::Restored{.timeline = 2, .error = "damaged"});
  EXPECT_EQ(jobs<RaiseClaim>(broken).size(), 1U) << "a successor may have tidied it away";
  outcome(ClaimRaised{.term = 3, .superseded = false, .error = ""});
  const After ended = later(seconds(1));
  ASSERT_TRUE(ended.exit);
  EXPECT_EQ(ended.exit->code, ExitCode::fault);
  EXPECT_NE(ended.exit->reason.find("damaged"), std::string::npos);
}

// Seed 1800009229: it was told of a fault of the store's, and there was none.
TEST_F(CoordinatorTest, WhatASuccessorHasTidiedAwayIsNoFault) {
  begin();
  lose(kServer1, {kServer2, kWorker1, kWorker2});
  outcome(TimelineClaimed{.timeline = 2, .latest = {}, .damaged = {}, .error = ""});
  receive(kServer2, wire::Restored{.timeline = 2, .error = "the store does not have a file"});
  const After ended = outcome(ClaimRaised{.term = 0, .superseded = true, .error = ""});
  ASSERT_TRUE(ended.exit);
  EXPECT_NE(ended.exit->reason.find("another coordinator"), std::string::npos);
  EXPECT_TRUE(all<wire::Finish>(ended).empty()) << "the members are the other one's";
}

TEST_F(CoordinatorTest, AnswersStrangersAndMakesThemNoMembers) {
  constexpr MemberId kStranger{999};
  const auto asked = [&] {
    const auto reports =
        all<wire::StatusReport>(step(Received{wire::Message{kStranger, wire::AskStatus{}, 0}}));
    EXPECT_EQ(reports.size(), 1U);
    EXPECT_EQ(reports.at(0).first, kStranger);
    auto status = status_from_json(reports.at(0).second.json);
    EXPECT_TRUE(status) << status.error().message;
    return *status;
  };
  step(Tick{});
  EXPECT_EQ(asked().phase, "claiming");
  begin();
  receive(kServer1, prepared(kServer1, 1));
  later(seconds(3));
  receive(kServer2, wire::Heartbeat{.progress = 1,
                                    .waiting = "leaves 2 to 3 of step 1 from worker X",
                                    .waiting_seconds = 12});
  const RunStatus status = asked();
  EXPECT_EQ(status.phase, "training");
  EXPECT_EQ(status.step, 0U);
  EXPECT_EQ(status.steps, 6U);
  EXPECT_EQ(status.epochs, 2U);
  EXPECT_EQ(status.timeline, 1U);
  EXPECT_FALSE(status.checkpoint);
  EXPECT_EQ(status.waiting_seconds, 3.0);
  EXPECT_EQ(status.waiting,
            "server host (which waits for leaves 2 to 3 of step 1 from worker X) to prepare step "
            "1");
  ASSERT_EQ(status.members.size(), 4U) << "the stranger is none";
  const MemberStatus& first = status.members[0];
  EXPECT_EQ(first.id, kServer1);
  EXPECT_EQ(first.state, "member");
  EXPECT_EQ(first.owns, 1U);
  EXPECT_EQ(first.lacks, 0U);
  EXPECT_EQ(first.version, Step{0});
  EXPECT_TRUE(first.prepared);
  EXPECT_EQ(first.heard_seconds, 3.0);
  EXPECT_FALSE(status.members[1].prepared);
  EXPECT_EQ(status.members[1].waiting_seconds, 12U);
  EXPECT_EQ(status.members[2].leaves, (LeafRange{0, 2}));
  EXPECT_TRUE(all<wire::Rejoin>(receive(kStranger, wire::Heartbeat{})).size() == 1U);
}

TEST_F(CoordinatorTest, SaysWhoIsOnTheWayAndWhoIsMissing) {
  step(Tick{});
  outcome(TimelineClaimed{.timeline = 1, .latest = {}, .damaged = {}, .error = ""});
  receive(kServer1, hello(wire::Role::server));
  std::string notices;
  for (int i = 0; i < 6; ++i) {
    for (const Note& note : later(seconds(1)).notes) notices += note.text;
    receive(kServer1, wire::Heartbeat{});
  }
  EXPECT_NE(notices.find("2 more servers and 2 more workers to join (on their way: server host)"),
            std::string::npos)
      << notices;
}

// ---- the history --------------------------------------------------------------------------------

TEST_F(CoordinatorTest, CommitsDoNotRunAwayFromTheHistory) {
  begin();
  disk_answers_ = false;
  const auto line = jobs<AppendHistory>(prepare(1));
  ASSERT_EQ(line.size(), 1U);
  prepare(2);
  prepare(3);
  evaluated(3, 0);
  evaluated(3, 1);
  EXPECT_TRUE(all<wire::CommitStep>(prepare(4)).empty()) << "the line of the epoch is not written";
  outcome(HistoryAppended{
      .life = line[0].life, .first = line[0].first, .lines = 1, .error = "full", .fenced = false});
  const auto again = jobs<AppendHistory>(later(milliseconds(500)));
  ASSERT_EQ(again.size(), 1U) << "all of it, anew";
  EXPECT_TRUE(again[0].anew);
  EXPECT_EQ(again[0].first, line[0].first);
  EXPECT_EQ(again[0].lines.size(), 4U);
  const auto commits = all<wire::CommitStep>(outcome(HistoryAppended{
      .life = again[0].life, .first = again[0].first, .lines = 4, .error = "", .fenced = false}));
  ASSERT_EQ(commits.size(), 2U);
  EXPECT_EQ(commits[0].second.commit.step, 4U);
}

TEST_F(CoordinatorTest, RestoreIsRepeatedUntilItIsAnswered) {
  begin();
  lose(kServer1, {kServer2, kWorker1, kWorker2});
  outcome(TimelineClaimed{.timeline = 2, .latest = {}, .damaged = {}, .error = ""});
  EXPECT_EQ(all<wire::Restore>(later(milliseconds(500))).size(), 1U);
  receive(kServer2, wire::Restored{1, ""});
  EXPECT_EQ(all<wire::Restore>(later(milliseconds(500))).size(), 1U) << "an old answer";
  receive(kServer2, wire::Restored{2, ""});
  EXPECT_TRUE(all<wire::Restore>(later(milliseconds(500))).empty());
}

// ---- checkpoints and the end --------------------------------------------------------------------

RunConfig with_checkpoints() {
  RunConfig run = small_run();
  run.checkpoint.every_steps = 2;
  return run;
}

class CheckpointTest : public CoordinatorTest {
 protected:
  CheckpointTest() : CoordinatorTest(with_checkpoints()) {}
};

TEST_F(CheckpointTest, AManifestFollowsTheFilesOfAllServers) {
  begin();
  prepare(1);
  EXPECT_TRUE(all<wire::CommitStep>(prepare(2))[0].second.commit.cut);
  After effects = cut_done(kServer1, 2);
  EXPECT_EQ(all<wire::CutKnown>(effects).size(), 1U);
  EXPECT_TRUE(jobs<KeepCheckpoint>(effects).empty());
  effects = cut_done(kServer2, 2);
  ASSERT_EQ(jobs<KeepCheckpoint>(effects).size(), 1U);
  const Checkpoint checkpoint = jobs<KeepCheckpoint>(effects)[0].checkpoint;
  EXPECT_EQ(checkpoint.commit.step, 2U);
  EXPECT_EQ(checkpoint.timeline, 1U);
  EXPECT_EQ(checkpoint.history_lines, 2U);
  EXPECT_EQ(checkpoint.canary, 5U);
  EXPECT_FALSE(coordinator_.progress().checkpoint);
  outcome(CheckpointKept{.step = 2, .error = "", .fenced = false});
  EXPECT_EQ(coordinator_.progress().checkpoint, 2U);
}

TEST_F(CheckpointTest, OneCutIsOpenAtATime) {
  begin();
  prepare(1);
  prepare(2);
  prepare(3);
  evaluated(3, 0);
  evaluated(3, 1);
  EXPECT_FALSE(all<wire::CommitStep>(prepare(4))[0].second.commit.cut);
  prepare(5);
  EXPECT_TRUE(all<wire::CommitStep>(prepare(6)).empty()) << "the last one must be kept: it waits";
  cut_done(kServer1, 2);
  cut_done(kServer2, 2);
  const auto commits =
      all<wire::CommitStep>(outcome(CheckpointKept{.step = 2, .error = "", .fenced = false}));
  ASSERT_EQ(commits.size(), 2U);
  EXPECT_TRUE(commits[0].second.commit.last && commits[0].second.commit.cut);
}

TEST_F(CheckpointTest, ACutThatFailsIsAbandonedAndTrainingGoesOn) {
  begin();
  prepare(1);
  prepare(2);
  After effects = cut_done(kServer1, 2, "disk full");
  EXPECT_FALSE(effects.exit);
  effects = cut_done(kServer2, 2);
  EXPECT_TRUE(jobs<KeepCheckpoint>(effects).empty());
  EXPECT_EQ(all<wire::CutKnown>(effects).size(), 1U);
  EXPECT_EQ(all<wire::CommitStep>(prepare(3)).size(), 2U);
}

TEST_F(CheckpointTest, ItsAgeIsThatOfTheCommitThatIsKept) {
  begin();
  now_ += seconds(3);
  prepare(1);
  EXPECT_EQ(coordinator_.gauges().checkpoint_age, seconds(3)) << "since training began";
  prepare(2);
  now_ += seconds(2);
  cut_done(kServer1, 2);
  cut_done(kServer2, 2);
  EXPECT_EQ(coordinator_.gauges().open_checkpoints, 1U);
  outcome(CheckpointKept{.step = 2, .error = "", .fenced = false});
  EXPECT_EQ(coordinator_.gauges().open_checkpoints, 0U);
  EXPECT_EQ(coordinator_.gauges().checkpoint_age, seconds(2));
  EXPECT_EQ(counters_.checkpoint.seconds(), 2.0);
  prepare(3);
  evaluated(3, 0);
  evaluated(3, 1);
  prepare(4);
  cut_done(kServer1, 4, "disk full");
  EXPECT_EQ(counters_.checkpoints_abandoned, 1U);
}

// Simulator seed 800136: it went on from an older version, and took back lines that the manifest
// counts.
TEST_F(CheckpointTest, NothingBeginsAnewWhileAManifestIsBeingWritten) {
  begin();
  prepare(1);
  prepare(2);
  cut_done(kServer1, 2);
  cut_done(kServer2, 2);
  const After effects = lose(kServer2, {kServer1, kWorker1, kWorker2});
  EXPECT_TRUE(jobs<ClaimTimeline>(effects).empty());
  const After after = outcome(CheckpointKept{.step = 2, .error = "", .fenced = false});
  EXPECT_EQ(jobs<ClaimTimeline>(after).size(), 1U);
  EXPECT_EQ(coordinator_.progress().checkpoint, 2U);
}

TEST_F(CheckpointTest, ACoordinatorThatIsFencedStops) {
  begin();
  prepare(1);
  prepare(2);
  cut_done(kServer1, 2);
  cut_done(kServer2, 2);
  outcome(CheckpointKept{.step = 2, .error = "another one holds the store", .fenced = true});
  const After effects = later(seconds(1));
  ASSERT_TRUE(effects.exit);
  EXPECT_EQ(effects.exit->code, ExitCode::fault);
}

RunConfig with_checkpoints_everywhere() {
  RunConfig run = small_run();
  run.checkpoint.every_steps = 1;
  return run;
}

class EveryStepTest : public CoordinatorTest {
 protected:
  EveryStepTest() : CoordinatorTest(with_checkpoints_everywhere()) {}
};

// C4: what a manifest names is what the owners wrote.
TEST_F(EveryStepTest, AbandonsACheckpointOfFilesThatAreNotTheOwners) {
  begin();
  struct Case {
    const char* name;
    std::vector<wire::SnapshotFile> files;
  };
  const Case cases[] = {
      {"none", {}},
      {"another server's", {{PartitionId{0}, "f", 1, 1, "c"}}},
      {"one too many", {{PartitionId{1}, "f", 1, 1, "c"}, {PartitionId{7}, "g", 1, 1, "d"}}},
      {"one twice", {{PartitionId{1}, "f", 1, 1, "c"}, {PartitionId{1}, "g", 1, 1, "d"}}},
  };
  Step step = 0;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    prepare(++step);
    if (step == 3) {
      evaluated(3, 0);
      evaluated(3, 1);
    }
    const wire::CutDone done{1, step, c.files, {}, ""};
    EXPECT_TRUE(all<wire::CutKnown>(receive(kWorker1, done)).empty()) << "it owns nothing";
    EXPECT_EQ(all<wire::CutKnown>(receive(kServer2, done)).size(), 1U);
    EXPECT_TRUE(jobs<KeepCheckpoint>(cut_done(kServer1, step)).empty());
    EXPECT_TRUE(jobs<KeepCheckpoint>(cut_done(kServer2, step)).empty()) << "abandoned";
  }
  prepare(++step);
  cut_done(kServer1, step);
  const auto kept = jobs<KeepCheckpoint>(cut_done(kServer2, step));
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].checkpoint.files.size(), 2U);
}

std::vector<wire::CutOrder> orders_in(const Effects<CoordinatorJob>& effects) {
  std::vector<wire::CutOrder> orders;
  for (const Send& send : effects.sends) {
    if (const auto* said = std::get_if<wire::CommitStep>(&send.body)) {
      orders.insert(orders.end(), said->cut.begin(), said->cut.end());
    }
  }
  std::sort(orders.begin(), orders.end(),
            [](const auto& a, const auto& b) { return a.partition < b.partition; });
  return orders;
}

using Orders = std::vector<wire::CutOrder>;
constexpr PartitionId kFirst{0};
constexpr PartitionId kSecond{1};

class ChainTest : public EveryStepTest {
 protected:
  MemberId owner(PartitionId id) const { return coordinator_.plan().owners[index(id)]; }

  // The owners' answers to a cut, and what the manifest would list.
  std::vector<wire::SnapshotFile> write(Step step, const wire::CutDone& first,
                                        const wire::CutDone& second) {
    receive(owner(kFirst), first);
    const After effects = receive(owner(kSecond), second);
    const auto kept = jobs<KeepCheckpoint>(effects);
    if (kept.size() != 1U) return {};
    outcome(CheckpointKept{.step = step, .error = "", .fenced = false});
    return kept[0].checkpoint.files;
  }
  static wire::CutDone wrote(Step step, PartitionId id, Step since) {
    return {1, step, {file(step, id, since)}, {}, ""};
  }
  static wire::SnapshotFile file(Step step, PartitionId id, Step since) {
    const std::string name = std::to_string(index(id)) + "@" + std::to_string(step);
    return {id, name, since == 0 ? 100U : 1U, 1, name, since};
  }
};

TEST_F(ChainTest, CheckpointsGoOnFromTheOneBefore) {
  begin();
  EXPECT_EQ(orders_in(prepare(1)), (Orders{{kFirst, 0}, {kSecond, 0}})) << "there is none before";
  const auto one = write(1, wrote(1, kFirst, 0), wrote(1, kSecond, 0));
  EXPECT_EQ(one, (Chain{file(1, kFirst, 0), file(1, kSecond, 0)}));

  EXPECT_EQ(orders_in(prepare(2)), (Orders{{kFirst, 1}, {kSecond, 1}}));
  const auto two = write(2, wrote(2, kFirst, 1), {1, 2, {}, {{kSecond, 1}}, ""});
  EXPECT_EQ(two, (Chain{file(1, kFirst, 0), file(2, kFirst, 1), file(1, kSecond, 0)}))
      << "what did not change is listed as it is";

  EXPECT_EQ(orders_in(prepare(3)), (Orders{{kFirst, 2}, {kSecond, 2}}));
  evaluated(3, 0);
  evaluated(3, 1);
  const auto three = write(3, wrote(3, kFirst, 0), wrote(3, kSecond, 2));
  EXPECT_EQ(three, (Chain{file(3, kFirst, 0), file(1, kSecond, 0), file(3, kSecond, 2)}))
      << "an owner may write a base at any time";
}

TEST_F(ChainTest, AnAbandonedCheckpointIsNotGoneOnFrom) {
  begin();
  prepare(1);
  write(1, wrote(1, kFirst, 0), wrote(1, kSecond, 0));
  prepare(2);
  receive(owner(kFirst), wire::CutDone{1, 2, {}, {}, "disk full"});
  EXPECT_EQ(orders_in(prepare(3)), (Orders{{kFirst, 1}, {kSecond, 1}}));
}

TEST_F(ChainTest, AfterAFileWasLostEverythingIsWrittenAgain) {
  begin();
  prepare(1);
  write(1, wrote(1, kFirst, 0), wrote(1, kSecond, 0));
  prepare(2);
  receive(owner(kFirst), wrote(2, kFirst, 1));
  receive(owner(kSecond), wrote(2, kSecond, 1));
  outcome(CheckpointKept{.step = 2, .error = "a file is gone", .broken = true});
  EXPECT_EQ(orders_in(prepare(3)), (Orders{{kFirst, 0}, {kSecond, 0}}));
  evaluated(3, 0);
  evaluated(3, 1);
  write(3, wrote(3, kFirst, 0), wrote(3, kSecond, 0));
  EXPECT_EQ(orders_in(prepare(4)), (Orders{{kFirst, 3}, {kSecond, 3}}));
}

TEST_F(ChainTest, WhatWasNotOrderedIsNotTaken) {
  struct Case {
    const char* name;
    wire::CutDone first;
  };
  begin();
  prepare(1);
  // Without a checkpoint before there is nothing that a partition could be unchanged since.
  const Case from_nothing[] = {
      {"unchanged", {1, 1, {}, {{kFirst, 1}}, ""}},
      {"a delta", wrote(1, kFirst, 1)},
  };
  Step step = 1;
  for (const Case& c : from_nothing) {
    SCOPED_TRACE(c.name);
    wire::CutDone first = c.first;
    first.step = step;
    EXPECT_TRUE(write(step, first, wrote(step, kSecond, 0)).empty());
    prepare(++step);
    if (step % 3 != 0) continue;
    evaluated(step, 0);
    evaluated(step, 1);
  }
  ASSERT_EQ(step, 3U);
  ASSERT_FALSE(write(3, wrote(3, kFirst, 0), wrote(3, kSecond, 0)).empty());
  prepare(4);
  EXPECT_TRUE(write(4, wrote(4, kFirst, 2), wrote(4, kSecond, 3)).empty()) << "since another step";
  prepare(5);
  EXPECT_TRUE(
      write(5, {1, 5, {file(5, kFirst, 3)}, {{kFirst, 3}}, ""}, wrote(5, kSecond, 3)).empty())
      << "both changed and not";
}

TEST_F(ChainTest, UnchangedSinceAnotherStepIsNotTaken) {
  begin();
  prepare(1);
  ASSERT_FALSE(write(1, wrote(1, kFirst, 0), wrote(1, kSecond, 0)).empty());
  prepare(2);
  ASSERT_FALSE(write(2, wrote(2, kFirst, 1), wrote(2, kSecond, 1)).empty());
  EXPECT_EQ(orders_in(prepare(3)), (Orders{{kFirst, 2}, {kSecond, 2}}));
  EXPECT_TRUE(write(3, {1, 3, {}, {{kFirst, 1}}, ""}, wrote(3, kSecond, 2)).empty());
}

// Going back means another checkpoint to go on from: the one that the timeline starts with, if any.
class GoingBackTest : public ChainTest {
 protected:
  // What the first cut asks for after a server was lost, where the store has `restored` left.
  Orders orders_after_going_back(bool restored) {
    begin();
    prepare(1);
    receive(owner(kFirst), wrote(1, kFirst, 0));
    const auto kept = jobs<KeepCheckpoint>(receive(owner(kSecond), wrote(1, kSecond, 0)));
    BALLAST_CHECK(kept.size() == 1);
    outcome(CheckpointKept{.step = 1, .error = "", .fenced = false});
    lose(kServer2, {kServer1, kWorker1, kWorker2});
    std::optional<Checkpoint> latest;
    if (restored) latest = kept[0].checkpoint;
    const After back =
        outcome(TimelineClaimed{.timeline = 2, .latest = latest, .damaged = {}, .error = ""});
    BALLAST_CHECK(back.notes.size() == 1);
    said_ = back.notes[0].text;
    receive(kServer1, wire::Restored{2, ""});
    return orders_in(receive(kServer1, prepared(kServer1, restored ? 2 : 1, 2)));
  }

  std::string said_;  // When it went back.
};

TEST_F(GoingBackTest, ATimelineGoesOnFromWhatItRestored) {
  EXPECT_EQ(orders_after_going_back(true), (Orders{{kFirst, 1}, {kSecond, 1}}));
  EXPECT_EQ(said_, "going on from the checkpoint of step 1");
}

TEST_F(GoingBackTest, ATimelineThatStartsAnewGoesOnFromNothing) {
  EXPECT_EQ(orders_after_going_back(false), (Orders{{kFirst, 0}, {kSecond, 0}}));
  EXPECT_EQ(said_, "going on from the beginning, since there is no checkpoint yet");
}

TEST_F(CoordinatorTest, DoneMeansThatTheModelIsWrittenFromADurableLastVersion) {
  begin();
  train_to(6);
  EXPECT_TRUE(jobs<KeepCheckpoint>(cut_done(kServer1, 6)).empty());
  EXPECT_EQ(jobs<KeepCheckpoint>(cut_done(kServer2, 6)).size(), 1U);
  After effects = outcome(CheckpointKept{.step = 6, .error = "", .fenced = false});
  ASSERT_EQ(jobs<ExportModel>(effects).size(), 1U);
  EXPECT_EQ(jobs<ExportModel>(effects)[0].checkpoint.commit.step, 6U);
  EXPECT_FALSE(effects.exit);

  effects = outcome(ModelExported{.digest = "d", .error = ""});
  EXPECT_EQ(all<wire::Finish>(effects).size(), 4U);
  EXPECT_EQ(coordinator_.progress().digest, "d");
  for (const MemberId who : {kServer1, kServer2, kWorker1}) {
    EXPECT_FALSE(receive(who, wire::Goodbye{}).exit);
  }
  EXPECT_EQ(all<wire::Finish>(receive(kWorker2, wire::Heartbeat{})).size(), 1U) << "it missed it";
  effects = receive(kWorker2, wire::Goodbye{});
  ASSERT_TRUE(effects.exit);
  EXPECT_EQ(effects.exit->code, ExitCode::done);
}

TEST_F(CoordinatorTest, ALastCutThatFailsIsAFaultWithASentence) {
  begin();
  train_to(6);
  cut_done(kServer1, 6, "disk full");
  const After effects = later(seconds(1));
  ASSERT_TRUE(effects.exit);
  EXPECT_EQ(effects.exit->code, ExitCode::fault);
  EXPECT_NE(effects.exit->reason.find("disk full"), std::string::npos);
}

// The coordinator before may have ordered what changed since a checkpoint that we do not go on
// from; a server that was still writing that when we came answers with it.
TEST_F(CoordinatorTest, ALastCutThatWasOrderedOtherwiseBeforeIsOrderedAgain) {
  constexpr PartitionId kPartition{0};
  begin();
  train_to(6);
  const MemberId writer = coordinator_.plan().owners[0];
  const wire::SnapshotFile delta{kPartition, "delta", 1, 1, "c", 5};
  for (const wire::CutDone& before :
       {wire::CutDone{1, 6, {}, {{kPartition, 5}}, ""}, wire::CutDone{1, 6, {delta}, {}, ""}}) {
    EXPECT_EQ(all<wire::CutKnown>(receive(writer, before)).size(), 1U);
    const After effects = later(seconds(1));
    EXPECT_FALSE(effects.exit);
    const auto orders = all<wire::CommitStep>(effects);
    EXPECT_TRUE(std::any_of(orders.begin(), orders.end(), [&](const auto& order) {
      return order.first == writer &&
             order.second.cut.front() == wire::CutOrder{.partition = kPartition, .since = 0};
    }));
  }
  cut_done(kServer1, 6);
  EXPECT_EQ(jobs<KeepCheckpoint>(cut_done(kServer2, 6)).size(), 1U);
}

TEST_F(CoordinatorTest, AFullDiskDelaysTheEndUntilThereIsRoom) {
  begin();
  train_to(6);
  wire::CutDone full{1, 6, {}, {}, "no space left", true};
  EXPECT_FALSE(receive(kServer1, full).exit);
  cut_done(kServer2, 6);
  EXPECT_NE(later(seconds(2)).exit.has_value(), true);
  EXPECT_NE(later(milliseconds(900)).exit.has_value(), true);
  const auto orders = all<wire::CommitStep>(later(milliseconds(100)));
  ASSERT_EQ(orders.size(), 2U) << "of everything, from everybody";
  EXPECT_FALSE(orders[0].second.cut.empty());

  cut_done(kServer1, 6);
  ASSERT_EQ(jobs<KeepCheckpoint>(cut_done(kServer2, 6)).size(), 1U);
  EXPECT_FALSE(outcome(CheckpointKept{.step = 6, .error = "no space", .may_pass = true}).exit);
  later(seconds(3));
  cut_done(kServer1, 6);
  cut_done(kServer2, 6);
  ASSERT_EQ(jobs<ExportModel>(outcome(CheckpointKept{.step = 6, .error = ""})).size(), 1U);

  EXPECT_FALSE(outcome(ModelExported{"", "no space for the model", true}).exit);
  receive(MemberId{999}, wire::AskStatus{});
  EXPECT_TRUE(jobs<ExportModel>(later(milliseconds(2900))).empty());
  EXPECT_EQ(jobs<ExportModel>(later(milliseconds(100))).size(), 1U);
  outcome(ModelExported{"digest", ""});
  const After effects = later(seconds(1));
  ASSERT_TRUE(effects.exit);
  EXPECT_EQ(effects.exit->code, ExitCode::done);
}

// Whoever goes on from it evaluates the last version again, and writes that line again.
TEST_F(CoordinatorTest, ACheckpointThatIsTriedAgainCountsNoLineOfItsEvaluation) {
  begin();
  train_to(6);
  ASSERT_EQ(coordinator_.progress().evaluated, 6U);
  receive(kServer1, wire::CutDone{1, 6, {}, {}, "no space left", true});
  later(seconds(3));
  cut_done(kServer1, 6);
  const auto kept = jobs<KeepCheckpoint>(cut_done(kServer2, 6));
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].checkpoint.history_lines, 7U) << "six steps, and the evaluation of the third";
}

TEST_F(CoordinatorTest, WhoWaitsForRoomForTheModelCanBeStopped) {
  begin();
  train_to(6);
  cut_done(kServer1, 6);
  cut_done(kServer2, 6);
  outcome(CheckpointKept{.step = 6, .error = ""});
  outcome(ModelExported{"", "no space for the model", true});
  step(StopAsked{});
  const After effects = later(seconds(1));
  ASSERT_TRUE(effects.exit);
  EXPECT_EQ(effects.exit->code, ExitCode::interrupted);
}

TEST_F(CoordinatorTest, ACleanStopKeepsTheNextCommitAndCommitsNoMore) {
  begin();
  prepare(1);
  EXPECT_FALSE(step(StopAsked{}).exit);
  EXPECT_TRUE(all<wire::CommitStep>(prepare(2))[0].second.commit.cut);
  EXPECT_TRUE(all<wire::CommitStep>(prepare(3)).empty());
  cut_done(kServer1, 2);
  cut_done(kServer2, 2);
  outcome(CheckpointKept{.step = 2, .error = "", .fenced = false});
  const After effects = later(seconds(1));
  ASSERT_TRUE(effects.exit);
  EXPECT_EQ(effects.exit->code, ExitCode::interrupted);
}

TEST_F(CoordinatorTest, AStopThatTakesTooLongIsCutShort) {
  begin();
  step(StopAsked{});
  EXPECT_FALSE(later(seconds(1)).exit);
  now_ += seconds(20);
  step(Tick{});
  EXPECT_TRUE(later(seconds(1)).exit);
}

TEST_F(CoordinatorTest, SaysWhatItWaitsFor) {
  begin();
  receive(kServer1, prepared(kServer1, 1));
  std::string notice;
  for (int i = 0; i < 7; ++i) {
    const After effects = later(seconds(1));
    for (const MemberId who : {kServer1, kServer2, kWorker1, kWorker2}) {
      receive(who, wire::Heartbeat{});
    }
    for (const Note& note : effects.notes) notice += note.text;
  }
  EXPECT_NE(notice.find("to prepare step 1"), std::string::npos) << notice;
  EXPECT_FALSE(coordinator_.progress().waiting_for.empty());
}

// ---- replicas -----------------------------------------------------------------------------------

RunConfig run_with_replicas() {
  RunConfig run = small_run();
  run.cluster.replicas = 1;
  return run;
}

// Four partitions, the even ones on the first server, without replicas.
class HotTest : public CoordinatorTest {
 protected:
  HotTest() : CoordinatorTest(run()) {}

  static RunConfig run() {
    RunConfig run = small_run();
    run.partitions = 4;
    run.steps_per_epoch = 100;
    run.steps = 100;
    run.train_examples = 400;
    return run;
  }
  // Every server prepares the step, and says what its partitions had to do.
  void prepare_with(Step step, const std::vector<std::uint64_t>& traffic) {
    for (const MemberId server : {kServer1, kServer2}) {
      wire::Prepared said = prepared(server, step);
      for (const wire::PreparedPartition& p : said.partitions) {
        if (coordinator_.plan().owners[index(p.partition)] != server) continue;
        said.loads.push_back({p.partition, traffic[index(p.partition)], 1000});
      }
      receive(server, said);
    }
  }
  // Steps until nothing moves any more, with time for it; the last plan's owners.
  std::vector<MemberId> owners_after(const std::vector<std::uint64_t>& traffic) {
    for (Step step = 1; step <= 40; ++step) {
      prepare_with(step, traffic);
      later(seconds(1));
      for (const MemberId who : {kServer1, kServer2, kWorker1, kWorker2}) {
        receive(who, wire::Heartbeat{});
      }
    }
    return coordinator_.plan().owners;
  }
};

TEST_F(HotTest, AHotPartitionMovesToWhoHasLittleToDo) {
  begin();
  EXPECT_EQ(coordinator_.plan().owners,
            (std::vector<MemberId>{kServer1, kServer2, kServer1, kServer2}));
  const auto owners = owners_after({1'000'000, 10, 1'000'000, 10});
  EXPECT_NE(owners[0], owners[2]);
  EXPECT_TRUE(coordinator_.plan().replicas.empty()) << "moved, not copied";
}

TEST_F(HotTest, WhatIsEvenStaysWhereItIs) {
  begin();
  const PlanNumber before = coordinator_.plan().number;
  owners_after({1'000'000, 1'010'000, 990'000, 1'000'000});
  EXPECT_EQ(coordinator_.plan().number, before);
}

class ReplicaTest : public CoordinatorTest {
 protected:
  ReplicaTest() : CoordinatorTest(run_with_replicas()) {}
};

TEST_F(ReplicaTest, GaugesTellCopiesInStepFromThoseThatAreMissing) {
  begin();
  EXPECT_EQ(coordinator_.gauges().copies_in_step, 4U);
  EXPECT_EQ(coordinator_.gauges().copies_missing, 0U);
  step(Disconnected{kServer2});
  EXPECT_EQ(coordinator_.gauges().copies_in_step, 2U);
  EXPECT_EQ(coordinator_.gauges().copies_missing, 2U);
  EXPECT_EQ(counters_.promotions, 1U);
  EXPECT_EQ(counters_.lost_servers, 1U);
  EXPECT_EQ(counters_.rollbacks, 0U);
  join(kServer2, wire::Role::server);
  EXPECT_EQ(coordinator_.gauges().copies_behind, 2U);
  EXPECT_EQ(coordinator_.gauges().copies_missing, 0U);
  prepare(1);
  EXPECT_EQ(coordinator_.gauges().copies_in_step, 4U);
}

TEST_F(ReplicaTest, AStepIsCommittedWhenEveryCopyIsPrepared) {
  const After effects = begin();
  const wire::Plan plan = all<wire::Plan>(effects)[0].second;
  EXPECT_EQ(plan.replicas.size(), 2U);
  EXPECT_EQ(prepared(kServer1, 1).partitions.size(), 2U);
  EXPECT_TRUE(all<wire::CommitStep>(receive(kServer1, prepared(kServer1, 1))).empty());
  wire::Prepared partly = prepared(kServer2, 1);
  partly.partitions.erase(partly.partitions.begin());
  partly.has_figures = false;
  EXPECT_TRUE(all<wire::CommitStep>(receive(kServer2, partly)).empty());
  EXPECT_EQ(all<wire::CommitStep>(receive(kServer2, prepared(kServer2, 1))).size(), 2U);
}

TEST_F(ReplicaTest, ALostServerCostsNoStep) {
  begin();
  prepare(1);
  receive(kServer1, prepared(kServer1, 2));
  const After effects = step(Disconnected{kServer2});
  const auto plans = all<wire::Plan>(effects);
  ASSERT_EQ(plans.size(), 3U);
  EXPECT_EQ(plans[0].second.timeline, 1U);
  EXPECT_EQ(plans[0].second.owners, (std::vector<MemberId>{kServer1, kServer1}));
  EXPECT_TRUE(plans[0].second.replicas.empty());
  ASSERT_EQ(all<wire::CommitStep>(effects).size(), 1U) << "who is left has prepared all of it";
  EXPECT_EQ(all<wire::CommitStep>(effects)[0].second.commit.step, 2U);
  EXPECT_TRUE(jobs<ClaimTimeline>(effects).empty());
}

TEST_F(ReplicaTest, CopiesThatDifferEndTheRun) {
  begin();
  receive(kServer1, prepared(kServer1, 1));
  wire::Prepared other = prepared(kServer2, 1);
  other.partitions[1].hash += 1;
  receive(kServer2, other);
  const After effects = later(milliseconds(600));
  ASSERT_TRUE(effects.exit);
  EXPECT_EQ(effects.exit->code, ExitCode::fault);
  EXPECT_NE(effects.exit->reason.find("differ in the gradient of step 1, partition 1"),
            std::string::npos)
      << effects.exit->reason;
}

TEST_F(ReplicaTest, AServerThatJoinsIsWaitedForUntilItHasItsCopies) {
  begin();
  step(Disconnected{kServer2});
  constexpr MemberId kServer3{103};
  receive(kServer3, hello(wire::Role::server));
  const After effects = ready(kServer3);
  const wire::Plan plan = all<wire::Plan>(effects).back().second;
  ASSERT_EQ(plan.replicas.size(), 2U);
  EXPECT_EQ(plan.replicas[0].server, kServer3);
  ASSERT_EQ(plan.servers.size(), 2U);

  EXPECT_TRUE(all<wire::CommitStep>(receive(kServer1, prepared(kServer1, 1))).empty());
  wire::Prepared ignorant = prepared(kServer3, 1);
  ignorant.plan = plan.number - 1;
  EXPECT_TRUE(all<wire::CommitStep>(receive(kServer3, ignorant)).empty())
      << "it speaks of copies that it had before this plan";
  EXPECT_EQ(all<wire::CommitStep>(receive(kServer3, prepared(kServer3, 1))).size(), 2U);
}

TEST_F(ReplicaTest, ACopyThatIsBeingMadeIsNoHelp) {
  begin();
  step(Disconnected{kServer2});
  constexpr MemberId kServer3{103};
  receive(kServer3, hello(wire::Role::server));
  ready(kServer3);
  EXPECT_EQ(jobs<ClaimTimeline>(lose(kServer1, {kServer3, kWorker1, kWorker2})).size(), 1U);
}

TEST_F(ReplicaTest, ALeavingServerIsReleasedWhenOthersHaveWhatItKeeps) {
  begin();
  constexpr MemberId kServer3{103};
  receive(kServer3, hello(wire::Role::server));
  ready(kServer3);
  const auto prepare_all = [&](Step step) {
    for (const MemberId server : {kServer1, kServer2, kServer3}) {
      if (!prepared(server, step).partitions.empty()) receive(server, prepared(server, step));
    }
  };
  bool released = false;
  for (Step step = 1; step <= 4 && !released; ++step) {
    released = !all<wire::Released>(receive(kServer1, wire::Goodbye{})).empty();
    prepare_all(step);
    if (step % 3 == 0) {
      evaluated(step, 0);
      evaluated(step, 1);
    }
  }
  EXPECT_TRUE(released);
  EXPECT_EQ(coordinator_.timeline(), 1U);
  const wire::Plan& plan = coordinator_.plan();
  EXPECT_EQ(std::count(plan.owners.begin(), plan.owners.end(), kServer1), 0);
}

// ---- relaxed runs -------------------------------------------------------------------------------

RunConfig relaxed_run() {
  RunConfig run = small_run();
  run.validation_examples = 0;
  run.training.log_every = 2;
  run.training.consistency = Consistency::bounded;
  run.checkpoint.every_steps = 2;
  return run;
}

class RelaxedTest : public CoordinatorTest {
 protected:
  RelaxedTest() : CoordinatorTest(relaxed_run()) {}

  // Both servers say how far they are; the one with partition 0 has seen `examples`.
  After counted(Step one, Step two, std::uint64_t examples, std::vector<Leaf> slowest = {}) {
    const auto say = [&](MemberId server, Step floor) {
      wire::Counted counted{.timeline = 1, .floor = floor, .figures = {}, .slowest = slowest};
      if (coordinator_.plan().owners[0] == server) {
        counted.figures = {.loss = static_cast<double>(examples), .examples = examples};
      }
      return receive(server, counted);
    };
    const After first = say(kServer1, one);
    EXPECT_TRUE(jobs<KeepCheckpoint>(first).empty());
    return say(kServer2, two);
  }
  RunStatus status() {
    const auto reports = all<wire::StatusReport>(receive(MemberId{999}, wire::AskStatus{}));
    return *status_from_json(reports.at(0).second.json);
  }
};

TEST_F(RelaxedTest, TheLowestClockOfAllServersIsTheStepThatIsReached) {
  begin();
  counted(0, 0, 0);
  EXPECT_TRUE(jobs<AppendHistory>(counted(3, 1, 10)).empty()) << "no second step everywhere";
  const auto lines = jobs<AppendHistory>(counted(3, 2, 12));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].lines.at(0).find("\"step\":2,"), std::string::npos) << lines[0].lines[0];
  EXPECT_EQ(status().step, 2U);
}

TEST_F(RelaxedTest, WhatServersSaidEarlierChangesNothingWhenItComesLate) {
  begin();
  counted(0, 0, 0);
  counted(2, 2, 8);
  counted(1, 1, 4);
  counted(2, 2, 7);  // The same floor, fewer examples.
  const auto lines = jobs<AppendHistory>(counted(4, 4, 16));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].lines.at(0).find("\"examples\":8,"), std::string::npos) << lines[0].lines[0];
  EXPECT_EQ(status().step, 4U);
}

TEST_F(RelaxedTest, PassesOverCountedThatCannotBe) {
  begin();
  counted(7, 7, 1);
  counted(6, 6, 1, {4});
  EXPECT_EQ(status().step, 0U);
}

TEST_F(RelaxedTest, ACheckpointIsNamedByTheFloorAndListsWhatEveryServerHasWritten) {
  begin();
  counted(0, 0, 0);
  const auto orders = all<wire::CommitStep>(counted(3, 2, 8));
  ASSERT_EQ(orders.size(), 2U);
  EXPECT_EQ(orders[0].second.commit.step, 2U);
  ASSERT_EQ(orders[0].second.cut.size(), 1U);
  EXPECT_EQ(orders[0].second.cut[0].since, 0U) << "wholly";
  counted(3, 3, 9);  // It goes on meanwhile.
  cut_done(kServer1, 2);
  const auto kept = jobs<KeepCheckpoint>(cut_done(kServer2, 2));
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].checkpoint.commit.step, 2U);
  EXPECT_EQ(kept[0].checkpoint.files.size(), 2U);
}

TEST_F(RelaxedTest, EndsWithTheModelOfTheLastCheckpointWhenAllIsCounted) {
  begin();
  counted(0, 0, 0);
  counted(6, 6, 24);
  cut_done(kServer1, 6);
  const auto kept = jobs<KeepCheckpoint>(cut_done(kServer2, 6));
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_TRUE(kept[0].checkpoint.commit.last);
  EXPECT_EQ(jobs<ExportModel>(outcome(CheckpointKept{.step = 6, .error = ""})).size(), 1U);
}

// A server that is lost costs what came after the checkpoint, and a new timeline.
TEST_F(RelaxedTest, ALeavingServerIsReleasedWhenACheckpointHoldsWhatItKeeps) {
  begin();
  counted(0, 0, 0);
  EXPECT_TRUE(all<wire::Released>(receive(kServer2, wire::Goodbye{})).empty());
  const auto orders = all<wire::CommitStep>(counted(1, 1, 4));
  ASSERT_EQ(orders.size(), 2U) << "a checkpoint for its sake";
  cut_done(kServer1, 1);
  cut_done(kServer2, 1);
  const After effects = outcome(CheckpointKept{.step = 1, .error = ""});
  ASSERT_EQ(all<wire::Released>(effects).size(), 1U);
  EXPECT_EQ(all<wire::Released>(effects)[0].first, kServer2);
}

TEST_F(RelaxedTest, SaysWhoseMicrobatchesItWaitsFor) {
  begin();
  EXPECT_NE(status().waiting.find("to say what it has counted"), std::string::npos);
  counted(2, 2, 8, {0, 2, 3});
  wire::Heartbeat beat;
  beat.waiting = "its disk";
  beat.waiting_seconds = 12;
  receive(kWorker2, beat);
  now_ += seconds(3);
  const RunStatus now = status();
  EXPECT_EQ(now.waiting,
            "leaves 0, 2 to 3 of step 3 from worker host, worker host (which waits for its disk)");
  EXPECT_EQ(now.waiting_seconds, 3.0);
}

}  // namespace
}  // namespace ballast
