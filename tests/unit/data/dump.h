#pragma once

// What data sets and read rows say, as texts: to compare two of them.

#include <cstdint>
#include <cstdio>
#include <string>

#include "tests/unit/data/meaning.h"
#include "worker/data/dataset.h"
#include "worker/data/source_rows.h"

namespace ballast {

// Everything a data set says, so that two can be compared.
inline std::string dump(const Dataset& dataset) {
  std::string out;
  const auto number = [&](double value) {
    char text[40];
    std::snprintf(text, sizeof text, "%a ", value);
    out += text;
  };
  for (const std::string& name : dataset.schema().dense) out += name + " ";
  for (const std::string& name : dataset.schema().sparse_groups) out += name + " ";
  for (const std::string& name : dataset.schema().classes) out += name + " ";
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    out += "\nsplit\n";
    for (std::uint64_t i = 0; i < dataset.examples(split); ++i) {
      number(static_cast<double>(dataset.label(split, i)));
      if (const auto weights = dataset.weights(split); !weights.empty()) number(weights[i]);
      for (const float x : dataset.dense(split, i)) number(static_cast<double>(x));
      for (std::uint32_t g = 0; g < dataset.schema().sparse_groups.size(); ++g) {
        const Bag bag = dataset.bag(split, i, g);
        for (const Key key : bag.keys) out += std::to_string(key) + " ";
        for (const float x : bag.values) number(static_cast<double>(x));
        out += "| ";
      }
      out += "\n";
    }
  }
  return out;
}

// Everything that the rows of a split say, to the last bit and with the blocks that they lie in.
inline std::string dump(const SplitRows& rows) {
  std::string out = meaning(Result<Table>(rows.table));
  char text[40];
  for (std::size_t b = 0; b < rows.table.blocks.size(); ++b) {
    out += "block of " + std::to_string(rows.table.blocks[b].rows) + " rows; labels ";
    for (const float label : rows.labels[b]) {
      std::snprintf(text, sizeof text, "%a ", static_cast<double>(label));
      out += text;
    }
    out += "examples ";
    for (const std::uint32_t row : rows.selection.rows[b]) out += std::to_string(row) + " ";
  }
  return out;
}

}  // namespace ballast
