#pragma once

// Sorting 64-bit keys, the one costly step between examples and rows of a sparse table. A radix
// sort from the lowest byte up (LSD; Knuth, TAOCP 5.2.5): stable, no comparisons, and the bytes in
// which all keys agree cost nothing, so that keys below 2^20 need three passes and hashed ones
// eight. Stability is what keeps the occurrences of one key in example order.

#include <cstdint>
#include <span>
#include <vector>

#include "common/base/ids.h"

namespace ballast {

// Where a key was seen. Positions count the entries of a leaf in example order.
struct Occurrence {
  Key key;
  std::uint32_t position;
};

// Sorts by key and, within a key, leaves the order as it was. `scratch` is overwritten.
// REQUIRES: scratch is as long as items.
void sort_by_key(std::span<Occurrence> items, std::span<Occurrence> scratch);

// Sorts and keeps one of each.
void sort_unique(std::vector<Key>& keys);

}  // namespace ballast
