#include "common/remote/s3_client.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <functional>
#include <random>
#include <utility>

#include "common/base/address.h"
#include "common/remote/sigv4.h"
#include "common/storage/files.h"

namespace ballast {
namespace {

constexpr int kPartsMax = 10'000;  // Of one upload, by the S3 API.
constexpr const char* kClaimHeader = "x-amz-meta-ballast-claim";

std::span<const std::byte> bytes_of_text(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string drawn_name() {
  std::random_device device;
  std::string name;
  for (int i = 0; i < 4; ++i) {
    std::array<char, 16> digits{};
    std::snprintf(digits.data(), digits.size(), "%08x", static_cast<unsigned>(device()));
    name += digits.data();
  }
  return name;
}

// The host as it is sent and signed: without a port that is the scheme's own.
struct Origin {
  std::string scheme;  // "https://"
  std::string host;
};
Origin origin_of(const std::string& endpoint) {
  const std::size_t end = endpoint.find("://") + 3;
  Origin origin{endpoint.substr(0, end), endpoint.substr(end)};
  const std::string own = origin.scheme == "https://" ? ":443" : ":80";
  if (origin.host.ends_with(own)) origin.host.resize(origin.host.size() - own.size());
  return origin;
}

}  // namespace

std::string to_string(const S3Name& name) { return "s3://" + name.bucket + "/" + name.key; }

// ---- connections
// ----------------------------------------------------------------------------------

class S3Client::Connection {
 public:
  Connection(S3Client& owner, std::unique_ptr<HttpClient> client)
      : owner_(&owner), client_(std::move(client)) {}
  Connection(Connection&&) = default;
  Connection& operator=(Connection&&) = delete;
  ~Connection() {
    if (client_ == nullptr) return;
    const std::lock_guard lock(owner_->mutex_);
    owner_->idle_.push_back(std::move(client_));
  }
  HttpClient& operator*() { return *client_; }

 private:
  S3Client* owner_;
  std::unique_ptr<HttpClient> client_;
};

S3Client::S3Client(S3Options options) : options_(std::move(options)) {}
S3Client::~S3Client() = default;

Result<std::unique_ptr<S3Client>> S3Client::create(S3Options options) {
  // A mistake of the environment is told before anything is asked of the network.
  if (const auto found = find_credentials(options.environment); !found) return found.error();
  return std::unique_ptr<S3Client>(new S3Client(std::move(options)));
}

Result<S3Client::Connection> S3Client::connection() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      Connection taken(*this, std::move(idle_.back()));
      idle_.pop_back();
      return taken;
    }
  }
  // A redirect would need another signature; it is explained instead of followed.
  auto client = HttpClient::create({.stall_timeout = options_.stall_timeout,
                                    .redirects = Redirects::refuse,
                                    .ca_file = options_.place.ca_file});
  if (!client) return client.error();
  return Connection(*this, *std::move(client));
}

// ---- requests -----------------------------------------------------------------------------------

Result<HttpRequest> S3Client::signed_request(const Call& call,
                                             const std::string& body_sha256) const {
  const auto credentials = find_credentials(options_.environment);
  if (!credentials) return credentials.error();
  const S3Place& place = options_.place;
  Origin origin = origin_of(place.endpoint);
  // A certificate for *.HOST holds for no name with a further dot.
  const bool in_host = place.addressing == S3Addressing::virtual_host &&
                       call.name.bucket.find('.') == std::string::npos;
  if (in_host) origin.host = call.name.bucket + "." + origin.host;
  const std::string path =
      (in_host ? "/" : "/" + call.name.bucket + "/") + percent_encoded_path(call.name.key);
  HttpRequest request;
  request.method = call.method;
  request.url = origin.scheme + origin.host + path;
  if (const std::string query = canonical_query(call.query); !query.empty()) {
    request.url += "?" + query;
  }
  request.headers = call.headers;
  request.body = call.body;
  for (HttpHeader& header : sign({.method = call.method,
                            .host = origin.host,
                            .path = path,
                            .query = call.query,
                            .headers = call.headers,
                            .body_sha256 = body_sha256},
                                 credentials->keys, place.region, std::time(nullptr))) {
    request.headers.push_back(std::move(header));
  }
  return request;
}

Result<HttpResponse> S3Client::send(const Call& call) {
  auto client = connection();
  if (!client) return client.error();
  const std::string body_sha256 = sha256_of(call.body);
  return send_patiently(
      **client, [&] { return signed_request(call, body_sha256); }, options_.retry);
}

Result<HttpResponse> S3Client::succeed(const Call& call) {
  auto response = send(call);
  if (response && !response->is_success()) return explain(call.name, *response);
  return response;
}

