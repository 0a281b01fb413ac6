#pragma once

// The enums that travel as numbers have the same order in C++ and in the schema; this file holds
// them to it. Included by the codec's two source files only.

#include "ballast.capnp.h"
#include "common/wire/messages.h"

namespace ballast::wire {

template <class A, class B>
constexpr bool same_number(A a, B b) {
  return static_cast<int>(a) == static_cast<int>(b);
}

static_assert(same_number(Role::worker, schema::Role::WORKER));
static_assert(same_number(Role::server, schema::Role::SERVER));
static_assert(same_number(Ending::user_error, schema::Ending::USER_ERROR));
static_assert(same_number(Ending::fault, schema::Ending::FAULT));
static_assert(same_number(Ending::interrupted, schema::Ending::INTERRUPTED));
static_assert(same_number(Split::validation, schema::Split::VALIDATION));
static_assert(same_number(Split::test, schema::Split::TEST));
static_assert(same_number(KernelFamily::automatic, schema::KernelFamily::AUTOMATIC));
static_assert(same_number(KernelFamily::haswell, schema::KernelFamily::HASWELL));
static_assert(same_number(KernelFamily::zen, schema::KernelFamily::ZEN));
static_assert(same_number(KernelFamily::skylakex, schema::KernelFamily::SKYLAKEX));
static_assert(same_number(KernelFamily::cooperlake, schema::KernelFamily::COOPERLAKE));
static_assert(same_number(KernelFamily::sapphirerapids, schema::KernelFamily::SAPPHIRERAPIDS));

// Frame 0: this many bytes of checksum, then the serialized header.
inline constexpr std::size_t kSealBytes = 8;

}  // namespace ballast::wire
