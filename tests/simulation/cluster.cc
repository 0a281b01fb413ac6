#include "tests/simulation/cluster.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/overloaded.h"
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

// A server has one thread for its disk.
class DiskExecutor {
 public:
  explicit DiskExecutor(SimulatedServerDisk& disk) : disk_(disk) {}
  ServerOutcome operator()(ServerJob&& job) { return disk_(std::move(job)); }

 private:
  SimulatedServerDisk& disk_;
};

std::string endpoint_of(MemberId id) { return "simulated://" + std::to_string(index(id)); }

}  // namespace

Cluster::Cluster(const Scenario& scenario, const std::vector<const Oracle*>& oracles, Trace& trace)
    : scenario_(scenario),
      trace_(trace),
      prng_(mix(scenario.seed, 3)),
      job_(disk_),
      network_(scenario.network, agenda_, prng_,
               {.deliver =
                    [this](MemberId to, MemberId from, wire::Message message) {
                      Member* const member = at(to);
                      if (member == nullptr) return;
                      if (trace_.is_on()) {
                        say(member->name + " <- " + name_of(from) + label(message.run) + "  " +
                            describe(message.body));
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
      invariants_(scenario.job, job_, places_),
      workers_wanted_(scenario.workers),
      servers_wanted_(scenario.servers) {
  disk_.fault_rate = scenario.disk_fault_rate;
  const std::vector<RunId> ids = scenario.job.runs();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    auto run =
        std::make_unique<Run>(ids[i], scenario.runs[i].config, *oracles[i], scenario.loud, disk_);
    places_[ids[i]] = {&run->store, run->config};
    runs_.emplace(ids[i], std::move(run));
  }
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
  std::uint64_t timelines = 0;
  for (const auto& [id, run] : runs_) timelines += run->store.claimed.size();
  return {.failure = failure(),
          .events = agenda_.happened(),
          .faults = faults_,
          .timelines = timelines,
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

CrewOptions Cluster::crew(MemberId id, wire::Role role) {
  return {.enlist = {.role = role,
                     .protocol = wire::kProtocol,
                     .version = kVersion,
                     .host = name_of(id),
                     .runs = {}},
          .coordinator = endpoint_of(kCoordinator),
          .retry = retry(),
          .beat = scenario_.beat,
          .loud = scenario_.loud,
          .give_up = {}};
}

void Cluster::start_coordinator() {
  auto member = std::make_unique<Member>();
  member->id = kCoordinator;
  member->place = MemberId{2 * (lives_ + 1)};  // Even: no other member's.
  member->role = wire::Role::coordinator;
  names_[member->place] = "c" + (lives_ == 0 ? "" : std::to_string(lives_));
  const JobPlan& job = scenario_.job;
  const bool all_wait = job.kind == JobPlan::Kind::training || scenario_.runs_wait;
  FleetOptions options{.job = job.name(),
                       .version = kVersion,
                       .run = {.run = nullptr,
                               .checkpoints = "",
                               .version = "",
                               .workers = all_wait ? workers_wanted_ : 1,
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
                               .rest_min = scenario_.rest_min},
                       .runs_at_once = job.runs_at_once,
                       .workers_per_run = job.workers_per_run,
                       .silence = scenario_.fleet_silence,
                       .retry = retry(),
                       .store_retry = scenario_.store_retry,
                       .loud = scenario_.loud};
  auto machine = std::make_unique<Fleet>(std::move(options), make_agenda(job, job_.ended));
  auto executor = std::make_shared<SimulatedJobDisk>(job, job_, places_, prng_);
  member->process = std::make_unique<MachineProcess<Fleet>>(
      std::move(machine), std::vector<MachineProcess<Fleet>::Executor>{[executor](FleetJob&& work) {
        return (*executor)(std::move(work));
      }});
  member->threads.resize(1);
  invariants_.started(lives_ + 1);
  add(std::move(member));
}

void Cluster::start_server() {
  auto member = std::make_unique<Member>();
  const MemberId id{mix(scenario_.seed, lives_ + 1000) | 1};
  member->id = member->place = id;
  member->role = wire::Role::server;
  names_[id] = "s" + std::to_string(lives_);
  const auto make = [this, id](RunId run, Crew<Server>::Life life) {
    invariants_.crew_makes(id, run, life);
    return std::make_unique<Server>(
        ServerOptions{.self = id,
                      .membership = membership(id, wire::Role::server),
                      .retry = retry(),
                      .late_min = scenario_.late_min,
                      .late_factor = scenario_.late_factor,
                      .log_bytes_max = scenario_.log_steps_max,
                      .parked_max = prng_.between(1, scenario_.parked_max),
                      .buffered_bytes_max = scenario_.buffered_bytes_max});
  };
  auto machine = std::make_unique<Crew<Server>>(crew(id, member->role), make);
  member->homes = take_homes();
  // As cli/roles.cc does: the home of the only run of a job stays.
  member->disks = std::make_unique<Sites<SimulatedServerDisk>>(
      [this, homes = member->homes](RunId run) {
        auto& home = (*homes)[run];
        if (!home) home = std::make_shared<SimulatedHome>();
        return std::make_shared<SimulatedServerDisk>(run_at(run).store, prng_, home);
      },
      [homes = member->homes](RunId run) {
        if (run != SingleRun::kRun) homes->erase(run);
      });
  using Executor = CrewExecutor<Server, DiskExecutor, SimulatedServerDisk>;
  auto executor = std::make_shared<Executor>(*member->disks);
  member->process = std::make_unique<MachineProcess<Crew<Server>>>(
      std::move(machine),
      std::vector<MachineProcess<Crew<Server>>::Executor>{
          [executor](Crew<Server>::Job&& job) { return (*executor)(std::move(job)); }});
  member->threads.resize(1);
  add(std::move(member));
}

void Cluster::start_worker() {
  auto member = std::make_unique<Member>();
  const MemberId id{mix(scenario_.seed, lives_ + 1000) | 1};
  member->id = member->place = id;
  member->role = wire::Role::worker;
  names_[id] = "w" + std::to_string(lives_);
  member->sites = std::make_unique<Sites<WorkerSite>>([this](RunId run) {
    return std::make_shared<WorkerSite>(
        [dataset = run_at(run).oracle.job.dataset](
            const RunConfig&) -> Result<std::shared_ptr<const Dataset>> { return dataset; });
  });
  const auto make = [this, id](RunId run, Crew<Worker>::Life life) {
    invariants_.crew_makes(id, run, life);
    return std::make_unique<Worker>(
        WorkerOptions{.membership = membership(id, wire::Role::worker),
                      .retry = retry(),
                      .evaluation_group_max = static_cast<std::uint32_t>(
                          prng_.between(1, scenario_.evaluation_group_max)),
                      .first_request = life << 32},
        id);
  };
  auto machine = std::make_unique<Crew<Worker>>(crew(id, member->role), make);
  member->threads.resize(prng_.between(1, scenario_.threads_max));
  std::vector<MachineProcess<Crew<Worker>>::Executor> executors;
  for (std::size_t i = 0; i < member->threads.size(); ++i) {
    using Executor = CrewExecutor<Worker, WorkerExecutor, WorkerSite>;
    auto executor = std::make_shared<Executor>(*member->sites);
    executors.emplace_back(
        [executor](Crew<Worker>::Job&& job) { return (*executor)(std::move(job)); });
  }
  member->process =
      std::make_unique<MachineProcess<Crew<Worker>>>(std::move(machine), std::move(executors));
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
std::shared_ptr<Cluster::Homes> Cluster::take_homes() {
  if (homes_.empty() || prng_.chance(0.1)) return std::make_shared<Homes>();
  const auto homes = homes_.begin() + static_cast<std::ptrdiff_t>(prng_.below(homes_.size()));
  auto taken = *homes;
  homes_.erase(homes);
  return taken;
}

void Cluster::remove(std::uint64_t life, Network::Death death) {
  const auto found = members_.find(life);
  if (found == members_.end()) return;
  Member& member = *found->second;
  // What its disk was doing may still have been done, or a part; what waited behind it was not.
  if (!member.open_jobs.empty() && member.open_jobs.begin()->second.on_disk && prng_.chance(0.5)) {
    if (prng_.chance(0.6)) disk_.writes_left = prng_.below(kWritesLeftMax);
    const auto& [job, open] = *member.open_jobs.begin();
    member.process->perform_unheard(job);
    disk_.writes_left.reset();
    invariants_.stored();
    if (open.run != kFleet) run_at(open.run).invariants.stored(run_at(open.run).store);
  }
  network_.died(member.place, death);
  for (const RunId run : member.takes_part) forget(member, run);
  if (member.role == wire::Role::server && prng_.chance(0.9)) {
    homes_.push_back(member.homes);  // Else its disk is gone too.
  }
  if (member.role == wire::Role::coordinator) {
    invariants_.gone(life);
  } else {
    invariants_.crew_gone(member.id);
  }
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
  std::optional<wire::Message> push;  // Of a relaxed run: what it may count.
  if (const auto* const received = std::get_if<Received>(&what)) {
    hears(member, received->message);
    const auto run = runs_.find(received->message.run);
    const bool is_counted = run != runs_.end() && is_relaxed(*run->second->config);
    if (is_counted && std::holds_alternative<wire::Push>(received->message.body)) {
      push = received->message;
    }
  }
  for (const auto& [id, run] : runs_) run->store.passed_over = 0;
  ProcessEffects effects = member.process->step(member.clock.read(agenda_.now()), std::move(what));
  observe(member, push ? &*push : nullptr);
  const auto told = std::count_if(effects.notes.begin(), effects.notes.end(), [](const Note& note) {
    return note.text.find("passing over a damaged checkpoint") != std::string::npos;
  });
  for (const auto& [id, run] : runs_) {
    if (run->store.passed_over == 0 && told == 0) continue;
    // A claim that ends when its run has does not matter any more.
    const bool is_heard = member.process->coordinator(id) != nullptr;
    if (run->store.passed_over == 0 || !is_heard) continue;
    if (run->store.passed_over != static_cast<std::uint64_t>(told)) {
      run->invariants.violated(20, std::to_string(run->store.passed_over) + " were passed over");
    }
    run->store.remove_damaged();
  }
  const std::optional<Exit> exit = std::move(effects.exit);
  if (exit && member.role != wire::Role::coordinator) invariants_.crew_exits(member.id);
  perform(member, std::move(effects));
  forget_what_it_left(member);
  if (exit) on_exit(life, *exit);
}

// What it is about to hear.
void Cluster::hears(Member& member, const wire::Message& message) {
  const RunId run = message.run;
  if (member.role == wire::Role::coordinator) {
    invariants_.hears(member.life, message);
    if (member.process->coordinator(run) != nullptr) {
      run_at(run).invariants.greeted(member.life, message);
    }
    return;
  }
  invariants_.crew_hears(member.id, message);
  if (const Server* const server = member.process->server(run)) {
    run_at(run).invariants.hears(member.id, *server, message);
  }
  if (message.from != kCoordinator) return;
  Term& heard = member.heard[run];
  heard = std::max(heard, message.term);
  go_back_when_heard(member, message);
}

void Cluster::observe(Member& member, const wire::Message* push) {
  if (const Fleet* const fleet = member.process->fleet()) {
    invariants_.stepped(member.life, *fleet);
  }
  for (const auto& [id, run] : runs_) {
    if (const Server* const server = member.process->server(id)) {
      member.takes_part.insert(id);
      run->invariants.server_stepped(member.id, *server);
      if (!is_relaxed(*run->config)) continue;
      const bool is_its = push != nullptr && push->run == id;
      run->accounts.server_stepped(member.id, *server,
                                   is_its ? &std::get<wire::Push>(push->body) : nullptr);
    } else if (const Coordinator* const coordinator = member.process->coordinator(id)) {
      member.takes_part.insert(id);
      run->invariants.coordinator_stepped(member.life, calm_ ? agenda_.now() : Time{},
                                          *coordinator);
    }
  }
}

// After all that it said in the step in which its machine of a run went.
void Cluster::forget_what_it_left(Member& member) {
  std::erase_if(member.takes_part, [&](RunId run) {
    if (member.process->server(run) != nullptr || member.process->coordinator(run) != nullptr) {
      return false;
    }
    forget(member, run);
    return true;
  });
  if (member.role == wire::Role::coordinator) return;
  const auto runs = member.process->servers() != nullptr ? member.process->servers()->runs()
                                                         : member.process->workers()->runs();
  invariants_.crew_stepped(member.id, member.role, runs,
                           calm_ ? std::optional(agenda_.now()) : std::nullopt);
}

void Cluster::forget(Member& member, RunId run) {
  if (member.role == wire::Role::coordinator) {
    run_at(run).invariants.coordinator_gone(member.life);
  } else {
    run_at(run).invariants.server_gone(member.id);
    run_at(run).accounts.server_gone(member.id);
  }
}

void Cluster::perform(Member& member, ProcessEffects effects) {
  for (const StartedJob& job : effects.jobs) reach(member, job);
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
  if (const auto* const report = std::get_if<wire::StatusReport>(&message.body)) {  // A stranger's.
    return message.run == kFleet ? invariants_.reported(report->json)
                                 : run_at(message.run).invariants.reported(report->json);
  }
  const MemberId to = message.to == kCoordinator ? member.coordinator : message.to;
  const Member* const receiver = at(to);
  if (std::holds_alternative<wire::Assist>(message.body)) ++assists_;
  if (std::holds_alternative<wire::Lacking>(message.body)) kill_source_of_copy(message.to);
  if (member.role == wire::Role::coordinator) {
    invariants_.sent(member.life, message.run, message.body,
                     receiver == nullptr ? std::nullopt : std::optional(receiver->role));
  }
  if (std::holds_alternative<wire::Enlist>(message.body)) {
    invariants_.crew_enlists(member.id, message.term.value_or(term));
  }
  const Server* const server = member.process->server(message.run);
  if (message.run != kFleet) {
    Run& run = run_at(message.run);
    run.invariants.sent(member.life, server, message.body);
    const auto* const prepared = std::get_if<wire::Prepared>(&message.body);
    if (prepared != nullptr && server != nullptr) {
      run.invariants.promised(member.id, *prepared, home(member, message.run));
    }
    if (is_relaxed(*run.config)) run.accounts.sent(member.id, server, message.to, message.body);
  }
  const auto* const orders = std::get_if<wire::Orders>(&message.body);
  if (orders != nullptr && orders->over && calm_ && network_.reaches(member.place, to)) {
    // Who has heard a later coordinator does not listen to this one (R13).
    if (receiver != nullptr && receiver->heard_in(kFleet) <= term) released_.insert(to);
  }
  wire::Message outgoing{member.id, message.body, message.term.value_or(term), message.run};
  if (scenario_.uses_codec) {
    std::optional<wire::Message> decoded = through_codec(outgoing);
    if (!decoded) return;
    outgoing = std::move(*decoded);
  }
  network_.send(member.place, to, std::move(outgoing));
}

SimulatedHome& Cluster::home(const Member& server, RunId run) const {
  auto& home = (*server.homes)[run];
  if (!home) home = std::make_shared<SimulatedHome>();
  return *home;
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

// What the start of a job says of a run, or of all.
void Cluster::reach(Member& member, const StartedJob& job) {
  const Fleet* const fleet = member.process->fleet();
  std::visit(Overloaded{
                 [](const std::monostate&) {},
                 [&](const MakeRun& make) { invariants_.makes(member.life, *fleet, make.run); },
                 [&](const RecordEnd& end) {
                   invariants_.records(member.life, end);
                   on_run_end(member, end.run, end.exit);
                 },
                 [&](const ConcludeJob&) { invariants_.concludes(*fleet, member.life); },
                 [&](const CloseRun& close) {
                   invariants_.crew_closes(member.id, job.run, close.is_over);
                 },
             },
             job.milestone);
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
  member.open_jobs[job.id] = {job.run, job.kind == JobKind::disk};
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
  const OpenJob open = member->open_jobs.at(job);
  member->open_jobs.erase(job);
  step(*member, JobEnded{job, thread});
  if (!open.on_disk) return;
  invariants_.stored();
  if (open.run != kFleet) run_at(open.run).invariants.stored(run_at(open.run).store);
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

void Cluster::on_run_end(const Member& member, RunId id, const Exit& exit) {
  Run& run = run_at(id);
  say(member.name + label(id) + " ends with " + std::to_string(static_cast<int>(exit.code)) + ": " +
      exit.reason);
  if (exit.code == ExitCode::done) {
    run.invariants.coordinator_done(run.store);
  } else if (!is_declared(exit)) {
    fail("a run ends with " + std::to_string(static_cast<int>(exit.code)) + ": " + exit.reason);
  }
  if (exit.reason.find(kNoneWhole) != std::string::npos) {
    say("somebody removes the damaged checkpoints");
    run.store.remove_damaged();
  }
}

void Cluster::on_coordinator_exit(const Member& member, const Exit& exit) {
  const bool last_started = &member == newest_coordinator();
  if (exit.code == ExitCode::done) {
    invariants_.says_done();
    // Another one that was started later does it all again, and has yet to say so.
    if (last_started) done_at_ = agenda_.now();
  } else if (!(exit.code == ExitCode::interrupted && member.asked_to_stop) && !is_declared(exit)) {
    fail("the coordinator exits with " + std::to_string(static_cast<int>(exit.code)) + ": " +
         exit.reason);
  } else if (exit.reason.find(kFenced) != std::string::npos && !has_successor(member)) {
    fail("a coordinator gives way although nobody came after it");
  }
}

// Whether another one has claimed a later term, of the job or of a run that it works on.
bool Cluster::has_successor(const Member& coordinator) const {
  if (coordinator.process->fleet()->term() != *job_.claimed.rbegin()) return true;
  return std::any_of(runs_.begin(), runs_.end(), [&](const auto& entry) {
    return entry.second->invariants.is_led_by_a_later_one_than(coordinator.life);
  });
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
  if (!failure_.empty() || violation()) return true;
  if (at_this_time_ > kAtOneTimeMax || agenda_.happened() > kEventsMax) return true;
  if (done_at_) return members_.empty() || !calm_ || agenda_.now() > *done_at_ + kFarewell;
  return agenda_.now() > Time{} + scenario_.calm_after + kPatience;
}

std::optional<std::string> Cluster::violation() const {
  if (invariants_.violation()) return *invariants_.violation();
  for (const auto& [id, run] : runs_) {
    if (run->invariants.violation()) return *run->invariants.violation() + label(id);
    if (run->accounts.violation()) return *run->accounts.violation() + label(id);
  }
  return std::nullopt;
}

std::string Cluster::failure() {
  if (const auto broken = violation()) return *broken;
  if (!failure_.empty()) return failure_;
  if (at_this_time_ > kAtOneTimeMax || agenda_.happened() > kEventsMax) {
    return "it spins: " + std::to_string(agenda_.happened()) + " events" + states();
  }
  if (!done_at_) return "it hangs: nothing came of it long after the last fault" + states();
  for (const RunId id : wanted(scenario_.job, job_.ended)) {
    const std::string difference = this->difference(run_at(id));
    if (!difference.empty()) return difference + label(id);
  }
  for (const MemberId id : released_) {
    if (at(id) != nullptr) return name_of(id) + " stays although it was released" + states();
  }
  return "";
}

// Between what a run came to and what it has to.
std::string Cluster::difference(Run& run) {
  if (is_relaxed(*run.config)) {
    run.accounts.check_end(run.store);
    return run.accounts.violation().value_or("");
  }
  const std::vector<std::string>& history = run.store.history;
  const PlainRun& oracle = run.oracle.run;
  if (history != oracle.history) {
    std::size_t i = 0;
    while (i < history.size() && i < oracle.history.size() && history[i] == oracle.history[i]) ++i;
    const auto line = [&](const std::vector<std::string>& lines) {
      return i < lines.size() ? lines[i] : std::string("nothing");
    };
    return "the history differs from the plain loop's in line " + std::to_string(i + 1) + ": " +
           line(history) + " instead of " + line(oracle.history);
  }
  if (run.store.model->digest != oracle.digest) {
    return "the model has other bits than the plain loop's";
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

std::string Cluster::label(RunId run) const {
  if (runs_.size() == 1 || run == kFleet) return "";
  return ", run " + std::to_string(index(run));
}

namespace {

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
    oracle = oracles.emplace(shape, Oracle{std::move(job), std::move(run)}).first;
  }
  return oracle->second;
}

}  // namespace

void make_oracles() {
  for (std::uint64_t shape = 0; shape < kShapes; ++shape) static_cast<void>(oracle_of(shape));
}

Verdict simulate(std::uint64_t seed, Trace& trace) {
  const Scenario scenario = draw_scenario(
      seed, [](std::uint64_t shape) -> const RunConfig& { return oracle_of(shape).job.run; });
  if (trace.is_on()) trace.line(Time{}, describe(scenario));
  std::vector<const Oracle*> oracles;
  for (const DrawnRun& run : scenario.runs) oracles.push_back(&oracle_of(run.shape));
  return Cluster(scenario, oracles, trace).run();
}

}  // namespace ballast::simulation
