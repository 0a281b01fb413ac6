// ballast keys: make and change the CURVE key pairs by which the members of a cluster know each
// other (key_directory.h), and the tokens of those who ask over HTTP (token.h).

#include <fmt/core.h>

#include <map>
#include <memory>

#include "cli/api_access.h"
#include "cli/key_directory.h"
#include "cli/links.h"
#include "cli/token.h"
#include "cli/verbs.h"
#include "common/net/keys.h"

namespace ballast {
namespace {

std::string files_by_role() {
  std::string lines;
  for (const KeyRole role : key_roles()) {
    lines += fmt::format("  {:<12} {}\n", name_of(role), key_files_of(role));
  }
  return lines;
}

// One Secret per role, so that a pod can be given what its role needs and no more. The letters of a
// key (Z85) have neither quotes nor a backslash among them.
void print_secrets(const std::map<KeyRole, RoleKeys>& roles) {
  for (const KeyRole role : key_roles()) {
    fmt::print(
        "---\n"
        "apiVersion: v1\n"
        "kind: Secret\n"
        "metadata:\n"
        "  name: ballast-keys-{0}\n"
        "  labels: {{app.kubernetes.io/name: ballast, app.kubernetes.io/component: {0}}}\n"
        "stringData:\n"
        "  {0}.secret: '{1}'\n",
        name_of(role), roles.at(role).secret);
    for (const KeyRole other : public_keys_of(role)) {
      const std::string& keys = roles.at(other).public_keys;
      if (keys.find('\n') == std::string::npos) {
        fmt::print("  {}.public: '{}'\n", name_of(other), keys);
        continue;
      }
      std::string lines = keys;  // As a block, a line each.
      for (std::size_t at = 0; (at = lines.find('\n', at)) != std::string::npos; at += 5) {
        lines.replace(at, 1, "\n    ");
      }
      fmt::print("  {}.public: |\n    {}\n", name_of(other), lines);
    }
  }
}

Status print_fresh_secrets() {
  std::map<KeyRole, RoleKeys> roles;
  for (const KeyRole role : key_roles()) {
    auto pair = make_key_pair();
    if (!pair) return pair.error();
    roles[role] = {std::move(pair->secret_key), std::move(pair->public_key)};
  }
  print_secrets(roles);
  return {};
}

Status print_secrets_of(const std::string& directory) {
  const auto roles = read_key_directory(directory);
  if (!roles) return roles.error();
  print_secrets(*roles);
  return {};
}

struct KeysOptions {
  std::string directory = "keys";
  bool is_named = false;  // The directory was given.
  bool kubernetes = false;
  bool add = false;
  bool change = false;
  bool retire = false;
  AccessOptions access;
  TokenOptions token;
  bool is_token = false;
};

void say_where(const KeysOptions& options) {
  const char* const how =
      options.add
          ? "Drew the next keys in {0}. Now give every machine the .public files of {0} again; "
            "what runs there\n"
            "takes them by itself. Then: ballast keys --switch {0}\n"
      : options.change
          ? "The secrets in {0} are the next ones now. Give them to the machines of their roles, "
            "and start the\n"
            "processes anew one after another; training goes on. Then: ballast keys --retire {0}\n"
          : "The .public files in {0} have only the keys in use. Give them to every machine: links "
            "with the old\n"
            "keys do not come about any more.\n";
  fmt::print(fmt::runtime(how), options.directory);
}

Status do_keys(const KeysOptions& options) {
  const std::string& directory = options.directory;
  if (options.is_token) return make_token_in(directory, options.token);
  if (options.kubernetes) {
    if (!options.access.directory.empty()) {  // First what can be refused: half is worse than none.
      if (const Status made = make_access(options.access); !made) return made;
    }
    return options.is_named ? print_secrets_of(directory) : print_fresh_secrets();
  }
  if (options.add || options.change || options.retire) {
    const Status done = options.add      ? add_next_keys(directory)
                        : options.change ? switch_keys(directory)
                                         : retire_keys(directory);
    if (done) say_where(options);
    return done;
  }
  if (const Status made = make_key_directory(directory); !made) return made;
  fmt::print(
      "Made the keys of coordinator, server and worker in {0}. Each machine needs a directory "
      "with\n"
      "{1}"
      "Give it as --keys DIR. A .secret goes to the machines of its role and nowhere else; keep "
      "{0}\n"
      "where only you can read it, or take the secrets away once they are there.\n",
      directory, files_by_role());
  return {};
}

}  // namespace

void add_keys(CLI::App& app, Chosen& chosen) {
  const auto options = std::make_shared<KeysOptions>();
  CLI::App* verb = app.add_subcommand("keys", "Make and change the keys of a cluster's roles");
  CLI::Option* const place = verb->add_option("DIR", options->directory,
                                              "Where ROLE.public and ROLE.secret are or will be")
                                 ->capture_default_str();
  CLI::Option* const named = add_token_options(*verb, options->token);
  CLI::Option* const kubernetes = verb->add_flag(
      "--kubernetes", options->kubernetes,
      "Print the keys in DIR as the Secrets that deploy/k8s mounts; without DIR, fresh ones that "
      "are written nowhere");
  add_access_options(*verb, options->access)->needs(kubernetes);
  CLI::Option* const steps[] = {
      verb->add_flag("--add", options->add,
                     "Change keys, first: draw each role's next one (ROLE.secret.next), which "
                     "ROLE.public then has beside the old one"),
      verb->add_flag("--switch", options->change,
                     "Second: make the next secrets the ones to start processes with"),
      verb->add_flag("--retire", options->retire, "Third: take the old ones out of ROLE.public")};
  for (CLI::Option* const step : steps) {
    step->excludes(kubernetes)->excludes(named);
    for (CLI::Option* const other : steps) {
      if (other != step) step->excludes(other);
    }
  }
  kubernetes->excludes(named);
  verb->footer(
      "\nWith keys every link is encrypted, and each role lets in only the roles that have "
      "business\n"
      "with it. What the machines of a role need, to be given as --keys DIR:\n" +
      files_by_role() +
      "A .secret must not be readable by every user of its machine (chmod 600).\n"
      "Keys are changed while the cluster runs: --add, --switch, --retire, and after each of them "
      "what it\n"
      "says to do on the machines (docs/security.md).\n"
      "For Kubernetes (create, not apply: it refuses to replace keys that are in use):\n"
      "  ballast keys --kubernetes --access access | kubectl create -n ballast -f -");
  verb->callback([options, place, named, &chosen] {
    options->is_named = place->count() > 0;
    options->is_token = named->count() > 0;
    chosen = [options] {
      const Status done = do_keys(*options);
      return done ? 0 : user_mistake(done.error().message);
    };
  });
}

}  // namespace ballast
