// ballast keys: make the CURVE key pairs by which the members of a cluster know each other, and the
// tokens of those who ask over HTTP (token.h).

#include <fmt/core.h>
#include <sys/stat.h>

#include <map>
#include <memory>

#include "cli/api_access.h"
#include "cli/links.h"
#include "cli/token.h"
#include "cli/verbs.h"
#include "common/net/keys.h"
#include "common/storage/files.h"

namespace ballast {
namespace {

constexpr KeyRole kRoles[] = {KeyRole::coordinator, KeyRole::server, KeyRole::worker};

// A secret is readable by its owner alone, from its first byte on.
Status write_pair(const std::string& directory, const std::string& role) {
  const auto pair = make_key_pair();
  if (!pair) return pair.error();
  const std::string secret = join_path(directory, role + ".secret");
  const mode_t before = umask(0077);
  const Status kept = create_file_exclusively(secret, pair->secret_key + "\n");
  umask(before);
  if (!kept) {
    return Error{kept.error().code, kept.error().message +
                                        "; existing keys are never replaced, choose another "
                                        "directory"};
  }
  return create_file_exclusively(join_path(directory, role + ".public"), pair->public_key + "\n");
}

std::string files_by_role() {
  std::string lines;
  for (const KeyRole role : kRoles) {
    lines += fmt::format("  {:<12} {}\n", name_of(role), key_files_of(role));
  }
  return lines;
}

Status make_keys(const std::string& directory) {
  if (const Status made = make_directories(directory); !made) return made;
  for (const KeyRole role : kRoles) {
    if (const Status written = write_pair(directory, name_of(role)); !written) return written;
  }
  return {};
}

// One Secret per role, so that a pod can be given what its role needs and no more. The letters of a
// key (Z85) have no quote among them.
Status print_secrets() {
  std::map<KeyRole, KeyPair> pairs;
  for (const KeyRole role : kRoles) {
    auto pair = make_key_pair();
    if (!pair) return pair.error();
    pairs[role] = std::move(*pair);
  }
  for (const KeyRole role : kRoles) {
    fmt::print(
        "---\n"
        "apiVersion: v1\n"
        "kind: Secret\n"
        "metadata:\n"
        "  name: ballast-keys-{0}\n"
        "  labels: {{app.kubernetes.io/name: ballast, app.kubernetes.io/component: {0}}}\n"
        "stringData:\n"
        "  {0}.secret: '{1}'\n",
        name_of(role), pairs[role].secret_key);
    for (const KeyRole other : public_keys_of(role)) {
      fmt::print("  {}.public: '{}'\n", name_of(other), pairs[other].public_key);
    }
  }
  return {};
}

}  // namespace

void add_keys(CLI::App& app, Chosen& chosen) {
  const auto directory = std::make_shared<std::string>("keys");
  const auto kubernetes = std::make_shared<bool>(false);
  CLI::App* verb = app.add_subcommand("keys", "Make the keys of a cluster's roles");
  CLI::Option* const place =
      verb->add_option("DIR", *directory, "Where to write ROLE.public and ROLE.secret")
          ->capture_default_str();
  const auto token = std::make_shared<TokenOptions>();
  CLI::Option* const named = add_token_options(*verb, *token);
  const auto access = std::make_shared<AccessOptions>();
  CLI::Option* const secrets =
      verb->add_flag(
              "--kubernetes", *kubernetes,
              "Print them instead as the Secrets that deploy/k8s mounts; no key is written here")
          ->excludes(place)
          ->excludes(named);
  add_access_options(*verb, *access)->needs(secrets);
  verb->footer(
      "\nWith keys every link is encrypted, and each role lets in only the roles that have "
      "business\n"
      "with it. What the machines of a role need, to be given as --keys DIR:\n" +
      files_by_role() +
      "A .secret must not be readable by every user of its machine (chmod 600).\n"
      "For Kubernetes (create, not apply: it refuses to replace keys that are in use):\n"
      "  ballast keys --kubernetes --access access | kubectl create -n ballast -f -");
  verb->callback([directory, kubernetes, access, token, named, &chosen] {
    chosen = [directory, kubernetes, access, token, is_token = named->count() > 0] {
      if (is_token) {
        const Status added = make_token_in(*directory, *token);
        return added ? 0 : user_mistake(added.error().message);
      }
      if (*kubernetes) {
        // First what can be refused: half of the Secrets would be worse than none.
        Status printed = access->directory.empty() ? Status() : make_access(*access);
        if (printed) printed = print_secrets();
        return printed ? 0 : user_mistake(printed.error().message);
      }
      const Status made = make_keys(*directory);
      if (!made) return user_mistake(made.error().message);
      fmt::print(
          "Made the keys of coordinator, server and worker in {0}. Each machine needs a directory "
          "with\n"
          "{1}"
          "Give it as --keys DIR. A .secret goes to the machines of its role and nowhere else; "
          "take\n"
          "them away from here once they are there.\n",
          *directory, files_by_role());
      return 0;
    };
  });
}

}  // namespace ballast
