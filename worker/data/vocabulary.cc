#include "worker/data/vocabulary.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

#include "common/base/hash.h"
#include "worker/data/parallel.h"

namespace ballast {

namespace {

// Keys are counted in parts by their highest bits, so that a part's table stays in the cache.
constexpr std::uint32_t kPartBits = 5;
constexpr std::size_t kParts = std::size_t{1} << kPartBits;

std::size_t part_of(Key key) { return key >> (64 - kPartBits); }

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

// A list's keys ordered by part: part p is keys[begins[p], begins[p + 1]).
struct Parts {
  std::vector<Key> keys;
  std::array<std::size_t, kParts + 1> begins{};
};

Parts split_into_parts(const std::vector<Key>& list) {
  Parts parts;
  for (const Key key : list) parts.begins[part_of(key) + 1] += 1;
  std::partial_sum(parts.begins.begin(), parts.begins.end(), parts.begins.begin());
  std::array<std::size_t, kParts + 1> next = parts.begins;
  parts.keys.resize(list.size());
  for (const Key key : list) parts.keys[next[part_of(key)]++] = key;
  return parts;
}

}  // namespace

std::vector<Key> frequent_keys(std::span<const std::vector<Key>> lists, std::uint32_t min_count,
                               std::uint32_t threads) {
  std::vector<Parts> split(lists.size());
  parallel_for(lists.size(), threads,
               [&](std::size_t i) { split[i] = split_into_parts(lists[i]); });
  std::vector<std::vector<Key>> frequent(kParts);
  parallel_for(kParts, threads, [&](std::size_t p) {
    Counter counter;
    for (const Parts& parts : split) {
      for (std::size_t i = parts.begins[p]; i < parts.begins[p + 1]; ++i)
        counter.add(parts.keys[i]);
    }
    frequent[p] = counter.at_least(min_count);
  });
  std::vector<Key> keys;  // Parts are ranges of keys, in order: together they are sorted.
  for (const std::vector<Key>& part : frequent) keys.insert(keys.end(), part.begin(), part.end());
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
