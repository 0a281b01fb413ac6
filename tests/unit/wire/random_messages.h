#pragma once

// Valid messages with random contents, from a seed alone, and whether two are the same.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/hash.h"
#include "common/wire/messages.h"
#include "tests/unit/wire/fields.h"

namespace ballast::wire {

class Random {
 public:
  explicit Random(std::uint64_t seed) : seed_(seed) {}
  std::uint64_t word() { return mix(++count_, seed_); }
  std::uint64_t below(std::uint64_t bound) { return word() % bound; }

 private:
  std::uint64_t seed_;
  std::uint64_t count_ = 0;
};

// How large arrays get, at most: 2^bits floats.
struct MessageSize {
  unsigned float_bits = 8;
  unsigned list_max = 4;
};

class MessageMaker {
 public:
  MessageMaker(std::uint64_t seed, MessageSize size) : random_(seed), size_(size) {}

  // REQUIRES: kind < std::variant_size_v<AnyMessage>
  Message make(std::size_t kind) {
    Message message;
    fill(message.from);
    fill(message.term);
    fill(message.run);
    make_body(message.body, kind, std::make_index_sequence<std::variant_size_v<AnyMessage>>{});
    return message;
  }

 private:
  template <std::size_t... I>
  void make_body(Body& body, std::size_t kind, std::index_sequence<I...>) {
    ((I == kind ? fill(body.emplace<I>()) : void()), ...);
  }

