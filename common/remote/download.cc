#include "common/remote/download.h"

#include <charconv>
#include <memory>
#include <optional>
#include <utility>

#include "common/base/sha256.h"
#include "common/storage/files.h"

namespace ballast {
namespace {

// Less than this is no progress: a server that gives a byte at a time would be asked for ever.
constexpr std::uint64_t kProgressBytes = std::uint64_t{64} << 10;

std::optional<std::uint64_t> parsed_whole(std::string_view text) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

// "bytes 500-999/1000"
struct ContentRange {
  std::uint64_t first = 0;
  std::uint64_t total = 0;
};
std::optional<ContentRange> range_of(const HttpResponse& response) {
  const auto text = response.header("Content-Range");
  if (!text || !text->starts_with("bytes ")) return std::nullopt;
  const std::string_view range = std::string_view(*text).substr(6);
  const std::size_t dash = range.find('-');
  const std::size_t slash = range.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos) return std::nullopt;
  const auto first = parsed_whole(range.substr(0, dash));
  const auto total = parsed_whole(range.substr(slash + 1));
  if (!first || !total) return std::nullopt;
  return ContentRange{*first, *total};
}

Validator validator_of(const HttpResponse& response) {
  return {response.header("ETag").value_or(""), response.header("Last-Modified").value_or("")};
}

// Writes what arrives, and knows where the next request has to begin.
class Arriving final : public HttpSink {
 public:
  Arriving(std::string shown, std::string beside, const DownloadOptions& options)
      : shown_(std::move(shown)), beside_(std::move(beside)), options_(options) {}
  ~Arriving() override { static_cast<void>(discard()); }  // A temporary file that stays is swept.

  Status begin(const HttpResponse& head) override {
    if (head.status == 206) return go_on(head);
    if (Status fresh = start_again(); !fresh) return fresh;
    validator_ = validator_of(head);
    const auto length = head.header("Content-Length");
    total_ = length ? parsed_whole(*length) : std::nullopt;
    return {};
  }

  Status append(std::span<const std::byte> bytes) override {
    if (Status put = file_->write_at(written_, bytes); !put) return put;
    hash_->update(bytes);
    written_ += bytes.size();
    if (options_.progress) options_.progress(written_, total_.value_or(0));
    return {};
  }

  // Conditions of the next request.
  [[nodiscard]] std::vector<HttpHeader> conditions() const {
    std::vector<HttpHeader> headers;
    if (can_go_on()) {
      headers.push_back({"Range", "bytes=" + std::to_string(written_) + "-"});
      headers.push_back({"If-Range", strong_validator()});
    } else if (!options_.have.etag.empty()) {
      headers.push_back({"If-None-Match", options_.have.etag});
    } else if (!options_.have.last_modified.empty()) {
      headers.push_back({"If-Modified-Since", options_.have.last_modified});
    }
    return headers;
  }

  // What came is not the beginning of what is there now.
  Status discard() {
    if (!file_) return {};
    const std::string path = file_->path();
    file_.reset();
    written_ = 0;
    return remove_file(path);
  }

  [[nodiscard]] std::uint64_t written() const { return written_; }

  Result<Downloaded> finish() {
    if (total_ && *total_ != written_) {
      return Error{ErrorCode::unavailable, shown_ + ": expected " + std::to_string(*total_) +
                                               " bytes, got " + std::to_string(written_)};
    }
    if (Status synced = file_->sync(); !synced) return synced.error();
    Downloaded done{.unchanged = false,
                    .path = file_->path(),
                    .bytes = written_,
                    .sha256 = hash_->finish(),
                    .validator = validator_};
    file_.reset();
    return done;
  }

 private:
  Status start_again() {
    if (Status gone = discard(); !gone) return gone;
    auto file = OpenFile::create_temporary(beside_);
    if (!file) return file.error();
    file_ = *std::move(file);
    hash_ = std::make_unique<Sha256>();
    written_ = 0;
    return {};
  }

  Status go_on(const HttpResponse& head) const {
    const auto range = range_of(head);
    const Validator now = validator_of(head);
    const bool same = range && file_ && range->first == written_ &&
                      (!total_ || range->total == *total_) &&
                      (now.etag.empty() || now.etag == validator_.etag);
    if (same) return {};
    return Error{ErrorCode::corrupt,
                 shown_ + ": asked for the bytes from " + std::to_string(written_) +
                     " on, the server sent others (" +
                     head.header("Content-Range").value_or("without saying which") +
                     "); it does not keep to HTTP"};
  }

  // A weak ETag promises no equal bytes.
  [[nodiscard]] std::string strong_validator() const {
    const bool strong = !validator_.etag.empty() && !validator_.etag.starts_with("W/");
    return strong ? validator_.etag : validator_.last_modified;
  }
  [[nodiscard]] bool can_go_on() const {
    return file_ != nullptr && written_ > 0 && !strong_validator().empty() &&
           (!total_ || written_ < *total_);
  }

  const std::string shown_;
  const std::string beside_;
  const DownloadOptions& options_;
  std::unique_ptr<OpenFile> file_;
  std::unique_ptr<Sha256> hash_;
  std::uint64_t written_ = 0;
  std::optional<std::uint64_t> total_;
  Validator validator_;
};

}  // namespace

Result<Downloaded> download(HttpClient& client, const RemoteFile& file, const std::string& beside,
                            const DownloadOptions& options) {
  Retries retries(options.retry);
  Arriving arriving(file.shown, beside, options);
  while (true) {
    const std::uint64_t before = arriving.written();
    const auto request = file.request(arriving.conditions());
    if (!request) return request.error();
    const auto response = client.send(*request, &arriving);
    std::optional<Error> passing;
    std::chrono::milliseconds wait{};
    if (response && response->status == 304) {
      return Downloaded{
          .unchanged = true, .path = "", .bytes = 0, .sha256 = "", .validator = options.have};
    }
    if (response && response->is_success()) {
      auto done = arriving.finish();
      if (done || done.error().code != ErrorCode::unavailable) return done;
      passing = done.error();
    } else if (response && (response->status == 416 || response->status == 412)) {
      passing = Error{ErrorCode::unavailable, file.shown + ": changed while it was fetched"};
      if (Status gone = arriving.discard(); !gone) return gone.error();
    } else if (response) {
      passing = file.explain(*response);
      if (!status_may_pass(response->status)) return *passing;
      wait = wait_asked_by(*response);
    } else {
      passing = response.error();
      if (passing->code != ErrorCode::unavailable) return *passing;
    }
    if (arriving.written() >= before + kProgressBytes) retries.progressed();
    if (!retries.again(passing->message, wait)) return *passing;
  }
}

Error explain_http(const std::string& shown, const HttpResponse& response) {
  const std::string said = shown + ": the server answers " + std::to_string(response.status);
  switch (response.status) {
    case 401:
    case 403:
      return {ErrorCode::invalid, said +
                                      ": it does not give this file to everybody, and no "
                                      "password is sent; use an address that is signed, or s3://"};
    case 404:
    case 410:
      return {ErrorCode::not_found, said + ": there is no such file; check the address"};
    default:
      break;
  }
  if (status_may_pass(response.status)) {
    return {ErrorCode::unavailable, said + "; try again later"};
  }
  return {ErrorCode::invalid, said + ", expected 200; check the address"};
}

}  // namespace ballast
