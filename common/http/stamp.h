#pragma once

// Whether a file is another one than before: for what is read again when somebody changes it.

#include <cstdint>
#include <string>

namespace ballast::http {

// Size, time and place of a file; all zero where there is none. Follows links, as a Kubernetes
// volume changes its files by changing a link.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t bytes = 0;
  std::int64_t changed_ns = 0;

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

[[nodiscard]] FileStamp stamp_of(const std::string& path);

}  // namespace ballast::http
