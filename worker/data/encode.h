#pragma once

// Turns the selected rows of a table into the arrays that training reads.

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "worker/data/packed.h"
#include "worker/data/parallel.h"
#include "worker/data/pipeline.h"
#include "worker/data/rows.h"
#include "worker/data/table.h"

namespace ballast {

struct EncodeRequest {
  const Table& table;
  const Selection& selection;
  const std::vector<std::vector<float>>& labels;  // By block and row of the table.
  const Pipeline& pipeline;
  std::string name;  // Of the split: arrays are called "train.labels.f32" and so on.
  std::uint32_t threads = 1;
};

// A number that is missing, or that 32 bits cannot hold, where a feature must be, is an error that
// names the row.
[[nodiscard]] Result<PackedSplit> encode_split(const EncodeRequest& request, ArrayStore& store,
                                               Meter& meter);

// The names of a split's arrays.
[[nodiscard]] std::string labels_array(std::string_view split);
[[nodiscard]] std::string weights_array(std::string_view split);
[[nodiscard]] std::string dense_array(std::string_view split);
[[nodiscard]] std::string offsets_array(std::string_view split, std::size_t group);
[[nodiscard]] std::string keys_array(std::string_view split, std::size_t group);
[[nodiscard]] std::string values_array(std::string_view split, std::size_t group);

}  // namespace ballast
