#include "worker/data/table_manifest.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "common/job/json_text.h"
#include "common/job/text.h"
#include "worker/data/manifest_json.h"
#include "worker/data/mapped_files.h"

namespace ballast {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint32_t kTableVersion = 1;
constexpr std::string_view kTableKind = "table";

// Paths are bytes, and samples are cut in the middle of what they quote. What is no UTF-8 is
// written as {"bytes": "<hexadecimal>"}.
Json text_to_json(const std::string& text) {
  if (is_utf8(text)) return text;
  return Json{{"bytes", hexadecimal(text)}};
}

std::string text_from_json(const Json& json) {
  if (!json.is_object()) return json.get<std::string>();
  std::string text;
  const Json& digits = json.at("bytes");
  if (!from_hexadecimal(digits.get_ref<const std::string&>(), text)) {
    throw Json::type_error::create(302, "expected hexadecimal digits", &digits);
  }
  return text;
}

Json texts_to_json(const std::vector<std::string>& texts) {
  Json json = Json::array();
  for (const std::string& text : texts) json.push_back(text_to_json(text));
  return json;
}

std::vector<std::string> texts_from_json(const Json& json) {
  std::vector<std::string> texts;
  for (const Json& text : json) texts.push_back(text_from_json(text));
  return texts;
}

Json source_to_json(const TableReport::Source& source) {
  Json not_numeric = Json::array();
  for (const auto& [column, cell] : source.not_numeric) {
    not_numeric.push_back(Json::array({column, text_to_json(cell)}));
  }
  return {{"files", texts_to_json(source.files)},
          {"not_numeric", not_numeric},
          {"rows_skipped", source.rows_skipped},
          {"skipped_samples", texts_to_json(source.skipped_samples)}};
}

TableReport::Source source_from_json(const Json& json) {
  TableReport::Source source;
  source.files = texts_from_json(json.at("files"));
  for (const Json& entry : json.at("not_numeric")) {
    source.not_numeric.emplace_back(whole_number<std::size_t>(entry.at(0)),
                                    text_from_json(entry.at(1)));
  }
  source.rows_skipped = whole_number<std::uint64_t>(json.at("rows_skipped"));
  source.skipped_samples = texts_from_json(json.at("skipped_samples"));
  return source;
}

}  // namespace

std::string to_json(const TableManifest& manifest) {
  Json json{{"version", kTableVersion}, {"kind", kTableKind}};
  for (std::size_t t = 0; t < kTables; ++t) {
    const ManifestTable& table = manifest.tables[t];
    json["tables"][kTableNames[t]] = {
        {"blocks", table.blocks}, {"rows", table.rows}, {"examples", table.examples}};
  }
  json["files"] = files_to_json<Json>(manifest.files);
  return json_text(json, 1);
}

Result<TableManifest> table_manifest_from_json(const std::string& text,
                                               const std::string& path) try {
  const Json json = parse_shallow_json<Json>(text);
  if (const auto version = whole_number<std::uint32_t>(json.at("version"));
      version != kTableVersion) {
    return other_version(path, kTableVersion, version);
  }
  if (json.at("kind").get<std::string>() != kTableKind) {
    return no_manifest(path, "a packed table", "another kind");
  }
  TableManifest manifest;
  for (std::size_t t = 0; t < kTables; ++t) {
    const Json& table = json.at("tables").at(kTableNames[t]);
    manifest.tables[t] = {.blocks = whole_number<std::uint64_t>(table.at("blocks")),
                          .rows = whole_number<std::uint64_t>(table.at("rows")),
                          .examples = whole_number<std::uint64_t>(table.at("examples"))};
  }
  manifest.files = files_from_json(json.at("files"));
  return manifest;
} catch (const nlohmann::json::exception& exception) {
  return no_manifest(path, "a packed table", exception.what());
}

std::string to_json(const TableReport& report) {
  Json json;
  for (std::size_t t = 0; t < kTables; ++t) {
    json["sources"][kTableNames[t]] = source_to_json(report.sources[t]);
  }
  json["duplicates_dropped"] = report.duplicates_dropped;
  return json_text(json, 1);
}

Result<TableReport> table_report_from_json(const std::string& text, const std::string& path) try {
  const Json json = parse_shallow_json<Json>(text);
  TableReport report;
  for (std::size_t t = 0; t < kTables; ++t) {
    report.sources[t] = source_from_json(json.at("sources").at(kTableNames[t]));
  }
  report.duplicates_dropped = whole_number<std::uint64_t>(json.at("duplicates_dropped"));
  return report;
} catch (const nlohmann::json::exception& exception) {
  return damaged(path, fmt::format("expected a report of skipped rows, saw something else ({})",
                                   exception.what()));
}

}  // namespace ballast
