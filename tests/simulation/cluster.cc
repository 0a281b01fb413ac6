#include "tests/simulation/cluster.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/wire/codec.h"

namespace ballast::simulation {
namespace {

using std::chrono::milliseconds;

constexpr Duration kPatience = std::chrono::minutes(10);  // After the last fault.
constexpr Duration kFarewell = std::chrono::seconds(30);  // For members to go once it is done.
constexpr std::uint64_t kAtOneTimeMax = 200'000;
constexpr std::uint64_t kEventsMax = 20'000'000;
constexpr Duration kHandlingMax = std::chrono::microseconds(100);  // Of a message, unless slow.
constexpr std::size_t kWarningsKept = 12;
constexpr const char* kVersion = "simulated";
constexpr std::uint32_t kWorkersMax = 9;
constexpr std::uint32_t kServersMax = 6;
constexpr MemberId kNowhere{0};  // A place where nobody ever is.

std::string endpoint_of(MemberId id) { return "simulated://" + std::to_string(index(id)); }

}  // namespace

Cluster::Cluster(const Scenario& scenario, const SampleJob& job, const PlainRun& oracle,
                 Trace& trace)
    : scenario_(scenario),
      job_(job),
      oracle_(oracle),
      trace_(trace),
      prng_(mix(scenario.seed, 3)),
      network_(scenario.network, agenda_, prng_,
               {.deliver =
                    [this](MemberId to, MemberId from, wire::Message message) {
                      Member* const member = at(to);
                      if (member == nullptr) return;
                      if (trace_.is_on()) {
                        say(member->name + " <- " + name_of(from) + "  " + describe(message.body));
                      }
                      hear(*member, Received{std::move(message)});
                    },
                .disconnected =
                    [this](MemberId at, MemberId peer) {
                      Member* const member = this->at(at);
                      if (member == nullptr) return;
                      say(member->name + " lost its connection with " + name_of(peer));
                      hear(*member, Disconnected{id_at(peer)});
                    },
                .unreachable =
                    [this](MemberId from, MemberId to) {
                      invariants_.violated(14, name_of(from) + " wrote to " + name_of(to));
                    }}),
      invariants_(scenario.run, oracle, scenario.loud),
      run_(std::make_shared<const RunConfig>(scenario.run)),
      workers_wanted_(scenario.workers),
      servers_wanted_(scenario.servers) {
  store_.fault_rate = scenario.disk_fault_rate;
}

Cluster::~Cluster() = default;

Verdict Cluster::run() {
  start_coordinator();
  staff();
  fault_later();
  agenda_.after(scenario_.calm_after, [this] { become_calm(); });
  Time last = agenda_.now();
  while (!over() && !agenda_.empty()) {
    agenda_.next();
    at_this_time_ = agenda_.now() == last ? at_this_time_ + 1 : 0;
    last = agenda_.now();
  }
  return {.failure = failure(),
          .events = agenda_.happened(),
          .faults = faults_,
          .timelines = store_.claimed.size(),
          .digest = digest_,
          .simulated = agenda_.now() - Time{}};
}

// ---- members ------------------------------------------------------------------------------------

MembershipOptions Cluster::membership(MemberId id, wire::Role role) {
  return {.hello = {.role = role,
                    .protocol = wire::kProtocol,
                    .version = kVersion,
                    .endpoint = role == wire::Role::server ? endpoint_of(id) : "",
                    .host = name_of(id),
                    .families = {kFamily},
                    .held = {}},
          .coordinator = endpoint_of(kCoordinator),
          .retry = retry(),
          .loud = scenario_.loud,
          .give_up = {}};
}

void Cluster::start_coordinator() {
  auto member = std::make_unique<Member>();
  member->id = kCoordinator;
  member->place = MemberId{2 * (lives_ + 1)};  // Even: no other member's.
  member->role = wire::Role::coordinator;
  names_[member->place] = "c" + (lives_ == 0 ? "" : std::to_string(lives_));
  auto machine = std::make_unique<Coordinator>(
      CoordinatorOptions{.run = run_,
                         .checkpoints = "memory",
                         .version = kVersion,
                         .workers = workers_wanted_,
                         .servers = servers_wanted_,
                         .retry = retry(),
                         .loud = scenario_.loud,
                         .stop_within = scenario_.stop_within,
                         .additions_max = scenario_.additions_max,
                         .chain_files_max = scenario_.chain_files_max});
  auto executor = SimulatedCoordinatorStore(store_, prng_, *run_);
  member->process = std::make_unique<MachineProcess<Coordinator>>(
      std::move(machine), std::vector<MachineProcess<Coordinator>::Executor>{executor});
  member->threads.resize(1);
  invariants_.coordinator_started();
  add(std::move(member));
}

void Cluster::start_server() {
  auto member = std::make_unique<Member>();
  member->id = MemberId{mix(scenario_.seed, lives_ + 1000) | 1};
  member->place = member->id;
  member->role = wire::Role::server;
  names_[member->id] = "s" + std::to_string(lives_);
  auto machine =
      std::make_unique<Server>(ServerOptions{.self = member->id,
                                             .membership = membership(member->id, member->role),
                                             .retry = retry(),
                                             .parked_max = prng_.between(1, scenario_.parked_max),
                                             .buffered_bytes_max = scenario_.buffered_bytes_max});
  auto executor = SimulatedServerDisk(store_, prng_);
  member->process = std::make_unique<MachineProcess<Server>>(
      std::move(machine), std::vector<MachineProcess<Server>::Executor>{executor});
  member->threads.resize(1);
  add(std::move(member));
}

void Cluster::start_worker() {
  auto member = std::make_unique<Member>();
  member->id = MemberId{mix(scenario_.seed, lives_ + 1000) | 1};
  member->place = member->id;
  member->role = wire::Role::worker;
  names_[member->id] = "w" + std::to_string(lives_);
  member->site = std::make_unique<WorkerSite>(
      [dataset = job_.dataset](const RunConfig&) -> Result<std::shared_ptr<const Dataset>> {
        return dataset;
      });
  auto machine =
      std::make_unique<Worker>(WorkerOptions{.membership = membership(member->id, member->role),
                                             .retry = retry(),
                                             .evaluation_group_max = static_cast<std::uint32_t>(
                                                 prng_.between(1, scenario_.evaluation_group_max))},
                               member->id);
  member->threads.resize(prng_.between(1, scenario_.threads_max));
  std::vector<MachineProcess<Worker>::Executor> executors;
  for (std::size_t i = 0; i < member->threads.size(); ++i) {
    auto executor = std::make_shared<WorkerExecutor>(*member->site);
    executors.emplace_back([executor](WorkerJob&& job) { return (*executor)(std::move(job)); });
  }
  member->process =
      std::make_unique<MachineProcess<Worker>>(std::move(machine), std::move(executors));
  add(std::move(member));
}

Cluster::Member& Cluster::add(std::unique_ptr<Member> member) {
  member->life = ++lives_;
  member->name = name_of(member->place);
  for (Thread& thread : member->threads) thread.free_at = agenda_.now();
  member->clock = {.set_at = agenda_.now(),
                   .set_to = Time{} + prng_.log_between(milliseconds(1), std::chrono::hours(1000)),
                   .rate = 1.0 + scenario_.drift * (2.0 * prng_.unit() - 1.0)};
  Member& added = *member;
  members_[added.life] = std::move(member);
  say(added.name + " starts");
  network_.started(added.place);
  if (added.role == wire::Role::coordinator) {
    find_coordinators();
  } else {
    const Member* const coordinator = any(wire::Role::coordinator);
    added.coordinator = coordinator == nullptr ? kNowhere : coordinator->place;
    network_.connect(added.place, added.coordinator);
  }
  step(added, Tick{});
  return added;
}

// Whoever has lost its coordinator dials the address again, and reaches who answers there now.
void Cluster::find_coordinators() {
  const std::vector<Member*> coordinators = all(wire::Role::coordinator);
  if (coordinators.empty()) return;
  for (const auto& [life, member] : members_) {
    if (member->role == wire::Role::coordinator || at(member->coordinator) != nullptr) continue;
    go_to(*member, *coordinators[prng_.below(coordinators.size())]);
  }
}

void Cluster::go_to(Member& member, const Member& coordinator) {
  if (member.coordinator == coordinator.place) return;
  network_.redial(member.place, member.coordinator, coordinator.place);
  member.coordinator = coordinator.place;
}

void Cluster::remove(std::uint64_t life, Network::Death death) {
  const auto found = members_.find(life);
  if (found == members_.end()) return;
  Member& member = *found->second;
  // What its disk was doing may still have been done; what waited behind it was not.
  if (!member.open_jobs.empty() && member.open_jobs.begin()->second && prng_.chance(0.3)) {
    member.process->perform_unheard(member.open_jobs.begin()->first);
  }
  network_.died(member.place, death);
  if (member.role == wire::Role::server) invariants_.server_gone(member.id);
  members_.erase(found);
  find_coordinators();
  staff_later();
}

// People and supervisors start again what is gone; before it is calm, not always.
void Cluster::staff_later() {
  if (done_at_) return;
  agenda_.after(prng_.between(Duration(0), scenario_.restart_max + milliseconds(1)), [this] {
    if (calm_ || prng_.chance(0.7)) staff();
  });
}

void Cluster::staff() {
  if (done_at_) return;
  if (all(wire::Role::coordinator).empty()) {
    workers_wanted_ = static_cast<std::uint32_t>(prng_.between(1, 8));
    servers_wanted_ = static_cast<std::uint32_t>(prng_.between(1, 5));
    start_coordinator();
  }
  while (all(wire::Role::server).size() < servers_wanted_) start_server();
  while (all(wire::Role::worker).size() < workers_wanted_) start_worker();
}

Cluster::Member* Cluster::living(std::uint64_t life) {
  const auto found = members_.find(life);
  return found == members_.end() ? nullptr : found->second.get();
}

Cluster::Member* Cluster::at(MemberId place) {
  for (const auto& [life, member] : members_) {
    if (member->place == place) return member.get();
  }
  return nullptr;
}

std::vector<Cluster::Member*> Cluster::all(wire::Role role) {
  std::vector<Member*> found;
  for (const auto& [life, member] : members_) {
    if (member->role == role) found.push_back(member.get());
  }
  return found;
}

Cluster::Member* Cluster::any(wire::Role role) {
  const std::vector<Member*> found = all(role);
  return found.empty() ? nullptr : found[prng_.below(found.size())];
}

Cluster::Member* Cluster::any() {
  if (members_.empty()) return nullptr;
  auto member = members_.begin();
  std::advance(member, static_cast<std::ptrdiff_t>(prng_.below(members_.size())));
  return member->second.get();
}

MemberId Cluster::id_at(MemberId place) const {
  return index(place) % 2 == 0 ? kCoordinator : place;
}

std::string Cluster::name_of(MemberId place) const {
  const auto found = names_.find(place);
  return found == names_.end() ? std::to_string(index(place)) : found->second;
}

// ---- events -------------------------------------------------------------------------------------

// A slow member takes its time for each message, one after another.
void Cluster::hear(Member& member, ProcessInput what) {
  const double slowness = slowness_of(member);
  if (slowness <= 1.0 && member.busy_until <= agenda_.now()) return input(member, std::move(what));
  const Duration handling = prng_.between(Duration(1000), kHandlingMax);
  member.busy_until =
      std::max(member.busy_until, agenda_.now()) + Clock::scaled(handling, slowness);
  agenda_.at(member.busy_until, [this, life = member.life, what = std::move(what)] {
    if (Member* const slow = living(life)) input(*slow, what);
  });
}

double Cluster::slowness_of(const Member& member) const {
  return agenda_.now() < member.slow_until ? member.slowness : 1.0;
}

void Cluster::input(Member& member, ProcessInput what) {
  if (agenda_.now() < member.paused_until || !member.inbox.empty()) {
    member.inbox.push_back(std::move(what));
  } else {
    step(member, std::move(what));
  }
}

void Cluster::step(Member& member, ProcessInput what) {
  digest_ = mix(digest_, mix(member.life,
                             static_cast<std::uint64_t>(agenda_.now().time_since_epoch().count())));
  const std::uint64_t life = member.life;
  ProcessEffects effects = member.process->step(member.clock.read(agenda_.now()), std::move(what));
  observe(member);
  const std::optional<Exit> exit = std::move(effects.exit);
  perform(member, std::move(effects));
  if (exit) on_exit(life, *exit);
}

void Cluster::observe(Member& member) {
  if (const Server* const server = member.process->server()) {
    invariants_.server_stepped(member.id, *server);
  } else if (const Coordinator* const coordinator = member.process->coordinator()) {
    if (calm_) {
      invariants_.coordinator_stepped(agenda_.now(), *coordinator);
    } else {
      invariants_.coordinator_stepped(Time{}, *coordinator);
    }
  }
}

void Cluster::perform(Member& member, ProcessEffects effects) {
  for (const MemberId peer : effects.disconnections) network_.disconnect(member.id, peer);
  for (const Connection& connection : effects.connections) {
    if (connection.endpoint != endpoint_of(connection.peer)) {
      fail(member.name + " connects to " + connection.endpoint + " for " +
           name_of(connection.peer));
    }
    network_.connect(member.id, connection.peer);
  }
  for (const Send& message : effects.sends) send(member, message, effects.term);
  for (const StartedJob& job : effects.jobs) start_job(member, job);
  for (const Note& note : effects.notes) {
    if (note.level == NoteLevel::debug) continue;
    say(member.name + " notes: " + note.text);
    if (note.level == NoteLevel::info) continue;
    warnings_.push_back(member.name + ": " + note.text);
    if (warnings_.size() > kWarningsKept) warnings_.pop_front();
  }
  if (effects.wake_at) {
    member.wish = effects.wake_at;
    wake_when_wished(member);
  }
}

void Cluster::wake_when_wished(Member& member) {
  if (!member.wish) return;
  const std::uint64_t wish = ++member.wishes;
  const Time late = std::max(agenda_.now(), member.clock.when(*member.wish)) +
                    prng_.between(Duration(1000), Duration(200'000));
  agenda_.at(late, [this, life = member.life, wish] {
    Member* const woken = living(life);
    if (woken == nullptr || woken->wishes != wish) return;
    if (agenda_.now() < woken->paused_until) {
      woken->inbox.emplace_back(Tick{});
    } else {
      step(*woken, Tick{});
    }
  });
}

void Cluster::send(Member& member, const Send& message, Term term) {
  invariants_.sent(member.process->server(), message.body);
  const MemberId to = message.to == kCoordinator ? member.coordinator : message.to;
  if (std::holds_alternative<wire::Finish>(message.body) && calm_ &&
      network_.reaches(member.place, to)) {
    released_.insert(to);
  }
  wire::Message outgoing{member.id, message.body, term};
  if (scenario_.uses_codec) {
    std::optional<wire::Message> decoded = through_codec(outgoing);
    if (!decoded) return;
    outgoing = std::move(*decoded);
  }
  network_.send(member.place, to, std::move(outgoing));
}

std::optional<wire::Message> Cluster::through_codec(const wire::Message& message) {
  std::vector<Bytes> frames = wire::encode(message);
  for (Bytes& frame : frames) {  // Aligned, as a transport hands them over.
    std::vector<std::uint64_t> words((frame.size() + 7) / 8);
    if (frame.size() > 0) std::memcpy(words.data(), frame.data(), frame.size());
    const std::size_t size = frame.size();
    const Bytes whole = Bytes::own(std::move(words));
    frame = Bytes(whole.owner(), whole.span().first(size));
  }
  Result<wire::Message> decoded = wire::decode(frames);
  if (!decoded) {
    fail("a " + std::string(wire::name_of(message.body)) +
         " does not survive the codec: " + decoded.error().message);
    return std::nullopt;
  }
  return std::move(*decoded);
}

void Cluster::start_job(Member& member, const StartedJob& job) {
  const Duration longest = job.kind == JobKind::load      ? scenario_.load_max
                           : job.kind == JobKind::compute ? scenario_.compute_max
                           : job.kind == JobKind::disk    ? scenario_.disk_max
                                                          : scenario_.compute_max / 10;
  const auto thread =
      std::min_element(member.threads.begin(), member.threads.end(),
                       [](const Thread& a, const Thread& b) { return a.free_at < b.free_at; });
  const Time end = std::max(agenda_.now(), thread->free_at) +
                   Clock::scaled(prng_.between(Duration(1000), longest), slowness_of(member));
  thread->free_at = end;
  member.open_jobs[job.id] = job.kind == JobKind::disk;
  const auto number = static_cast<unsigned>(thread - member.threads.begin());
  agenda_.at(end,
             [this, life = member.life, id = job.id, number] { on_job_ended(life, id, number); });
}

void Cluster::on_job_ended(std::uint64_t life, JobId job, unsigned thread) {
  Member* const member = living(life);
  if (member == nullptr) return;
  if (agenda_.now() < member->paused_until) {
    member->inbox.emplace_back(JobEnded{job, thread});
    return;
  }
  const bool on_disk = member->open_jobs.at(job);
  member->open_jobs.erase(job);
  step(*member, JobEnded{job, thread});
  if (on_disk) invariants_.stored(store_);
}

// ---- exits --------------------------------------------------------------------------------------

void Cluster::on_exit(std::uint64_t life, const Exit& exit) {
  Member* const member = living(life);
  if (member == nullptr) return;
  say(member->name + " exits with " + std::to_string(static_cast<int>(exit.code)) + ": " +
      exit.reason);
  if (member->role == wire::Role::coordinator) {
    on_coordinator_exit(*member, exit);
  } else if (exit.code == ExitCode::user_error) {
    fail(member->name + " exits: " + exit.reason);
  }
  // Hosts flush what was sent before they go.
  remove(life, Network::Death::exit);
}

void Cluster::on_coordinator_exit(const Member& member, const Exit& exit) {
  const bool declared = exit.reason.find(kInjected) != std::string::npos;
  if (exit.code == ExitCode::done) {
    invariants_.coordinator_done(store_);
    done_at_ = agenda_.now();
  } else if (!(exit.code == ExitCode::interrupted && member.asked_to_stop) && !declared) {
    fail("the coordinator exits with " + std::to_string(static_cast<int>(exit.code)) + ": " +
         exit.reason);
  }
}

// ---- faults -------------------------------------------------------------------------------------

void Cluster::fault_later() {
  if (scenario_.fault_every == Duration(0) || scenario_.fault_mask == 0) return;
  agenda_.after(prng_.between(Duration(0), 2 * scenario_.fault_every), [this] {
    if (calm_ || done_at_) return;
    FaultKind kind{};
    do {
      kind = static_cast<FaultKind>(prng_.below(kFaultKinds));
    } while ((scenario_.fault_mask >> static_cast<unsigned>(kind) & 1U) == 0);
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
      if (member != nullptr) pause(*member);
      return;
    }
    case FaultKind::slow:
      if (Member* const member = any()) slow_down(*member);
      return;
    case FaultKind::jump:
      if (Member* const member = any()) jump(*member);
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

void Cluster::pause(Member& member) {
  const Time until = agenda_.now() + prng_.between(Duration(0), scenario_.pause_max);
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
  store_.fault_rate = 0.0;
  staff();
}

// ---- the end ------------------------------------------------------------------------------------

bool Cluster::over() const {
  if (!failure_.empty() || invariants_.violation()) return true;
  if (at_this_time_ > kAtOneTimeMax || agenda_.happened() > kEventsMax) return true;
  if (done_at_) return members_.empty() || !calm_ || agenda_.now() > *done_at_ + kFarewell;
  return agenda_.now() > Time{} + scenario_.calm_after + kPatience;
}

std::string Cluster::failure() {
  if (invariants_.violation()) return *invariants_.violation();
  if (!failure_.empty()) return failure_;
  if (at_this_time_ > kAtOneTimeMax || agenda_.happened() > kEventsMax) {
    return "it spins: " + std::to_string(agenda_.happened()) + " events" + states();
  }
  if (!done_at_) return "it hangs: nothing came of it long after the last fault" + states();
  if (store_.history != oracle_.history) {
    std::size_t i = 0;
    while (i < store_.history.size() && i < oracle_.history.size() &&
           store_.history[i] == oracle_.history[i]) {
      ++i;
    }
    const auto line = [&](const std::vector<std::string>& history) {
      return i < history.size() ? history[i] : std::string("nothing");
    };
    return "the history differs from the plain loop's in line " + std::to_string(i + 1) + ": " +
           line(store_.history) + " instead of " + line(oracle_.history);
  }
  if (store_.model->digest != oracle_.digest)
    return "the model has other bits than the plain loop's";
  for (const MemberId id : released_) {
    if (at(id) != nullptr) return name_of(id) + " stays although it was released" + states();
  }
  return "";
}

std::string Cluster::states() const {
  std::string text;
  for (const auto& [life, member] : members_) {
    text += "\n    " + member->name + ": " + member->process->state();
  }
  for (const std::string& warning : warnings_) text += "\n    " + warning;
  return text;
}

void Cluster::fail(std::string why) {
  if (failure_.empty()) failure_ = std::move(why);
}

Verdict simulate(std::uint64_t seed, Trace& trace) {
  static std::map<std::uint64_t, std::pair<SampleJob, PlainRun>> oracles;
  const std::uint64_t shape = shape_of(seed);
  auto oracle = oracles.find(shape);
  if (oracle == oracles.end()) {
    SampleJob job = make_sample_job(shape);
    PlainRun run = plain_loop(job);
    BALLAST_CHECK(job.skips == std::any_of(run.commits.begin(), run.commits.end(),
                                           [](const Commit& commit) { return commit.skip; }));
    oracle = oracles.emplace(shape, std::pair(std::move(job), std::move(run))).first;
  }
  const auto& [job, run] = oracle->second;
  const Scenario scenario = draw_scenario(seed, job.run);
  if (trace.is_on()) trace.line(Time{}, describe(scenario));
  return Cluster(scenario, job, run, trace).run();
}

}  // namespace ballast::simulation
