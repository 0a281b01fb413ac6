#include "worker/model/key_sort.h"

#include <algorithm>
#include <array>

#include "common/base/check.h"

namespace ballast {
namespace {

constexpr std::size_t kDigits = 8;
using Counts = std::array<std::array<std::uint32_t, 256>, kDigits>;

std::uint8_t digit(Key key, std::size_t place) {
  return static_cast<std::uint8_t>(key >> (8 * place));
}

Key key_of(const Occurrence& item) { return item.key; }
Key key_of(Key key) { return key; }

template <class T>
void count_digits(std::span<const T> items, Counts& counts) {
  for (const T& item : items) {
    const Key key = key_of(item);
    for (std::size_t place = 0; place < kDigits; ++place) ++counts[place][digit(key, place)];
  }
}

// Counts become the position where the first item with that digit goes.
void to_offsets(std::array<std::uint32_t, 256>& counts) {
  std::uint32_t offset = 0;
  for (std::uint32_t& count : counts) {
    const std::uint32_t here = count;
    count = offset;
    offset += here;
  }
}

template <class T>
void radix_sort(std::span<T> items, std::span<T> scratch) {
  BALLAST_CHECK(scratch.size() == items.size() && items.size() <= UINT32_MAX);
  if (items.size() < 2) return;
  Counts counts{};
  count_digits<T>(items, counts);

  std::span<T> from = items;
  std::span<T> to = scratch;
  for (std::size_t place = 0; place < kDigits; ++place) {
    auto& offsets = counts[place];
    if (offsets[digit(key_of(from[0]), place)] == from.size()) continue;  // All agree.
    to_offsets(offsets);
    for (const T& item : from) to[offsets[digit(key_of(item), place)]++] = item;
    std::swap(from, to);
  }
  if (from.data() != items.data()) std::copy(from.begin(), from.end(), items.begin());
}

}  // namespace

void sort_by_key(std::span<Occurrence> items, std::span<Occurrence> scratch) {
  radix_sort(items, scratch);
}

void sort_unique(std::vector<Key>& keys) {
  // The vector's own tail is the scratch space: callers keep the vector, and with it the memory.
  const std::size_t n = keys.size();
  keys.resize(2 * n);
  const std::span<Key> all(keys);
  radix_sort(all.first(n), all.last(n));
  keys.resize(n);
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
}

}  // namespace ballast
