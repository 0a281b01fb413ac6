// ballast keys: make the CURVE key pairs by which the members of a cluster know each other.

#include <fmt/core.h>
#include <sys/stat.h>

#include <memory>

#include "cli/verbs.h"
#include "common/net/keys.h"
#include "common/storage/files.h"

namespace ballast {
namespace {

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

Status make_keys(const std::string& directory) {
  if (const Status made = make_directories(directory); !made) return made;
  for (const char* role : {"coordinator", "server", "worker"}) {
    if (const Status written = write_pair(directory, role); !written) return written;
  }
  return {};
}

}  // namespace

void add_keys(CLI::App& app, Chosen& chosen) {
  const auto directory = std::make_shared<std::string>("keys");
  CLI::App* verb = app.add_subcommand("keys", "Make the keys of a cluster's roles");
  verb->add_option("DIR", *directory, "Where to write ROLE.public and ROLE.secret")
      ->capture_default_str();
  verb->callback([directory, &chosen] {
    chosen = [directory] {
      const Status made = make_keys(*directory);
      if (!made) return user_mistake(made.error().message);
      fmt::print(
          "keys of coordinator, server and worker are in {}; the .secret files are for one "
          "role each\n",
          *directory);
      return 0;
    };
  });
}

}  // namespace ballast
