#include "worker/data/rows.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <unordered_set>

#include "common/base/hash.h"
#include "common/base/philox.h"
#include "worker/data/parallel.h"

namespace ballast {

namespace {

// Two independent 64-bit hashes: rows that agree in both are taken for equal.
struct RowHash {
  std::uint64_t a = 0;
  std::uint64_t b = 1;

  void add(std::uint64_t value) {
    a = mix(value, a);
    b = mix(value, b);
  }
  void add(std::string_view text) {
    a = hash_text(text, a);
    b = hash_text(text, b);
  }
  void add(double number) {
    add(std::isnan(number) ? ~std::uint64_t{0} : std::bit_cast<std::uint64_t>(number + 0.0));
  }
  friend bool operator==(const RowHash&, const RowHash&) = default;
};

struct HashOfRow {
  std::size_t operator()(const RowHash& hash) const { return hash.a; }
};

void hash_column(const Table& table, const Block& block, std::size_t column,
                 std::span<const std::uint32_t> rows, std::vector<RowHash>& hashes) {
  if (table.columns[column].storage == Storage::texts) {
    const Strings& texts = block.columns[column].texts;
    for (std::size_t i = 0; i < rows.size(); ++i) hashes[i].add(texts[rows[i]]);
    return;
  }
  std::vector<double> numbers(rows.size());
  read_numbers(table, block, column, rows, numbers.data());
  for (std::size_t i = 0; i < rows.size(); ++i) hashes[i].add(numbers[i]);
}

void hash_entries(const SparseRows& sparse, std::span<const std::uint32_t> rows,
                  std::vector<RowHash>& hashes) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::uint64_t begin = rows[i] == 0 ? 0 : sparse.ends[rows[i] - 1];
    for (std::uint64_t entry = begin; entry < sparse.ends[rows[i]]; ++entry) {
      hashes[i].add(std::uint64_t{sparse.indices[entry]});
      hashes[i].add(static_cast<double>(sparse.values[entry]));
    }
  }
}

}  // namespace

Selection all_rows(const Table& table) {
  Selection selection;
  for (const Block& block : table.blocks) {
    selection.rows.emplace_back(block.rows);
    std::iota(selection.rows.back().begin(), selection.rows.back().end(), 0U);
  }
  return selection;
}

std::uint64_t drop_duplicates(const Table& table, const DuplicateRule& rule, std::uint32_t threads,
                              Selection& selection) {
  std::vector<std::vector<RowHash>> hashes(table.blocks.size());
  parallel_for(table.blocks.size(), threads, [&](std::size_t b) {
    hashes[b].resize(selection.rows[b].size());
    for (const std::size_t column : rule.columns) {
      hash_column(table, table.blocks[b], column, selection.rows[b], hashes[b]);
    }
    if (rule.sparse) hash_entries(table.blocks[b].sparse, selection.rows[b], hashes[b]);
  });

  std::unordered_set<RowHash, HashOfRow> seen;
  seen.reserve(selection.examples());
  std::uint64_t dropped = 0;
  for (std::size_t b = 0; b < selection.rows.size(); ++b) {
    std::vector<std::uint32_t>& rows = selection.rows[b];
    std::size_t kept = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (seen.insert(hashes[b][i]).second) rows[kept++] = rows[i];
    }
    dropped += rows.size() - kept;
    rows.resize(kept);
  }
  return dropped;
}

Selection take_validation(const Table& table, std::uint64_t seed, double fraction,
                          Selection& train) {
  Selection validation;
  validation.rows.resize(train.rows.size());
  std::uint64_t first = 0;
  for (std::size_t b = 0; b < train.rows.size(); ++b) {
    const auto is_train = [&](std::uint32_t row) {
      const PhiloxStream draw(seed, Purpose::split, first + row);
      return static_cast<double>(draw.uniform(0)) >= fraction;
    };
    auto& rows = train.rows[b];
    const auto middle = std::stable_partition(rows.begin(), rows.end(), is_train);
    validation.rows[b].assign(middle, rows.end());
    rows.erase(middle, rows.end());
    first += table.blocks[b].rows;
  }
  return validation;
}

}  // namespace ballast
