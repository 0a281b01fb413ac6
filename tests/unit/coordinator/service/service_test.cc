#include "coordinator/service/service.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace ballast::service_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MemberId kServer{101};
constexpr MemberId kWorker1{201};
constexpr MemberId kWorker2{202};

// A service whose disk does what it is asked, unless it is told not to.
class ServiceTest : public testing::Test {
 protected:
  using After = Effects<ServiceJob>;

  static ServiceOptions options() {
    ServiceOptions options;
    options.version = "v";
    options.jobs_at_once = 2;
    options.endpoints = {"ipc://job-0", "ipc://job-1"};
    options.failures_max = 3;
    options.wall_at_zero = 1000000;
    return options;
  }
  void make(ServiceOptions options, std::vector<JobRecord> jobs = {}) {
    service_ = std::make_unique<Service>(std::move(options), Term{7}, std::move(jobs));
  }
  void SetUp() override { make(options()); }

  After step(Input<ServiceOutcome> input) {
    After effects;
    service_->step(now_, std::move(input), effects);
    return follow(std::move(effects));
  }
  // Does what a site would do at once, and gathers what else there is to do.
  After follow(After effects) {
    After all;
    std::vector<After> open;
    open.push_back(std::move(effects));
    while (!open.empty()) {
      After next = std::move(open.front());
      open.erase(open.begin());
      for (const Send& send : next.sends) {
        if (const auto* said = std::get_if<wire::Postings>(&send.body)) posted_[send.to] = *said;
        all.sends.push_back(send);
      }
      for (Note& note : next.notes) all.notes.push_back(std::move(note));
      if (next.exit) all.exit = next.exit;
      for (const ServiceJob& job : next.jobs) {
        if (const auto* answer = std::get_if<Answer>(&job)) answers_[answer->ticket] = *answer;
        const auto* const keep = std::get_if<KeepJobs>(&job);
        if (keep != nullptr && disk_works_) {
          for (const SharedJob& kept : keep->changed) kept_[kept->id] = *kept;
          for (const JobId removed : keep->removed) kept_.erase(removed);
          After then;
          service_->step(now_, Done<ServiceOutcome>{JobsKept{keep->batch, ""}}, then);
          open.push_back(std::move(then));
        } else if (keep != nullptr) {
          After then;
          service_->step(now_, Done<ServiceOutcome>{JobsKept{keep->batch, "disk full"}}, then);
          open.push_back(std::move(then));
        }
        all.jobs.push_back(job);
      }
    }
    return all;
  }
  After outcome(ServiceOutcome what) { return step(Done<ServiceOutcome>{std::move(what)}); }
  After later(Duration time) {
    now_ += time;
    return step(Tick{});
  }
  After offer(MemberId who, std::vector<wire::ServedJob> serves = {},
              std::vector<wire::EndedMember> ended = {}, bool leaving = false) {
    return step(Received{wire::Message{
        who, wire::Offer{.role = who == kServer ? wire::Role::server : wire::Role::worker,
                         .version = "v",
                         .host = "h",
                         .serves = std::move(serves),
                         .ended = std::move(ended),
                         .leaving = leaving}}});
  }
  After submit(JobRequest request = {}) {
    if (request.owner.empty()) request.owner = "ada";
    return outcome(SubmitJob{++ticket_, std::move(request)});
  }
  After ended(std::uint64_t job, int code) {
    return outcome(JobProcessEnded{JobId{job}, code, "its reason"});
  }
  const JobRecord& job(std::uint64_t id) const { return *service_->jobs().at(JobId{id}); }
  std::string state(std::uint64_t id) const { return name_of(job(id).state); }
  const Answer& answer() const { return answers_.at(ticket_); }

  template <class Job>
  static std::vector<Job> jobs(const After& effects) {
    std::vector<Job> found;
    for (const ServiceJob& job : effects.jobs) {
      if (const auto* concrete = std::get_if<Job>(&job)) found.push_back(*concrete);
    }
    return found;
  }
  static std::vector<std::uint64_t> started(const After& effects) {
    std::vector<std::uint64_t> ids;
    for (const StartJob& start : jobs<StartJob>(effects)) ids.push_back(index(start.job->id));
    return ids;
  }
  // "1@ipc://job-0 ..."
  std::string postings(MemberId who) const {
    std::string text;
    const auto found = posted_.find(who);
    if (found == posted_.end()) return text;
    for (const wire::Posting& posting : found->second.postings) {
      text += (text.empty() ? "" : " ") + std::to_string(index(posting.job.job)) + "." +
              std::to_string(posting.job.life) + "@" + posting.coordinator;
    }
    return text;
  }

