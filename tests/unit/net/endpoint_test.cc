#include "common/net/endpoint.h"

#include <gtest/gtest.h>

#include <string>

namespace ballast {
namespace {

TEST(Endpoint, AcceptsWhatZeroMqWillUnderstandAndExplainsTheRest) {
  struct Case {
    std::string text;
    EndpointUse use;
    Reach reach;
    const char* complaint;  // Empty: it is fine.
  };
  constexpr auto kBind = EndpointUse::bind;
  constexpr auto kConnect = EndpointUse::connect;
  constexpr auto kHere = Reach::loopback;
  constexpr auto kAnywhere = Reach::anywhere;
  const Case cases[] = {
      {"tcp://127.0.0.1:5000", kConnect, kHere, ""},
      {"tcp://localhost:5000", kConnect, kHere, ""},
      {"tcp://[::1]:5000", kConnect, kHere, ""},
      {"tcp://127.0.0.1:0", kBind, kHere, ""},
      {"tcp://127.0.0.1:*", kBind, kHere, ""},
      {"tcp://*:5000", kBind, kAnywhere, ""},
      {"tcp://node-3.cluster:5000", kConnect, kAnywhere, ""},
      {"ipc:///tmp/ballast", kBind, kHere, ""},
      {"ipc://@ballast", kConnect, kHere, ""},
      {"ipc://*", kBind, kHere, ""},
      {"inproc://coordinator", kBind, kHere, ""},
      {"ipc://" + std::string(107, 'x'), kBind, kHere, ""},
      {"ipc://" + std::string(108, 'x'), kBind, kHere, "108 bytes"},
      {"", kBind, kHere, "expected tcp://HOST:PORT"},
      {"127.0.0.1:5000", kBind, kHere, "expected tcp://HOST:PORT"},
      {"udp://127.0.0.1:5000", kBind, kHere, "expected tcp://HOST:PORT"},
      {"tcp://", kConnect, kHere, "expected tcp://HOST:PORT"},
      {"tcp://127.0.0.1", kConnect, kHere, "expected tcp://HOST:PORT"},
      {"tcp://:5000", kConnect, kHere, "expected tcp://HOST:PORT"},
      {"tcp://[]:5000", kConnect, kHere, "host is missing"},
      {"tcp://127.0.0.1:", kConnect, kHere, "'' is no port"},
      {"tcp://127.0.0.1:0", kConnect, kHere, "'0' is no port; expected 1 to 65535"},
      {"tcp://127.0.0.1:*", kConnect, kHere, "'*' is no port"},
      {"tcp://127.0.0.1:65536", kBind, kHere, "'65536' is no port; expected 0 to 65535"},
      {"tcp://127.0.0.1:12x", kBind, kHere, "'12x' is no port"},
      {"tcp://127.0.0.1:-1", kBind, kHere, "'-1' is no port"},
      {"tcp://::1:5000", kConnect, kHere, "in brackets"},
      {"tcp://*:5000", kConnect, kAnywhere, "no host to connect to"},
      {"tcp://*:5000", kBind, kHere, "--insecure"},
      {"tcp://10.0.0.1:5000", kConnect, kHere, "--insecure"},
      {"ipc://", kBind, kHere, "nothing follows"},
      {"ipc://*", kConnect, kHere, "no path to connect to"},
      {"inproc://", kBind, kHere, "nothing follows"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto endpoint = parse_endpoint(c.text, c.use, c.reach);
    EXPECT_EQ(endpoint.has_value(), std::string(c.complaint).empty());
    if (endpoint) continue;
    EXPECT_EQ(endpoint.error().code, ErrorCode::invalid);
    EXPECT_NE(endpoint.error().message.find(c.complaint), std::string::npos)
        << endpoint.error().message;
  }
}

TEST(Endpoint, IsWrittenAsZeroMqWantsIt) {
  const auto text = [](const char* written) {
    return parse_endpoint(written, EndpointUse::bind, Reach::anywhere)->text();
  };
  EXPECT_EQ(text("tcp://localhost:7"), "tcp://127.0.0.1:7");
  EXPECT_EQ(text("tcp://[::1]:*"), "tcp://[::1]:*");
  EXPECT_EQ(text("ipc:///a/b"), "ipc:///a/b");
  EXPECT_EQ(text("inproc://c"), "inproc://c");
}

}  // namespace
}  // namespace ballast
