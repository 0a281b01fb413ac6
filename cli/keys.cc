// ballast keys: make the CURVE key pairs by which the members of a cluster know each other.

#include <fmt/core.h>
#include <sys/stat.h>

#include <memory>

#include "cli/links.h"
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

}  // namespace

void add_keys(CLI::App& app, Chosen& chosen) {
  const auto directory = std::make_shared<std::string>("keys");
  CLI::App* verb = app.add_subcommand("keys", "Make the keys of a cluster's roles");
  verb->add_option("DIR", *directory, "Where to write ROLE.public and ROLE.secret")
      ->capture_default_str();
  verb->footer(
      "\nWith keys every link is encrypted, and each role lets in only the roles that have "
      "business\n"
      "with it. What the machines of a role need, to be given as --keys DIR:\n" +
      files_by_role() + "A .secret must not be readable by every user of its machine (chmod 600).");
  verb->callback([directory, &chosen] {
    chosen = [directory] {
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
