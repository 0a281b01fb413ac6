// Feeds files to a target, without libFuzzer and with any compiler: an ordinary test that what was
// found stays found, and that the seeds still mean something.
//
// Usage: replay_TARGET FILE_OR_DIRECTORY...

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
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

bool replay(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
  if (!file) {
    std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
    return false;
  }
  // Said beforehand: an input that aborts leaves no other chance to name it.
  std::fprintf(stderr, "%s: ", path.c_str());
  const bool accepted = fuzz_one(std::as_bytes(std::span(bytes))) == Verdict::accepted;
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
  const auto files =
      ballast::fuzz::files_of(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
  if (files.empty()) {
    std::fprintf(stderr, "replay: expected at least one file, saw none\n");
    return 1;
  }
  const auto failed = std::count_if(files.begin(), files.end(),
                                    [](const auto& path) { return !ballast::fuzz::replay(path); });
  std::fprintf(stderr, "%zu inputs replayed, %td failed\n", files.size(), failed);
  return failed == 0 ? 0 : 1;
}
