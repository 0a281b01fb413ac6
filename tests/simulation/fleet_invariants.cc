#include "tests/simulation/fleet_invariants.h"

#include <algorithm>
#include <utility>

#include "coordinator/status.h"
#include "tests/simulation/text.h"

namespace ballast::simulation {
namespace {

// By its own clock a worker waits five seconds to be let go.
constexpr Duration kLeavesWithin = std::chrono::seconds(30);

std::string name(RunId run) { return "run " + number(index(run)); }

}  // namespace

void FleetInvariants::violated(int which, const std::string& how) {
  if (!violation_)
    violation_ = "invariant " + number(static_cast<std::uint64_t>(which)) + ": " + how;
}

// ---- coordinators -------------------------------------------------------------------------------

void FleetInvariants::stepped(std::uint64_t life, const Fleet& fleet) {
  Lead& lead = leads_[life];
  const Term term = fleet.term();
  if (term == lead.term) return;
  if (term < lead.term) violated(33, "term " + number(term) + " after " + number(lead.term));
  if (!led_by_.emplace(term, life).second) {
    violated(33, "term " + number(term) + " has two coordinators");
  }
  lead.term = term;
}

void FleetInvariants::hears(std::uint64_t life, const wire::Message& message) {
  const auto* const enlist = std::get_if<wire::Enlist>(&message.body);
  if (enlist == nullptr) return;
  Lead& lead = leads_[life];
  if (enlist->role == wire::Role::worker) lead.workers.insert(message.from);
  lead.served.insert(enlist->runs.begin(), enlist->runs.end());
}

void FleetInvariants::makes(std::uint64_t life, const Fleet& fleet, RunId run) {
  Lead& lead = leads_[life];
  if (lead.ended.contains(run)) violated(34, name(run) + " has ended and is made again");
  if (lead.made.contains(run)) violated(34, name(run) + " is made twice");

  const std::vector<RunId> active = fleet.active();
  const auto is_busy = [&](RunId made) {
    if (lead.recorded.contains(made)) return false;
    const bool lets_go = fleet.machine(made) != nullptr &&
                         std::find(active.begin(), active.end(), made) == active.end();
    return !lets_go;
  };
  const auto busy =
      static_cast<std::size_t>(std::count_if(lead.made.begin(), lead.made.end(), is_busy));
  const std::size_t allowed =
      plan_.runs_at_once != 0
          ? plan_.runs_at_once
          : std::max<std::size_t>(1, lead.workers.size() / plan_.workers_per_run);
  const bool is_behind = std::any_of(lead.served.begin(), lead.served.end(), [&](RunId served) {
    return !lead.made.contains(served) && !lead.ended.contains(served);
  });
  if (busy >= allowed && !is_behind) {
    violated(35, name(run) + " is begun beside " + number(busy) +
                     " others, and there is room for " + number(allowed));
  }
  lead.made.insert(run);
}

void FleetInvariants::concludes(const Fleet& fleet, std::uint64_t life) {
  if (plan_.kind == JobPlan::Kind::training) return;
  Scores ended = leads_[life].ended;
  bool has_failed = false;
  for (const RunEnd& end : fleet.ended()) {
    if (end.exit.code == ExitCode::done) {
      ended[end.run] = score_of(places_.at(end.run).store->model->digest);
    } else {
      has_failed = true;
    }
  }
  for (const RunId run : wanted(plan_, ended)) {
    if (!has_failed && !ended.contains(run)) violated(39, "concluded without " + name(run));
  }
}

void FleetInvariants::stored() {
  if (!job_.result || job_.result == result_) return;
  if (result_) violated(39, "the job came to another result");
  result_ = job_.result;
  for (const RunId run : wanted(plan_, job_.ended)) {
    const auto model = result_->find(run);
    if (model == result_->end()) return violated(39, "a result without " + name(run));
    if (model->second != places_.at(run).store->model->digest) {
      violated(39, "another model than that of " + name(run));
    }
  }
}

void FleetInvariants::sent(std::uint64_t life, RunId run, const wire::Body& body,
                           std::optional<wire::Role> to) {
  if (std::holds_alternative<wire::Finish>(body)) leads_[life].finished.insert(run);
  if (const auto* const orders = std::get_if<wire::Orders>(&body)) check_orders(life, *orders, to);
}

void FleetInvariants::check_orders(std::uint64_t life, const wire::Orders& orders,
                                   std::optional<wire::Role> to) {
  const Lead& lead = leads_[life];
  if (orders.over && orders.over->ending == wire::Ending::done) says_done();
  if (to == wire::Role::worker && orders.runs.size() > 1) {
    violated(36, "a worker is to serve " + number(orders.runs.size()) + " runs");
  }
  for (const RunId run : orders.runs) {
    if (lead.finished.contains(run) || lead.recorded.contains(run)) {
      violated(36, "orders for " + name(run) + ", which was told to finish");
    }
    if (!lead.made.contains(run)) violated(36, "orders for " + name(run) + ", which is not made");
  }
}

void FleetInvariants::reported(const std::string& status) {
  const auto report = job_status_from_json(status);
  if (!report) return violated(21, report.error().message);
  if (report->job != plan_.name()) violated(21, "a coordinator speaks of another job");
}

void FleetInvariants::says_done() {
  if (plan_.kind != JobPlan::Kind::training && !job_.result) {
    return violated(40, "a job is said to be done that was not concluded");
  }
  for (const RunId run : wanted(plan_, job_.ended)) {
    if (!places_.at(run).store->model) violated(40, "done without the model of " + name(run));
  }
}

// ---- crews --------------------------------------------------------------------------------------

void FleetInvariants::crew_hears(MemberId id, const wire::Message& message) {
  if (message.from != kCoordinator || message.run != kFleet) return;
  Crew& crew = crews_[id];
  crew.hears_old = message.term < crew.newest.first;
  if (crew.hears_old) return;
  if (message.term > crew.newest.first) {
    crew.newest = {message.term, 0};
    crew.ordered.clear();
  }
  const auto* const orders = std::get_if<wire::Orders>(&message.body);
  if (orders == nullptr || orders->number < crew.newest.second) return;
  crew.newest.second = orders->number;
  crew.ordered = {orders->runs.begin(), orders->runs.end()};
  for (auto& [run, served] : crew.serves) {
    if (!served.left && !crew.ordered.contains(run)) served.left = crew.newest;
  }
}

void FleetInvariants::crew_enlists(MemberId id, Term term) {
  if (term != crews_[id].newest.first) {
    violated(37, "a member follows term " + number(term) + " and has heard " +
                     number(crews_[id].newest.first));
  }
}

void FleetInvariants::crew_exits(MemberId id) {
  if (crews_[id].hears_old) violated(37, "a member goes by the orders of an older coordinator");
}

void FleetInvariants::crew_makes(MemberId id, RunId run, std::uint64_t life) {
  Crew& crew = crews_[id];
  if (!crew.ordered.contains(run)) {
    violated(37, name(run) + " is taken up, and the newest orders do not name it");
  }
  const auto ended = crew.ended.find(run);
  if (ended != crew.ended.end() && crew.newest <= ended->second) {
    violated(37, name(run) + " is taken up again by orders that it ended under");
  }
  if (life <= crew.life) violated(38, "a life of " + name(run) + " has the number of another");
  crew.life = life;
  if (!crew.serves.emplace(run, Served{}).second) {
    violated(38, "two machines of " + name(run) + " in one process");
  }
}

void FleetInvariants::crew_closes(MemberId id, RunId run, bool is_over) {
  Crew& crew = crews_[id];
  const auto served = crew.serves.extract(run);
  if (served.empty()) return violated(38, name(run) + " is closed and was not there");
  crew.ended[run] = served.mapped().left.value_or(crew.newest);
  if (is_over && !places_.at(run).store->model) {
    violated(38, name(run) + " is closed by " + number(index(id)) + " as over, and has no model");
  }
}

void FleetInvariants::crew_stepped(MemberId id, wire::Role role, const std::vector<RunId>& serves,
                                   std::optional<Time> now) {
  Crew& crew = crews_[id];
  crew.hears_old = false;
  if (!std::equal(serves.begin(), serves.end(), crew.serves.begin(), crew.serves.end(),
                  [](RunId run, const auto& entry) { return run == entry.first; })) {
    violated(38, "a machine went, and its run was not closed");
  }
  if (role != wire::Role::worker) return;
  for (auto& [run, served] : crew.serves) {
    if (!now || crew.ordered.contains(run)) {
      served.not_ordered.reset();
    } else if (!served.not_ordered) {
      served.not_ordered = now;
    } else if (*now - *served.not_ordered > kLeavesWithin) {
      violated(41, "a worker still serves " + name(run) + ", which its orders do not name");
    }
  }
}

}  // namespace ballast::simulation
