#include "common/runtime/agent.h"

#include <algorithm>
#include <utility>

#include "common/base/overloaded.h"

namespace ballast {
namespace {

constexpr int kCannotServe = static_cast<int>(ExitCode::user_error);

std::string seconds_text(Duration time) {
  return std::to_string(time / std::chrono::seconds(1)) + " s";
}

}  // namespace

void Agent::step(Time now, Input<Outcome> input, Effects<Job>& effects) {
  now_ = now;
  if (!began_) began_ = noticed_ = now;
  std::visit(Overloaded{
                 [&](const Received& received) { on_message(received.message, effects); },
                 [&](const Disconnected&) { next_offer_ = now; },
                 [](const Tick&) {},
                 [&](const StopAsked&) {
                   leaving_ = true;
                   next_offer_ = now;
                 },
                 [&](const Done<Outcome>& done) {
                   if (const auto* ended = std::get_if<MemberEnded>(&done.outcome)) {
                     on_ended(*ended, effects);
                   }
                 },
             },
             input);
  if (!effects.exit) reconcile(effects);
  if (!effects.exit) offer_when_due(effects);
  effects.term = term_;
  Time wake = next_offer_;
  for (const auto& [job, member] : members_) {
    if (member.state == Member::State::pausing) wake = std::min(wake, member.start_at);
    if (member.state == Member::State::ending) wake = std::min(wake, member.kill_at);
  }
  effects.wake_at = wake;
}

void Agent::on_message(const wire::Message& message, Effects<Job>& effects) {
  if (message.from != kCoordinator || message.term < term_) return;
  heard_ = now_;
  if (message.term > term_) {
    term_ = message.term;
    postings_.reset();
  }
  if (const auto* const refused = std::get_if<wire::Refused>(&message.body)) {
    effects.exit = Exit{ExitCode::user_error, refused->reason, true};
  } else if (const auto* const reply = std::get_if<wire::MalformedReply>(&message.body)) {
    effects.note(NoteLevel::warning, "the service could not read us: " + reply->reason);
  } else if (std::holds_alternative<wire::Orders>(message.body)) {
    effects.exit = Exit{ExitCode::user_error,
                        "the address " + options_.service +
                            " is that of the coordinator of one job, and of no service: give it by "
                            "--coordinator instead of --service",
                        true};
  } else if (const auto* const postings = std::get_if<wire::Postings>(&message.body)) {
    if (!postings_ || postings->number >= postings_->number) postings_ = *postings;
  }
}

void Agent::on_ended(const MemberEnded& ended, Effects<Job>& effects) {
  const auto found = members_.find(ended.job);
  if (found == members_.end()) return;
  Member& member = found->second;
  next_offer_ = now_;
  if (member.state == Member::State::ending) {
    members_.erase(found);
    has_tidied_ = false;
    return;
  }
  if (ended.code == kCannotServe) {
    member.state = Member::State::refused;
    member.code = ended.code;
    return;
  }
  member.state = Member::State::pausing;
  member.pause = now_ - member.started >= options_.sound || member.pause == Duration::zero()
                     ? options_.first_pause
                     : std::min(member.pause * 2, options_.longest_pause);
  member.start_at = now_ + member.pause;
  if (ended.code == 0) return;  // Its job is over, and the service about to say so.
  effects.note(NoteLevel::warning, "the member of job " + std::to_string(index(ended.job)) +
                                       " ended with code " + std::to_string(ended.code) +
                                       "; starting it again while it is wanted");
}

const wire::Posting* Agent::posting(const wire::ServedJob& of) const {
  if (!postings_ || leaving_) return nullptr;
  for (const wire::Posting& posting : postings_->postings) {
    if (posting.job == of) return &posting;
  }
  return nullptr;
}

void Agent::reconcile(Effects<Job>& effects) {
  const bool knows = postings_.has_value() || leaving_;
  for (auto entry = members_.begin(); knows && entry != members_.end();) {
    Member& member = entry->second;
    const wire::Posting* const wanted = posting(member.of);
    if (member.state == Member::State::ending) {
      if (now_ >= member.kill_at) {
        member.kill_at = now_ + options_.grace;
        effects.jobs.push_back(EndMember{entry->first, EndMemberBy::killing});
      }
    } else if (wanted == nullptr && member.state == Member::State::running) {
      member.state = Member::State::ending;
      member.kill_at = now_ + options_.grace;
      effects.jobs.push_back(EndMember{entry->first, EndMemberBy::asking});
    } else if (wanted == nullptr) {
      entry = members_.erase(entry);
      has_tidied_ = false;
      next_offer_ = now_;
      continue;
    } else if (member.state == Member::State::pausing && now_ >= member.start_at) {
      start(*wanted, member.pause, effects);
    }
    ++entry;
  }
  if (postings_ && !leaving_) {
    for (const wire::Posting& posting : postings_->postings) {
      if (!members_.contains(posting.job.job)) start(posting, Duration::zero(), effects);
    }
    tidy(effects);
  }
  if (leaving_ && members_.empty()) {
    say_offer(effects);
    effects.exit = Exit{ExitCode::done, ""};
  }
}

void Agent::tidy(Effects<Job>& effects) {
  if (std::exchange(has_tidied_, true)) return;
  TidyHomes tidy;
  for (const auto& [job, member] : members_) tidy.keep.push_back(job);
  effects.jobs.push_back(std::move(tidy));
}

void Agent::start(const wire::Posting& posting, Duration pause, Effects<Job>& effects) {
  Member& member = members_[posting.job.job];
  member.of = posting.job;
  member.state = Member::State::running;
  member.started = now_;
  member.pause = pause;
  next_offer_ = now_;
  effects.jobs.push_back(StartMember{posting.job, posting.coordinator});
}

void Agent::offer_when_due(Effects<Job>& effects) {
  if (!heard_ && options_.give_up > Duration::zero() && now_ - *began_ >= options_.give_up) {
    effects.exit =
        Exit{ExitCode::user_error,
             "no service answers at " + options_.service + " for " + seconds_text(now_ - *began_) +
                 "; check the address, that it runs, and that both have keys of one "
                 "making, or neither has any",
             true};
    return;
  }
  if (now_ < next_offer_) return;
  say_offer(effects);
  next_offer_ = now_ + (postings_ ? options_.beat : options_.retry);
  const Time since = heard_.value_or(*began_);
  if (now_ - std::max(since, noticed_) < options_.loud) return;
  noticed_ = now_;
  effects.note(NoteLevel::warning, "the service at " + options_.service + " does not answer for " +
                                       seconds_text(now_ - since) +
                                       "; what runs here goes on without it");
}

void Agent::say_offer(Effects<Job>& effects) {
  wire::Offer offer{.role = options_.role,
                    .version = options_.version,
                    .host = options_.host,
                    .threads = options_.threads,
                    .serves = {},
                    .ended = {},
                    .leaving = leaving_};
  for (const auto& [job, member] : members_) {
    if (member.state == Member::State::refused) {
      offer.ended.push_back({member.of, member.code});
    } else {
      offer.serves.push_back(member.of);
    }
  }
  effects.sends.push_back({kCoordinator, std::move(offer), kFleet, term_});
}

}  // namespace ballast
