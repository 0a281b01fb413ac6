#pragma once

// The identifiers of design.md's vocabulary: distinct types where mixing two up would be a bug,
// plain counters where arithmetic is the point.

#include <compare>
#include <cstdint>
#include <functional>
#include <type_traits>

namespace ballast {

// One life of one process in one role. A restarted process is another member.
enum class MemberId : std::uint64_t {};
enum class PartitionId : std::uint32_t {};
enum class TableId : std::uint32_t {};
// One run of the job that a fleet works on, counted from 1.
enum class RunId : std::uint64_t {};
// A job that was submitted to a service, counted from 1.
enum class JobId : std::uint64_t {};

// Versions of the model are numbered by step: version 0 is the initial one, step t makes version t.
using Step = std::uint64_t;
using Timeline = std::uint64_t;
using PlanNumber = std::uint64_t;
// Of a coordinator: claimed exclusively in the checkpoint store, so a later one has a higher one.
// 0: none yet.
using Term = std::uint64_t;
using Leaf = std::uint32_t;
using Key = std::uint64_t;

template <class E>
requires std::is_enum_v<E>
[[nodiscard]] constexpr auto index(E id) { return static_cast<std::underlying_type_t<E>>(id); }

// The coordinator is the one member everybody knows before knowing anything.
inline constexpr MemberId kCoordinator{0};
// In a message: it is of no run, but about who serves which (common/runtime/crew.h).
inline constexpr RunId kFleet{0};

// An aligned dyadic range of leaves: [position << level, (position + 1) << level).
struct Node {
  std::uint32_t level = 0;
  std::uint32_t position = 0;

  [[nodiscard]] Leaf begin() const { return position << level; }
  [[nodiscard]] Leaf end() const { return (position + 1) << level; }
  [[nodiscard]] Node parent() const { return {level + 1, position / 2}; }
  [[nodiscard]] Node sibling() const { return {level, position ^ 1U}; }
  [[nodiscard]] bool is_left() const { return position % 2 == 0; }
  [[nodiscard]] bool covers(Node other) const {
    return begin() <= other.begin() && other.end() <= end();
  }

  friend auto operator<=>(const Node&, const Node&) = default;
};

// A half-open range of leaves, not necessarily aligned.
struct LeafRange {
  Leaf begin = 0;
  Leaf end = 0;

  [[nodiscard]] bool empty() const { return begin >= end; }
  [[nodiscard]] bool contains(Leaf leaf) const { return begin <= leaf && leaf < end; }
  friend auto operator<=>(const LeafRange&, const LeafRange&) = default;
};

}  // namespace ballast
