// simulate: trains on simulated clusters, one per seed, and compares with the plain loop.
//
//   simulate [--seeds N] [--first S] [--jobs J]   N seeds, from S on (100 from 1), J at a time
//            [--until-failure]                    no further than to the first one that fails
//   simulate --seed S [--trace]                   one seed, with every event
//
// What is printed does not depend on the number of jobs.
//
// Exit codes: 0 all passed, 1 a seed failed, 2 the command line is wrong.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <string>

#include "common/base/check.h"
#include "common/math/kernels.h"
#include "tests/simulation/cluster.h"

namespace ballast::simulation {
namespace {

struct Options {
  std::uint64_t first = 1;
  std::uint64_t seeds = 100;
  std::uint64_t jobs = 1;
  bool until_failure = false;
  Trace::Mode trace = Trace::Mode::silent;
};

int usage() {
  std::fputs(
      "usage: simulate [--seeds N] [--first S] [--jobs J] [--until-failure] | --seed S [--trace]\n",
      stderr);
  return 2;
}

bool parse_number(const char* text, std::uint64_t& number) {
  const char* const end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, number);
  return error == std::errc() && stop == end;
}

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--trace") {
      options.trace = Trace::Mode::printing;
      continue;
    }
    if (argument == "--until-failure") {
      options.until_failure = true;
      continue;
    }
    if (i + 1 == argc) return false;
    const char* const value = argv[++i];
    if (argument == "--seed") {
      options.seeds = 1;
      if (!parse_number(value, options.first)) return false;
    } else if (argument == "--first") {
      if (!parse_number(value, options.first)) return false;
    } else if (argument == "--seeds") {
      if (!parse_number(value, options.seeds)) return false;
    } else if (argument == "--jobs") {
      if (!parse_number(value, options.jobs)) return false;
    } else {
      return false;
    }
  }
  return options.seeds > 0 && options.jobs > 0;
}

struct Total {
  std::uint64_t seeds = 0;
  std::uint64_t failed = 0;
  std::uint64_t events = 0;
  std::uint64_t faults = 0;
  std::uint64_t timelines = 0;
  std::uint64_t assists = 0;
  std::uint64_t moves = 0;
  Duration simulated{};

  Total& operator+=(const Total& other) {
    seeds += other.seeds;
    failed += other.failed;
    events += other.events;
    faults += other.faults;
    timelines += other.timelines;
    assists += other.assists;
    moves += other.moves;
    simulated += other.simulated;
    return *this;
  }
};

Total run_seed(std::uint64_t seed, const Options& options) {
  Trace trace(options.trace);
  const Verdict verdict = simulate(seed, trace);
  const bool failed = !verdict.failure.empty();
  if (failed) {
    std::printf("seed %llu failed after %.3f s: %s\n", static_cast<unsigned long long>(seed),
                std::chrono::duration<double>(verdict.simulated).count(), verdict.failure.c_str());
    std::printf("  again: ./dev simulate --seed %llu --trace\n",
                static_cast<unsigned long long>(seed));
  }
  return {.seeds = 1,
          .failed = failed ? std::uint64_t{1} : 0,
          .events = verdict.events,
          .faults = verdict.faults,
          .timelines = verdict.timelines,
          .assists = verdict.assists,
          .moves = verdict.moves,
          .simulated = verdict.simulated};
}

// A seed that does not happen the same way twice could not be looked into.
bool happens_the_same_twice(std::uint64_t seed) {
  Trace silent(Trace::Mode::silent);
  return simulate(seed, silent).digest == simulate(seed, silent).digest;
}

Total run_here(const Options& options, std::uint64_t end) {
  Total total;
  for (std::uint64_t seed = options.first; seed < end; ++seed) {
    total += run_seed(seed, options);
    std::fflush(stdout);  // Somebody may be watching, and a check may abort.
  }
  return total;
}

// A seed in a process of its own, so that one that dies fails alone. What it prints is kept until
// its turn.
struct Attempt {
  pid_t process = 0;
  std::FILE* output = nullptr;
  std::FILE* total = nullptr;
  std::optional<int> status;  // It has ended.
};

