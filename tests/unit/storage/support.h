#pragma once

// What the storage tests share: a directory that goes away, damage to files, and random numbers
// that come from a seed.

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "common/base/philox.h"
#include "common/base/result.h"
#include "common/storage/files.h"
#include "common/storage/kv_store.h"
#include "common/storage/snapshot.h"

namespace ballast {

// A disk that takes no more, for as long as this lives: no file can grow.
class FullDisk {
 public:
  FullDisk() {
    signal_ = std::signal(SIGXFSZ, SIG_IGN);
    EXPECT_EQ(getrlimit(RLIMIT_FSIZE, &before_), 0);
    const rlimit none{.rlim_cur = 0, .rlim_max = before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, signal_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
  void (*signal_)(int) = nullptr;
};

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "ballast-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string path(const std::string& name) const { return join_path(path_, name); }

 private:
  std::string path_;
};

template <class T>
[[nodiscard]] testing::AssertionResult ok(const Result<T>& result) {
  if (result) return testing::AssertionSuccess();
  return testing::AssertionFailure() << result.error().message;
}

// An error of this code whose message contains `words`.
template <class T>
[[nodiscard]] testing::AssertionResult fails(const Result<T>& result, ErrorCode code,
                                             const std::string& words = {}) {
  if (result) return testing::AssertionFailure() << "it succeeded";
  const Error& error = result.error();
  if (error.code == code && error.message.find(words) != std::string::npos) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure()
         << "code " << static_cast<int>(error.code) << ": " << error.message;
}

// A test can only go on with what it made.
template <class T>
T need(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().message;
    throw std::runtime_error(result.error().message);
  }
  return *std::move(result);
}
inline void need(const Status& status) {
  if (!status) {
    ADD_FAILURE() << status.error().message;
    throw std::runtime_error(status.error().message);
  }
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : stream_(seed, Purpose::canary, 0) {}
  [[nodiscard]] std::uint32_t below(std::uint32_t n) { return stream_.word(next_++) % n; }
  [[nodiscard]] float uniform() { return stream_.uniform(next_++); }

 private:
  PhiloxStream stream_;
  std::uint64_t next_ = 0;
};

inline void overwrite(const std::string& path, const std::string& bytes) {
  std::filesystem::remove(path);  // Truncating instead would make ext4 write it out at once.
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path);
}

inline void flip_bit(const std::string& path, std::size_t byte, unsigned bit = 0) {
  std::string bytes = need(read_file(path));
  bytes.at(byte) = static_cast<char>(bytes.at(byte) ^ (1U << bit));
  overwrite(path, bytes);
}

// Some of the ways in which bytes go wrong: flipped bits, other bytes, a lost or repeated piece.
[[nodiscard]] inline std::string mutate(std::string bytes, Random& random) {
  const auto any = [&] { return random.below(static_cast<std::uint32_t>(bytes.size())); };
  const std::uint32_t kind = random.below(5);
  if (bytes.empty()) return bytes;
  if (kind == 0) bytes[any()] ^= static_cast<char>(1U << random.below(8));
  if (kind == 1) bytes[any()] = static_cast<char>(random.below(256));
  if (kind == 2) bytes.resize(any());
  if (kind == 3) bytes.erase(any(), 1 + random.below(16));
  if (kind == 4) bytes.insert(any(), bytes.substr(any(), 1 + random.below(16)));
  return bytes;
}

using Entries = std::vector<std::pair<std::string, std::string>>;

[[nodiscard]] inline Entries entries_of(KvCursor& cursor) {
  Entries entries;
  while (need(cursor.next())) entries.emplace_back(cursor.key(), cursor.value());
  return entries;
}
[[nodiscard]] inline Entries entries_of(KvStore& store, const std::string& begin = {},
                                        const std::string& end = {}) {
  return entries_of(*need(store.scan(begin, end)));
}

}  // namespace ballast