Error S3Client::explain(const S3Name& name, const HttpResponse& response) const {
  const S3Refusal refusal = parse_refusal(response.body);
  std::string said = to_string(name) + ": the server " + options_.place.endpoint + " answers " +
                     std::to_string(response.status);
  if (!refusal.code.empty()) said += " " + refusal.code;
  if (!refusal.message.empty()) said += " (" + refusal.message + ")";
  const auto region = response.header("x-amz-bucket-region");
  if (region && *region != options_.place.region) {
    return {ErrorCode::invalid,
            said + ": the bucket is in region " + *region + "; set AWS_REGION=" + *region};
  }
  if (response.status == 401 || response.status == 403) {
    if (refusal.code == "RequestTimeTooSkewed") {
      return {ErrorCode::invalid, said + "; set this machine's clock"};
    }
    const auto credentials = find_credentials(options_.environment);
    return {ErrorCode::invalid,
            said + ", asked with the " +
                (credentials ? credentials->source : "credentials that are gone meanwhile") +
                "; check that they are right and that the bucket's policy allows it"};
  }
  if (response.status == 404 && refusal.code == "NoSuchBucket") {
    return {ErrorCode::not_found, said + ": there is no bucket " + name.bucket +
                                      "; make it, or check the name and AWS_ENDPOINT_URL"};
  }
  if (response.status == 404) return {ErrorCode::not_found, said + ": there is no such object"};
  if (response.status == 409 || response.status == 412) return {ErrorCode::conflict, said};
  if (status_may_pass(response.status)) return {ErrorCode::unavailable, said + "; try again later"};
  return {ErrorCode::invalid, said + ", expected success; check AWS_ENDPOINT_URL and AWS_REGION"};
}

// ---- objects
// --------------------------------------------------------------------------------------

Result<std::uint64_t> S3Client::bytes_of(const S3Name& name) {
  const auto response = succeed({.method = "HEAD", .name = name});
  if (!response) return response.error();
  const std::string length = response->header("Content-Length").value_or("0");
  std::uint64_t bytes = 0;
  std::from_chars(length.data(), length.data() + length.size(), bytes);
  return bytes;
}

Result<std::string> S3Client::get(const S3Name& name) {
  auto response = succeed({.method = "GET", .name = name});
  if (!response) return response.error();
  return std::move(response->body);
}

Result<Downloaded> S3Client::fetch(const S3Name& name, const std::string& beside,
                                   const DownloadOptions& options) {
  auto client = connection();
  if (!client) return client.error();
  const std::string no_body = sha256_of(std::string_view());
  const RemoteFile file{
      .shown = to_string(name),
      .request =
          [&](std::vector<HttpHeader> headers) {
            // S3 does not promise If-Range; If-Match refuses instead, and the caller begins again.
            for (HttpHeader& header : headers) {
              if (header.name == "If-Range") header.name = "If-Match";
            }
            return signed_request({.method = "GET", .name = name, .headers = std::move(headers)},
                                  no_body);
          },
      .explain = [&](const HttpResponse& response) { return explain(name, response); }};
  return download(**client, file, beside, options);
}

Status S3Client::put(const S3Name& name, std::string_view text) {
  const auto done = succeed({.method = "PUT", .name = name, .body = bytes_of_text(text)});
  return done ? Status() : Status(done.error());
}

Status S3Client::remove(const S3Name& name) {
  const auto response = send({.method = "DELETE", .name = name});
  if (!response) return response.error();
  const bool gone =
      response->is_success() ||
      (response->status == 404 && parse_refusal(response->body).code != "NoSuchBucket");
  return gone ? Status() : Status(explain(name, *response));
}

// A request whose answer was lost is sent again and finds its own object: the claim, a name drawn
// for this call, tells it from another's.
Status S3Client::create(const S3Name& name, std::string_view text) {
  const std::string claim = drawn_name();
  const Call call{.method = "PUT",
                  .name = name,
                  .headers = {{"If-None-Match", "*"}, {kClaimHeader, claim}},
                  .body = bytes_of_text(text)};
  Retries retries(options_.retry);
  while (true) {
    const auto response = send(call);
    if (!response) return response.error();
    if (response->is_success()) return check_creates_exclusively(call);
    if (response->status == 412) break;
    // Two requests met, and neither is in yet (ConditionalRequestConflict).
    const Error error = explain(name, *response);
    if (response->status != 409 || !retries.again(error.message)) {
      if (response->status == 409) return Error{ErrorCode::unavailable, error.message};
      return error;
    }
  }
  const auto there = succeed({.method = "HEAD", .name = name});
  if (there && there->header(kClaimHeader) == claim) return {};
  if (!there && there.error().code != ErrorCode::not_found) return there.error();
  return Error{ErrorCode::conflict,
               to_string(name) + ": expected no such object, and there is one"};
}

// The same request again must be refused. A server that takes it would let two hold one store.
Status S3Client::check_creates_exclusively(const Call& call) {
  if (creates_exclusively_) return {};
  const auto again = send(call);
  if (!again) return again.error();
  if (again->status != 412 && again->status != 409) {
    if (!again->is_success()) return explain(call.name, *again);
    return Error{ErrorCode::unsupported,
                 to_string(call.name) + ": the server " + options_.place.endpoint +
                     " ignores If-None-Match, by which one of several processes holds a store; use "
                     "a server that knows it (AWS S3, MinIO and others since 2024)"};
  }
  creates_exclusively_ = true;
  return {};
}

// ---- large files
// ----------------------------------------------------------------------------------

