#include "tests/unit/tidy/rules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

namespace ballast::tidy {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> all_violations(const Source& source) {
  std::vector<std::string> found;
  for (const Rule& rule : rules()) {
    for (std::string& violation : violations(rule, source)) found.push_back(std::move(violation));
  }
  return found;
}

TEST(Rules, HoldInTheSources) {
  const std::vector<std::string> paths = files_below(fs::current_path(), {".h", ".cc"});
  // The test must run in the root of the repository, or it would look at nothing and pass.
  ASSERT_TRUE(std::ranges::find(paths, "common/base/result.h") != paths.end());

  for (const std::string& path : paths) {
    for (const std::string& violation : all_violations(parse_source(path, read_text(path)))) {
      ADD_FAILURE() << violation;
    }
  }
}

struct Planted {
  const char* rule;
  const char* path;
  const char* text;
};

// At least one violation for each rule.
const Planted kPlanted[] = {
    {"common knows no role", "common/net/link.h", "#include \"worker/trainer.h\""},
    {"paramserver knows no other role", "paramserver/a.cc", "#include \"coordinator/plan.h\""},
    {"worker knows no other role", "worker/model/a.h", "#include \"paramserver/optimizer.h\""},
    {"coordinator knows no other role", "coordinator/a.cc", "#include \"worker/trainer.h\""},
    {"the binary knows no test", "cli/main.cc", "#  include \"tests/simulation/network.h\""},
    {"common/base knows nothing above it", "common/base/a.h", "#include \"common/job/spec.h\""},
    {"Cap'n Proto stays in the codec", "common/net/a.cc", "#include <capnp/message.h>"},
    {"Cap'n Proto stays in the codec", "cli/a.cc", "#include \"common/wire/ballast.capnp.h\""},
    {"ZeroMQ stays in zmq_*.cc", "common/net/transport.h", "#include <zmq.h>"},
    {"ZeroMQ stays in zmq_*.cc", "common/net/zmq_transport.h", "#include <zmq.h>"},
    {"RocksDB stays in rocks_*", "common/storage/kv_store.cc", "#include <rocksdb/db.h>"},
    {"Asio stays at the edges", "paramserver/server.cc", "#include <boost/asio/io_context.hpp>"},
    {"common/storage knows no network", "common/storage/a.cc",
     "#include \"common/remote/http_client.h\""},
    {"libcurl stays in curl_*.cc", "common/remote/http.cc", "#include <curl/curl.h>"},
    {"pugixml stays in s3_xml.cc", "common/remote/s3_client.cc", "#include <pugixml.hpp>"},
    {"Asio stays at the edges", "coordinator/http.cc", "#include <boost/beast.hpp>"},
    {"OpenSSL stays in common/base and common/http", "cli/keys.cc", "#include <openssl/rand.h>\n"},
    {"prometheus-cpp stays in common/observe", "worker/a.h", "#include <prometheus/counter.h>\n"},
    {"Boost.Math stays in statistics.cc", "common/math/metrics.cc",
     "#include <boost/math/distributions/students_t.hpp>"},
    {"OpenBLAS stays in common/math", "worker/model/dense.cc", "#include <cblas.h>"},
    {"YAML stays in the parser", "common/job/spec.h", "#include <yaml-cpp/yaml.h>"},
    {"the parser's headers show no YAML outside common/job", "cli/train.cc",
     "#include \"common/job/parse_yaml.h\""},
    {"pure code reads no clock", "coordinator/a.cc", "const auto t = Clock::now();"},
    {"pure code reads no clock", "worker/a.h", "std::chrono::steady_clock::time_point t;"},
    {"pure code draws only from Philox", "worker/a.cc", "std::random_device seed;"},
    {"pure code draws only from Philox", "worker/a.cc", "int x = rand();"},
    {"pure code draws only from Philox", "worker/a.cc", "std::normal_distribution<float> normal;"},
    {"pure code draws only from Philox", "worker/data/a.cc", "std::ranges::shuffle(rows, engine);"},
    {"pure code draws only from Philox", "common/base/a.h", "#include <random>"},
    {"pure code has no threads", "paramserver/a.cc", "std::jthread helper(work);"},
    {"pure code has no threads", "coordinator/a.h", "#include <mutex>"},
    {"pure code does not sleep", "worker/a.cc", "std::this_thread::sleep_for(1s);"},
    {"pure code reads no environment", "worker/a.cc", "if (std::getenv(\"HOME\")) return;"},
    {"pure code has no unordered containers", "coordinator/a.h", "#include <unordered_map>"},
    {"pure code has no unordered containers", "coordinator/a.h", "std::unordered_set<int> seen;"},
    {"no library's transcendental functions in arithmetic", "worker/model/a.cc",
     "y = 1 / (1 + std::exp(-x));"},
    {"no library's transcendental functions in arithmetic", "paramserver/a.cc", "y = powf(x, t);"},
    {"text becomes numbers by from_chars", "worker/data/a.cc", "float x = std::stof(text);"},
};

TEST(Rules, FindWhatIsPlanted) {
  for (const Planted& planted : kPlanted) {
    SCOPED_TRACE(std::string(planted.path) + ": " + planted.text);
    const auto rule = std::ranges::find(rules(), planted.rule, &Rule::name);
    ASSERT_NE(rule, rules().end());
    const std::string text = std::string("// A first line.\n") + planted.text + "\n";
    const auto found = violations(*rule, parse_source(planted.path, text));
    ASSERT_FALSE(found.empty());
    EXPECT_TRUE(found[0].starts_with(std::string(planted.path) + ":2: saw ")) << found[0];
  }
}

TEST(Rules, AreEachCoveredByAPlantedViolation) {
  std::set<std::string> planted;
  for (const Planted& p : kPlanted) planted.insert(p.rule);
  for (const Rule& rule : rules()) EXPECT_TRUE(planted.contains(rule.name)) << rule.name;
}

TEST(Rules, LeaveAloneWhatIsAllowed) {
  struct Case {
    const char* path;
    const char* text;
  };
  const Case cases[] = {
      {"worker/trainer.cc", "#include \"common/wire/messages.h\"\n#include \"worker/trainer.h\""},
      {"cli/train.cc", "#include \"coordinator/plan.h\"\n#include \"worker/trainer.h\""},
      {"common/net/zmq_transport.cc", "#include <zmq.h>"},
      {"common/storage/rocks_store.cc", "#include <rocksdb/db.h>"},
      {"common/wire/decode.cc", "#include \"ballast.capnp.h\"\n#include <capnp/any.h>"},
      {"common/runtime/loop.cc", "#include <boost/asio/post.hpp>\nauto t = steady_clock::now();"},
      {"common/job/parse_yaml.cc", "#include <yaml-cpp/yaml.h>"},
      {"common/math/blas.cc", "#include <dlfcn.h>\nsetenv(name, value, 1);"},
      {"worker/a.cc", "// std::random_device would differ from run to run"},
      {"worker/a.cc", "/* never\n   std::thread\n   here */ int x = operand(1);"},
      {"worker/a.cc", "return Error{ErrorCode::invalid, \"expected rand() to be absent\"};"},
      {"worker/a.cc", "const char quote = '\"'; int n = 1'000; // getenv"},
      {"tests/simulation/clock.cc", "#include <random>\nint x = rand();"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.path) + ": " + c.text);
    EXPECT_EQ(all_violations(parse_source(c.path, c.text)), std::vector<std::string>{});
  }
}

