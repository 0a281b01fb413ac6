#include "tests/simulation/scenario.h"

#include <algorithm>
#include <chrono>

#include "tests/simulation/prng.h"

namespace ballast::simulation {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr double kSeveralRuns = 0.35;  // Of the seeds.

double in_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

void draw_network(Prng& prng, NetworkOptions& network) {
  network.delay_min = microseconds(20);
  network.delay_max = prng.log_between(microseconds(50), milliseconds(20));
  network.notice_max = prng.log_between(microseconds(100), milliseconds(500));
  network.reconnect_max = prng.log_between(milliseconds(1), milliseconds(500));
}

void draw_checkpoints(Prng& prng, CheckpointSpec& checkpoint) {
  constexpr std::uint64_t kEverySteps[] = {0, 1, 2, 3, 5, 7, 10};
  constexpr double kEverySeconds[] = {0.0, 0.02, 0.2, 1.0, 60.0};
  checkpoint.every_steps = prng.one_of(kEverySteps);
  checkpoint.every_seconds = prng.one_of(kEverySeconds);
  checkpoint.keep = static_cast<std::uint32_t>(prng.between(1, 3));
}

// A member is taken for dead only after several heartbeats could have come, as a sane user sets it;
// pauses and losses may well be longer.
void draw_heartbeats(Prng& prng, const NetworkOptions& network, ClusterSpec& cluster) {
  const Duration heartbeat = prng.log_between(milliseconds(20), milliseconds(1000));
  const Duration silence =
      heartbeat * static_cast<int>(prng.between(4, 10)) + 20 * network.delay_max + milliseconds(20);
  cluster.heartbeat_seconds = in_seconds(heartbeat);
  cluster.silence_seconds = in_seconds(silence);
}

Duration silence_of(const RunConfig& run) {
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(run.cluster.silence_seconds));
}

void draw_faults(Prng& prng, Scenario& scenario) {
  scenario.calm_after = prng.log_between(milliseconds(200), milliseconds(6000));
  scenario.fault_every = prng.log_between(milliseconds(20), milliseconds(1500));
  scenario.fault_mask = static_cast<std::uint32_t>(prng.below(1U << kFaultKinds));
  // Few kinds, so that one meets itself again, or many.
  if (prng.chance(0.3)) {
    scenario.fault_mask = 0;
    for (std::uint64_t n = prng.between(1, 3); n > 0; --n) {
      scenario.fault_mask |= 1U << prng.below(kFaultKinds);
    }
  }
  if (prng.chance(0.5)) scenario.bursts = 0.5 * prng.unit();
  scenario.pause_max = prng.log_between(milliseconds(10), milliseconds(3000));
  scenario.split_max =
      prng.log_between(milliseconds(10), 3 * silence_of(scenario.runs.front().config));
  scenario.restart_max = prng.log_between(milliseconds(5), milliseconds(1500));
  if (prng.chance(0.5)) scenario.network.loss = prng.unit() * 0.08;
  if (prng.chance(0.4)) scenario.network.duplicate = prng.unit() * 0.2;
  if (prng.chance(0.3)) scenario.disk_fault_rate = prng.unit() * 0.1;
}

// More runs than one: their cluster is the first one's.
void draw_job(Prng& prng, const std::function<const RunConfig&(std::uint64_t shape)>& config_of,
              Scenario& scenario) {
  if (!prng.chance(kSeveralRuns)) return;
  JobPlan& job = scenario.job;
  job.kind = prng.chance(0.4) ? JobPlan::Kind::race : JobPlan::Kind::several;
  job.first_runs = static_cast<std::uint32_t>(job.kind == JobPlan::Kind::race ? prng.between(1, 3)
                                                                              : prng.between(1, 4));
  job.runs_at_once = static_cast<std::uint32_t>(prng.chance(0.5) ? 0 : prng.between(1, 4));
  job.workers_per_run = static_cast<std::uint32_t>(prng.between(1, 3));
  scenario.runs_wait = prng.chance(0.2);
  while (scenario.runs.size() < job.runs().size()) {
    const std::uint64_t shape = prng.below(kShapes);
    DrawnRun drawn{shape, config_of(shape)};
    const RunConfig& first = scenario.runs.front().config;
    drawn.config.cluster = first.cluster;
    drawn.config.cluster.partitions = config_of(shape).cluster.partitions;
    const bool relaxed = is_relaxed(drawn.config);
    drawn.config.cluster.replicas =
        relaxed ? 0 : static_cast<std::uint32_t>(prng.between(0, first.cluster.replicas + 1));
    drawn.config.cluster.durability =
        !relaxed && prng.chance(0.35) ? DurabilityMode::step : DurabilityMode::checkpoint;
    draw_checkpoints(prng, drawn.config.checkpoint);
    scenario.runs.push_back(std::move(drawn));
  }
}

}  // namespace

