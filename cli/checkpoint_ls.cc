// ballast checkpoint ls: what is in a store of checkpoints.

#include <fmt/core.h>

#include <memory>

#include "cli/checkpoint.h"

namespace ballast {
namespace {

int list(const std::string& directory, Format format) {
  const auto opened = open_checkpoints(directory);
  if (!opened) return user_mistake(opened.error().message);
  auto all = list_all(*opened->store);
  if (!all) return user_mistake(all.error().message);
  look_into(*all, *opened->store, CheckpointVerifier::Depth::bytes);
  if (all->empty() && format == Format::table) {
    fmt::print("no checkpoint in {} yet\n", opened->path);
  } else {
    print_checkpoints(*all, format);
  }
  return 0;
}

}  // namespace

void add_checkpoint_ls(CLI::App& parent, Chosen& chosen) {
  const auto directory = std::make_shared<std::string>();
  const auto json = std::make_shared<bool>(false);
  CLI::App* verb = parent.add_subcommand("ls", "What is there, and whether it is whole");
  verb->add_option("DIR", *directory,
                   "A run's output directory, its checkpoints or the address of a store")
      ->required();
  verb->add_flag("--json", *json, "For machines");
  verb->footer(
      "\nsize    of all files that the checkpoint lists\n"
      "shared  of those among them that another checkpoint lists too\n"
      "state   whole, or damaged and why; every file is read once, against its checksum");
  verb->callback([directory, json, &chosen] {
    chosen = [directory, json] { return list(*directory, *json ? Format::json : Format::table); };
  });
}

}  // namespace ballast
