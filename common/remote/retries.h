#pragma once

// Trying again what may pass: a server that is busy, a connection that broke. Each wait is twice as
// long as the one before, shortened by chance so that many clients do not come back together; after
// so many attempts the last error is the answer. Each attempt after the first is told.
//
// Nothing is tried again that the server refused (4xx, but for 429): that would be refused again.

#include <chrono>
#include <functional>
#include <string>

#include "common/base/result.h"
#include "common/remote/http_client.h"

namespace ballast {

struct RetryPolicy {
  int attempts_max = 6;
  std::chrono::milliseconds first_wait{250};
  std::chrono::milliseconds longest_wait{10'000};
  std::function<void(const std::string&)> tell{};  // A sentence; empty: nobody listens.
};

class Retries {
 public:
  // REQUIRES: policy outlives this.
  explicit Retries(const RetryPolicy& policy) : policy_(policy) {}

  // Waits and returns true, or returns false when all attempts are used up. `wait_asked` is what
  // the server asked for (Retry-After); it is granted up to the longest wait.
  [[nodiscard]] bool again(const std::string& why, std::chrono::milliseconds wait_asked = {});
  // Something came of the last attempt: what follows is counted anew.
  void progressed() { used_ = 0; }
  [[nodiscard]] int used() const { return used_; }

 private:
  const RetryPolicy& policy_;
  int used_ = 0;  // Attempts that failed.
};

// 429, and 5xx but for those that say "never" (501, 505).
[[nodiscard]] bool status_may_pass(int status);
[[nodiscard]] std::chrono::milliseconds wait_asked_by(const HttpResponse& response);

// Makes and sends a request until it is answered with a status that does not pass, or attempts are
// used up: then the last answer or error. `make` is called for each attempt, since a signature
// holds for minutes only.
[[nodiscard]] Result<HttpResponse> send_patiently(HttpClient& client,
                                                  const std::function<Result<HttpRequest>()>& make,
                                                  const RetryPolicy& policy);

}  // namespace ballast