  using Ids = std::vector<std::uint64_t>;
  bool disk_works_ = true;
  std::map<JobId, JobRecord> kept_;
  std::map<MemberId, wire::Postings> posted_;  // The latest that each was sent.
  std::map<Ticket, Answer> answers_;
  Ticket ticket_ = 0;
  Time now_ = Time{} + seconds(100);
  std::unique_ptr<Service> service_;
};

TEST_F(ServiceTest, AJobIsBegunServedAndDone) {
  const After submitted = submit({.name = "digits"});
  EXPECT_EQ(started(submitted), Ids{1});  // The first one says what it waits for.
  EXPECT_EQ(answer().job->id, JobId{1});
  EXPECT_EQ(job(1).submitted_at, 1100000);
  EXPECT_EQ(job(1).begun_at, 1100000);
  offer(kServer);
  offer(kWorker1);
  EXPECT_EQ(postings(kServer), "1.1@ipc://job-0");
  EXPECT_EQ(postings(kWorker1), "1.1@ipc://job-0");
  now_ += seconds(5);
  offer(kServer);
  ended(1, 0);
  EXPECT_EQ(state(1), "done");
  EXPECT_EQ(kept_.at(JobId{1}).ended_at, 1105000);
  EXPECT_EQ(postings(kServer), "");
}

// V1: not even the number is told before the record is durable, and its process not started (V2).
TEST_F(ServiceTest, NothingIsSaidOrBegunThatIsNotDurable) {
  disk_works_ = false;
  const After submitted = submit();
  EXPECT_TRUE(started(submitted).empty());
  EXPECT_FALSE(answers_.contains(ticket_));
  ASSERT_FALSE(submitted.notes.empty());
  EXPECT_EQ(submitted.notes.front().text, "disk full");
  disk_works_ = true;
  const After kept = later(seconds(1));
  EXPECT_EQ(answer().job->id, JobId{1});
  EXPECT_EQ(started(kept).size() + started(later(milliseconds(1))).size(), 1U);
  EXPECT_EQ(kept_.at(JobId{1}).state, JobState::running);
}

// What is kept late is what the job is by then: an older record never replaces a newer one.
TEST_F(ServiceTest, WhatIsKeptLateIsNotOlder) {
  disk_works_ = false;
  submit();
  outcome(CancelJob{++ticket_, JobId{1}});
  disk_works_ = true;
  later(seconds(1));
  EXPECT_EQ(state(1), "cancelled");
  EXPECT_EQ(kept_.at(JobId{1}).state, JobState::cancelled);
}

TEST_F(ServiceTest, TheSameKeyIsTheSameJob) {
  submit({.key = "k", .spec = "a"});
  submit({.key = "k", .spec = "a"});
  EXPECT_EQ(answer().job->id, JobId{1});
  submit({.key = "k", .spec = "b"});
  EXPECT_EQ(answer().code, ErrorCode::conflict);
  submit({.owner = "bob", .key = "k", .spec = "b"});
  EXPECT_EQ(answer().job->id, JobId{2});
}

TEST_F(ServiceTest, HigherPrioritiesThenOlderJobsFirst) {
  offer(kWorker1);
  for (const int priority : {0, 0, 5, 0, 5}) submit({.priority = priority});
  EXPECT_EQ(state(1), "running");  // Never put back for another one (V3).
  EXPECT_EQ(started(ended(1, 0)), Ids{3});
  EXPECT_EQ(started(ended(3, 0)), Ids{5});
  EXPECT_EQ(started(ended(5, 0)), Ids{2});
  EXPECT_EQ(started(ended(2, 0)), Ids{4});
}

TEST_F(ServiceTest, AsManyAtOnceAsThereAreWorkersForAndTheQuotaAllows) {
  ServiceOptions quota = options();
  quota.jobs_per_owner = 1;
  make(quota);
  for (const char* owner : {"ada", "ada", "bob", "eve"}) submit({.owner = owner});
  EXPECT_EQ(state(1), "running");
  EXPECT_EQ(state(3), "queued");  // There is no worker for it.
  offer(kWorker1);
  offer(kWorker2);
  EXPECT_EQ(state(2), "queued");
  EXPECT_EQ(state(3), "running");
  EXPECT_EQ(job(3).slot, 1U);
  EXPECT_EQ(state(4), "queued");  // Two at once.
  EXPECT_EQ(postings(kWorker1), "1.1@ipc://job-0");
  EXPECT_EQ(postings(kWorker2), "3.1@ipc://job-1");
  EXPECT_EQ(started(ended(1, 0)), Ids{2});
  EXPECT_EQ(job(2).slot, 0U);
}