Attempt start(const Options& options, std::uint64_t seed) {
  Attempt attempt{.process = 0, .output = std::tmpfile(), .total = std::tmpfile(), .status = {}};
  BALLAST_CHECK(attempt.output != nullptr && attempt.total != nullptr);
  attempt.process = ::fork();
  BALLAST_CHECK(attempt.process >= 0);
  if (attempt.process > 0) return attempt;
  BALLAST_CHECK(::dup2(::fileno(attempt.output), STDOUT_FILENO) >= 0);
  BALLAST_CHECK(::dup2(::fileno(attempt.output), STDERR_FILENO) >= 0);
  const Total total = run_seed(seed, options);
  const bool written = std::fwrite(&total, sizeof(total), 1, attempt.total) == 1;
  const bool flushed = std::fflush(attempt.total) == 0 && std::fflush(stdout) == 0;
  ::_exit(written && flushed ? 0 : 1);
}

// Says what it printed. One that died has failed.
Total end(const Attempt& attempt, std::uint64_t seed) {
  Total total;
  std::rewind(attempt.total);
  if (*attempt.status != 0 || std::fread(&total, sizeof(total), 1, attempt.total) != 1) {
    total = {.seeds = 1, .failed = 1};
    std::printf("seed %llu failed: its process died with status %d\n",
                static_cast<unsigned long long>(seed), *attempt.status);
  }
  std::rewind(attempt.output);
  for (int c = std::fgetc(attempt.output); c != EOF; c = std::fgetc(attempt.output)) {
    std::fputc(c, stdout);
  }
  std::fclose(attempt.output);
  std::fclose(attempt.total);
  std::fflush(stdout);
  return total;
}

void wait_for_any(std::map<std::uint64_t, Attempt>& attempts) {
  int status = 0;
  const pid_t ended = ::wait(&status);
  for (auto& [seed, attempt] : attempts) {
    if (attempt.process == ended) attempt.status = status;
  }
}

Total run_at_once(const Options& options, std::uint64_t end_of_seeds) {
  make_oracles();  // Once, for all.
  std::map<std::uint64_t, Attempt> attempts;
  std::uint64_t next = options.first;
  Total sum;
  const auto is_over = [&] { return options.until_failure && sum.failed > 0; };
  const auto running = [&] {
    return std::count_if(attempts.begin(), attempts.end(),
                         [](const auto& entry) { return !entry.second.status; });
  };
  while (!is_over() && (next < end_of_seeds || !attempts.empty())) {
    while (next < end_of_seeds && static_cast<std::uint64_t>(running()) < options.jobs) {
      attempts.emplace(next, start(options, next));
      ++next;
    }
    wait_for_any(attempts);
    while (!is_over() && !attempts.empty() && attempts.begin()->second.status) {
      sum += end(attempts.begin()->second, attempts.begin()->first);
      attempts.erase(attempts.begin());
    }
  }
  for (const auto& [seed, attempt] : attempts) {
    if (!attempt.status) ::kill(attempt.process, SIGKILL);
  }
  return sum;
}

int run(const Options& options) {
  const std::uint64_t end = options.first + options.seeds;
  const bool apart = options.jobs > 1 || options.until_failure;
  Total total = apart ? run_at_once(options, end) : run_here(options, end);
  const bool looks_twice = options.trace == Trace::Mode::silent && !options.until_failure;
  if (looks_twice && !happens_the_same_twice(options.first)) {
    std::printf("seed %llu does not happen the same way twice\n",
                static_cast<unsigned long long>(options.first));
    ++total.failed;
  }
  std::printf(
      "seeds %llu to %llu: %llu failed; %llu events, %llu faults, %llu timelines, %llu assists, "
      "%llu moves, %.0f simulated seconds\n",
      static_cast<unsigned long long>(options.first),
      static_cast<unsigned long long>(options.first + total.seeds - 1),
      static_cast<unsigned long long>(total.failed), static_cast<unsigned long long>(total.events),
      static_cast<unsigned long long>(total.faults),
      static_cast<unsigned long long>(total.timelines),
      static_cast<unsigned long long>(total.assists), static_cast<unsigned long long>(total.moves),
      std::chrono::duration<double>(total.simulated).count());
  return total.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace ballast::simulation

int main(int argc, char** argv) {
  ballast::pin_floating_point_mode();
  ballast::simulation::Options options;
  if (!ballast::simulation::parse(argc, argv, options)) return ballast::simulation::usage();
  return ballast::simulation::run(options);
}
