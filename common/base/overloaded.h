#pragma once

// Makes one callable of several, for std::visit.

namespace ballast {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

}  // namespace ballast
