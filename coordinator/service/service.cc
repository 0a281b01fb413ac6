#include "coordinator/service/service.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/member_text.h"
#include "common/base/overloaded.h"

namespace ballast {
namespace {

constexpr int kExitUserError = static_cast<int>(ExitCode::user_error);
constexpr int kExitUnfinished = static_cast<int>(ExitCode::unfinished);

std::string number_of(JobId job) { return std::to_string(index(job)); }

}  // namespace

Service::Service(ServiceOptions options, Term term, std::vector<JobRecord> jobs)
    : options_(std::move(options)), term_(term), number_(term << 32) {
  BALLAST_CHECK(options_.endpoints.size() >= options_.jobs_at_once);
  for (JobRecord& job : jobs) {
    next_id_ = std::max(next_id_, index(job.id) + 1);
    if (!job.request.key.empty()) keys_[{job.request.owner, job.request.key}] = job.id;
    if (job.state == JobState::queued) queue_.insert({-job.request.priority, job.id});
    if (is_under_way(job.state)) processes_[job.id].start_at = Time{};
    const JobId id = job.id;
    jobs_[id] = std::make_shared<const JobRecord>(std::move(job));
  }
}

void Service::step(Time now, Input<Outcome> input, Effects<Job>& effects) {
  // Whoever stood still itself has heard nobody.
  if (now_ != Time{} && now - now_ > options_.silence / 2) {
    for (auto& [id, agent] : agents_) agent.heard = now;
  }
  now_ = now;
  std::visit(Overloaded{
                 [&](Received& received) { on_message(received.message, effects); },
                 [&](Disconnected& lost) {
                   if (agents_.erase(lost.peer) > 0) ++revision_;
                 },
                 [&](Tick&) {},
                 [&](StopAsked&) { on_stop(effects); },
                 [&](Done<Outcome>& done) { on_outcome(done.outcome, effects); },
             },
             input);
  on_tick(effects);
  effects.term = term_;
  effects.wake_at = next_wake();
}

Milliseconds Service::wall_time() const {
  return options_.wall_at_zero +
         std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch()).count();
}

Time Service::next_wake() const {
  Time wake = now_ + options_.retry;
  for (const auto& [id, process] : processes_) {
    if (process.start_at) wake = std::min(wake, std::max(*process.start_at, now_));
    if (process.kill_at) wake = std::min(wake, *process.kill_at);
  }
  return wake;
}

void Service::on_tick(Effects<Job>& effects) {
  const auto silent = std::erase_if(
      agents_, [&](const auto& entry) { return now_ - entry.second.heard > options_.silence; });
  if (silent > 0) ++revision_;
  for (auto& [batch, open] : open_) {
    if (!open.again_at || now_ < *open.again_at) continue;
    open.again_at.reset();
    for (SharedJob& job : open.keep.changed) {  // As it is by now.
      if (const auto current = jobs_.find(job->id); current != jobs_.end()) job = current->second;
    }
    effects.jobs.push_back(open.keep);
  }
  for (auto& [id, process] : processes_) {
    if (!process.kill_at || now_ < *process.kill_at) continue;
    process.kill_at = now_ + options_.grace;
    effects.note(NoteLevel::warning, "job " + number_of(id) + " does not end; killing its process");
    effects.jobs.push_back(EndJob{id, EndBy::killing});
  }
  if (stopping_) {
    const bool is_quiet = std::none_of(processes_.begin(), processes_.end(),
                                       [](const auto& entry) { return entry.second.runs; });
    if (is_quiet && open_.empty()) {
      effects.exit = Exit{ExitCode::done, "every job has kept a checkpoint"};
    }
    return;
  }
  begin_jobs(effects);
  start_processes(effects);
  post(effects);
}

// ---- agents -------------------------------------------------------------------------------------

void Service::on_message(wire::Message& message, Effects<Job>& effects) {
  if (auto* const offer = std::get_if<wire::Offer>(&message.body)) {
    return on_offer(message.from, *offer, effects);
  }
  if (std::holds_alternative<wire::Enlist>(message.body)) {
    effects.send(message.from, wire::Refused{"this is a service, which has many jobs, and no "
                                             "coordinator of one: give its address by --service "
                                             "instead of --coordinator"});
  }
}

