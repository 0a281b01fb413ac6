#pragma once

// S3, as AWS and those who copy it speak it: objects by bucket and key, signed with our own
// Signature V4 (sigv4.h). What may pass is tried again (retries.h); a body that is sent carries its
// SHA-256, so the server refuses what was damaged on the way.
//
// Safe to call from any thread; each call under way has a connection of its own.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/remote/download.h"
#include "common/remote/http_client.h"
#include "common/remote/retries.h"
#include "common/remote/s3_environment.h"
#include "common/remote/s3_xml.h"

namespace ballast {

struct S3Options {
  S3Place place;
  Environment environment;  // For credentials.
  RetryPolicy retry;
  std::chrono::seconds stall_timeout{30};
  // Larger files go up in parts of this size; AWS takes 5 MiB to 5 GiB, and 10,000 of them.
  std::uint64_t part_bytes = std::uint64_t{64} << 20;
};

struct S3Name {
  std::string bucket;
  std::string key;
};
[[nodiscard]] std::string to_string(const S3Name& name);  // "s3://bucket/key"

enum class S3Listing {
  flat,  // Keys that have no "/" behind the prefix.
  deep,  // All.
};

class S3Client {
 public:
  [[nodiscard]] static Result<std::unique_ptr<S3Client>> create(S3Options options);
  ~S3Client();
  S3Client(const S3Client&) = delete;
  S3Client& operator=(const S3Client&) = delete;

  // Error{not_found} where there is none; Error{invalid} where the credentials are refused.
  [[nodiscard]] Result<std::uint64_t> bytes_of(const S3Name& name);
  [[nodiscard]] Result<std::string> get(const S3Name& name);  // Small objects.
  [[nodiscard]] Result<Downloaded> fetch(const S3Name& name, const std::string& beside,
                                         const DownloadOptions& options);

  [[nodiscard]] Status put(const S3Name& name, std::string_view text);
  // In one piece, or in parts that become one object at the end; parts of an upload that failed
  // are removed.
  [[nodiscard]] Status put_file(const S3Name& name, const std::string& path);
  // Error{conflict} when the key is taken. Of any number that try, one succeeds: If-None-Match: *.
  // Error{unsupported} where the server does not know that, found out before it is relied on.
  [[nodiscard]] Status create(const S3Name& name, std::string_view text);
  // One that is not there is fine.
  [[nodiscard]] Status remove(const S3Name& name);

  // By key, as many requests as it takes.
  [[nodiscard]] Result<std::vector<S3Entry>> list(const std::string& bucket,
                                                  const std::string& prefix, S3Listing listing);
  // Removes the parts of uploads below a prefix that were begun and not ended.
  [[nodiscard]] Status abort_uploads(const std::string& bucket, const std::string& prefix);

  [[nodiscard]] const S3Place& place() const { return options_.place; }

 private:
  using Query = std::vector<std::pair<std::string, std::string>>;
  struct Call {
    std::string method;
    S3Name name;
    Query query = {};
    std::vector<HttpHeader> headers = {};
    std::span<const std::byte> body = {};
  };
  class Connection;  // A client that goes back to idle_.

  explicit S3Client(S3Options options);
  [[nodiscard]] Result<Connection> connection();
  [[nodiscard]] Result<HttpRequest> signed_request(const Call& call,
                                                   const std::string& body_sha256) const;
  [[nodiscard]] Result<HttpResponse> send(const Call& call);
  // As send(), with what is no success as an error.
  [[nodiscard]] Result<HttpResponse> succeed(const Call& call);
  [[nodiscard]] Error explain(const S3Name& name, const HttpResponse& response) const;

  [[nodiscard]] Status put_parts(const S3Name& name, const std::string& id,
                                 std::span<const std::byte> bytes);
  [[nodiscard]] Status complete(const S3Name& name, const std::string& id,
                                const std::vector<S3Part>& parts, std::uint64_t bytes);
  [[nodiscard]] Status abort(const S3Name& name, const std::string& id);
  [[nodiscard]] Status check_creates_exclusively(const Call& call);

  const S3Options options_;
  std::atomic<bool> creates_exclusively_ = false;  // The server has shown that it can.

  std::mutex mutex_;  // Guards what follows.
  std::vector<std::unique_ptr<HttpClient>> idle_;
};

}  // namespace ballast
