#include "common/remote/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "common/base/address.h"
#include "common/base/check.h"

namespace ballast {
namespace {

// libcurl judges by the mean of the last seconds, so what came before a stall must not count long.
constexpr long kStallBytesPerSecond = 128;

// libcurl must be started once, before any thread uses it; 7.84 and later do so safely.
bool start_curl() {
  static const bool started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return started;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equals_without_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == '\r' || text.back() == '\n' || text.back() == ' ')) {
    text.remove_suffix(1);
  }
  return text;
}

class HeaderList {
 public:
  ~HeaderList() { curl_slist_free_all(list_); }
  HeaderList() = default;
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;

  void add(const std::string& line) {
    curl_slist* longer = curl_slist_append(list_, line.c_str());
    BALLAST_CHECK(longer != nullptr);
    list_ = longer;
  }
  [[nodiscard]] curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

}  // namespace

struct HttpClient::Curl {
  CURL* handle = nullptr;
  HttpClientOptions options;

  // One exchange, as libcurl's callbacks see it.
  struct Exchange {
    HttpResponse response;
    HttpSink* sink = nullptr;
    std::size_t body_max = 0;
    std::span<const std::byte> upload;
    std::size_t sent = 0;
    bool begun = false;  // The sink was told of the head.
    Status verdict;      // Ours, where that is what ended it.
  };
  Exchange exchange;

  ~Curl() { curl_easy_cleanup(handle); }

  template <class Value>
  void set(CURLoption option, Value value) {
    // Only options that every libcurl of ours has, with values of the right kind: our bug if not.
    BALLAST_CHECK(curl_easy_setopt(handle, option, value) == CURLE_OK);
  }
  void configure(const HttpRequest& request);
  void configure_body(const HttpRequest& request, HeaderList& headers);

  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user);
  static std::size_t on_upload(char* data, std::size_t size, std::size_t count, void* user);
  static int on_seek(void* user, curl_off_t offset, int origin);
};

std::size_t HttpClient::Curl::on_header(char* data, std::size_t size, std::size_t count,
                                        void* user) {
  auto& exchange = static_cast<Curl*>(user)->exchange;
  const std::string_view line = trimmed({data, size * count});
  if (line.starts_with("HTTP/")) {  // Another response: a redirect or "100 Continue" came before.
    exchange.response.headers.clear();
    exchange.response.body.clear();
  } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
    exchange.response.headers.push_back(
        {std::string(line.substr(0, colon)), std::string(trimmed(line.substr(colon + 1)))});
  }
  return size * count;
}

std::size_t HttpClient::Curl::on_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& curl = *static_cast<Curl*>(user);
  Exchange& exchange = curl.exchange;
  const std::size_t bytes = size * count;
  long status = 0;
  curl_easy_getinfo(curl.handle, CURLINFO_RESPONSE_CODE, &status);
  exchange.response.status = static_cast<int>(status);
  if (exchange.sink != nullptr && exchange.response.is_success()) {
    if (!exchange.begun) exchange.verdict = exchange.sink->begin(exchange.response);
    exchange.begun = true;
    if (exchange.verdict) {
      exchange.verdict = exchange.sink->append(std::as_bytes(std::span(data, bytes)));
    }
    return exchange.verdict ? bytes : 0;
  }
  std::string& body = exchange.response.body;
  if (body.size() + bytes > exchange.body_max) {
    exchange.verdict = Error{ErrorCode::corrupt, "expected an answer of at most " +
                                                     std::to_string(exchange.body_max) +
                                                     " bytes, and there are more"};
    return 0;
  }
  body.append(data, bytes);
  return bytes;
}

std::size_t HttpClient::Curl::on_upload(char* data, std::size_t size, std::size_t count,
                                        void* user) {
  auto& exchange = static_cast<Curl*>(user)->exchange;
  const std::size_t bytes = std::min(size * count, exchange.upload.size() - exchange.sent);
  std::copy_n(reinterpret_cast<const char*>(exchange.upload.data()) + exchange.sent, bytes, data);
  exchange.sent += bytes;
  return bytes;
}

// A connection that was closed while idle is noticed only after a part was sent; libcurl begins
// again on a fresh one.
int HttpClient::Curl::on_seek(void* user, curl_off_t offset, int origin) {
  auto& exchange = static_cast<Curl*>(user)->exchange;
  if (origin != SEEK_SET || offset < 0 ||
      static_cast<std::size_t>(offset) > exchange.upload.size()) {
    return CURL_SEEKFUNC_CANTSEEK;
  }
  exchange.sent = static_cast<std::size_t>(offset);
  return CURL_SEEKFUNC_OK;
}