Scenario draw_scenario(std::uint64_t seed,
                       const std::function<const RunConfig&(std::uint64_t shape)>& config_of) {
  Prng prng(mix(seed, 2));
  Scenario scenario;
  scenario.seed = seed;
  const std::uint64_t shape = mix(seed, 1) % kShapes;
  scenario.runs.push_back({shape, config_of(shape)});
  RunConfig& run = scenario.runs.front().config;
  scenario.workers = static_cast<std::uint32_t>(prng.between(1, 8));
  constexpr std::uint32_t kReplicas[] = {0, 1, 1, 2};
  run.cluster.replicas = prng.one_of(kReplicas);
  if (is_relaxed(run)) run.cluster.replicas = 0;
  scenario.servers = static_cast<std::uint32_t>(prng.between(run.cluster.replicas == 0 ? 1 : 2, 5));
  scenario.threads_max = static_cast<unsigned>(prng.between(1, 3));
  scenario.uses_codec = prng.chance(0.35);
  draw_network(prng, scenario.network);
  draw_checkpoints(prng, run.checkpoint);
  draw_heartbeats(prng, scenario.network, run.cluster);

  // Far worse than any clock, but a silence remains more than a few heartbeats.
  if (prng.chance(0.5)) scenario.drift = 0.3 * prng.unit();
  scenario.load_max = prng.log_between(milliseconds(1), milliseconds(500));
  scenario.compute_max = prng.log_between(microseconds(100), milliseconds(50));
  scenario.disk_max = prng.log_between(microseconds(200), milliseconds(300));
  scenario.retry_min = prng.log_between(milliseconds(5), milliseconds(200));
  scenario.retry_max = prng.log_between(scenario.retry_min, milliseconds(1000));
  constexpr std::uint64_t kParked[] = {1, 1, 2, 3, 4096};
  scenario.parked_max = prng.one_of(kParked);
  constexpr std::uint64_t kBuffered[] = {0, 100, 1000, 10000, std::uint64_t{1} << 30};
  scenario.buffered_bytes_max = prng.one_of(kBuffered);
  scenario.return_within = prng.log_between(milliseconds(1), milliseconds(3000));
  constexpr std::uint32_t kAdditions[] = {1, 2, 8};
  scenario.additions_max = prng.one_of(kAdditions);
  constexpr std::uint32_t kChainFiles[] = {1, 2, 3, 8, 8};
  scenario.chain_files_max = prng.one_of(kChainFiles);
  constexpr std::uint64_t kGroups[] = {1, 2, 16};
  scenario.evaluation_group_max = prng.one_of(kGroups);
  scenario.loud = prng.log_between(milliseconds(100), milliseconds(10000));
  scenario.stop_within = prng.log_between(milliseconds(50), milliseconds(20000));
  if (prng.chance(0.85)) draw_faults(prng, scenario);
  if (prng.chance(0.35) && !is_relaxed(run)) {
    run.cluster.durability = DurabilityMode::step;
  }
  run.cluster.return_seconds = in_seconds(prng.log_between(milliseconds(10), milliseconds(5000)));
  constexpr std::uint64_t kLogSteps[] = {0, 1, 5, 1000};
  scenario.log_steps_max = prng.one_of(kLogSteps);
  scenario.begin_within = prng.log_between(milliseconds(20), milliseconds(30000));
  scenario.store_retry = prng.log_between(milliseconds(10), milliseconds(3000));
  scenario.late_min = prng.log_between(milliseconds(1), milliseconds(1000));
  scenario.late_factor = static_cast<std::uint32_t>(prng.between(1, 4));
  scenario.assist_again = prng.log_between(milliseconds(5), milliseconds(2000));
  scenario.late_steps_max = static_cast<std::uint32_t>(prng.between(1, 3));
  scenario.balance_every = prng.log_between(milliseconds(10), milliseconds(10000));
  scenario.balance_gain_min = prng.chance(0.5) ? 0.01 : 0.0001;
  scenario.rest_min = prng.log_between(milliseconds(5), milliseconds(2000));
  scenario.beat = prng.log_between(milliseconds(20), milliseconds(1000));
  scenario.fleet_silence = scenario.beat * static_cast<int>(prng.between(4, 10)) +
                           20 * scenario.network.delay_max + milliseconds(20);
  draw_job(prng, config_of, scenario);
  return scenario;
}

