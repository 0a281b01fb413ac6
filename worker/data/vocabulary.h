#pragma once

// Counting keys over a whole split, to leave out the rare ones.

#include <cstdint>
#include <span>
#include <vector>

#include "common/base/ids.h"

namespace ballast {

// The keys that occur at least `min_count` times in all lists together, sorted.
[[nodiscard]] std::vector<Key> frequent_keys(std::span<const std::vector<Key>> lists,
                                             std::uint32_t min_count, std::uint32_t threads);

// Membership in a fixed set of keys: open addressing, one probe for most.
class KeySet {
 public:
  explicit KeySet(std::span<const Key> keys);
  [[nodiscard]] bool contains(Key key) const;

 private:
  std::vector<Key> slots_;  // 0 marks an empty slot.
  std::uint64_t mask_ = 0;
  bool has_zero_ = false;
};

}  // namespace ballast
