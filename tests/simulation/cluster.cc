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
constexpr std::uint64_t kEventsMax = 2'000'000;  // Twenty times what any seed needs.
constexpr Duration kHandlingMax = std::chrono::microseconds(100);  // Of a message, unless slow.
constexpr std::size_t kWarningsKept = 12;
constexpr const char* kVersion = "simulated";
constexpr std::uint64_t kWritesLeftMax = 12;  // Of a job whose process dies.
constexpr MemberId kNowhere{0};               // A place where nobody ever is.
constexpr Duration kAskedEvery = milliseconds(37);
constexpr MemberId kStranger{~std::uint64_t{1}};  // Even, and no coordinator's place.

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
      accounts_(scenario.run),
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
  ask_later();
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
          .assists = assists_,
          .moves = moves_,
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
                         .begin_within = scenario_.begin_within,
                         .retry = retry(),
                         .loud = scenario_.loud,
                         .store_retry = scenario_.store_retry,
                         .stop_within = scenario_.stop_within,
                         .additions_max = scenario_.additions_max,
                         .chain_files_max = scenario_.chain_files_max,
                         .return_within = scenario_.return_within,
                         .weighed_min = 2,
                         .balance_every = scenario_.balance_every,
                         .balance_gain_min = scenario_.balance_gain_min,
                         .assist_again = scenario_.assist_again,
                         .late_steps_max = scenario_.late_steps_max,
                         .good_steps = 5,
                         .rest_min = scenario_.rest_min});
  auto executor = SimulatedCoordinatorStore(store_, prng_, *run_);
  member->process = std::make_unique<MachineProcess<Coordinator>>(
      std::move(machine), std::vector<MachineProcess<Coordinator>::Executor>{executor});
  member->threads.resize(1);
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
                                             .late_min = scenario_.late_min,
                                             .late_factor = scenario_.late_factor,
                                             .log_bytes_max = scenario_.log_steps_max,
                                             .parked_max = prng_.between(1, scenario_.parked_max),
                                             .buffered_bytes_max = scenario_.buffered_bytes_max});
  member->home = take_home();
  auto executor = SimulatedServerDisk(store_, prng_, member->home);
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
    const Member* const coordinator =
        prng_.chance(0.2) ? any(wire::Role::coordinator) : newest_coordinator();
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

// Mostly that of a server that has died: it is the same place that is started again.
std::shared_ptr<SimulatedHome> Cluster::take_home() {
  if (homes_.empty() || prng_.chance(0.1)) return std::make_shared<SimulatedHome>();
  const auto home = homes_.begin() + static_cast<std::ptrdiff_t>(prng_.below(homes_.size()));
  auto taken = *home;
  homes_.erase(home);
  return taken;
}