std::string describe(const Scenario& scenario) {
  const auto ms = [](Duration duration) {
    return std::to_string(duration / microseconds(1)) + " us";
  };
  std::string faults;
  static constexpr const char* kNames[kFaultKinds] = {"kill worker",
                                                      "kill server",
                                                      "kill coordinator",
                                                      "kill all",
                                                      "break connection",
                                                      "split",
                                                      "pause",
                                                      "slow",
                                                      "jump",
                                                      "second coordinator",
                                                      "damage",
                                                      "full disk",
                                                      "kill several",
                                                      "stop worker",
                                                      "stop server",
                                                      "stop coordinator",
                                                      "join worker",
                                                      "join server"};
  for (std::uint64_t kind = 0; kind < kFaultKinds; ++kind) {
    if ((scenario.fault_mask >> kind & 1U) == 1) {
      faults += (faults.empty() ? "" : ", ") + std::string(kNames[kind]);
    }
  }
  std::string job;
  for (std::size_t i = 0; i < scenario.runs.size(); ++i) {
    const ClusterSpec& cluster = scenario.runs[i].config.cluster;
    job += (i == 0 ? "shape " : "; run " + std::to_string(i + 1) + " of shape ") +
           std::to_string(scenario.runs[i].shape) + ", " + std::to_string(cluster.replicas) +
           " replicas" + (cluster.durability == DurabilityMode::step ? ", every step durable" : "");
  }
  if (scenario.job.kind != JobPlan::Kind::training) {
    job += scenario.job.kind == JobPlan::Kind::race ? "; a race of " : "; all ";
    job += std::to_string(scenario.job.first_runs) + ", " +
           std::to_string(scenario.job.runs_at_once) + " at once, " +
           std::to_string(scenario.job.workers_per_run) + " workers each";
  }
  const RunConfig& run = scenario.runs.front().config;
  return job + "; " + std::to_string(scenario.workers) + " workers, " +
         std::to_string(scenario.servers) + " servers, " + (scenario.uses_codec ? "codec, " : "") +
         "delay up to " + ms(scenario.network.delay_max) + ", loss " +
         std::to_string(scenario.network.loss) + ", duplicates " +
         std::to_string(scenario.network.duplicate) + ", disk faults " +
         std::to_string(scenario.disk_fault_rate) + ", silence after " +
         std::to_string(run.cluster.silence_seconds) + " s, checkpoint every " +
         std::to_string(run.checkpoint.every_steps) + " steps or " +
         std::to_string(run.checkpoint.every_seconds) + " s, chains up to " +
         std::to_string(scenario.chain_files_max) + ", parked_max " +
         std::to_string(scenario.parked_max) + ", buffered_bytes_max " +
         std::to_string(scenario.buffered_bytes_max) + ", a fault every " +
         ms(scenario.fault_every) + " until " + ms(scenario.calm_after) +
         (faults.empty() ? "" : " (" + faults + ")");
}

}  // namespace ballast::simulation