void HttpClient::Curl::configure(const HttpRequest& request) {
  curl_easy_reset(handle);  // Options alone: connections stay.
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PATH_AS_IS, 1L);  // A key of S3 may hold "..", and the signature covers it.
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, request.url.starts_with("https:") ? "https" : "http,https");
  set(CURLOPT_FOLLOWLOCATION, options.redirects == Redirects::follow ? 1L : 0L);
  set(CURLOPT_MAXREDIRS, options.redirects_max);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  set(CURLOPT_LOW_SPEED_LIMIT, kStallBytesPerSecond);
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.stall_timeout.count()));
  set(CURLOPT_USERAGENT, "ballast");
  set(CURLOPT_HEADERFUNCTION, &on_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_WRITEFUNCTION, &on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
}

void HttpClient::Curl::configure_body(const HttpRequest& request, HeaderList& headers) {
  if (request.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
    return;
  }
  set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (request.method != "PUT" && request.method != "POST") return;
  set(CURLOPT_UPLOAD, 1L);
  set(CURLOPT_READFUNCTION, &on_upload);
  set(CURLOPT_READDATA, static_cast<void*>(this));
  set(CURLOPT_SEEKFUNCTION, &on_seek);
  set(CURLOPT_SEEKDATA, static_cast<void*>(this));
  set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  // Waiting to be asked for the body is a second lost where a server never asks.
  headers.add("Expect:");
}

HttpClient::HttpClient(std::unique_ptr<Curl> curl) : curl_(std::move(curl)) {}
HttpClient::~HttpClient() = default;

Result<std::unique_ptr<HttpClient>> HttpClient::create(const HttpClientOptions& options) {
  auto curl = std::make_unique<Curl>();
  if (start_curl()) curl->handle = curl_easy_init();
  if (curl->handle == nullptr) {
    return Error{ErrorCode::io, "libcurl did not start; is there memory left?"};
  }
  curl->options = options;
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(curl)));
}

namespace {

// Where libcurl says no, and the same request again cannot succeed.
bool is_final(CURLcode code) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
      return true;
    default:
      return false;
  }
}

// A handshake that was cut off, by a tunnel or a proxy whose far end is gone: where the other side
// does not speak TLS, or another version of it, OpenSSL names an error.
bool broke_off(CURLcode code, std::string_view said) {
  return code == CURLE_SSL_CONNECT_ERROR && said.find("error:") == std::string_view::npos;
}

std::string_view advice_for(CURLcode code) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return "; name the file of the certificates to trust in CURL_CA_BUNDLE (of S3: "
             "AWS_CA_BUNDLE)";
    case CURLE_SSL_CONNECT_ERROR:
      return "; is this a server of https, and not of http?";
    case CURLE_TOO_MANY_REDIRECTS:
      return "; use the address that they should lead to";
    case CURLE_UNSUPPORTED_PROTOCOL:
      return "; an address of https may not lead to one of http";
    case CURLE_COULDNT_RESOLVE_HOST:
      return "; check the host";
    case CURLE_COULDNT_CONNECT:
      return "; check the host and the port, and that the server runs";
    default:
      return "";
  }
}

}  // namespace

Result<HttpResponse> HttpClient::send(const HttpRequest& request, HttpSink* sink) {
  Curl::Exchange& exchange = curl_->exchange;
  exchange = Curl::Exchange{};
  exchange.sink = sink;
  exchange.body_max = curl_->options.body_max;
  exchange.upload = request.body;
  curl_->configure(request);
  HeaderList headers;
  curl_->configure_body(request, headers);
  for (const HttpHeader& header : request.headers) headers.add(header.name + ": " + header.value);
  curl_->set(CURLOPT_HTTPHEADER, headers.get());
  char reason[CURL_ERROR_SIZE] = {};
  curl_->set(CURLOPT_ERRORBUFFER, &reason[0]);

  const CURLcode code = curl_easy_perform(curl_->handle);
  curl_->set(CURLOPT_ERRORBUFFER, static_cast<char*>(nullptr));
  curl_->set(CURLOPT_HTTPHEADER, static_cast<curl_slist*>(nullptr));
  if (!exchange.verdict) return exchange.verdict.error();
  if (code != CURLE_OK) {
    const std::string said = reason[0] != '\0' ? &reason[0] : curl_easy_strerror(code);
    const std::string where = shown_address(request.url) + ": " + said;
    if (broke_off(code, said)) return Error{ErrorCode::unavailable, where};
    return Error{is_final(code) ? ErrorCode::invalid : ErrorCode::unavailable,
                 where + std::string(advice_for(code))};
  }
  long status = 0;
  curl_easy_getinfo(curl_->handle, CURLINFO_RESPONSE_CODE, &status);
  exchange.response.status = static_cast<int>(status);
  if (sink != nullptr && exchange.response.is_success() && !exchange.begun) {
    if (Status begun = sink->begin(exchange.response); !begun) return begun.error();
  }
  return std::move(exchange.response);
}

std::optional<std::string> HttpResponse::header(std::string_view name) const {
  for (const HttpHeader& header : headers) {
    if (equals_without_case(header.name, name)) return header.value;
  }
  return std::nullopt;
}

std::string ca_file_of_environment() {
  for (const char* name : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
    if (const char* file = std::getenv(name); file != nullptr && *file != '\0') return file;
  }
  return {};
}

}  // namespace ballast
