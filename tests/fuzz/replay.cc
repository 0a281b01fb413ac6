// Feeds files to a target, without libFuzzer and with any compiler: an ordinary test that what was
// found stays found, and that the seeds still mean something.
//
// Usage: fuzz_replay TARGET FILE_OR_DIRECTORY...

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/target.h"

namespace ballast::fuzz {
namespace {

std::vector<std::filesystem::path> files_of(std::span<char*> arguments) {
  std::vector<std::filesystem::path> files;
  for (const std::filesystem::path argument : arguments) {
    if (!std::filesystem::is_directory(argument)) {
      files.push_back(argument);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(argument)) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

const Target* target_of(std::string_view name) {
  const Target* target = Target::first();
  while (target != nullptr && target->name() != name) target = target->next();
  return target;
}

bool replay(const Target& target, const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
  if (!file) {
    std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
    return false;
  }
  // Said beforehand: an input that aborts leaves no other chance to name it.
  std::fprintf(stderr, "%s: ", path.c_str());
  const bool accepted = target.run(std::as_bytes(std::span(bytes))) == Verdict::accepted;
  const bool must = path.filename().string().starts_with("good-");
  std::fprintf(stderr, "%s\n",
               accepted ? "accepted"
               : must   ? "REFUSED, but a seed named good-* must be accepted; make it again "
                          "(tests/fuzz/README.md)"
                        : "refused");
  return accepted || !must;
}

}  // namespace
}  // namespace ballast::fuzz

int main(int argc, char** argv) {
  const std::span arguments(argv, static_cast<std::size_t>(argc));
  const ballast::fuzz::Target* target = argc < 2 ? nullptr : ballast::fuzz::target_of(arguments[1]);
  if (target == nullptr) {
    std::fprintf(stderr, "fuzz_replay: expected a target's name first, saw %s\n",
                 argc < 2 ? "nothing" : arguments[1]);
    return 1;
  }
  const auto files = ballast::fuzz::files_of(arguments.subspan(2));
  if (files.empty()) {
    std::fprintf(stderr, "fuzz_replay: expected at least one file, saw none\n");
    return 1;
  }
  const auto failed = std::count_if(files.begin(), files.end(), [&](const auto& path) {
    return !ballast::fuzz::replay(*target, path);
  });
  std::fprintf(stderr, "%zu inputs replayed, %td failed\n", files.size(), failed);
  return failed == 0 ? 0 : 1;
}
