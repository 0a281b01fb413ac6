#include "common/http/router.h"

#include <gtest/gtest.h>

#include "common/http/reply.h"

namespace ballast::http {
namespace {

Route route(Method method, std::string pattern) {
  return {.method = method, .pattern = std::move(pattern), .handle = [](Request, Reply) {}};
}

Router some_router() {
  return Router(
      {route(Method::get, "/"), route(Method::get, "/api/v1/jobs"),
       route(Method::post, "/api/v1/jobs"), route(Method::get, "/api/v1/jobs/{id}"),
       route(Method::get, "/api/v1/jobs/latest"), route(Method::remove, "/api/v1/jobs/{id}"),
       route(Method::get, "/api/v1/jobs/{id}/runs/{run}"), route(Method::get, "/files/{path...}")});
}

TEST(Router, FindsTheClosestPattern) {
  struct Case {
    Method method;
    const char* target;
    std::string expected;  // "pattern name=value ...", or the methods that there are
  };
  const Case cases[] = {
      {Method::get, "/", "/"},
      {Method::head, "/", "/"},
      {Method::get, "/api/v1/jobs", "/api/v1/jobs"},
      {Method::get, "/api/v1/jobs/", ""},
      {Method::get, "/api/v1/jobs/7", "/api/v1/jobs/{id} id=7"},
      {Method::get, "/api/v1/jobs/latest", "/api/v1/jobs/latest"},
      {Method::remove, "/api/v1/jobs/latest", "/api/v1/jobs/{id} id=latest"},
      {Method::get, "/api/v1/jobs/a%20b/runs/2?x=1", "/api/v1/jobs/{id}/runs/{run} id=a b run=2"},
      {Method::get, "/files/a/b/c.js", "/files/{path...} path=a/b/c.js"},
      {Method::get, "/files/", ""},
      {Method::put, "/api/v1/jobs", "GET, HEAD, POST"},
      {Method::put, "/api/v1/jobs/7", "GET, HEAD, DELETE"},
      {Method::options, "/nowhere", ""},
      {Method::get, "//", ""},
  };
  const Router router = some_router();
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(name_of(c.method)) + " " + c.target);
    const auto target = parse_target(c.target);
    ASSERT_TRUE(target) << target.error().message;
    const Router::Match match = router.find(c.method, *target);
    std::string seen = match.route ? match.route->pattern : allow_text(match.allow);
    for (const auto& [name, value] : match.parameters) seen += " " + name + "=" + value;
    EXPECT_EQ(seen, c.expected);
  }
}

TEST(Router, RefusesPathsThatAreBrokenOrLeadElsewhere) {
  for (const char* target : {"", "a", "*", "http://x/", "/%", "/%4", "/%zz", "/%00", "/a/../b",
                             "/..", "/.", "/a/%2e%2E/b", "/a%2fb", "/?a=%f"}) {
    SCOPED_TRACE(target);
    EXPECT_FALSE(parse_target(target));
  }
}

TEST(Router, DecodesTheQuery) {
  const auto target = parse_target("/a%2Bb+c?x=1+2&y=%26&&z&x=3&=q#fragment");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->segments, std::vector<std::string>{"a+b+c"});
  const std::map<std::string, std::string> expected = {
      {"x", "3"}, {"y", "&"}, {"z", ""}, {"", "q"}};
  EXPECT_EQ(target->query, expected);
}

TEST(RouterDeathTest, PatternsThatAreAlikeAreOurMistake) {
  EXPECT_DEATH(Router({route(Method::get, "/a/{b}"), route(Method::get, "/a/{c}")}), "alike");
}

}  // namespace
}  // namespace ballast::http