void Service::on_offer(MemberId from, wire::Offer& offer, Effects<Job>& effects) {
  if (offer.protocol != wire::kProtocol || offer.version != options_.version) {
    const std::string reason = "the service is Ballast " + options_.version + " (protocol " +
                               std::to_string(wire::kProtocol) + ") and this agent is " +
                               offer.version + " (protocol " + std::to_string(offer.protocol) +
                               "); run the same version everywhere";
    effects.note(NoteLevel::warning, "refused an agent at " + offer.host + ": " + reason);
    effects.send(from, wire::Refused{reason});
    return;
  }
  if (offer.leaving && offer.serves.empty()) {  // Gone.
    if (agents_.erase(from) > 0) ++revision_;
    return;
  }
  for (const wire::EndedMember& ended : offer.ended) {
    const auto job = jobs_.find(ended.of.job);
    const bool is_refusal =
        ended.code == kExitUserError && job != jobs_.end() && job->second->life == ended.of.life;
    if (!is_refusal || !barred_.insert({from, ended.of.job, ended.of.life}).second) continue;
    effects.note(NoteLevel::warning, "a member at " + offer.host + " cannot serve job " +
                                         number_of(ended.of.job) + "; its log says why");
  }
  const auto [entry, is_new] = agents_.try_emplace(from);
  Agent& agent = entry->second;
  if (is_new) {  // What it does counts: we may be new here.
    for (const wire::ServedJob& served : offer.serves) agent.posted.push_back(served.job);
  }
  const bool changed = is_new || agent.offer.serves != offer.serves ||
                       agent.offer.host != offer.host || agent.offer.leaving != offer.leaving;
  if (changed) ++revision_;
  agent.offer = std::move(offer);
  agent.heard = now_;
  post(effects);
  say_postings(from, agent, effects);
}

void Service::post(Effects<Job>& effects) {
  if (stopping_) return;  // Members stay with their jobs, which end or go on.
  std::vector<JobShare> shares;
  Barred barred;
  for (const SharedJob& job : under_way()) {
    shares.push_back({job->id, job->request.workers, job->request.servers});
  }
  for (const auto& [member, job, life] : barred_) barred.insert({member, job});
  std::map<MemberId, std::optional<JobId>> workers;
  std::map<MemberId, std::vector<JobId>> servers;
  for (const auto& [id, agent] : agents_) {
    if (agent.offer.leaving) continue;
    if (agent.offer.role == wire::Role::server) {
      servers[id] = agent.posted;
    } else {
      workers[id] = agent.posted.empty() ? std::nullopt : std::optional(agent.posted.front());
    }
  }
  std::map<MemberId, std::vector<JobId>> posted = post_servers(servers, shares, barred);
  for (const auto& [id, job] : post_workers(workers, shares, barred)) posted[id] = {job};
  std::vector<MemberId> changed;
  for (auto& [id, agent] : agents_) {
    std::vector<JobId> jobs;
    if (const auto found = posted.find(id); found != posted.end()) jobs = found->second;
    if (jobs == agent.posted) continue;
    agent.posted = std::move(jobs);
    changed.push_back(id);
  }
  if (changed.empty()) return;
  ++revision_;
  ++number_;
  for (const MemberId id : changed) say_postings(id, agents_.at(id), effects);
}

void Service::say_postings(MemberId to, const Agent& agent, Effects<Job>& effects) const {
  wire::Postings postings{.number = number_, .postings = {}};
  for (const JobId id : agent.posted) {
    const auto job = jobs_.find(id);
    if (job == jobs_.end() || !is_under_way(job->second->state)) continue;
    postings.postings.push_back(
        {{id, job->second->life}, options_.endpoints.at(job->second->slot)});
  }
  effects.send(to, std::move(postings));
}

std::size_t Service::count(wire::Role role) const {
  return static_cast<std::size_t>(
      std::count_if(agents_.begin(), agents_.end(), [&](const auto& entry) {
        return entry.second.offer.role == role && !entry.second.offer.leaving;
      }));
}

std::vector<AgentView> Service::agents() const {
  std::vector<AgentView> views;
  for (const auto& [id, agent] : agents_) {
    const wire::Offer& offer = agent.offer;
    views.push_back(
        {id, offer.role, offer.host, offer.threads, offer.serves, agent.posted, offer.leaving});
  }
  return views;
}

