#pragma once

// The manifest of a packed table, as JSON. Like that of a prepared data set (manifest.h) it holds
// nothing of this machine. Where a row came from, and what was skipped, is in the report beside it,
// which has a digest of its own.

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "worker/data/manifest.h"
#include "worker/data/table.h"

namespace ballast {

inline constexpr const char* kColumnsFile = "columns.json";
inline constexpr const char* kReportDigestFile = "report.sha256";

// The splits that a packed table has: data.train and data.test.
inline constexpr std::size_t kTables = 2;
inline constexpr std::array<const char*, kTables> kTableNames = {"train", "test"};

struct ManifestTable {
  std::uint64_t blocks = 0;    // 0: the split is not there.
  std::uint64_t rows = 0;      // All that were read,
  std::uint64_t examples = 0;  // and those that remain.
};

struct TableManifest {
  std::array<ManifestTable, kTables> tables;
  std::vector<ManifestFile> files;
};

[[nodiscard]] std::string to_json(const TableManifest& manifest);
[[nodiscard]] Result<TableManifest> table_manifest_from_json(const std::string& json,
                                                             const std::string& path);

// Where rows came from and what was wrong with some: for messages alone.
struct TableReport {
  struct Source {
    std::vector<std::string> files;
    std::vector<std::pair<std::size_t, std::string>> not_numeric;  // By column.
    std::uint64_t rows_skipped = 0;
    std::vector<std::string> skipped_samples;
  };
  std::array<Source, kTables> sources;
  std::uint64_t duplicates_dropped = 0;
};

[[nodiscard]] std::string to_json(const TableReport& report);
[[nodiscard]] Result<TableReport> table_report_from_json(const std::string& json,
                                                         const std::string& path);

}  // namespace ballast
