#pragma once

// What the tests of worker/data share: sources that live in memory, directories that go away, and
// specs that are short to write.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/job/spec.h"
#include "worker/data/read.h"

namespace ballast {

// An empty directory of one test, removed with the object.
class TestDirectory {
 public:
  TestDirectory() {
    std::string name = std::filesystem::temp_directory_path().string() + "/ballast-data-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~TestDirectory() { std::filesystem::remove_all(path_); }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  std::string write(const std::string& name, std::string_view content) const {
    const std::string path = path_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary)
        .write(content.data(), static_cast<std::streamsize>(content.size()));
    return path;
  }

 private:
  std::string path_;
};

inline std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A spec for CSV text whose label column is "y".
inline Spec csv_spec(std::vector<ColumnSpec> columns = {}) {
  Spec spec;
  spec.data.format = DataFormat::csv;
  spec.data.columns = std::move(columns);
  spec.data.label = "y";
  spec.model.task = Task::multiclass;
  return spec;
}

inline TransformSpec transform(TransformKind kind, std::vector<std::string> columns = {}) {
  TransformSpec spec;
  spec.kind = kind;
  spec.columns = std::move(columns);
  return spec;
}

// Files of a split, named "a.csv", "b.csv" ...
inline SplitFiles split_of(const std::vector<std::string_view>& texts) {
  SplitFiles split;
  split.field = "data.train";
  char name = 'a';
  for (const std::string_view text : texts) {
    split.files.push_back({std::string(1, name++) + ".csv", Bytes::copy(text)});
  }
  return split;
}

inline Result<Table> read_texts(const Spec& spec, const std::vector<std::string_view>& texts,
                                const ReadOptions& options = {}, const Table* like = nullptr) {
  Meter meter(nullptr);
  return read_table(spec, split_of(texts), like, options, meter);
}

// A column's cells over all blocks, as text; numbers in their shortest form, missing as "-".
inline std::vector<std::string> cells_of(const Table& table, const std::string& name) {
  std::vector<std::string> cells;
  const auto c = find_column(table, name);
  EXPECT_TRUE(c.has_value()) << name;
  std::string scratch;
  for (const Block& block : table.blocks) {
    for (std::size_t row = 0; row < block.rows; ++row) {
      const std::string_view text = text_of(table, block, *c, row, scratch);
      cells.emplace_back(text.empty() ? "-" : text);
    }
  }
  return cells;
}

using Cells = std::vector<std::string>;

}  // namespace ballast