TEST(Rules, AreFoundBehindLiteralsAndComments) {
  const auto lines = parse_source("a.cc",
                                  "/* one */ f(); // two\n"
                                  "g(\"a \\\" // b\"); h();\n"
                                  "/* still\n"
                                  "open */ i('\\'');\n")
                         .lines;
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0].code, " f(); ");
  EXPECT_EQ(lines[1].code, "g(\"\"); h();");
  EXPECT_EQ(lines[2].code, "");
  EXPECT_EQ(lines[3].code, " i('');");
}

TEST(PathMatches, StarsStopAtSlashesAndDoubleStarsDoNot) {
  struct Case {
    const char* pattern;
    const char* path;
    bool matches;
  };
  const Case cases[] = {
      {"zmq.h", "zmq.h", true},
      {"zmq.h", "zmq.hpp", false},
      {"common/**", "common/base/ids.h", true},
      {"common/**", "coordinator/plan.h", false},
      {"common/job/parse*.cc", "common/job/parse_yaml.cc", true},
      {"common/job/parse*.cc", "common/job/parse/deep.cc", false},
      {"**/zmq_*.cc", "common/net/zmq_link.cc", true},
      {"**/zmq_*.cc", "common/net/zmq_link.h", false},
      {"boost/asio**", "boost/asio.hpp", true},
      {"boost/asio**", "boost/asio/post.hpp", true},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.pattern) + " against " + c.path);
    EXPECT_EQ(path_matches(c.pattern, c.path), c.matches);
  }
}

}  // namespace
}  // namespace ballast::tidy
