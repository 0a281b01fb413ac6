#include "coordinator/service/site.h"

#include <signal.h>

#include <utility>

#include "common/storage/files.h"

namespace ballast {

Ticket Answers::expect(Tell tell) {
  const std::lock_guard lock(mutex_);
  waiting_[++last_] = std::move(tell);
  return last_;
}

void Answers::give(const Answer& answer) {
  Tell tell;
  {
    const std::lock_guard lock(mutex_);
    const auto found = waiting_.find(answer.ticket);
    if (found == waiting_.end()) return;
    tell = std::move(found->second);
    waiting_.erase(found);
  }
  tell(answer);
}

ServiceOutcome ServiceSite::operator()(ServiceJob&& job) {
  return std::visit([&](const auto& concrete) { return run(concrete); }, job);
}

ServiceOutcome ServiceSite::run(const KeepJobs& job) {
  const Status kept = store_.keep(job);
  return JobsKept{job.batch, kept ? "" : kept.error().message};
}

ServiceOutcome ServiceSite::run(const StartJob& start) {
  const JobId id = start.job->id;
  if (const Status there = lay_out_job(places_, *start.job); !there) {
    const bool may_pass = there.error().code == ErrorCode::io;
    const ExitCode code = may_pass ? ExitCode::fault : ExitCode::user_error;
    return JobProcessEnded{id, static_cast<int>(code), there.error().message};
  }
  JobProcessOptions options = options_.process;
  options.listen = options_.listen.at(start.job->slot);
  processes_.start(index(id), {.arguments = words_of_job(places_, start, options),
                               .log = places_.log(id),
                               .is_shown = true});
  return Ordered{};
}

ServiceOutcome ServiceSite::run(const EndJob& job) {
  processes_.signal(index(job.job), job.by == EndBy::asking ? SIGTERM : SIGKILL);
  return Ordered{};
}

ServiceOutcome ServiceSite::run(const RemoveJobFiles& job) {
  if (const Status gone = remove_directory(places_.job(job.job)); !gone) {
    log_.write(LogLevel::warning, {"service", kCoordinator}, gone.error().message);
  }
  return Ordered{};
}

ServiceOutcome ServiceSite::run(const Answer& job) {
  answers_.give(job);
  return Ordered{};
}

}  // namespace ballast
