#include "common/remote/retries.h"

#include <algorithm>
#include <charconv>
#include <random>
#include <thread>

#include "common/base/address.h"

namespace ballast {
namespace {

double share_by_chance() {
  static thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0.5, 1.0)(generator);
}

}  // namespace

bool Retries::again(const std::string& why, std::chrono::milliseconds wait_asked) {
  used_ += 1;
  if (used_ >= policy_.attempts_max) return false;
  std::chrono::milliseconds wait = policy_.first_wait;
  for (int i = 1; i < used_ && wait < policy_.longest_wait; ++i) wait *= 2;
  wait = std::min(std::max(wait, wait_asked), policy_.longest_wait);
  if (wait > wait_asked) {
    wait =
        std::max(wait_asked,
                 std::chrono::duration_cast<std::chrono::milliseconds>(wait * share_by_chance()));
  }
  if (policy_.tell) {
    policy_.tell(why + "; trying again (" + std::to_string(used_ + 1) + " of " +
                 std::to_string(policy_.attempts_max) + ") in " + std::to_string(wait.count()) +
                 " ms");
  }
  std::this_thread::sleep_for(wait);
  return true;
}

bool status_may_pass(int status) {
  return status == 429 || (status >= 500 && status < 600 && status != 501 && status != 505);
}

std::chrono::milliseconds wait_asked_by(const HttpResponse& response) {
  const auto text = response.header("Retry-After");
  unsigned seconds = 0;  // A date, the other form of it, is taken for no wish.
  if (!text ||
      std::from_chars(text->data(), text->data() + text->size(), seconds).ec != std::errc()) {
    return {};
  }
  return std::chrono::seconds(std::min(seconds, 3600U));
}

Result<HttpResponse> send_patiently(HttpClient& client,
                                    const std::function<Result<HttpRequest>()>& make,
                                    const RetryPolicy& policy) {
  Retries retries(policy);
  while (true) {
    const auto request = make();
    if (!request) return request.error();
    auto response = client.send(*request);
    if (response && !status_may_pass(response->status)) return response;
    if (!response && response.error().code != ErrorCode::unavailable) return response;
    const std::string why = response ? shown_address(request->url) + ": the server answers " +
                                           std::to_string(response->status)
                                     : response.error().message;
    if (!retries.again(why, response ? wait_asked_by(*response) : std::chrono::milliseconds())) {
      return response;
    }
  }
}

}  // namespace ballast
