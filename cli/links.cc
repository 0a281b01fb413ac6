#include "cli/links.h"

#include <utility>

namespace ballast {

std::set<KeyRole> public_keys_of(KeyRole role) {
  std::set<KeyRole> others(connects_to(role).begin(), connects_to(role).end());
  others.insert(admits(role).begin(), admits(role).end());
  return others;
}

std::string key_files_of(KeyRole role) {
  std::string files = name_of(role) + ".secret";
  for (const KeyRole other : public_keys_of(role)) files += ", " + name_of(other) + ".public";
  return files;
}

void add_links(CLI::App& verb, LinkOptions& options, KeyRole role) {
  CLI::Option* const keys =
      verb.add_option("--keys", options.keys,
                      "Encrypt all links, with the keys in this directory: " + key_files_of(role) +
                          " (`ballast keys` makes them)");
  verb.add_flag("--insecure", options.insecure,
                "Allow endpoints beyond this machine without keys: everybody who reaches them may "
                "read and train along")
      ->excludes(keys);
}

std::string reachable_here(std::string endpoint) {
  for (const auto& [any, here] :
       {std::pair("//0.0.0.0:", "//127.0.0.1:"), std::pair("//[::]:", "//[::1]:")}) {
    const std::size_t at = endpoint.find(any);
    if (at != std::string::npos) endpoint.replace(at, std::string(any).size(), here);
  }
  return endpoint;
}

Result<Links> open_links(const LinkOptions& options, KeyRole role) {
  Links links;
  const bool anywhere = options.insecure || !options.keys.empty();
  links.reach = anywhere ? Reach::anywhere : Reach::loopback;
  if (options.keys.empty()) return links;
  auto keys = load_keys(options.keys, role);
  if (!keys) return keys.error();
  links.keys = std::move(*keys);
  return links;
}

}  // namespace ballast
