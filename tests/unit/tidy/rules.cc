#include "tests/unit/tidy/rules.h"

#include <algorithm>
#include <cctype>

namespace ballast::tidy {
namespace {

using Patterns = std::vector<std::string>;

const Patterns kProduction = {"common/**", "paramserver/**", "worker/**", "coordinator/**",
                              "cli/**"};

// Code whose outputs are a function of its inputs: no clock, thread, environment or library's
// random numbers. An edge, a file that touches the world on purpose, is listed in kEdges with its
// reason.
const Patterns kPure = {"paramserver/**", "worker/**",      "coordinator/**", "common/base/**",
                        "common/job/**",  "common/math/**", "common/wire/**", "common/observe/**"};

const Patterns kEdges = {
    "worker/data/parallel.h",   // Reads files with several threads; results are placed by position.
    "worker/data/encoder.cc",   // Asks how many threads there are; results do not depend on it.
    "worker/data/run_data.*",   // Shares one encoded fold between the runs of a process.
    "worker/executor.*",        // Shares one loaded data set between threads that compute leaves.
    "coordinator/file_site.*",  // Answers for files of several runs, on a thread of its own.
    // A service's edge: processes, a board for other threads, and what people see of it.
    "coordinator/service/site.*", "coordinator/service/board.*", "coordinator/service/probe.*",
    "coordinator/service/feed.*", "coordinator/service/api*",
    "common/math/blas*.cc",  // Loads the library once, with the kernel family in its environment.
    "common/base/time.h",    // Names the clock that the runtime reads.
};

// Files with an unordered container that is looked up in and never iterated over.
const Patterns kLookedUpOnly = {
    "worker/data/jsonl.cc",  // Column numbers by name.
    "worker/data/rows.cc",   // Hashes of rows already seen.
};

Patterns joined(Patterns first, const Patterns& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

std::vector<Rule> make_rules() {
  return {
      // Dependencies point one way: cli -> roles -> common.
      {.name = "common knows no role",
       .where = {"common/**"},
       .except = {},
       .includes = {"paramserver/**", "worker/**", "coordinator/**", "cli/**", "tests/**"},
       .words = {},
       .because = "what every role uses depends on none"},
      {.name = "paramserver knows no other role",
       .where = {"paramserver/**"},
       .except = {},
       .includes = {"worker/**", "coordinator/**", "cli/**", "tests/**"},
       .words = {},
       .because = "roles meet only in the messages of common/wire"},
      {.name = "worker knows no other role",
       .where = {"worker/**"},
       .except = {},
       .includes = {"paramserver/**", "coordinator/**", "cli/**", "tests/**"},
       .words = {},
       .because = "roles meet only in the messages of common/wire"},
      {.name = "coordinator knows no other role",
       .where = {"coordinator/**"},
       .except = {},
       .includes = {"paramserver/**", "worker/**", "cli/**", "tests/**"},
       .words = {},
       .because = "roles meet only in the messages of common/wire"},
      {.name = "the binary knows no test",
       .where = {"cli/**"},
       .except = {},
       .includes = {"tests/**"},
       .words = {},
       .because = "tests depend on the product, never the reverse"},
      {.name = "common/base knows nothing above it",
       .where = {"common/base/**"},
       .except = {},
       .includes = {"common/wire/**", "common/net/**", "common/runtime/**", "common/storage/**",
                    "common/job/**", "common/math/**", "common/observe/**", "common/remote/**"},
       .words = {},
       .because = "everything stands on it"},
      {.name = "common/storage knows no network",
       .where = {"common/storage/**"},
       .except = {},
       .includes = {"common/remote/**", "common/net/**"},
       .words = {},
       .because = "stores that are elsewhere stand on those that are here"},

      // One place wraps each library.
      {.name = "Cap'n Proto stays in the codec",
       .where = kProduction,
       .except = {"common/wire/decode.cc", "common/wire/encode.cc", "common/wire/schema_enums.h"},
       .includes = {"**.capnp.h", "common/wire/schema_enums.h", "capnp/**", "kj/**"},
       .words = {},
       .because = "the codec alone knows the schema and the exceptions of its library"},
      {.name = "ZeroMQ stays in zmq_*.cc",
       .where = kProduction,
       .except = {"**/zmq_*.cc"},
       .includes = {"zmq.h", "zmq.hpp"},
       .words = {},
       .because = "everything else talks to the transport interface"},
      {.name = "RocksDB stays in rocks_*",
       .where = kProduction,
       .except = {"**/rocks_*"},
       .includes = {"rocksdb/**"},
       .words = {},
       .because = "everything else talks to the store interfaces"},
      {.name = "libcurl stays in curl_*.cc",
       .where = kProduction,
       .except = {"**/curl_*.cc"},
       .includes = {"curl/**"},
       .words = {},
       .because = "everything else talks to the HTTP client"},
      {.name = "pugixml stays in s3_xml.cc",
       .where = kProduction,
       .except = {"common/remote/s3_xml.cc"},
       .includes = {"pugixml.hpp"},
       .words = {},
       .because = "everything else sees lists and ids that were checked"},
      {.name = "Asio stays at the edges",
       .where = kProduction,
       .except = {"common/runtime/**", "common/net/**", "common/http/*.cc", "cli/**"},
       .includes = {"boost/asio**", "boost/beast**"},
       .words = {},
       .because = "machines perform no I/O; the runtime drives them"},
      {.name = "OpenSSL stays in common/base and common/http",
       .where = kProduction,
       .except = {"common/base/hmac.cc", "common/base/sha256.cc", "common/http/*.cc"},
       .includes = {"openssl/**"},
       .words = {},
       .because = "everything else asks for a digest or for a server"},
      {.name = "prometheus-cpp stays in common/observe",
       .where = kProduction,
       .except = {"common/observe/metrics.cc"},
       .includes = {"prometheus/**"},
       .words = {},
       .because = "everything else counts by the metrics of common/observe"},
      {.name = "Boost.Math stays in statistics.cc",
       .where = kProduction,
       .except = {"common/math/statistics.cc"},
       .includes = {"boost/math/**"},
       .words = {},
       .because =
           "its results may differ between machines in the last bits; no weight may see them"},
      {.name = "OpenBLAS stays in common/math",
       .where = kProduction,
       .except = {"common/math/**"},
       .includes = {"cblas.h", "openblas_config.h", "dlfcn.h"},
       .words = {},
       .because = "the kernel family is chosen and verified in one place before the first product"},
      {.name = "YAML stays in the parser",
       .where = kProduction,
       .except = {"common/job/parse*.cc", "cli/kubernetes_render.cc"},
       .includes = {"yaml-cpp/**"},
       .words = {},
       .because = "the rest sees a checked job spec"},
      {.name = "the parser's headers show no YAML outside common/job",
       .where = {"common/base/**", "common/wire/**", "common/net/**", "common/runtime/**",
                 "common/storage/**", "common/math/**", "common/observe/**", "paramserver/**",
                 "worker/**", "coordinator/**", "cli/**"},
       .except = {},
       .includes = {"common/job/parse_yaml.h"},
       .words = {},
       .because = "a job spec enters through common/job's public header"},

      // Pure code.
      {.name = "pure code reads no clock",
       .where = kPure,
       .except = kEdges,
       .includes = {},
       .words = {"::now(", "gettimeofday", "clock_gettime", "std::time(", "time(nullptr)",
                 "system_clock", "steady_clock", "high_resolution_clock"},
       .because = "time arrives as an argument"},
      {.name = "pure code draws only from Philox",
       .where = kPure,
       .except = {"common/math/statistics.cc"},  // Asks Student's t for quantiles; draws nothing.
       .includes = {"random"},
       .words = {"random_device", "rand(", "srand(", "rand_r(", "drand48", "mt19937", "minstd_rand",
                 "default_random_engine", "_distribution<", "_distribution ", "shuffle(",
                 "std::sample"},
       .because = "random numbers are a function of seed, purpose and position, alike in every "
                  "standard library"},
      {.name = "pure code has no threads",
       .where = kPure,
       .except = joined(kEdges, {"common/observe/**"}),
       .includes = {"thread", "mutex", "shared_mutex", "condition_variable", "future", "semaphore",
                    "latch", "barrier"},
       .words = {"std::thread", "std::jthread", "std::async", "std::mutex", "thread_local"},
       .because = "one thread owns a machine; concurrency lives in common/runtime and common/net"},
      {.name = "pure code does not sleep",
       .where = kPure,
       .except = {},
       .includes = {},
       .words = {"sleep_for", "sleep_until", "sleep(", "usleep(", "nanosleep("},
       .because = "a machine asks to be woken, as an effect"},
      {.name = "pure code reads no environment",
       .where = kPure,
       .except = kEdges,
       .includes = {},
       .words = {"getenv", "setenv", "putenv", "environ"},
       .because = "what decides comes from the spec"},
      {.name = "pure code has no unordered containers",
       .where = kPure,
       .except = kLookedUpOnly,
       .includes = {"unordered_map", "unordered_set"},
       .words = {"std::unordered_"},
       .because = "their order differs between libraries, and sooner or later somebody iterates"},
      {.name = "no library's transcendental functions in arithmetic",
       .where = {"paramserver/**", "worker/model/**"},
       .except = {},
       .includes = {},
       .words = {"std::exp(", "std::expf(", "std::log(", "std::logf(", "std::tanh(", "std::pow(",
                 "std::powf(", "std::erf(", "std::erff(", "expf(", "logf(", "tanhf(", "powf(",
                 "erff("},
       .because = "they differ between machines; common/math has one result on all of them"},
      {.name = "text becomes numbers by from_chars",
       .where = kProduction,
       .except = {},
       .includes = {},
       .words = {"strtof", "strtod", "std::stof", "std::stod", "atof(", "sscanf", "atoi("},
       .because = "the others obey the locale"},
  };
}

bool is_identifier(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Words that open with an identifier character must not continue one: `rand(` is not in `operand(`.
bool has_word(std::string_view code, std::string_view word) {
  for (std::size_t at = code.find(word); at != std::string_view::npos;
       at = code.find(word, at + 1)) {
    const bool continues = at > 0 && is_identifier(code[at - 1]);
    if (!continues || word[0] == '_' || !is_identifier(word[0])) return true;
  }
  return false;
}

bool matches_any(const Patterns& patterns, std::string_view path) {
  return std::ranges::any_of(patterns, [&](const std::string& p) { return path_matches(p, path); });
}

}  // namespace

bool path_matches(std::string_view pattern, std::string_view path) {
  if (pattern.empty()) return path.empty();
  if (pattern[0] != '*') {
    return !path.empty() && path[0] == pattern[0] &&
           path_matches(pattern.substr(1), path.substr(1));
  }
  const bool crosses_slashes = pattern.starts_with("**");
  const std::string_view rest = pattern.substr(crosses_slashes ? 2 : 1);
  for (std::size_t taken = 0; taken <= path.size(); ++taken) {
    if (path_matches(rest, path.substr(taken))) return true;
    if (taken < path.size() && path[taken] == '/' && !crosses_slashes) return false;
  }
  return false;
}

const std::vector<Rule>& rules() {
  static const std::vector<Rule> kRules = make_rules();
  return kRules;
}

std::vector<std::string> violations(const Rule& rule, const Source& source) {
  std::vector<std::string> found;
  if (!matches_any(rule.where, source.path) || matches_any(rule.except, source.path)) return found;

  const auto report = [&](const Line& line, const std::string& seen) {
    found.push_back(source.path + ":" + std::to_string(line.number) + ": saw " + seen + " (" +
                    rule.name + ": " + rule.because + ")");
  };
  for (const Line& line : source.lines) {
    if (!line.include.empty()) {
      if (matches_any(rule.includes, line.include)) report(line, "#include " + line.include);
      continue;
    }
    for (const std::string& word : rule.words) {
      if (has_word(line.code, word)) report(line, "`" + word + "`");
    }
  }
  return found;
}

}  // namespace ballast::tidy
