// simulate: trains on simulated clusters, one per seed, and compares with the plain loop.
//
//   simulate [--seeds N] [--first S] [--jobs J]   N seeds, from S on (100 from 1), J at a time
//   simulate --seed S [--trace]                   one seed, with every event
//
// What is printed does not depend on the number of jobs.
//
// Exit codes: 0 all passed, 1 a seed failed, 2 the command line is wrong.

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/math/kernels.h"
#include "tests/simulation/cluster.h"

namespace ballast::simulation {
namespace {

struct Options {
  std::uint64_t first = 1;
  std::uint64_t seeds = 100;
  std::uint64_t jobs = 1;
  Trace::Mode trace = Trace::Mode::silent;
};

int usage() {
  std::fputs("usage: simulate [--seeds N] [--first S] [--jobs J] | --seed S [--trace]\n", stderr);
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
  std::uint64_t failed = 0;
  std::uint64_t events = 0;
  std::uint64_t faults = 0;
  std::uint64_t timelines = 0;
  std::uint64_t assists = 0;
  std::uint64_t moves = 0;
  Duration simulated{};
};

// False: the seed failed.
bool run_seed(std::uint64_t seed, const Options& options, Total& total) {
  Trace trace(options.trace);
  const Verdict verdict = simulate(seed, trace);
  total.events += verdict.events;
  total.faults += verdict.faults;
  total.timelines += verdict.timelines;
  total.assists += verdict.assists;
  total.moves += verdict.moves;
  total.simulated += verdict.simulated;
  if (verdict.failure.empty()) return true;
  std::printf("seed %llu failed after %.3f s: %s\n", static_cast<unsigned long long>(seed),
              std::chrono::duration<double>(verdict.simulated).count(), verdict.failure.c_str());
  std::printf("  again: ./dev simulate --seed %llu --trace\n",
              static_cast<unsigned long long>(seed));
  return false;
}

// A seed that does not happen the same way twice could not be looked into.
bool happens_the_same_twice(std::uint64_t seed) {
  Trace silent(Trace::Mode::silent);
  return simulate(seed, silent).digest == simulate(seed, silent).digest;
}

Total run_part(const Options& options, std::uint64_t begin, std::uint64_t end) {
  Total total;
  for (std::uint64_t seed = begin; seed < end; ++seed) {
    if (!run_seed(seed, options, total)) ++total.failed;
    std::fflush(stdout);  // Somebody may be watching, and a check may abort.
  }
  return total;
}

// A part of the seeds in a process of its own; what it prints is kept until its turn.
struct Part {
  pid_t process = 0;
  std::FILE* output = nullptr;
  std::FILE* total = nullptr;
};

Part start_part(const Options& options, std::uint64_t begin, std::uint64_t end) {
  Part part{.process = 0, .output = std::tmpfile(), .total = std::tmpfile()};
  BALLAST_CHECK(part.output != nullptr && part.total != nullptr);
  part.process = ::fork();
  BALLAST_CHECK(part.process >= 0);
  if (part.process > 0) return part;
  BALLAST_CHECK(::dup2(::fileno(part.output), STDOUT_FILENO) >= 0);
  const Total total = run_part(options, begin, end);
  const bool written = std::fwrite(&total, sizeof(total), 1, part.total) == 1;
  const bool flushed = std::fflush(part.total) == 0 && std::fflush(stdout) == 0;
  ::_exit(written && flushed ? 0 : 1);
}

// Prints what it printed. A part that died counts as one more failed seed.
Total end_part(Part part) {
  int status = 0;
  BALLAST_CHECK(::waitpid(part.process, &status, 0) == part.process);
  std::rewind(part.output);
  for (int c = std::fgetc(part.output); c != EOF; c = std::fgetc(part.output))
    std::fputc(c, stdout);
  Total total;
  std::rewind(part.total);
  if (status != 0 || std::fread(&total, sizeof(total), 1, part.total) != 1) {
    std::printf("a process that ran seeds died with status %d\n", status);
    total = {.failed = 1};
  }
  std::fclose(part.output);
  std::fclose(part.total);
  return total;
}

Total run_parts(const Options& options) {
  const std::uint64_t jobs = std::min(options.jobs, options.seeds);
  std::vector<Part> parts;
  for (std::uint64_t i = 0; i < jobs; ++i) {
    parts.push_back(start_part(options, options.first + options.seeds * i / jobs,
                               options.first + options.seeds * (i + 1) / jobs));
  }
  Total sum;
  for (const Part& part : parts) {
    const Total total = end_part(part);
    sum.failed += total.failed;
    sum.events += total.events;
    sum.faults += total.faults;
    sum.timelines += total.timelines;
    sum.assists += total.assists;
    sum.moves += total.moves;
    sum.simulated += total.simulated;
  }
  return sum;
}

int run(const Options& options) {
  const std::uint64_t end = options.first + options.seeds;
  Total total = options.jobs > 1 ? run_parts(options) : run_part(options, options.first, end);
  if (options.trace == Trace::Mode::silent && !happens_the_same_twice(options.first)) {
    std::printf("seed %llu does not happen the same way twice\n",
                static_cast<unsigned long long>(options.first));
    ++total.failed;
  }
  std::printf(
      "seeds %llu to %llu: %llu failed; %llu events, %llu faults, %llu timelines, %llu assists, "
      "%llu "
      "moves, %.0f simulated seconds\n",
      static_cast<unsigned long long>(options.first), static_cast<unsigned long long>(end - 1),
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
