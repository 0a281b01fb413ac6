#include "common/http/tokens.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/storage/support.h"

namespace ballast::http {
namespace {

constexpr std::int64_t kTokenTime = 1'700'000'000;  // 2023-11-14T22:13:20Z

NewToken token(const std::string& name, const std::string& role, const std::string& expires = "") {
  return need(make_token(name, role, expires));
}

TEST(Tokens, AreFoundByWhatTheirFileDoesNotHave) {
  const TemporaryDirectory directory;
  const NewToken ci = token("ci", "submit");
  const NewToken eve = token("eve", "view", "2023-11-14T22:13:20Z");
  const NewToken ann = token("ann", "admin", "2023-11-15");
  const std::string path = directory.path("tokens");
  need(write_file_atomically(path, "# people\n\n" + ci.line + eve.line + ann.line));
  EXPECT_EQ(need(read_file(path)).find(ci.secret), std::string::npos);

  const TokenFile file = need(TokenFile::open(path));
  const Caller caller = need(file.find(ci.secret, kTokenTime));
  EXPECT_EQ(caller.name, "ci");
  EXPECT_EQ(caller.access, Access::submit);
  EXPECT_TRUE(file.holds(caller, kTokenTime));
  EXPECT_TRUE(ok(file.find(ann.secret, kTokenTime)));
  EXPECT_TRUE(
      fails(file.find(ann.secret, kTokenTime + 86400), ErrorCode::not_found, "has expired"));
  EXPECT_TRUE(ok(file.find(eve.secret, kTokenTime - 1)));
  EXPECT_TRUE(fails(file.find(eve.secret, kTokenTime), ErrorCode::not_found, "of eve has expired"));
  EXPECT_TRUE(fails(file.find(ci.secret + "0", kTokenTime), ErrorCode::not_found, "not known"));
  EXPECT_TRUE(fails(file.find("", kTokenTime), ErrorCode::not_found, "not known"));
  EXPECT_TRUE(fails(file.find(std::string(1 << 20, 'x'), kTokenTime), ErrorCode::not_found));
}

TEST(Tokens, AreRotatedWithoutAStop) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("tokens");
  const NewToken before = token("ci", "submit");
  const NewToken after = token("ci", "submit");
  need(write_file_atomically(path, before.line));
  TokenFile file = need(TokenFile::open(path));
  const Caller caller = need(file.find(before.secret, kTokenTime));

  need(write_file_atomically(path, before.line + after.line));
  need(file.refresh());
  EXPECT_TRUE(file.find(before.secret, kTokenTime) && file.find(after.secret, kTokenTime));

  need(write_file_atomically(path, after.line));
  need(file.refresh());
  EXPECT_FALSE(file.find(before.secret, kTokenTime));
  EXPECT_FALSE(file.holds(caller, kTokenTime));

  need(write_file_atomically(path, "nonsense\n"));
  EXPECT_TRUE(fails(file.refresh(), ErrorCode::invalid, path + ":1: expected a JSON object"));
  EXPECT_TRUE(ok(file.refresh())) << "one change, one complaint";
  EXPECT_TRUE(ok(file.find(after.secret, kTokenTime))) << "what was read before stays in force";
}

TEST(Tokens, AFileThatAllMayWriteIsRefused) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("tokens");
  need(write_file_atomically(path, token("ci", "view").line));
  ASSERT_EQ(::chmod(path.c_str(), 0602), 0);
  EXPECT_TRUE(fails(TokenFile::open(path), ErrorCode::invalid, "chmod 600"));
  ASSERT_EQ(::chmod(path.c_str(), 0664), 0);
  EXPECT_TRUE(ok(TokenFile::open(path)));
}

TEST(Tokens, MistakesAreNamedWithoutShowingAToken) {
  const std::string digest(64, 'a');
  const std::pair<std::string, std::string> cases[] = {
      {"ballast_secret", "expected a JSON object with name, role and sha256"},
      {R"({"name":"a","role":"view","token":"ballast_secret"})", "saw another key"},
      {R"({"role":"view","sha256":")" + digest + "\"}", "expected a name"},
      {R"({"name":"a b","role":"view","sha256":")" + digest + "\"}", "expected a name"},
      {R"({"name":"a","role":"root","sha256":")" + digest + "\"}", "view, submit or admin"},
      {R"({"name":"a","role":"open","sha256":")" + digest + "\"}", "view, submit or admin"},
      {R"({"name":"a","role":"view","sha256":"ballast_secret"})", "64 hexadecimal digits"},
      {R"({"name":"a","role":"view","expires":"2023-13-01","sha256":")" + digest + "\"}", "a date"},
      {R"({"name":"a","role":"view","expires":1700000000,"sha256":")" + digest + "\"}", "a date"},
      {R"({"name":"a","role":"view","expires":"2023-11-14T25:00:00Z","sha256":")" + digest + "\"}",
       "a date"},
  };
  for (const auto& [line, words] : cases) {
    SCOPED_TRACE(line);
    const auto tokens = parse_tokens("\n" + line, "tokens");
    EXPECT_TRUE(fails(tokens, ErrorCode::invalid, words));
    EXPECT_TRUE(fails(tokens, ErrorCode::invalid, "tokens:2: "));
    ASSERT_FALSE(tokens);
    EXPECT_EQ(tokens.error().message.find("ballast_secret"), std::string::npos);
  }
  EXPECT_TRUE(fails(make_token("a b", "view", ""), ErrorCode::invalid, "expected a name"));
  EXPECT_TRUE(fails(make_token("a", "boss", ""), ErrorCode::invalid, "view, submit or admin"));
  EXPECT_TRUE(fails(make_token("a", "view", "soon"), ErrorCode::invalid, "a date"));
}

TEST(Tokens, AreNeverTheSameTwice) {
  const NewToken a = token("a", "view");
  const NewToken b = token("a", "view");
  EXPECT_NE(a.secret, b.secret);
  EXPECT_EQ(a.secret.size(), std::string("ballast_").size() + 64);
}

}  // namespace
}  // namespace ballast::http