std::map<JobId, std::uint32_t> Service::failures() const {
  std::map<JobId, std::uint32_t> failures;
  for (const auto& [id, process] : processes_) {
    if (process.failures > 0) failures[id] = process.failures;
  }
  return failures;
}

// ---- the queue ----------------------------------------------------------------------------------

void Service::begin_jobs(Effects<Job>& effects) {
  // Those for which there is no worker would only wait, but the first one: it says so.
  const std::size_t room = std::min<std::size_t>(
      options_.jobs_at_once, std::max<std::size_t>(1, count(wire::Role::worker)));
  if (queue_.empty() || processes_.size() >= room) return;
  std::map<std::string, std::uint32_t> by_owner;
  for (const auto& [id, process] : processes_) ++by_owner[jobs_.at(id)->request.owner];
  for (auto next = queue_.begin(); next != queue_.end() && processes_.size() < room;) {
    JobRecord job = *jobs_.at(next->second);
    std::uint32_t& of_owner = by_owner[job.request.owner];
    if (options_.jobs_per_owner != 0 && of_owner >= options_.jobs_per_owner) {
      ++next;
      continue;
    }
    ++of_owner;
    next = queue_.erase(next);
    job.state = JobState::running;
    job.life += 1;
    job.slot = free_slot();
    job.reason.clear();
    job.exit_code = 0;
    job.begun_at = wall_time();
    job.ended_at = 0;
    processes_[job.id];
    keep(std::move(job), {}, effects);
  }
}

// Once the record that says so is durable (V2).
void Service::start_processes(Effects<Job>& effects) {
  for (auto& [id, process] : processes_) {
    if (process.runs || !process.start_at || now_ < *process.start_at) continue;
    process.start_at.reset();
    process.runs = true;
    process.started = now_;
    effects.jobs.push_back(start_of(jobs_.at(id)));
    // It was being cancelled when the service was restarted.
    if (jobs_.at(id)->state == JobState::cancelling) ask_to_end(id, effects);
  }
}

StartJob Service::start_of(SharedJob job) const {
  const std::uint32_t most = job->request.servers;
  const auto servers =
      static_cast<std::uint32_t>(std::clamp<std::size_t>(count(wire::Role::server), 1, 1024));
  return {std::move(job), most == 0 ? servers : std::min(most, servers)};
}

std::uint32_t Service::free_slot() const {
  std::set<std::uint32_t> taken;
  for (const auto& [id, process] : processes_) taken.insert(jobs_.at(id)->slot);
  std::uint32_t slot = 0;
  while (taken.contains(slot)) ++slot;
  return slot;
}

std::vector<SharedJob> Service::under_way() const {
  std::vector<SharedJob> jobs;
  for (const auto& [id, process] : processes_) jobs.push_back(jobs_.at(id));
  std::stable_sort(jobs.begin(), jobs.end(), [](const SharedJob& a, const SharedJob& b) {
    return a->request.priority > b->request.priority;
  });
  return jobs;
}

// ---- processes ----------------------------------------------------------------------------------

void Service::on_ended(const JobProcessEnded& ended, Effects<Job>& effects) {
  const auto found = processes_.find(ended.job);
  if (found == processes_.end()) return;
  Process& process = found->second;
  process.runs = false;
  process.kill_at.reset();
  const JobRecord& job = *jobs_.at(ended.job);
  if (ended.code == 0) return end(job, JobState::done, ended, effects);
  if (ended.code == kExitUnfinished) return end(job, JobState::unfinished, ended, effects);
  if (job.state == JobState::cancelling) return end(job, JobState::cancelled, ended, effects);
  if (ended.code == kExitUserError) return end(job, JobState::failed, ended, effects);
  if (stopping_) return;  // It goes on when the service does.
  process.failures = now_ - process.started >= options_.sound ? 1 : process.failures + 1;
  ++revision_;
  if (process.failures >= options_.failures_max) {
    ++counters_.given_up;
    return end(job, JobState::failed, ended, effects);
  }
  start_again(job, ended, effects);
}

