#include "common/storage/store_mark.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "common/storage/files.h"

namespace ballast {
namespace {

constexpr const char* kMarkFile = ".mark";
constexpr std::size_t kMarkBytes = 16;

Result<std::string> draw_mark() {
  constexpr const char* kDigits = "0123456789abcdef";
  std::array<unsigned char, kMarkBytes> random{};
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return Error{ErrorCode::io,
                 std::string("the system gives no random numbers: ") + std::strerror(errno)};
  }
  std::string mark;
  for (const unsigned char byte : random) {
    mark.push_back(kDigits[byte >> 4U]);
    mark.push_back(kDigits[byte & 15U]);
  }
  return mark;
}

std::string mark_path(const std::string& directory) { return join_path(directory, kMarkFile); }

}  // namespace

Result<std::string> store_address(const std::string& directory) {
  const std::string path = mark_path(directory);
  if (!path_exists(path)) {
    const auto mark = draw_mark();
    if (!mark) return mark.error();
    const Status made = create_file_exclusively(path, *mark);
    if (!made && made.error().code != ErrorCode::conflict) return made.error();
  }
  const auto mark = read_file(path);
  if (!mark) return mark.error();
  return directory + "#" + *mark;
}

std::string directory_of_store(const std::string& address) {
  return address.substr(0, address.rfind('#'));
}

bool sees_store(const std::string& address) {
  const std::size_t at = address.rfind('#');
  if (at == std::string::npos) return true;
  const auto mark = read_file(mark_path(address.substr(0, at)));
  return mark && *mark == address.substr(at + 1);
}

}  // namespace ballast
