#pragma once

// One HTTP request after another, over connections that stay open between them (libcurl). TLS is
// verified; a transfer that stands still ends; redirects are followed only where asked for, and
// never from https to http. It does not retry: that is for who knows whether a request may be
// repeated (retries.h).
//
// Proxies are those of the environment (https_proxy, no_proxy), as with any program on libcurl.
//
// Not thread-safe: one thread at a time uses a client. Clients do not share anything.

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace ballast {

struct HttpHeader {
  std::string name;
  std::string value;
};

struct HttpRequest {
  std::string method = "GET";  // GET, HEAD, PUT, POST or DELETE.
  std::string url;             // Encoded.
  std::vector<HttpHeader> headers;
  std::span<const std::byte> body;  // Of PUT and POST; lives until send() returns.
};

struct HttpResponse {
  int status = 0;
  std::vector<HttpHeader> headers;  // Of the last response, after redirects.
  std::string body;                 // What no sink took.

  // The first of that name, whatever its case.
  [[nodiscard]] std::optional<std::string> header(std::string_view name) const;
  [[nodiscard]] bool is_success() const { return status >= 200 && status < 300; }
};

// Takes the body of a successful response while it arrives.
class HttpSink {
 public:
  virtual ~HttpSink() = default;
  // The status line and headers are there; once per response, before its first byte.
  [[nodiscard]] virtual Status begin(const HttpResponse& head) = 0;
  [[nodiscard]] virtual Status append(std::span<const std::byte> bytes) = 0;
};

enum class Redirects { refuse, follow };

struct HttpClientOptions {
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::seconds stall_timeout{30};  // Fewer than 128 bytes a second for so long.
  Redirects redirects = Redirects::follow;
  long redirects_max = 5;
  std::string ca_file{};                        // Certificates to trust; empty: the system's.
  std::size_t body_max = std::size_t{1} << 30;  // Of a body that no sink takes.
};

class HttpClient {
 public:
  [[nodiscard]] static Result<std::unique_ptr<HttpClient>> create(const HttpClientOptions& options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // A response of any status is a value. Error{unavailable} where there was none, or where it broke
  // off, which may pass; Error{invalid} where trying again cannot help: a certificate that does not
  // hold, redirects without end. An error of the sink is returned as it is.
  [[nodiscard]] Result<HttpResponse> send(const HttpRequest& request, HttpSink* sink = nullptr);

 private:
  struct Curl;  // Keeps libcurl out of everybody's headers.
  explicit HttpClient(std::unique_ptr<Curl> curl);

  const std::unique_ptr<Curl> curl_;
};

// The certificates that the environment names for programs like this one: $CURL_CA_BUNDLE, else
// $SSL_CERT_FILE, else the system's.
[[nodiscard]] std::string ca_file_of_environment();

}  // namespace ballast