Status S3Client::put_file(const S3Name& name, const std::string& path) {
  const auto file = MappedFile::open(path);
  if (!file) return file.error();
  const std::span<const std::byte> bytes = (*file)->bytes();
  if (bytes.size() <= options_.part_bytes) {
    const auto done = succeed({.method = "PUT", .name = name, .body = bytes});
    return done ? Status() : Status(done.error());
  }
  const auto begun = succeed({.method = "POST", .name = name, .query = {{"uploads", ""}}});
  if (!begun) return begun.error();
  const auto id = parse_upload_id(begun->body);
  if (!id) return Error{id.error().code, to_string(name) + ": " + id.error().message};
  Status done = put_parts(name, *id, bytes);
  if (!done) static_cast<void>(abort(name, *id));  // The first error is the one to tell.
  return done;
}

Status S3Client::put_parts(const S3Name& name, const std::string& id,
                           std::span<const std::byte> bytes) {
  const std::uint64_t part_bytes =
      std::max(options_.part_bytes, (bytes.size() + kPartsMax - 1) / kPartsMax);
  std::vector<S3Part> parts;
  for (std::size_t at = 0; at < bytes.size(); at += part_bytes) {
    const int number = static_cast<int>(parts.size()) + 1;
    const auto put =
        succeed({.method = "PUT",
                 .name = name,
                 .query = {{"partNumber", std::to_string(number)}, {"uploadId", id}},
                 .body = bytes.subspan(at, std::min<std::size_t>(part_bytes, bytes.size() - at))});
    if (!put) return put.error();
    parts.push_back({number, put->header("ETag").value_or("")});
  }
  return complete(name, id, parts, bytes.size());
}

// S3 may say 200 at once and only then find that it cannot: the body has the verdict.
Status S3Client::complete(const S3Name& name, const std::string& id,
                          const std::vector<S3Part>& parts, std::uint64_t bytes) {
  const std::string xml = parts_xml(parts);
  Retries retries(options_.retry);
  while (true) {
    const auto response = send(
        {.method = "POST", .name = name, .query = {{"uploadId", id}}, .body = bytes_of_text(xml)});
    if (!response) return response.error();
    const S3Refusal refusal = parse_refusal(response->body);
    if (response->is_success() && refusal.code.empty()) return {};
    if (refusal.code == "NoSuchUpload") {  // Ended by an attempt whose answer was lost?
      const auto there = bytes_of(name);
      if (there && *there == bytes) return {};
    }
    const Error error = explain(name, *response);
    if (!response->is_success()) return error;
    if (!retries.again(error.message)) return Error{ErrorCode::unavailable, error.message};
  }
}

Status S3Client::abort(const S3Name& name, const std::string& id) {
  const auto response = send({.method = "DELETE", .name = name, .query = {{"uploadId", id}}});
  if (!response) return response.error();
  if (response->is_success() || response->status == 404) return {};
  return explain(name, *response);
}

// ---- lists
// ----------------------------------------------------------------------------------------

Result<std::vector<S3Entry>> S3Client::list(const std::string& bucket, const std::string& prefix,
                                            S3Listing listing) {
  std::vector<S3Entry> entries;
  std::string next;
  do {
    Query query = {{"list-type", "2"}, {"prefix", prefix}};
    if (listing == S3Listing::flat) query.emplace_back("delimiter", "/");
    if (!next.empty()) query.emplace_back("continuation-token", next);
    const auto response =
        succeed({.method = "GET", .name = {bucket, ""}, .query = std::move(query)});
    if (!response) return response.error();
    auto page = parse_list(response->body);
    if (!page) return Error{page.error().code, "s3://" + bucket + ": " + page.error().message};
    if (page->next == next && !next.empty()) {
      return Error{ErrorCode::corrupt, "s3://" + bucket +
                                           ": the server's list comes to no end; it gave the same "
                                           "continuation token twice"};
    }
    next = std::move(page->next);
    std::move(page->entries.begin(), page->entries.end(), std::back_inserter(entries));
  } while (!next.empty());
  std::sort(entries.begin(), entries.end(),
            [](const S3Entry& a, const S3Entry& b) { return a.key < b.key; });
  return entries;
}

Status S3Client::abort_uploads(const std::string& bucket, const std::string& prefix) {
  std::string key;
  std::string id;
  do {
    Query query = {{"uploads", ""}, {"prefix", prefix}};
    if (!key.empty()) {
      query.emplace_back("key-marker", key);
      query.emplace_back("upload-id-marker", id);
    }
    const auto response =
        succeed({.method = "GET", .name = {bucket, ""}, .query = std::move(query)});
    if (!response) return response.error();
    auto page = parse_uploads(response->body);
    if (!page) return Error{page.error().code, "s3://" + bucket + ": " + page.error().message};
    for (const S3Upload& upload : page->uploads) {
      if (!upload.key.starts_with(prefix)) continue;
      if (Status gone = abort({bucket, upload.key}, upload.id); !gone) return gone;
    }
    if (page->next_key == key && page->next_id == id) break;  // No further.
    key = std::move(page->next_key);
    id = std::move(page->next_id);
  } while (!key.empty());
  return {};
}

}  // namespace ballast