void Service::start_again(const JobRecord& job, const JobProcessEnded& ended,
                          Effects<Job>& effects) {
  Process& process = processes_.at(job.id);
  Duration pause = options_.first_pause;
  for (std::uint32_t i = 1; i < process.failures; ++i) pause *= 2;
  process.start_at = now_ + std::min(pause, options_.longest_pause);
  effects.note(NoteLevel::warning, "job " + number_of(job.id) + ": its process ended with code " +
                                       std::to_string(ended.code) + "; starting it again");
}

void Service::end(const JobRecord& job, JobState state, const JobProcessEnded& ended,
                  Effects<Job>& effects) {
  JobRecord changed = job;
  changed.state = state;
  changed.exit_code = ended.code;
  changed.ended_at = wall_time();
  changed.reason = state == JobState::done ? "" : ended.said;
  ++counters_.ended[state];
  processes_.erase(job.id);
  std::erase_if(barred_, [&](const auto& entry) { return std::get<JobId>(entry) == changed.id; });
  effects.note(NoteLevel::info, "job " + number_of(changed.id) + " is " + name_of(state) +
                                    (changed.reason.empty() ? "" : ": " + changed.reason));
  keep(std::move(changed), {}, effects);
}

void Service::ask_to_end(JobId job, Effects<Job>& effects) {
  processes_.at(job).kill_at = now_ + options_.grace;
  effects.jobs.push_back(EndJob{job, EndBy::asking});
}

void Service::on_stop(Effects<Job>& effects) {
  if (std::exchange(stopping_, true)) return;
  for (auto& [id, process] : processes_) {
    process.start_at.reset();
    if (process.runs) ask_to_end(id, effects);
  }
}

// ---- what people ask for ------------------------------------------------------------------------

void Service::on_outcome(Outcome& outcome, Effects<Job>& effects) {
  std::visit(Overloaded{
                 [&](const JobsKept& kept) { on_kept(kept, effects); },
                 [&](const JobProcessEnded& ended) { on_ended(ended, effects); },
                 [&](SubmitJob& submit) { on_submit(submit, effects); },
                 [&](const CancelJob& cancel) { on_cancel(cancel, effects); },
                 [&](const ResumeJob& resume) { on_resume(resume, effects); },
                 [&](const RemoveJob& remove) { on_remove(remove, effects); },
                 [](const Ordered&) {},
             },
             outcome);
}

void Service::refuse(Ticket ticket, ErrorCode code, std::string why, Effects<Job>& effects) const {
  effects.jobs.push_back(Answer{ticket, nullptr, std::move(why), code});
}

void Service::on_submit(SubmitJob& submit, Effects<Job>& effects) {
  if (stopping_) {
    return refuse(submit.ticket, ErrorCode::unavailable,
                  "the service is being stopped; try again in a moment", effects);
  }
  const std::pair key{submit.request.owner, submit.request.key};
  if (!submit.request.key.empty() && keys_.contains(key)) {
    const SharedJob& before = jobs_.at(keys_.at(key));
    if (before->request == submit.request) {
      // Perhaps it is not durable yet: after everything that is being kept.
      return keep(KeepJobs{}, {Answer{submit.ticket, before, "", {}}}, effects);
    }
    return refuse(submit.ticket, ErrorCode::conflict,
                  "job " + number_of(before->id) +
                      " was submitted with the same key and asks for something else; use another "
                      "key for another job",
                  effects);
  }
  if (jobs_.size() >= options_.jobs_max) {
    return refuse(submit.ticket, ErrorCode::unavailable,
                  "there are " + counted(jobs_.size(), "job") +
                      " already, as many as are allowed; remove some that have ended",
                  effects);
  }
  JobRecord job;
  job.id = JobId{next_id_++};
  job.submitted_at = wall_time();
  job.request = std::move(submit.request);
  if (!job.request.key.empty()) keys_[key] = job.id;
  queue_.insert({-job.request.priority, job.id});
  const auto shared = std::make_shared<const JobRecord>(job);
  keep(std::move(job), {Answer{submit.ticket, shared, "", {}}}, effects);
}

