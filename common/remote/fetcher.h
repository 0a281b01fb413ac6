#pragma once

// Files by address, kept on this machine: each is fetched once, into a directory of its own below
// `directory`, and asked for again with the validator that its server gave, so one that did not
// change is not fetched again. A copy is checked against its own hash before it is handed out; one
// that is damaged is fetched again, and nothing half-written is ever taken for a file.
//
// A file whose SHA-256 the caller knows needs no server at all once it is here.
//
// One thread uses a fetcher; any number of processes may share the directory.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/remote/download.h"
#include "common/remote/http_client.h"
#include "common/remote/s3_client.h"

namespace ballast {

struct FetcherOptions {
  std::string directory;  // Created when missing.
  RetryPolicy retry{};
  std::function<void(const std::string& address, std::uint64_t done, std::uint64_t total)>
      progress{};  // Bytes; total is 0 where the server does not say it.
  Environment environment = environment_of_process();
  std::chrono::seconds stall_timeout{30};
};

class Fetcher {
 public:
  explicit Fetcher(FetcherOptions options) : options_(std::move(options)) {}

  // What an address stands for: itself, or the objects that a pattern in a key of s3:// matches
  // ('*', '?' and '[...]', none of which matches a '/'), by name. Error{not_found} when none does.
  [[nodiscard]] Result<std::vector<std::string>> expand(const std::string& address);

  // A local path at which the file's bytes can be read until it has changed and is fetched again.
  // `sha256`: 64 hexadecimal digits that they must have, or empty.
  [[nodiscard]] Result<std::string> fetch(const std::string& address,
                                          const std::string& sha256 = {});

 private:
  struct Kept;

  [[nodiscard]] Result<S3Client*> s3();
  [[nodiscard]] Result<HttpClient*> http();
  [[nodiscard]] Result<Downloaded> get(const std::string& address, const std::string& beside,
                                       const DownloadOptions& options);
  [[nodiscard]] Result<std::string> keep(const std::string& address, const std::string& directory,
                                         const Downloaded& done, const std::string& sha256);

  const FetcherOptions options_;
  std::unique_ptr<HttpClient> http_;
  std::unique_ptr<S3Client> s3_;
};

}  // namespace ballast
