#pragma once

// A directory with the keys of a whole cluster (common/net/keys.h): ROLE.secret and ROLE.public of
// each role. Whoever runs the cluster keeps it; each machine gets the part that its role reads.
//
// Keys are changed while the cluster runs, in three steps (docs/security.md). Each leaves the
// directory such that doing it again, after a crash too, finds what is left to do.

#include <map>
#include <span>
#include <string>

#include "common/base/result.h"
#include "common/net/keys.h"

namespace ballast {

[[nodiscard]] std::span<const KeyRole> key_roles();

// Makes the directory and the first pairs. exists: there are keys; they are never replaced.
[[nodiscard]] Status make_key_directory(const std::string& directory);

// Draws the next pair of each role that has none: ROLE.secret.next, and a line more in ROLE.public.
[[nodiscard]] Status add_next_keys(const std::string& directory);
// ROLE.secret.next becomes ROLE.secret. not_found: no role has one.
[[nodiscard]] Status switch_keys(const std::string& directory);
// Takes the keys out of each ROLE.public that belong neither to ROLE.secret nor to
// ROLE.secret.next. conflict: a ROLE.secret.next is there, so the keys that would go are in use.
[[nodiscard]] Status retire_keys(const std::string& directory);

// As text: what a role's secret is, and what is in its .public.
struct RoleKeys {
  std::string secret;
  std::string public_keys;  // A line each, without the last line's end.
};
[[nodiscard]] Result<std::map<KeyRole, RoleKeys>> read_key_directory(const std::string& directory);

}  // namespace ballast
