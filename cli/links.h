#pragma once

// How the links of a cluster are protected: with keys, or not at all and then only within this
// machine unless that is waived.

#include <CLI/CLI.hpp>
#include <optional>
#include <set>
#include <string>

#include "common/base/result.h"
#include "common/net/endpoint.h"
#include "common/net/keys.h"

namespace ballast {

struct LinkOptions {
  std::string keys;  // Directory; empty: none
  bool insecure = false;
};

// What a transport needs of it.
struct Links {
  std::optional<LinkKeys> keys;
  Reach reach = Reach::loopback;  // Beyond this machine with keys, or --insecure.
};

// Whose public keys processes of this role read.
[[nodiscard]] std::set<KeyRole> public_keys_of(KeyRole role);
// The files of a key directory that processes of this role read.
[[nodiscard]] std::string key_files_of(KeyRole role);
// --keys and --insecure.
void add_links(CLI::App& verb, LinkOptions& options, KeyRole role);
// Reads the keys.
[[nodiscard]] Result<Links> open_links(const LinkOptions& options, KeyRole role);

// Where a process listens on all addresses, this machine is asked.
[[nodiscard]] std::string reachable_here(std::string endpoint);

}  // namespace ballast