TEST_F(ServiceTest, WhatAnExitMeans) {
  struct Case {
    int code;
    const char* state;
  };
  for (const Case& example : {Case{0, "done"}, Case{4, "unfinished"}, Case{2, "failed"},
                              Case{3, "running"}, Case{137, "running"}, Case{130, "running"}}) {
    make(options());
    submit();
    ended(1, example.code);
    EXPECT_EQ(state(1), example.state) << example.code;
    EXPECT_EQ(job(1).reason, has_ended(job(1).state) && example.code != 0 ? "its reason" : "");
  }
}

TEST_F(ServiceTest, AProcessThatDiesIsStartedAgainLessAndLessOften) {
  submit();
  EXPECT_TRUE(started(ended(1, 137)).empty());
  EXPECT_TRUE(started(later(milliseconds(199))).empty());
  EXPECT_EQ(started(later(milliseconds(1))), Ids{1});
  ended(1, 137);
  EXPECT_TRUE(started(later(milliseconds(399))).empty());
  EXPECT_EQ(started(later(milliseconds(1))), Ids{1});
  EXPECT_EQ(job(1).life, 1U);  // Members need not notice.
  later(seconds(61));          // It got on.
  ended(1, 137);
  EXPECT_EQ(started(later(milliseconds(200))), Ids{1});
  ended(1, 3);
  later(seconds(1));
  EXPECT_EQ(service_->failures().at(JobId{1}), 2U);
  const std::uint64_t before = service_->revision();
  ended(1, 3);
  EXPECT_EQ(state(1), "failed");
  EXPECT_EQ(job(1).reason, "its reason");
  EXPECT_GT(service_->revision(), before);
  EXPECT_TRUE(service_->failures().empty());
  EXPECT_EQ(service_->counters().given_up, 1U);
  EXPECT_EQ(service_->counters().ended.at(JobState::failed), 1U);
}

TEST_F(ServiceTest, CancelKeepsACheckpointAndResumeGoesOn) {
  submit();
  const After asked = outcome(CancelJob{++ticket_, JobId{1}});
  ASSERT_EQ(jobs<EndJob>(asked).size(), 1U);
  EXPECT_EQ(jobs<EndJob>(asked)[0].by, EndBy::asking);
  EXPECT_EQ(state(1), "cancelling");
  EXPECT_TRUE(jobs<EndJob>(outcome(CancelJob{++ticket_, JobId{1}})).empty());  // Once.
  const After forced = later(seconds(60));
  ASSERT_EQ(jobs<EndJob>(forced).size(), 1U);
  EXPECT_EQ(jobs<EndJob>(forced)[0].by, EndBy::killing);
  ended(1, 137);
  EXPECT_EQ(state(1), "cancelled");
  outcome(CancelJob{++ticket_, JobId{1}});
  EXPECT_EQ(answer().code, ErrorCode::conflict);
  EXPECT_EQ(started(outcome(ResumeJob{++ticket_, JobId{1}})), Ids{1});
  EXPECT_EQ(job(1).life, 2U);
  outcome(ResumeJob{++ticket_, JobId{1}});
  EXPECT_EQ(answer().code, ErrorCode::conflict);
}

TEST_F(ServiceTest, CancelledBeforeItBegan) {
  submit();
  submit();
  outcome(CancelJob{++ticket_, JobId{2}});
  EXPECT_EQ(state(2), "cancelled");
  EXPECT_TRUE(started(ended(1, 0)).empty());
  outcome(CancelJob{++ticket_, JobId{9}});
  EXPECT_EQ(answer().code, ErrorCode::not_found);
}

TEST_F(ServiceTest, AJobThatHasEndedCanBeRemoved) {
  submit({.key = "k"});
  outcome(RemoveJob{++ticket_, JobId{1}});
  EXPECT_EQ(answer().code, ErrorCode::conflict);
  ended(1, 2);
  EXPECT_EQ(jobs<RemoveJobFiles>(outcome(RemoveJob{++ticket_, JobId{1}})).size(), 1U);
  EXPECT_TRUE(answer().error.empty());
  EXPECT_TRUE(kept_.empty());
  submit({.key = "k"});
  EXPECT_EQ(answer().job->id, JobId{2});
}

