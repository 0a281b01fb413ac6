// ballast checkpoint verify: whether checkpoints can be trusted, to the last byte.

#include <fmt/core.h>

#include <algorithm>
#include <memory>

#include "cli/checkpoint.h"

namespace ballast {
namespace {

struct VerifyOptions {
  std::string directory;
  std::string which;
  bool json = false;
};

constexpr int kDamaged = 3;

void print_verdicts(const std::vector<ListedCheckpoint>& checkpoints) {
  for (const ListedCheckpoint& one : checkpoints) {
    if (one.damage.empty()) {
      fmt::print("{}: whole, {} in {} files\n", to_string(one.name), bytes_text(one.bytes),
                 one.files);
    }
    for (const std::string& sentence : one.damage) {
      fmt::print("{}: damaged: {}\n", to_string(one.name), sentence);
    }
  }
}

int verify(const VerifyOptions& options) {
  const auto opened = open_checkpoints(options.directory);
  if (!opened) return user_mistake(opened.error().message);
  auto looked_at = list_all(*opened->store);
  if (looked_at && !options.which.empty()) looked_at = choose(*looked_at, options.which);
  if (!looked_at) return user_mistake(looked_at.error().message);
  if (looked_at->empty()) return user_mistake("there is no checkpoint in " + opened->path);
  look_into(*looked_at, *opened->store, CheckpointVerifier::Depth::records);
  if (options.json) {
    print_checkpoints(*looked_at, Format::json);
  } else {
    print_verdicts(*looked_at);
  }
  const bool whole = std::all_of(looked_at->begin(), looked_at->end(),
                                 [](const auto& one) { return one.damage.empty(); });
  return whole ? 0 : kDamaged;
}

}  // namespace

void add_checkpoint_verify(CLI::App& parent, Chosen& chosen) {
  const auto options = std::make_shared<VerifyOptions>();
  CLI::App* verb = parent.add_subcommand(
      "verify", "Read every byte and record of checkpoints (exit 3: damaged)");
  verb->add_option("DIR", options->directory,
                   "A run's output directory, its checkpoints or the address of a store")
      ->required();
  verb->add_option("STEP", options->which, "1500, or with its timeline 2-1500; default: all");
  verb->add_flag("--json", options->json, "For machines");
  verb->callback([options, &chosen] { chosen = [options] { return verify(*options); }; });
}

}  // namespace ballast
