// What goes wrong in a simulated cluster, until it is calm.

#include <utility>

#include "tests/simulation/cluster.h"

namespace ballast::simulation {
namespace {

using std::chrono::milliseconds;

constexpr std::uint32_t kWorkersMax = 9;
constexpr std::uint32_t kServersMax = 6;
constexpr std::size_t kCoordinatorsMax = 3;  // At once.
constexpr double kBackFromJob = 0.2;         // As soon as the new one's orders were heard.
constexpr double kSourcesKilled = 0.02;      // Of those that are asked for a copy.

}  // namespace

void Cluster::fault_later() {
  if (scenario_.fault_every == Duration(0) || scenario_.fault_mask == 0) return;
  // Some come in bursts: the next one before the last one is dealt with.
  const Duration wait = prng_.chance(scenario_.bursts)
                            ? prng_.between(Duration(0), 4 * scenario_.network.delay_max)
                            : prng_.between(Duration(0), 2 * scenario_.fault_every);
  agenda_.after(wait, [this] {
    if (calm_ || done_at_) return;
    FaultKind kind{};
    do {
      kind = static_cast<FaultKind>(prng_.below(kFaultKinds));
    } while (!is_drawn(kind));
    ++faults_;
    fault(kind);
    fault_later();
  });
}

void Cluster::fault(FaultKind kind) {
  switch (kind) {
    case FaultKind::kill_worker:
      return kill(any(wire::Role::worker));
    case FaultKind::kill_server:
      return kill(any(wire::Role::server));
    case FaultKind::kill_coordinator:
      return kill(any(wire::Role::coordinator));
    case FaultKind::kill_all:
      if (!prng_.chance(0.2)) return;
      while (!members_.empty()) kill(members_.begin()->second.get());
      return;
    case FaultKind::break_connection:
      say("a connection breaks");
      return network_.break_one();
    case FaultKind::split:
      return split();
    case FaultKind::pause: {
      Member* const member = any();
      if (member != nullptr) pause(*member, scenario_.pause_max);
      return;
    }
    case FaultKind::slow:
      if (Member* const member = any()) slow_down(*member);
      return;
    case FaultKind::jump:
      if (Member* const member = any()) jump(*member);
      return;
    case FaultKind::second_coordinator:
      return replace_coordinator();
    case FaultKind::damage:
      return damage();
    case FaultKind::full_disk:
      return fill_up();
    case FaultKind::kill_several:
      for (std::uint64_t n = prng_.between(2, 4); n > 0; --n) kill(any());
      return;
    case FaultKind::stop_worker:
    case FaultKind::stop_server:
    case FaultKind::stop_coordinator: {
      Member* const member = any(kind == FaultKind::stop_worker   ? wire::Role::worker
                                 : kind == FaultKind::stop_server ? wire::Role::server
                                                                  : wire::Role::coordinator);
      if (member == nullptr) return;
      say(member->name + " is asked to stop");
      member->asked_to_stop = true;
      return input(*member, StopAsked{});
    }
    case FaultKind::join_worker:
      if (all(wire::Role::worker).size() < kWorkersMax) start_worker();
      return;
    case FaultKind::join_server:
      if (all(wire::Role::server).size() < kServersMax) start_server();
      return;
  }
}

void Cluster::damage() {
  const auto run = std::next(runs_.begin(), static_cast<std::ptrdiff_t>(prng_.below(runs_.size())));
  say("something in the store is damaged" + label(run->first));
  run->second->store.damage(prng_);
}

void Cluster::split() {
  const Member* const member = any();
  Network::Split split{
      .side = prng_.word(),
      .first = 0.1 + 0.8 * prng_.unit(),
      .alone = {},
      .direction = prng_.chance(0.5) ? Network::Direction::both : Network::Direction::one_way,
      .crossing = prng_.chance(0.5) ? Network::Crossing::lost : Network::Crossing::held,
      .until = agenda_.now() + prng_.log_between(milliseconds(1), scenario_.split_max)};
  if (member != nullptr && prng_.chance(0.4)) split.alone = member->place;
  say("the network falls into two sides" +
      (split.alone ? ", " + member->name + " alone" : std::string()) +
      (split.direction == Network::Direction::both ? "" : ", one way") +
      (split.crossing == Network::Crossing::lost ? "" : ", messages are held"));
  network_.split(split);
}

void Cluster::kill(Member* member) {
  if (member == nullptr) return;
  say(member->name + " is killed");
  remove(member->life, prng_.chance(0.25) ? Network::Death::silence : Network::Death::kill);
}

void Cluster::pause(Member& member, Duration longest) {
  const Time until = agenda_.now() + prng_.between(Duration(0), longest);
  if (until <= member.paused_until) return;
  member.paused_until = until;
  say(member.name + " stands still");
  agenda_.at(until, [this, life = member.life, until] {
    Member* resumed = living(life);
    if (resumed == nullptr || resumed->paused_until != until) return;
    say(resumed->name + " goes on");
    std::deque<ProcessInput> inbox;
    inbox.swap(resumed->inbox);
    for (ProcessInput& what : inbox) {
      const auto* const ended = std::get_if<JobEnded>(&what);
      if (ended != nullptr) {
        on_job_ended(life, ended->job, ended->thread);
      } else {
        step(*resumed, std::move(what));
      }
      resumed = living(life);
      if (resumed == nullptr) return;
    }
  });
}

// Whoever is asked for a copy dies before it has answered, or just then: everybody else trusts that
// the copy will be there.
void Cluster::kill_source_of_copy(MemberId source) {
  if (calm_ || !is_drawn(FaultKind::kill_server) || !prng_.chance(kSourcesKilled)) return;
  ++faults_;
  agenda_.after(prng_.between(Duration(0), 3 * scenario_.network.delay_max),
                [this, source] { kill(at(source)); });
}

// The supervisor takes the coordinator for dead and starts another, while the old one lives: cut
// off, standing still, or quite well. Members come over one by one, or stay where they are.
void Cluster::replace_coordinator() {
  const std::vector<Member*> coordinators = all(wire::Role::coordinator);
  if (coordinators.empty() || coordinators.size() >= kCoordinatorsMax) return;
  Member& old = *coordinators.back();
  const Duration while_ = prng_.log_between(milliseconds(1), scenario_.split_max);
  if (prng_.chance(0.4)) {
    network_.split(
        {.side = prng_.word(),
         .first = 0.3 * prng_.unit(),
         .alone = prng_.chance(0.5) ? std::optional(old.place) : std::nullopt,
         .direction = prng_.chance(0.7) ? Network::Direction::both : Network::Direction::one_way,
         .crossing = prng_.chance(0.5) ? Network::Crossing::lost : Network::Crossing::held,
         .until = agenda_.now() + while_});
  }
  if (prng_.chance(0.5)) return flap(old);
  if (prng_.chance(0.4)) pause(old, scenario_.pause_max);
  say(old.name + " is taken for dead");
  start_coordinator();
  const double comes_over = static_cast<double>(prng_.below(4)) / 3.0;
  for (const auto& [life, member] : members_) {
    if (member->role == wire::Role::coordinator || !prng_.chance(comes_over)) continue;
    move_later(*member, prng_.between(Duration(0), scenario_.restart_max));
  }
}

// The address changes its mind: members come over together, and find the old one there again as
// soon as they have heard of the new one. What it stood still on meanwhile, perhaps all that a
// commit needs, makes it speak to members of the other.
void Cluster::flap(Member& old) {
  if (prng_.chance(0.8)) {
    pause(old, scenario_.pause_max + 2 * (scenario_.restart_max + scenario_.network.reconnect_max));
  }
  say(old.name + " is taken for dead, and found again");
  start_coordinator();
  const Duration wait = prng_.between(Duration(0), scenario_.restart_max);
  for (const auto& [life, member] : members_) {
    if (member->role == wire::Role::coordinator || !prng_.chance(0.9)) continue;
    member->goes_back_to = old.life;
    move_later(*member, wait + prng_.between(Duration(0), 4 * scenario_.network.delay_max));
  }
}

// Of the job, or of a run that it takes part in: there the old one commits what the new one does
// not know of.
void Cluster::go_back_when_heard(Member& member, const wire::Message& message) {
  if (!member.goes_back_to) return;
  const Member* const old = living(*member.goes_back_to);
  if (old != nullptr) {
    const Coordinator* const coordinator = old->process->coordinator(message.run);
    const bool of_run = coordinator != nullptr && message.term > coordinator->term();
    const bool of_job = message.run == kFleet && message.term > old->process->fleet()->term();
    if (!of_run && !(of_job && prng_.chance(kBackFromJob))) return;
  }
  member.goes_back_to.reset();
  if (old == nullptr) return;
  agenda_.after(prng_.between(Duration(0), 4 * scenario_.network.delay_max),
                [this, life = member.life, back = old->life] {
                  Member* const moving = living(life);
                  const Member* const coordinator = living(back);
                  if (moving == nullptr || coordinator == nullptr || calm_) return;
                  say(moving->name + " finds " + coordinator->name + " again");
                  go_to(*moving, *coordinator);
                });
}

void Cluster::move_later(Member& member, Duration wait) {
  agenda_.after(wait, [this, life = member.life] {
    Member* const moving = living(life);
    const Member* const coordinator = newest_coordinator();
    if (moving == nullptr || coordinator == nullptr || moving->coordinator == coordinator->place) {
      return;
    }
    say(moving->name + " goes over to " + coordinator->name);
    go_to(*moving, *coordinator);
  });
}

// Two coordinators that each wait for the members of the other wait for ever, loudly. So somebody
// kills the old one, at once or after a while in which it may find out for itself; or its members
// come over.
void Cluster::end_rivalry() {
  std::vector<Member*> old = all(wire::Role::coordinator);
  if (old.size() < 2) return;
  old.pop_back();
  if (prng_.chance(0.3)) {
    for (const auto& [life, member] : members_) {
      if (member->role == wire::Role::coordinator) continue;
      move_later(*member, prng_.between(Duration(0), scenario_.restart_max));
    }
  }
  const Duration wait =
      prng_.chance(0.3) ? Duration(0) : prng_.log_between(milliseconds(1), std::chrono::minutes(1));
  for (const Member* const member : old) {
    agenda_.after(wait, [this, life = member->life] { kill(living(life)); });
  }
}

void Cluster::fill_up() {
  if (disk_.full) return;
  say("the disk is full");
  disk_.full = true;
  agenda_.after(prng_.log_between(milliseconds(1), scenario_.calm_after), [this] {
    say("the disk has room again");
    disk_.full = false;
  });
}

void Cluster::slow_down(Member& member) {
  member.slow_until = agenda_.now() + prng_.between(Duration(0), scenario_.pause_max);
  member.slowness = static_cast<double>(prng_.between(5, 100));
  say(member.name + " becomes slow");
}

void Cluster::jump(Member& member) {
  const Duration ahead = prng_.log_between(milliseconds(1), std::chrono::minutes(10));
  say("the clock of " + member.name + " jumps");
  member.clock.jump(agenda_.now(), ahead);
  if (agenda_.now() >= member.paused_until) wake_when_wished(member);
}

void Cluster::become_calm() {
  say("calm");
  calm_ = true;
  for (const auto& [life, member] : members_) member->slow_until = agenda_.now();
  network_.calm();
  disk_.fault_rate = 0.0;
  disk_.full = false;
  end_rivalry();
  staff();
}

}  // namespace ballast::simulation
