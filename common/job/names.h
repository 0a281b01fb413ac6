#pragma once

// The written names of the spec's enumerators: one list for YAML, JSON and messages, so that
// what a user wrote, what a manifest keeps and what an error says are the same words.

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/base/check.h"
#include "common/job/run.h"
#include "common/job/spec.h"
#include "common/job/tables.h"

namespace ballast {

template <class E>
struct EnumName {
  E value;
  std::string_view name;
};

// Every enumerator once, in the order the documentation lists them.
template <class E>
[[nodiscard]] std::span<const EnumName<E>> names_of();

template <>
std::span<const EnumName<DataFormat>> names_of();
template <>
std::span<const EnumName<ColumnType>> names_of();
template <>
std::span<const EnumName<BadRow>> names_of();
template <>
std::span<const EnumName<TransformKind>> names_of();
template <>
std::span<const EnumName<ImputeWith>> names_of();
template <>
std::span<const EnumName<ClipBy>> names_of();
template <>
std::span<const EnumName<LayerKind>> names_of();
template <>
std::span<const EnumName<Combine>> names_of();
template <>
std::span<const EnumName<Initializer>> names_of();
template <>
std::span<const EnumName<ModelKind>> names_of();
template <>
std::span<const EnumName<LossKind>> names_of();
template <>
std::span<const EnumName<Task>> names_of();
template <>
std::span<const EnumName<OptimizerKind>> names_of();
template <>
std::span<const EnumName<ScheduleKind>> names_of();
template <>
std::span<const EnumName<Consistency>> names_of();
template <>
std::span<const EnumName<ThresholdMetric>> names_of();
template <>
std::span<const EnumName<ThresholdSource>> names_of();
template <>
std::span<const EnumName<NonFinite>> names_of();
template <>
std::span<const EnumName<DurabilityMode>> names_of();
template <>
std::span<const EnumName<KernelFamily>> names_of();
template <>
std::span<const EnumName<Split>> names_of();
template <>
std::span<const EnumName<SplitKind>> names_of();
template <>
std::span<const EnumName<SearchMethod>> names_of();
template <>
std::span<const EnumName<ChoiceRule>> names_of();
template <>
std::span<const EnumName<ParameterKind>> names_of();
template <>
std::span<const EnumName<TableKind>> names_of();

template <class E>
[[nodiscard]] std::string_view name_of(E value) {
  for (const EnumName<E>& entry : names_of<E>()) {
    if (entry.value == value) return entry.name;
  }
  BALLAST_CHECK(false && "an enumerator without a name");
  return {};
}

template <class E>
[[nodiscard]] std::optional<E> value_named(std::string_view name) {
  for (const EnumName<E>& entry : names_of<E>()) {
    if (entry.name == name) return entry.value;
  }
  return std::nullopt;
}

// The metrics that early stop can watch and a search compare by: "loss", and those of
// common/math/metrics_report.h.
[[nodiscard]] std::vector<std::string_view> watchable_metrics(Task task);

}  // namespace ballast
