#include "common/http/gate.h"

#include <gtest/gtest.h>

#include "tests/unit/storage/support.h"

namespace ballast::http {
namespace {

constexpr std::int64_t kNow = 1'700'000'000;

Request request(std::vector<Field> fields, std::string peer = "10.0.0.9") {
  Request request;
  request.peer = std::move(peer);
  request.fields = std::move(fields);
  return request;
}

std::string said(const std::variant<Caller, Denial>& admitted) {
  if (const auto* const denial = std::get_if<Denial>(&admitted)) {
    return std::to_string(denial->status) + " " + denial->code;
  }
  const Caller& caller = std::get<Caller>(admitted);
  return caller.name + ":" + std::string(name_of(caller.access));
}

struct WithTokens {
  TemporaryDirectory directory;
  NewToken view = need(make_token("eye", "view", ""));
  NewToken submit = need(make_token("ci", "submit", ""));
  NewToken admin = need(make_token("ann", "admin", ""));
  NewToken old = need(make_token("old", "admin", "2023-01-01"));
  std::int64_t now = kNow;
  GateOptions options;

  WithTokens() {
    const std::string path = directory.path("tokens");
    need(write_file_atomically(path, view.line + submit.line + admin.line + old.line));
    options.tokens = need(TokenFile::open(path));
    options.unix_time = [this] { return now; };
  }
};

TEST(Gate, AsksForATokenOfTheRoutesRole) {
  WithTokens with;
  Gate gate(with.options);
  struct Case {
    const char* name;
    std::string authorization;
    Access needed;
    std::string expected;
  };
  const Case cases[] = {
      {"none", "", Access::view, "401 unauthorized"},
      {"none is needed", "", Access::open, ":open"},
      {"another scheme", "Basic YTpi", Access::view, "401 unauthorized"},
      {"an empty one", "Bearer ", Access::view, "401 unauthorized"},
      {"unknown", "Bearer nonsense", Access::view, "401 unauthorized"},
      {"expired", "Bearer " + with.old.secret, Access::view, "401 unauthorized"},
      {"enough", "Bearer " + with.view.secret, Access::view, "eye:view"},
      {"in other letters", "bearer  " + with.view.secret, Access::view, "eye:view"},
      {"too little", "Bearer " + with.view.secret, Access::submit, "403 forbidden"},
      {"more than enough", "Bearer " + with.admin.secret, Access::submit, "ann:admin"},
      {"not quite", "Bearer " + with.submit.secret, Access::admin, "403 forbidden"},
      {"the digest instead", "Bearer " + std::string(64, 'a'), Access::view, "401 unauthorized"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    std::vector<Field> fields = {{"Host", "ballast"}};
    if (!c.authorization.empty()) fields.push_back({"authorization", c.authorization});
    const auto admitted = gate.admit(request(fields), c.needed, Time{});
    EXPECT_EQ(said(admitted), c.expected);
    const auto* const denial = std::get_if<Denial>(&admitted);
    if (denial != nullptr && denial->status == 401) {
      ASSERT_EQ(denial->fields.size(), 1U);
      EXPECT_EQ(denial->fields[0].name, "WWW-Authenticate");
    }
  }
}

TEST(Gate, PagesOfOtherSitesAreRefused) {
  struct Case {
    const char* name;
    std::string host;
    std::string origin;
    std::string expected;
  };
  const Case cases[] = {
      {"no page", "127.0.0.1:80", "", ":admin"},
      {"our page", "localhost:80", "http://localhost:80", ":admin"},
      {"our page behind TLS", "[::1]", "https://[::1]", ":admin"},
      {"another", "127.0.0.1:80", "http://evil.example", "403 cross_site"},
      {"another port", "127.0.0.1:80", "http://127.0.0.1:81", "403 cross_site"},
      {"a sandbox", "127.0.0.1:80", "null", "403 cross_site"},
      {"a name that points here", "evil.example", "", "403 cross_site"},
      {"and says so", "evil.example", "http://evil.example", "403 cross_site"},
      {"nothing", "", "", "403 cross_site"},
  };
  GateOptions options;
  options.unix_time = [] { return kNow; };
  Gate gate(options);
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    std::vector<Field> fields = {{"Host", c.host}};
    if (!c.origin.empty()) fields.push_back({"Origin", c.origin});
    EXPECT_EQ(said(gate.admit(request(fields), Access::admin, Time{})), c.expected);
  }
}

TEST(Gate, CountsByTokenAndElseByAddress) {
  WithTokens with;
  with.options.rate = {.per_second = 1, .burst = 2};
  Gate gate(with.options);
  const auto ask = [&](const std::string& secret, const std::string& peer) {
    return said(gate.admit(request({{"Host", "b"}, {"Authorization", "Bearer " + secret}}, peer),
                           Access::view, {}));
  };
  EXPECT_EQ(ask(with.submit.secret, "10.0.0.1"), "ci:submit");
  EXPECT_EQ(ask(with.submit.secret, "10.0.0.2"), "ci:submit");
  EXPECT_EQ(ask(with.submit.secret, "10.0.0.3"), "429 too_many_requests");
  EXPECT_EQ(ask(with.view.secret, "10.0.0.1"), "eye:view") << "another token";
  EXPECT_EQ(ask("guess1", "10.0.0.1"), "401 unauthorized");
  EXPECT_EQ(ask("guess2", "10.0.0.1"), "401 unauthorized");
  EXPECT_EQ(ask("guess3", "10.0.0.1"), "429 too_many_requests") << "whoever guesses";
  EXPECT_EQ(ask("guess", "2001:db8:1:2::1"), "401 unauthorized");
  EXPECT_EQ(ask("guess", "2001:db8:1:2:ff::7"), "401 unauthorized");
  EXPECT_EQ(ask("guess", "2001:db8:1:2:3:4:5:6"), "429 too_many_requests") << "one network";
  EXPECT_EQ(ask("guess", "2001:db8:1:3::1"), "401 unauthorized") << "another network";

  const auto denied =
      gate.admit(request({{"Host", "b"}, {"Authorization", "Bearer " + with.submit.secret}}),
                 Access::view, {});
  ASSERT_TRUE(std::holds_alternative<Denial>(denied));
  ASSERT_EQ(std::get<Denial>(denied).fields.size(), 1U);
  EXPECT_EQ(std::get<Denial>(denied).fields[0].name, "Retry-After");
  EXPECT_EQ(std::get<Denial>(denied).fields[0].value, "1");
}

TEST(Gate, ATokenThatIsTakenOutDoesNotHoldAnyMore) {
  WithTokens with;
  std::vector<std::string> reports;
  with.options.report = [&](const std::string& what) { reports.push_back(what); };
  Gate gate(with.options);
  const auto admitted = gate.admit(
      request({{"Host", "b"}, {"Authorization", "Bearer " + with.view.secret}}), Access::view, {});
  ASSERT_EQ(said(admitted), "eye:view");
  const Caller caller = std::get<Caller>(admitted);
  EXPECT_TRUE(gate.holds(caller));

  need(write_file_atomically(with.directory.path("tokens"), with.submit.line));
  with.now += 1;
  EXPECT_FALSE(gate.holds(caller));
  EXPECT_TRUE(reports.empty());

  need(write_file_atomically(with.directory.path("tokens"), "{"));
  with.now += 1;
  EXPECT_FALSE(gate.holds(caller));
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_NE(reports[0].find("the tokens from before stay in force"), std::string::npos);
}

}  // namespace
}  // namespace ballast::http
