#include "common/runtime/membership.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace ballast {

Duration seconds(double value) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(value));
}

Membership::Membership(MembershipOptions options) : options_(std::move(options)) {}

void Membership::welcomed(const RunConfig& run, Time now) {
  BALLAST_CHECK(state_ == State::greeting);
  state_ = State::loading;
  heartbeat_ = seconds(run.cluster.heartbeat_seconds);
  silence_ = seconds(run.cluster.silence_seconds);
  next_send_ = now;
}

void Membership::reset(Time now) {
  state_ = State::greeting;
  next_send_ = now;
}

void Membership::loaded(std::uint64_t canary, std::string blas_version, Time now) {
  BALLAST_CHECK(state_ == State::loading);
  state_ = State::ready;
  canary_ = canary;
  blas_version_ = std::move(blas_version);
  next_send_ = now;
}

Time Membership::next() const { return next_send_; }

void Membership::tick(Time now, Outbox& out) {
  if (!first_) first_ = now;
  watch_silence(now, out);
  if (now < next_send_) return;
  switch (state_) {
    case State::greeting:
      out.sends.push_back(options_.hello);
      next_send_ = now + options_.retry;
      break;
    case State::ready:
      out.sends.push_back(wire::Ready{.canary = canary_, .blas_version = blas_version_});
      next_send_ = now + std::min(options_.retry, heartbeat_);
      break;
    case State::loading:
    case State::member:
      out.sends.push_back(wire::Heartbeat{.progress = progress_});
      next_send_ = now + heartbeat_;
      break;
  }
}

void Membership::watch_silence(Time now, Outbox& out) {
  const Time since = heard_.value_or(*first_);
  if (!heard_ && options_.give_up > Duration::zero() && now - since >= options_.give_up) {
    out.exit =
        Exit{ExitCode::user_error, "no coordinator answers at " + options_.coordinator + " for " +
                                       std::to_string((now - since) / std::chrono::seconds(1)) +
                                       " s; check the address, that it runs, and that both have "
                                       "keys of one making, or neither has any"};
    return;
  }
  if (now - since < silence_) {
    noticed_.reset();
    return;
  }
  if (noticed_ && now - *noticed_ < options_.loud) return;
  noticed_ = now;
  out.notes.push_back({NoteLevel::warning,
                       "waiting for the coordinator at " + options_.coordinator + ", silent for " +
                           std::to_string((now - since) / std::chrono::seconds(1)) +
                           " s; going on when it returns"});
}

}  // namespace ballast
