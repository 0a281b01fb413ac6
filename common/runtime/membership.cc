#include "common/runtime/membership.h"

#include <algorithm>
#include <span>
#include <utility>

#include "common/base/check.h"
#include "common/base/hash.h"

namespace ballast {

Duration seconds(double value) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(value));
}

std::uint64_t fingerprint_of_run(const std::string& run_json, const std::string& checkpoints) {
  return hash_bytes(std::as_bytes(std::span(run_json)),
                    hash_bytes(std::as_bytes(std::span(checkpoints))));
}

Membership::Membership(MembershipOptions options) : options_(std::move(options)) {}

bool Membership::heard(Term term, Time now) {
  if (term < term_) return false;
  term_ = term;
  heard_ = now;
  return true;
}

void Membership::rejoin(Time now) {
  if (state_ != State::greeting) has_progressed_ = true;
  state_ = State::greeting;
  next_send_ = now;
}

Membership::Load Membership::welcomed(const wire::Welcome& welcome, const RunConfig& run,
                                      Time now) {
  BALLAST_CHECK(state_ == State::greeting);
  heartbeat_ = seconds(run.cluster.heartbeat_seconds);
  silence_ = seconds(run.cluster.silence_seconds);
  has_progressed_ = true;
  next_send_ = now;
  const std::uint64_t fingerprint = fingerprint_of_run(welcome.run_json, welcome.checkpoints);
  if (held_ && held_->run == fingerprint && held_->family == welcome.family) {
    state_ = is_loaded_ ? State::ready : State::loading;
    return Load::not_needed;
  }
  held_ = wire::Held{.run = fingerprint,
                     .family = welcome.family,
                     .canary = 0,
                     .blas_version = "",
                     .plan = {},
                     .timeline = 0,
                     .commits = {},
                     .partitions = {},
                     .promised = 0,
                     .prepared = {},
                     .formers = {}};
  is_loaded_ = false;
  state_ = State::loading;
  return Load::needed;
}

void Membership::loaded(std::uint64_t canary, std::string blas_version, Time now) {
  BALLAST_CHECK(held_.has_value());
  is_loaded_ = true;
  held_->canary = canary;
  held_->blas_version = std::move(blas_version);
  if (state_ != State::loading) return;
  has_progressed_ = true;
  state_ = State::ready;
  next_send_ = now;
}

Time Membership::next() const { return next_send_; }

void Membership::tick(Time now, Outbox& out) {
  if (!first_) first_ = now;
  if (std::exchange(has_progressed_, false)) {
    progressed_ = now;
    next_wait_ = now;
  }
  watch_silence(now, out);
  if (now < next_send_) return;
  switch (state_) {
    case State::greeting:
      out.sends.emplace_back(hello());
      next_send_ = now + options_.retry;
      break;
    case State::ready:
      out.sends.push_back(
          wire::Ready{.canary = held_->canary, .blas_version = held_->blas_version});
      next_send_ = now + std::min(options_.retry, heartbeat_);
      break;
    case State::loading:
    case State::member:
      out.sends.push_back(wire::Heartbeat{.progress = progress_});
      next_send_ = now + heartbeat_;
      break;
  }
}

wire::Hello Membership::hello() const {
  wire::Hello hello = options_.hello;
  if (is_loaded_) hello.held = held_;
  return hello;
}

// What is waited for by whoever is no member yet; somebody else's silence is said elsewhere.
std::string Membership::joining() const {
  switch (state_) {
    case State::greeting:
      return "the coordinator at " + options_.coordinator + " to let it in";
    case State::loading:
      return "the run to be loaded here";
    case State::ready:
      return "the coordinator at " + options_.coordinator + " to give it a part in a plan";
    case State::member:
      break;
  }
  return "";
}

void Membership::say_wait(Time now, const std::string& what, Outbox& out) {
  const auto since = static_cast<std::uint64_t>((now - progressed_) / std::chrono::seconds(1));
  for (wire::Body& body : out.sends) {
    if (auto* const beat = std::get_if<wire::Heartbeat>(&body); beat != nullptr && !what.empty()) {
      beat->waiting = what;
      beat->waiting_seconds = since;
    }
  }
  if (now < next_wait_) return;
  next_wait_ = now + options_.loud;
  const bool silent = now - heard_.value_or(*first_) >= silence_;  // That is said already.
  if (what.empty() || silent) return;
  out.notes.push_back(
      {NoteLevel::warning, "waiting for " + what + " since " + std::to_string(since) + " s"});
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
