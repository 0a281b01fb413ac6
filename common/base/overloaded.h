#pragma once

// Makes one callable of several, for std::visit.

namespace ballast {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;  // clang 14 does not deduce aggregates by itself.

}  // namespace ballast
