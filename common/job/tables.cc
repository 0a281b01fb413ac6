#include "common/job/tables.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/base/philox.h"

namespace ballast {

std::uint64_t floats_of(const TableSpec& table) {
  std::uint64_t floats = 1;
  for (const std::uint32_t size : table.shape) floats *= size;
  return floats;
}

std::uint32_t blocks_of(const TableSpec& table) {
  return static_cast<std::uint32_t>((floats_of(table) + kBlockFloats - 1) / kBlockFloats);
}

std::uint32_t floats_of_block(const TableSpec& table, std::uint32_t block) {
  const std::uint64_t begin = std::uint64_t{block} * kBlockFloats;
  BALLAST_CHECK(begin < floats_of(table));
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(floats_of(table) - begin, kBlockFloats));
}

void initialize(const TableSpec& table, std::uint64_t seed, Key key, std::span<float> out) {
  if (table.initializer == Initializer::zeros) {
    std::fill(out.begin(), out.end(), 0.0F);
    return;
  }
  const PhiloxStream random(seed, Purpose::initial, key, index(table.id));
  if (table.initializer == Initializer::normal) {
    // The sum of four uniforms, centred and scaled to unit variance (Irwin-Hall): bell-shaped,
    // bounded at 3.5 deviations, and free of transcendental functions.
    for (std::size_t i = 0; i < out.size(); ++i) {
      const PhiloxBlock words = random.block(static_cast<std::uint32_t>(i));
      float sum = 0.0F;
      for (const std::uint32_t word : words) sum += PhiloxStream::to_unit(word) - 0.5F;
      out[i] = table.initial_bound * (sum * 1.7320508F);
    }
    return;
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = table.initial_bound * (2.0F * random.uniform(i) - 1.0F);
  }
}

}  // namespace ballast