void Service::on_cancel(const CancelJob& cancel, Effects<Job>& effects) {
  const auto found = jobs_.find(cancel.job);
  if (found == jobs_.end()) {
    return refuse(cancel.ticket, ErrorCode::not_found, "there is no job " + number_of(cancel.job),
                  effects);
  }
  JobRecord job = *found->second;
  if (has_ended(job.state)) {
    return refuse(cancel.ticket, ErrorCode::conflict,
                  "job " + number_of(job.id) + " has ended: it is " + name_of(job.state), effects);
  }
  const auto process = processes_.find(job.id);
  const bool runs = process != processes_.end() && process->second.runs;
  if (runs && job.state != JobState::cancelling) ask_to_end(job.id, effects);
  job.state = runs ? JobState::cancelling : JobState::cancelled;
  if (!runs) {
    job.ended_at = wall_time();
    ++counters_.ended[JobState::cancelled];
    queue_.erase({-job.request.priority, job.id});
    processes_.erase(job.id);
  }
  const auto shared = std::make_shared<const JobRecord>(job);
  keep(std::move(job), {Answer{cancel.ticket, shared, "", {}}}, effects);
}

void Service::on_resume(const ResumeJob& resume, Effects<Job>& effects) {
  const auto found = jobs_.find(resume.job);
  if (found == jobs_.end()) {
    return refuse(resume.ticket, ErrorCode::not_found, "there is no job " + number_of(resume.job),
                  effects);
  }
  JobRecord job = *found->second;
  if (!can_go_on(job.state)) {
    return refuse(resume.ticket, ErrorCode::conflict,
                  "job " + number_of(job.id) + " is " + name_of(job.state) +
                      "; only one that failed, was cancelled or is unfinished can go on",
                  effects);
  }
  job.state = JobState::queued;
  queue_.insert({-job.request.priority, job.id});
  const auto shared = std::make_shared<const JobRecord>(job);
  keep(std::move(job), {Answer{resume.ticket, shared, "", {}}}, effects);
}

void Service::on_remove(const RemoveJob& remove, Effects<Job>& effects) {
  const auto found = jobs_.find(remove.job);
  if (found == jobs_.end()) {
    return refuse(remove.ticket, ErrorCode::not_found, "there is no job " + number_of(remove.job),
                  effects);
  }
  const JobRecord& job = *found->second;
  if (!has_ended(job.state)) {
    return refuse(remove.ticket, ErrorCode::conflict,
                  "job " + number_of(job.id) + " is " + name_of(job.state) + "; cancel it first",
                  effects);
  }
  KeepJobs batch;
  batch.removed = {job.id};
  keys_.erase({job.request.owner, job.request.key});
  jobs_.erase(found);
  keep(std::move(batch), {RemoveJobFiles{remove.job}, Answer{remove.ticket, nullptr, "", {}}},
       effects);
}

// ---- durability ---------------------------------------------------------------------------------

void Service::keep(JobRecord job, std::vector<ServiceJob> then, Effects<Job>& effects) {
  auto shared = std::make_shared<const JobRecord>(std::move(job));
  jobs_[shared->id] = shared;
  KeepJobs batch;
  batch.changed = {std::move(shared)};
  keep(std::move(batch), std::move(then), effects);
}

void Service::keep(KeepJobs batch, std::vector<ServiceJob> then, Effects<Job>& effects) {
  ++revision_;
  batch.batch = ++batch_;
  effects.jobs.push_back(batch);
  Open& open = open_[batch_];
  open.keep = std::move(batch);
  open.then = std::move(then);
}

void Service::on_kept(const JobsKept& kept, Effects<Job>& effects) {
  const auto found = open_.find(kept.batch);
  if (found == open_.end()) return;
  if (!kept.error.empty()) {
    if (kept.error != store_error_) effects.note(NoteLevel::error, kept.error);
    store_error_ = kept.error;
    found->second.again_at = now_ + options_.retry;
    return;
  }
  store_error_.clear();
  const Open open = std::move(found->second);
  open_.erase(found);
  for (const SharedJob& job : open.keep.changed) {
    const auto process = processes_.find(job->id);
    if (process == processes_.end() || stopping_) continue;
    const bool is_new =
        !process->second.runs && !process->second.start_at && process->second.failures == 0;
    if (is_new) process->second.start_at = now_;
  }
  for (const ServiceJob& job : open.then) effects.jobs.push_back(job);
}

}  // namespace ballast