// V2, V8: after a restart what was under way goes on, where it was.
TEST_F(ServiceTest, ARestartedServiceGoesOn) {
  offer(kWorker1);
  offer(kWorker2);
  submit();
  submit();
  ended(1, 0);
  submit();
  std::vector<JobRecord> kept;
  for (const auto& [id, record] : kept_) kept.push_back(record);
  make(options(), kept);
  posted_.clear();
  const After first = step(Tick{});
  EXPECT_EQ(started(first), (Ids{2, 3}));
  EXPECT_EQ(jobs<StartJob>(first)[0].job->slot, 1U);
  // It serves on, whatever its share would be otherwise.
  offer(kWorker1, {{JobId{2}, 1}});
  offer(kWorker2, {{JobId{3}, 1}});
  EXPECT_EQ(postings(kWorker1), "2.1@ipc://job-1");
  EXPECT_EQ(postings(kWorker2), "3.1@ipc://job-0");
  submit();
  EXPECT_EQ(answer().job->id, JobId{4});
}

TEST_F(ServiceTest, StoppedItAsksEveryJobToKeepACheckpoint) {
  offer(kWorker1);
  submit();
  const After asked = step(StopAsked{});
  ASSERT_EQ(jobs<EndJob>(asked).size(), 1U);
  EXPECT_FALSE(asked.exit);
  submit();
  EXPECT_EQ(answer().code, ErrorCode::unavailable);
  EXPECT_EQ(postings(kWorker1), "1.1@ipc://job-0");  // They serve on until it is over.
  const After over = ended(1, 130);
  ASSERT_TRUE(over.exit);
  EXPECT_EQ(over.exit->code, ExitCode::done);
  EXPECT_EQ(kept_.at(JobId{1}).state, JobState::running);
}

TEST_F(ServiceTest, WhoCannotServeAJobGetsAnother) {
  submit();
  submit();
  offer(kWorker1);
  const After refused = offer(kWorker1, {}, {{{JobId{1}, 1}, 2}});
  EXPECT_EQ(postings(kWorker1), "");
  EXPECT_EQ(refused.notes.size(), 1U);
  EXPECT_EQ(offer(kWorker1, {}, {{{JobId{1}, 1}, 2}}).notes.size(), 0U);  // Said once.
  offer(kWorker2);
  EXPECT_EQ(postings(kWorker1), "2.1@ipc://job-1");
  EXPECT_EQ(postings(kWorker2), "1.1@ipc://job-0");
}

TEST_F(ServiceTest, AgentsComeAndGo) {
  submit();
  offer(kWorker1);
  offer(kWorker2);
  EXPECT_EQ(service_->agents().size(), 2U);
  offer(kWorker1, {{JobId{1}, 1}}, {}, true);
  EXPECT_EQ(postings(kWorker1), "");
  offer(kWorker1, {}, {}, true);
  EXPECT_EQ(service_->agents().size(), 1U);
  later(seconds(4));
  later(seconds(4));
  later(seconds(4));
  EXPECT_TRUE(service_->agents().empty());
}

TEST_F(ServiceTest, OthersAreRefused) {
  const After enlisted = step(
      Received{wire::Message{kWorker1, wire::Enlist{.version = "v", .host = "h", .runs = {}}}});
  ASSERT_EQ(enlisted.sends.size(), 1U);
  EXPECT_NE(std::get<wire::Refused>(enlisted.sends[0].body).reason.find("--service"),
            std::string::npos);
  const After old = step(Received{wire::Message{kWorker1, wire::Offer{.version = "u"}}});
  ASSERT_EQ(old.sends.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<wire::Refused>(old.sends[0].body));
}

TEST(JobRecord, JsonAndBack) {
  JobRecord job;
  job.id = JobId{12};
  job.request = {.kind = JobKind::search,
                 .name = "n",
                 .owner = "o",
                 .key = "k",
                 .spec = "a: 1\n",
                 .overrides = {"seed=3"},
                 .files = {{"data/x.csv", "00ff"}},
                 .priority = -3,
                 .workers = 4,
                 .servers = 2};
  job.state = JobState::cancelling;
  job.life = 2;
  job.slot = 3;
  job.reason = "r";
  job.exit_code = 137;
  job.submitted_at = 1;
  job.begun_at = 2;
  job.ended_at = 3;
  const auto back = job_record_from_json(to_json(job));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, job);
  std::string text = to_json(job);
  text.replace(text.find("search"), 6, "dance!");
  EXPECT_FALSE(job_record_from_json(text));
  EXPECT_FALSE(job_record_from_json("{}"));
  EXPECT_FALSE(job_record_from_json("["));
}

}  // namespace
}  // namespace ballast::service_test
