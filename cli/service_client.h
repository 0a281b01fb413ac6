#pragma once

// A service as the user's verbs see it: its API (docs/api.md) at $BALLAST_COORDINATOR, with the
// token of $BALLAST_TOKEN_FILE. What may pass is tried again, and told.
//
// One thread.

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/remote/http_client.h"
#include "common/remote/retries.h"

namespace ballast {

inline constexpr const char* kServiceVariable = "BALLAST_COORDINATOR";
inline constexpr const char* kTokenVariable = "BALLAST_TOKEN_FILE";

class ServiceClient {
 public:
  // Of the environment. Refused: no address; a token on its way in the clear beyond this machine; a
  // token file that every user of this machine can read.
  [[nodiscard]] static Result<std::unique_ptr<ServiceClient>> open();
  // Whether there is an address in the environment.
  [[nodiscard]] static bool is_meant();

  // Of an answer that is no success the error is what the service says.
  [[nodiscard]] Result<HttpResponse> call(const std::string& method, const std::string& path,
                                          std::span<const std::byte> body = {},
                                          const std::vector<HttpHeader>& headers = {});
  [[nodiscard]] Result<std::string> get(const std::string& path);
  // "/api/v1/jobs/12/files/model.json" into a file there, which appears when it is whole.
  [[nodiscard]] Status download(const std::string& path, const std::string& to);

  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  ServiceClient(std::string address, std::string token, std::unique_ptr<HttpClient> client);
  [[nodiscard]] std::vector<HttpHeader> with_token(std::vector<HttpHeader> headers) const;

  const std::string address_;
  const std::string token_;
  const std::unique_ptr<HttpClient> client_;
  RetryPolicy retry_;
};

// A part of a path, encoded.
[[nodiscard]] std::string path_part(const std::string& text);

// What the log of a job says, as it comes, until the job has ended; returns its exit code.
[[nodiscard]] int follow_job(ServiceClient& client, std::uint64_t job);

}  // namespace ballast
