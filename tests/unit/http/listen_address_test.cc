#include "common/http/listen_address.h"

#include <gtest/gtest.h>

namespace ballast::http {
namespace {

TEST(ListenAddress, IsNumericAndSaysWhetherItIsThisMachine) {
  struct Case {
    const char* text;
    std::string expected;
  };
  const Case cases[] = {
      {"127.0.0.1:9100", "127.0.0.1 9100 loopback"},
      {"localhost:0", "127.0.0.1 0 loopback"},
      {"[::1]:80", "::1 80 loopback"},
      {"0.0.0.0:80", "0.0.0.0 80"},
      {"*:443", ":: 443"},
      {"10.1.2.3:9", "10.1.2.3 9"},
      {"::1:80", "address '::1:80': write an IPv6 address in brackets, as in [::1]:9100"},
      {"9100", "address '9100': expected ADDRESS:PORT, such as 127.0.0.1:9100"},
      {"127.0.0.1:", "address '127.0.0.1:': '' is no port; expected 0 (any) to 65535"},
      {"127.0.0.1:65536",
       "address '127.0.0.1:65536': '65536' is no port; expected 0 (any) to 65535"},
      {"127.0.0.256:1",
       "address '127.0.0.256:1': '127.0.0.256' is no address of this machine; expected one such "
       "as 127.0.0.1 or [::1], or * for all"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto listen = parse_listen_address(c.text);
    const std::string seen = !listen ? listen.error().message
                                     : listen->address + " " + std::to_string(listen->port) +
                                           (listen->is_loopback ? " loopback" : "");
    EXPECT_EQ(seen, c.expected);
  }
}

}  // namespace
}  // namespace ballast::http
