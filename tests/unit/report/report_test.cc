// The numbers in the page: whatever a job's names hold, they stay numbers and names.

#include "coordinator/report/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace ballast {
namespace {

const std::string kJob = R"({"kind":"search","name":"a","configurations":[]})";

// What the page holds between the opening tag of an id and the next closing tag, as browsers find
// it.
std::string content_of(const std::string& page, const std::string& id) {
  const std::string open = "<script type=\"application/json\" id=\"" + id + "\">";
  const std::size_t begin = page.find(open);
  if (begin == std::string::npos) return "no " + id;
  const std::size_t from = begin + open.size();
  return page.substr(from, page.find("</script", from) - from);
}

TEST(Escape, LeavesNothingThatEndsOrBendsAScript) {
  const struct {
    const char* name;
    const char* json;
    const char* escaped;
  } cases[] = {
      {"plain", R"({"a":1})", R"({"a":1})"},
      {"closing tag", R"(["</script>"])", R"(["\u003c/script>"])"},
      {"closing tag in capitals", R"(["</SCRIPT >"])", R"(["\u003c/SCRIPT >"])"},
      {"comment", R"(["<!--<script>"])", R"(["\u003c!--\u003cscript>"])"},
      {"escapes of its own", R"(["\\<\""])", R"(["\\\u003c\""])"},
      {"line separator", "[\"a\xE2\x80\xA8z\"]", R"(["a\u2028z"])"},
      {"paragraph separator", "[\"\xE2\x80\xA9\"]", R"(["\u2029"])"},
      {"neighbours of these", "[\"\xE2\x80\xA7\xE2\x80\xAA\"]", "[\"\xE2\x80\xA7\xE2\x80\xAA\"]"},
      {"a separator cut short", "\xE2\x80", "\xE2\x80"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(escape_for_script(c.json), c.escaped);
  }
}

TEST(Page, GivesBackTheJobThatWentIn) {
  const nlohmann::json job = {
      {"kind", "training"},
      {"name", "</script><script>alert(1)</script><!-- \xE2\x80\xA8 \xE2\x80\xA9 \\u003c é 数"},
      {"spec", "a: \"<b>\"\n"}};
  const nlohmann::json timings = {{"seconds", 1.5}, {"</script>", "<!--"}};
  const auto page = report_html(job.dump(), timings.dump());
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(nlohmann::json::parse(content_of(*page, "job")), job);
  EXPECT_EQ(nlohmann::json::parse(content_of(*page, "timings")), timings);
}

TEST(Page, IsWholeAndAsksNobody) {
  const auto page = report_html(kJob, "{}");
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->starts_with("<!doctype html>"));
  EXPECT_TRUE(page->ends_with("</html>\n"));
  EXPECT_NE(page->find("default-src 'none'"), std::string::npos);
  EXPECT_NE(page->find("Observable"), std::string::npos) << "the licences of the libraries";
  for (const char* loads : {"<script src", "@import", "url(http", "<link rel=\"stylesheet"}) {
    EXPECT_EQ(page->find(loads), std::string::npos) << loads;
  }
  for (const char* marker : {"<!--job-->", "<!--timings-->", "/*style*/", "/*script*/"}) {
    EXPECT_EQ(page->find(marker), std::string::npos) << marker;
  }
}

TEST(Page, RefusesWhatIsNoJob) {
  const struct {
    const char* name;
    std::string job;
    std::string timings;
    ErrorCode code;
    const char* says;
  } cases[] = {
      {"cut short", kJob.substr(0, 20), "{}", ErrorCode::corrupt, "a job"},
      {"empty", "", "{}", ErrorCode::corrupt, "a job"},
      {"a list", "[]", "{}", ErrorCode::corrupt, "a job"},
      {"not UTF-8", "{\"kind\":\"search\",\"name\":\"\xFF\"}", "{}", ErrorCode::corrupt, "a job"},
      {"no kind", "{}", "{}", ErrorCode::unsupported, "saw none"},
      {"another kind", R"({"kind":"dance"})", "{}", ErrorCode::unsupported, "dance"},
      {"a kind that is no text", R"({"kind":1})", "{}", ErrorCode::unsupported, "saw 1"},
      {"timings cut short", kJob, "{", ErrorCode::corrupt, "timings"},
      {"timings that are a list", kJob, "[]", ErrorCode::corrupt, "timings"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto page = report_html(c.job, c.timings);
    ASSERT_FALSE(page);
    EXPECT_EQ(page.error().code, c.code);
    EXPECT_NE(page.error().message.find(c.says), std::string::npos) << page.error().message;
  }
}

}  // namespace
}  // namespace ballast
