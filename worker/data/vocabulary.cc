#include "worker/data/vocabulary.h"

#include <algorithm>
#include <bit>

#include "common/base/hash.h"
#include "worker/data/parallel.h"

namespace ballast {

namespace {

// Keys are counted in parts by their highest bits, so that a part's table stays in the cache.
constexpr std::uint32_t kPartBits = 5;
constexpr std::size_t kParts = std::size_t{1} << kPartBits;

// Counts keys of one part; grows by doubling.
class Counter {
 public:
  Counter() : keys_(1024), counts_(1024) {}

  void add(Key key) {
    std::size_t slot = slot_of(key);
    while (counts_[slot] != 0 && keys_[slot] != key) slot = (slot + 1) & (keys_.size() - 1);
    if (counts_[slot] == 0) {
      keys_[slot] = key;
      used_ += 1;
    }
    if (counts_[slot] != ~std::uint32_t{0}) counts_[slot] += 1;
    if (used_ * 2 > keys_.size()) grow();
  }

  [[nodiscard]] std::vector<Key> at_least(std::uint32_t min_count) const {
    std::vector<Key> keys;
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      if (counts_[i] != 0 && counts_[i] >= min_count) keys.push_back(keys_[i]);
    }
    std::sort(keys.begin(), keys.end());
    return keys;
  }

 private:
  [[nodiscard]] std::size_t slot_of(Key key) const { return mix(key) & (keys_.size() - 1); }

  void grow() {
    std::vector<Key> keys(keys_.size() * 2);
    std::vector<std::uint32_t> counts(keys.size());
    keys.swap(keys_);
    counts.swap(counts_);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (counts[i] == 0) continue;
      std::size_t slot = slot_of(keys[i]);
      while (counts_[slot] != 0) slot = (slot + 1) & (keys_.size() - 1);
      keys_[slot] = keys[i];
      counts_[slot] = counts[i];
    }
  }

  std::vector<Key> keys_;
  std::vector<std::uint32_t> counts_;  // 0: an empty slot.
  std::size_t used_ = 0;
};

}  // namespace

std::vector<Key> frequent_keys(std::span<const std::vector<Key>> lists, std::uint32_t min_count,
                               std::uint32_t threads) {
  std::vector<std::vector<Key>> parts(kParts);
  parallel_for(kParts, threads, [&](std::size_t part) {
    Counter counter;
    for (const std::vector<Key>& list : lists) {
      for (const Key key : list) {
        if (key >> (64 - kPartBits) == part) counter.add(key);
      }
    }
    parts[part] = counter.at_least(min_count);
  });
  std::vector<Key> keys;  // Parts are ranges of keys, in order: together they are sorted.
  for (const std::vector<Key>& part : parts) keys.insert(keys.end(), part.begin(), part.end());
  return keys;
}

KeySet::KeySet(std::span<const Key> keys)
    : slots_(std::bit_ceil(std::max<std::size_t>(keys.size() * 2, 16))), mask_(slots_.size() - 1) {
  for (const Key key : keys) {
    if (key == 0) {
      has_zero_ = true;
      continue;
    }
    std::uint64_t slot = mix(key) & mask_;
    while (slots_[slot] != 0 && slots_[slot] != key) slot = (slot + 1) & mask_;
    slots_[slot] = key;
  }
}

bool KeySet::contains(Key key) const {
  if (key == 0) return has_zero_;
  std::uint64_t slot = mix(key) & mask_;
  while (slots_[slot] != 0) {
    if (slots_[slot] == key) return true;
    slot = (slot + 1) & mask_;
  }
  return false;
}

}  // namespace ballast
