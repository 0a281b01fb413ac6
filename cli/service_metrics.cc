#include "cli/service_metrics.h"

#include <array>
#include <map>
#include <string>
#include <utility>

#include "cli/job_texts.h"

namespace ballast {
namespace {

double number(std::uint64_t count) { return static_cast<double>(count); }

void show_jobs(MetricRegistry& metrics, const ServiceBoard& board) {
  std::map<JobState, Gauge*> by_state;
  std::map<JobState, Counter*> ended;
  for (const JobState state : kJobStates) {
    by_state[state] =
        &metrics.gauge("ballast_service_jobs", "Jobs, by state.", {{"state", name_of(state)}});
    if (!has_ended(state)) continue;
    ended[state] = &metrics.counter("ballast_service_ended_jobs_total",
                                    "Jobs that ended since the service began, by state.",
                                    {{"state", name_of(state)}});
  }
  Counter& given_up = metrics.counter(
      "ballast_service_given_up_jobs_total",
      "Of those that failed, those whose process ended by a fault again and again.");
  metrics.before_text([&board, by_state, ended, &given_up] {
    const auto view = board.view();
    std::map<JobState, double> counts;
    for (const auto& [id, job] : view->jobs) ++counts[job->state];
    for (const auto& [state, gauge] : by_state) gauge->set(counts[state]);
    for (const auto& [state, counter] : ended) {
      const auto found = view->counters.ended.find(state);
      if (found != view->counters.ended.end()) counter->reach(number(found->second));
    }
    given_up.reach(number(view->counters.given_up));
  });
}

enum AgentState : std::size_t { kServing, kIdle, kLeaving };
constexpr std::array<const char*, 3> kAgentStates = {"serving", "idle", "leaving"};

void show_agents(MetricRegistry& metrics, const ServiceBoard& board) {
  std::map<std::pair<wire::Role, std::size_t>, Gauge*> gauges;
  for (const wire::Role role : {wire::Role::server, wire::Role::worker}) {
    for (std::size_t state = 0; state < kAgentStates.size(); ++state) {
      gauges[{role, state}] =
          &metrics.gauge("ballast_service_members", "Agents, by role and state.",
                         {{"role", role == wire::Role::server ? "server" : "worker"},
                          {"state", kAgentStates.at(state)}});
    }
  }
  metrics.before_text([&board, gauges] {
    std::map<std::pair<wire::Role, std::size_t>, double> counts;
    for (const AgentView& agent : board.view()->agents) {
      const AgentState state = agent.leaving ? kLeaving : agent.posted.empty() ? kIdle : kServing;
      ++counts[{agent.role, state}];
    }
    for (const auto& [of, gauge] : gauges) gauge->set(counts[of]);
  });
}

// What is known of jobs under way by the service itself: series that come and go with them.
ShownText text_of_jobs(const ServiceView& view) {
  std::string info =
      "# HELP ballast_service_job_info 1; a job under way, and what it is.\n"
      "# TYPE ballast_service_job_info gauge\n";
  std::string failures =
      "# HELP ballast_service_job_failures Ends of its process by a fault, in a row.\n"
      "# TYPE ballast_service_job_failures gauge\n";
  for (const auto& [id, job] : view.jobs) {
    if (!is_under_way(job->state)) continue;
    const std::string job_id = std::to_string(index(id));
    info += sample_line("ballast_service_job_info",
                        {{"job_id", job_id},
                         {"kind", name_of(job->request.kind)},
                         {"name", job->request.name},
                         {"state", name_of(job->state)}},
                        "1");
    const auto failed = view.failures.find(id);
    const std::uint32_t count = failed == view.failures.end() ? 0 : failed->second;
    failures +=
        sample_line("ballast_service_job_failures", {{"job_id", job_id}}, std::to_string(count));
  }
  return {.text = info + failures, .labels = {}};
}

}  // namespace

void show_service(MetricRegistry& metrics, const ServiceBoard& board, const ServiceApi& api,
                  const Processes& processes) {
  show_jobs(metrics, board);
  show_agents(metrics, board);
  Gauge& watchers = metrics.gauge("ballast_service_watchers", "Clients that read events.");
  metrics.before_text([&api, &watchers] { watchers.set(number(api.watchers())); });
  metrics.also([&board, &processes] {
    std::vector<ShownText> texts = texts_of_jobs(processes);
    texts.push_back(text_of_jobs(*board.view()));
    return texts;
  });
}

}  // namespace ballast
