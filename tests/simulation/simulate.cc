// simulate: trains on simulated clusters, one per seed, and compares with the plain loop.
//
//   simulate [--seeds N] [--first S]    N seeds, from S on (100 from 1)
//   simulate --seed S [--trace]         one seed, with every event
//
// Exit codes: 0 all passed, 1 a seed failed, 2 the command line is wrong.

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

#include "common/math/kernels.h"
#include "tests/simulation/cluster.h"

namespace ballast::simulation {
namespace {

struct Options {
  std::uint64_t first = 1;
  std::uint64_t seeds = 100;
  Trace::Mode trace = Trace::Mode::silent;
};

int usage() {
  std::fputs("usage: simulate [--seeds N] [--first S] | --seed S [--trace]\n", stderr);
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
    } else {
      return false;
    }
  }
  return options.seeds > 0;
}

// False: the seed failed.
bool run_seed(std::uint64_t seed, const Options& options, Verdict& total) {
  Trace trace(options.trace);
  const Verdict verdict = simulate(seed, trace);
  total.events += verdict.events;
  total.faults += verdict.faults;
  total.timelines += verdict.timelines;
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

int run(const Options& options) {
  Verdict total;
  std::uint64_t failed = 0;
  const std::uint64_t end = options.first + options.seeds;
  for (std::uint64_t seed = options.first; seed < end; ++seed) {
    if (!run_seed(seed, options, total)) ++failed;
  }
  if (options.trace == Trace::Mode::silent && !happens_the_same_twice(options.first)) {
    std::printf("seed %llu does not happen the same way twice\n",
                static_cast<unsigned long long>(options.first));
    ++failed;
  }
  std::printf(
      "seeds %llu to %llu: %llu failed; %llu events, %llu faults, %llu timelines, %.0f simulated "
      "seconds\n",
      static_cast<unsigned long long>(options.first), static_cast<unsigned long long>(end - 1),
      static_cast<unsigned long long>(failed), static_cast<unsigned long long>(total.events),
      static_cast<unsigned long long>(total.faults),
      static_cast<unsigned long long>(total.timelines),
      std::chrono::duration<double>(total.simulated).count());
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace ballast::simulation

int main(int argc, char** argv) {
  ballast::pin_floating_point_mode();
  ballast::simulation::Options options;
  if (!ballast::simulation::parse(argc, argv, options)) return ballast::simulation::usage();
  return ballast::simulation::run(options);
}
