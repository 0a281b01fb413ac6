#include "coordinator/report/report.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/job/json_text.h"
#include "coordinator/report/template.h"

namespace ballast {
namespace {

Result<nlohmann::json> parse_object(std::string_view text, const std::string& what) try {
  auto json = parse_shallow_json<nlohmann::json>(text);
  if (json.is_object()) return json;
  return Error{ErrorCode::corrupt,
               "truncated or altered: expected " + what + ", a JSON object, saw something else"};
} catch (const nlohmann::json::exception&) {
  return Error{ErrorCode::corrupt,
               "truncated or altered: expected " + what + ", a JSON object, saw something else"};
}

Status check_kind(const nlohmann::json& job) {
  static constexpr std::array<std::string_view, 3> kKinds = {"cross_validation", "search",
                                                             "training"};
  const auto kind = job.find("kind");
  if (kind != job.end() && kind->is_string() &&
      std::ranges::find(kKinds, kind->get_ref<const std::string&>()) != kKinds.end()) {
    return {};
  }
  return Error{ErrorCode::unsupported,
               "expected the kind to be cross_validation, search or training, saw " +
                   (kind == job.end() ? std::string("none") : kind->dump())};
}

}  // namespace

Result<std::string> report_html(std::string_view job_json, std::string_view timings_json) {
  const auto job = parse_object(job_json, "a job");
  if (!job) return job.error();
  if (const Status known = check_kind(*job); !known) return known.error();
  if (const auto timings = parse_object(timings_json, "timings"); !timings) return timings.error();
  std::string page(kReportHead);
  page += escape_for_script(job_json);
  page += kReportMiddle;
  page += escape_for_script(timings_json);
  page += kReportTail;
  return page;
}

std::string escape_for_script(std::string_view json) {
  constexpr std::string_view kLineSeparator = "\xE2\x80\xA8";
  constexpr std::string_view kParagraphSeparator = "\xE2\x80\xA9";
  std::string escaped;
  escaped.reserve(json.size());
  for (std::size_t i = 0; i < json.size(); ++i) {
    const std::string_view rest = json.substr(i);
    if (rest.starts_with(kLineSeparator) || rest.starts_with(kParagraphSeparator)) {
      escaped += rest.starts_with(kLineSeparator) ? "\\u2028" : "\\u2029";
      i += kLineSeparator.size() - 1;
    } else if (json[i] == '<') {
      escaped += "\\u003c";
    } else {
      escaped += json[i];
    }
  }
  return escaped;
}

}  // namespace ballast
