#pragma once

// A directory for what is tested through files, in $TMPDIR. `./dev fuzz` puts that into memory, and
// removes it when a target died before its destructors.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "common/base/check.h"

namespace ballast::fuzz {

class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "ballast-fuzz-XXXXXX").string();
    BALLAST_CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

  void clear() const {
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      std::filesystem::remove_all(entry.path());
    }
  }

  // Replaces the file. A new one each time, so that nobody who has the old one mapped sees it
  // change.
  std::string put(const std::string& name, std::string_view bytes) const {
    std::string path = path_ + "/" + name;
    std::filesystem::remove(path);
    std::ofstream file(path, std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    BALLAST_CHECK(file.good());
    return path;
  }

 private:
  std::string path_;
};

}  // namespace ballast::fuzz