  template <class T>
  void fill(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      value = random_.below(2) == 1;
    } else if constexpr (std::is_floating_point_v<T>) {
      value = static_cast<T>(static_cast<double>(random_.word()) / 3.0);
    } else if constexpr (std::is_integral_v<T>) {
      value = static_cast<T>(random_.word());
    } else if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(random_.word());
    } else {
      fill_fields(value);
    }
  }
  void fill(Role& value) { value = static_cast<Role>(random_.below(3)); }
  void fill(Ending& value) { value = static_cast<Ending>(random_.below(4)); }
  void fill(FilesVerb& value) { value = static_cast<FilesVerb>(random_.below(4)); }
  void fill(FilesPlace& value) { value = static_cast<FilesPlace>(random_.below(3)); }
  void fill(Split& value) { value = static_cast<Split>(random_.below(3)); }
  void fill(KernelFamily& value) { value = static_cast<KernelFamily>(random_.below(6)); }
  void fill(std::string& value) {
    value.clear();
    for (std::uint64_t i = random_.below(40); i > 0; --i) {
      value.push_back(static_cast<char>(random_.below(256)));
    }
  }
  template <class T>
  void fill(std::vector<T>& value) {
    value.resize(random_.below(size_.list_max + 1));
    for (T& item : value) fill(item);
  }
  void fill(Bytes& value) { value = floats(random_.below(1ULL << size_.float_bits)); }
  void fill(Node& value) {
    value.level = static_cast<std::uint32_t>(random_.below(32));
    value.position = static_cast<std::uint32_t>(random_.below(1ULL << (31 - value.level)));
  }
  void fill(LeafRange& value) {
    fill_fields(value);
    if (value.begin > value.end) std::swap(value.begin, value.end);
  }
  void fill(Evaluate& value) {
    fill_fields(value);
    if (value.begin > value.end) std::swap(value.begin, value.end);
  }
  void fill(Held& value) {
    fill_fields(value);
    follow_each_other(value.commits);
  }
  void fill(PartitionCopy& value) {
    fill_fields(value);
    if (value.commits.empty()) value.commits.emplace_back();
    follow_each_other(value.commits);
  }
  template <class T>
  void fill(std::optional<T>& value) {
    if (random_.below(2) == 0) fill(value.emplace());
  }
  void fill(std::vector<RunId>& value) {  // Ascending.
    value.resize(random_.below(size_.list_max + 1));
    std::uint64_t last = 0;
    for (RunId& run : value) run = RunId{last += 1 + random_.below(1ULL << 32)};
  }
  void fill(std::vector<ServedJob>& value) {  // Ascending.
    value.resize(random_.below(size_.list_max + 1));
    std::uint64_t last = 0;
    for (ServedJob& served : value) {
      served = {JobId{last += 1 + random_.below(1ULL << 32)}, random_.word()};
    }
  }
  void fill(std::vector<Posting>& value) {  // The same.
    std::vector<ServedJob> jobs;
    fill(jobs);
    value.resize(jobs.size());
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      value[i].job = jobs[i];
      fill(value[i].coordinator);
    }
  }
  void fill(Section& value) {
    fill(value.node);
    fill(value.partition);
    fill(value.table);
    fill(value.block);
    const std::uint64_t rows = random_.below(1ULL << size_.float_bits) / 2;
    value.keys = random_.below(3) == 0 ? Bytes{} : keys(rows);
    const std::uint64_t width = 1 + random_.below(3);
    value.values = floats(value.keys.size() / sizeof(Key) * width);
    if (value.keys.size() == 0) fill(value.values);
  }
  void fill(Evaluated& value) {
    fill_fields(value);
    value.weights = keys(random_.below(1ULL << size_.float_bits) / 2);  // Any eight bytes.
  }
  void fill(Records& value) {
    fill(value.table);
    value.keys = keys(1 + random_.below(1ULL << size_.float_bits) / 2);
    value.versions = keys(value.keys.size() / sizeof(Key));
    value.floats = floats(value.keys.size() / sizeof(Key) * random_.below(3));
  }
  void fill(Pull& value) {
    fill_fields(value);
    for (Section& section : value.keys) section.values = {};
  }
  void fill(Values& value) {
    fill_fields(value);
    for (Section& section : value.sections) section.keys = {};
  }

  template <class T>
  void fill_fields(T& value) {
    std::apply([this](auto&... field) { (this->fill(field), ...); }, fields::of(value));
  }

  static void follow_each_other(std::vector<Commit>& commits) {
    for (std::size_t i = 0; i < commits.size(); ++i) commits[i].step = 7 + i;
  }

  Bytes floats(std::uint64_t count) {
    std::vector<float> values(count);
    for (float& value : values) value = static_cast<float>(random_.word()) / 7.0F;
    return Bytes::own(std::move(values));
  }
  Bytes keys(std::uint64_t count) {
    std::vector<Key> values(count);
    Key last = 0;
    for (Key& value : values) value = last += 1 + random_.below(1ULL << 32);
    return Bytes::own(std::move(values));
  }

  Random random_;
  const MessageSize size_;
};

// ---- equality -----------------------------------------------------------------------------------

template <class T>
bool same(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::memcmp(&a, &b, sizeof a) == 0;  // A NaN is the same as itself.
  } else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T> ||
                       std::is_same_v<T, std::string>) {
    return a == b;
  } else if constexpr (std::is_same_v<T, Bytes>) {
    return a.text() == b.text();
  } else if constexpr (requires { a.has_value(), *a; }) {
    return a.has_value() == b.has_value() && (!a.has_value() || same(*a, *b));
  } else if constexpr (requires { a.begin(), typename T::value_type{}; }) {
    using Item = typename T::value_type;
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const Item& x, const Item& y) { return same(x, y); });
  } else {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      [[maybe_unused]] const auto x = fields::of(a);
      [[maybe_unused]] const auto y = fields::of(b);
      return (same(std::get<I>(x), std::get<I>(y)) && ...);
    }
    (std::make_index_sequence<fields::count<T>()>{});
  }
}

inline bool same_message(const Message& a, const Message& b) {
  if (a.from != b.from || a.term != b.term || a.body.index() != b.body.index()) return false;
  return std::visit(
      [&](const auto& body) {
        return same(body, std::get<std::remove_cvref_t<decltype(body)>>(b.body));
      },
      a.body);
}

}  // namespace ballast::wire