void Cluster::remove(std::uint64_t life, Network::Death death) {
  const auto found = members_.find(life);
  if (found == members_.end()) return;
  Member& member = *found->second;
  // What its disk was doing may still have been done, or a part; what waited behind it was not.
  if (!member.open_jobs.empty() && member.open_jobs.begin()->second && prng_.chance(0.5)) {
    if (prng_.chance(0.6)) store_.writes_left = prng_.below(kWritesLeftMax);
    member.process->perform_unheard(member.open_jobs.begin()->first);
    store_.writes_left.reset();
    invariants_.stored(store_);
  }
  network_.died(member.place, death);
  if (member.role == wire::Role::server) {
    invariants_.server_gone(member.id);
    accounts_.server_gone(member.id);
    if (prng_.chance(0.9)) homes_.push_back(member.home);  // Else its disk is gone too.
  }
  if (member.role == wire::Role::coordinator) invariants_.coordinator_gone(life);
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

Cluster::Member* Cluster::newest_coordinator() {
  const std::vector<Member*> coordinators = all(wire::Role::coordinator);
  return coordinators.empty() ? nullptr : coordinators.back();
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
  if (const auto* const received = std::get_if<Received>(&what);
      received != nullptr && member.role == wire::Role::coordinator) {
    invariants_.greeted(life, received->message);
  } else if (received != nullptr && member.role == wire::Role::server) {
    invariants_.hears(member.id, *member.process->server(), received->message);
  }
  std::optional<wire::Push> push;
  if (const auto* const received = std::get_if<Received>(&what)) {
    const auto* const taken = std::get_if<wire::Push>(&received->message.body);
    if (taken != nullptr && is_relaxed(*run_)) push = *taken;
    if (received->message.from == kCoordinator) {
      member.heard = std::max(member.heard, received->message.term);
      go_back_when_heard(member, received->message.term);
    }
  }
  store_.passed_over = 0;
  ProcessEffects effects = member.process->step(member.clock.read(agenda_.now()), std::move(what));
  observe(member, push ? &*push : nullptr);
  const auto told = std::count_if(effects.notes.begin(), effects.notes.end(), [](const Note& note) {
    return note.text.find("passing over a damaged checkpoint") != std::string::npos;
  });
  if (store_.passed_over != static_cast<std::uint64_t>(told)) {
    invariants_.violated(20, std::to_string(store_.passed_over) + " were passed over");
  }
  if (told > 0) store_.remove_damaged();
  const std::optional<Exit> exit = std::move(effects.exit);
  perform(member, std::move(effects));
  if (exit) on_exit(life, *exit);
}

void Cluster::observe(Member& member, const wire::Push* push) {
  if (const Server* const server = member.process->server()) {
    invariants_.server_stepped(member.id, *server);
    if (is_relaxed(*run_)) accounts_.server_stepped(member.id, *server, push);
  } else if (const Coordinator* const coordinator = member.process->coordinator()) {
    if (calm_) {
      invariants_.coordinator_stepped(member.life, agenda_.now(), *coordinator);
    } else {
      invariants_.coordinator_stepped(member.life, Time{}, *coordinator);
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
    if (note.text.ends_with("so that servers have equal parts")) ++moves_;
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
  if (const auto* const report = std::get_if<wire::StatusReport>(&message.body)) {
    return invariants_.reported(report->json);  // To a stranger.
  }
  if (std::holds_alternative<wire::Assist>(message.body)) ++assists_;
  if (std::holds_alternative<wire::Lacking>(message.body)) kill_source_of_copy(message.to);
  invariants_.sent(member.life, member.process->server(), message.body);
  if (const auto* const prepared = std::get_if<wire::Prepared>(&message.body)) {
    invariants_.promised(member.id, *prepared, *member.home);
  }
  if (is_relaxed(*run_)) {
    accounts_.sent(member.id, member.process->server(), message.to, message.body);
  }
  const MemberId to = message.to == kCoordinator ? member.coordinator : message.to;
  if (std::holds_alternative<wire::Finish>(message.body) && calm_ &&
      network_.reaches(member.place, to)) {
    // Who has heard a later coordinator does not listen to this one (R13).
    const Member* const receiver = at(to);
    if (receiver != nullptr && receiver->heard <= term) released_.insert(to);
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
  } else if (exit.code == ExitCode::user_error && !is_declared(exit)) {
    fail(member->name + " exits: " + exit.reason);
  }
  // Hosts flush what was sent before they go.
  remove(life, Network::Death::exit);
}

// What a person is told in so many words: a disk failed, or the store has another master.
bool Cluster::is_declared(const Exit& exit) {
  return exit.reason.find(kInjected) != std::string::npos ||
         exit.reason.find(kFenced) != std::string::npos;
}

void Cluster::on_coordinator_exit(const Member& member, const Exit& exit) {
  const bool last_started = &member == newest_coordinator();
  if (exit.code == ExitCode::done) {
    invariants_.coordinator_done(store_);
    // Another one that was started later does it all again, and has yet to say so.
    if (last_started) done_at_ = agenda_.now();
  } else if (!(exit.code == ExitCode::interrupted && member.asked_to_stop) && !is_declared(exit)) {
    fail("the coordinator exits with " + std::to_string(static_cast<int>(exit.code)) + ": " +
         exit.reason);
  } else if (exit.reason.find(kFenced) != std::string::npos &&
             member.process->coordinator()->term() == *store_.claimed.rbegin()) {
    fail("a coordinator gives way although nobody came after it");
  }
  if (exit.reason.find(kNoneWhole) != std::string::npos) {
    say("somebody removes the damaged checkpoints");
    store_.remove_damaged();
  }
}

// Somebody asks every coordinator what it does, in whatever state it is.
void Cluster::ask_later() {
  agenda_.after(kAskedEvery, [this] {
    if (done_at_) return;
    std::vector<std::uint64_t> lives;
    for (const auto& [life, member] : members_) {
      if (member->role == wire::Role::coordinator) lives.push_back(life);
    }
    for (const std::uint64_t life : lives) {
      Member* const coordinator = living(life);
      if (coordinator == nullptr) continue;
      input(*coordinator, Received{wire::Message{kStranger, wire::AskStatus{}, 0}});
    }
    ask_later();
  });
}

// ---- the end ------------------------------------------------------------------------------------

bool Cluster::over() const {
  if (!failure_.empty() || invariants_.violation() || accounts_.violation()) return true;
  if (at_this_time_ > kAtOneTimeMax || agenda_.happened() > kEventsMax) return true;
  if (done_at_) return members_.empty() || !calm_ || agenda_.now() > *done_at_ + kFarewell;
  return agenda_.now() > Time{} + scenario_.calm_after + kPatience;
}

std::string Cluster::failure() {
  if (invariants_.violation()) return *invariants_.violation();
  if (accounts_.violation()) return *accounts_.violation();
  if (!failure_.empty()) return failure_;
  if (at_this_time_ > kAtOneTimeMax || agenda_.happened() > kEventsMax) {
    return "it spins: " + std::to_string(agenda_.happened()) + " events" + states();
  }
  if (!done_at_) return "it hangs: nothing came of it long after the last fault" + states();
  if (is_relaxed(*run_)) {
    accounts_.check_end(store_);
    if (accounts_.violation()) return *accounts_.violation();
  } else if (store_.history != oracle_.history) {
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
  if (!is_relaxed(*run_) && store_.model->digest != oracle_.digest)
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

namespace {

using Oracle = std::pair<SampleJob, PlainRun>;

const Oracle& oracle_of(std::uint64_t shape) {
  static std::map<std::uint64_t, Oracle> oracles;
  auto oracle = oracles.find(shape);
  if (oracle == oracles.end()) {
    SampleJob job = make_sample_job(shape);
    // What a relaxed run comes to hangs on timing: accounts.h says what must hold of it.
    PlainRun run = is_relaxed(job.run) ? PlainRun() : plain_loop(job);
    BALLAST_CHECK(is_relaxed(job.run) ||
                  job.skips == std::any_of(run.commits.begin(), run.commits.end(),
                                           [](const Commit& commit) { return commit.skip; }));
    oracle = oracles.emplace(shape, std::pair(std::move(job), std::move(run))).first;
  }
  return oracle->second;
}

}  // namespace

void make_oracles() {
  for (std::uint64_t shape = 0; shape < kShapes; ++shape) static_cast<void>(oracle_of(shape));
}

Verdict simulate(std::uint64_t seed, Trace& trace) {
  const auto& [job, run] = oracle_of(shape_of(seed));
  const Scenario scenario = draw_scenario(seed, job.run);
  if (trace.is_on()) trace.line(Time{}, describe(scenario));
  return Cluster(scenario, job, run, trace).run();
}

}  // namespace ballast::simulation
