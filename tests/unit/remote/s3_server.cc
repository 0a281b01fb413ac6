#include "tests/unit/remote/s3_server.h"

#include <utility>

namespace ballast {
namespace {

using Query = std::map<std::string, std::string>;

std::string decoded(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

Query query_of(const std::string& path) {
  Query query;
  std::size_t at = path.find('?');
  while (at != std::string::npos) {
    const std::size_t end = path.find('&', at + 1);
    const std::string pair = path.substr(at + 1, end - at - 1);
    const std::size_t equals = pair.find('=');
    query[decoded(pair.substr(0, equals))] =
        equals == std::string::npos ? "" : decoded(pair.substr(equals + 1));
    at = end;
  }
  return query;
}

Answer refusal(int status, const std::string& code) {
  return {.status = status,
          .body = "<?xml version=\"1.0\"?><Error><Code>" + code +
                  "</Code><Message>as told</Message></Error>"};
}

std::string etag_of(const std::string& bytes) {
  return "\"" + sha256_of(std::string_view(bytes)) + "\"";
}

}  // namespace

S3Server::S3Server()
    : http_(std::make_unique<ScriptedServer>([this](const SeenRequest& request) {
        if (before) {
          if (auto instead = before(request)) return *std::move(instead);
        }
        Answer answer = handle(request);
        if (after) after(request, answer);
        return answer;
      })) {}

S3Options S3Server::options() const {
  S3Options options;
  options.place = {.endpoint = http_->url(),
                   .region = "us-east-1",
                   .addressing = S3Addressing::path,
                   .ca_file = ""};
  options.environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "AWS_ACCESS_KEY_ID") return "AKIATEST";
    if (name == "AWS_SECRET_ACCESS_KEY") return "a-secret";
    return std::nullopt;
  };
  options.retry = {.attempts_max = 3,
                   .first_wait = std::chrono::milliseconds(1),
                   .longest_wait = std::chrono::milliseconds(5),
                   .tell = {}};
  options.stall_timeout = std::chrono::seconds(1);
  return options;
}

Answer S3Server::handle(const SeenRequest& request) {
  const std::string name = decoded(request.path.substr(1, request.path.find('?') - 1));
  const Query query = query_of(request.path);
  if (!request.header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=AKIATEST/")) {
    return refusal(403, "AccessDenied");
  }
  if (request.header("x-amz-content-sha256") != sha256_of(std::string_view(request.body))) {
    return refusal(400, "XAmzContentSHA256Mismatch");
  }
  const std::size_t slash = name.find('/');
  if (name.substr(0, slash) != "bucket") return refusal(404, "NoSuchBucket");
  if (slash + 1 == name.size()) return list(name.substr(0, slash), query);
  if (request.method == "PUT") return on_put(request, name, query);
  if (request.method == "POST") return on_post(name, query);
  if (request.method == "DELETE") return on_delete(name, query);
  return on_get(request, name);
}

Answer S3Server::on_put(const SeenRequest& request, const std::string& name, Query query) {
  if (query.contains("partNumber")) {
    const auto upload = uploads.find(name + " " + query["uploadId"]);
    if (upload == uploads.end()) return refusal(404, "NoSuchUpload");
    upload->second[std::stoi(query["partNumber"])] = request.body;
    return {.headers = {{"ETag", etag_of(request.body)}}};
  }
  if (request.header("if-none-match") == "*" && knows_if_none_match && objects.contains(name)) {
    return refusal(412, "PreconditionFailed");
  }
  objects[name] = {request.body, request.header("x-amz-meta-ballast-claim")};
  return {.headers = {{"ETag", etag_of(request.body)}}};
}

Answer S3Server::on_get(const SeenRequest& request, const std::string& name) const {
  const auto found = objects.find(name);
  if (found == objects.end()) return refusal(404, "NoSuchKey");
  const std::string& bytes = found->second.bytes;
  Answer answer{.headers = {{"ETag", etag_of(bytes)}}, .body = bytes};
  if (!found->second.claim.empty())
    answer.headers["x-amz-meta-ballast-claim"] = found->second.claim;
  const std::string range = request.header("range");
  if (range.empty()) return answer;
  if (request.header("if-match") != etag_of(bytes)) return refusal(412, "PreconditionFailed");
  const std::size_t first = std::stoull(range.substr(range.find('=') + 1));
  answer.status = 206;
  answer.body = bytes.substr(first);
  answer.headers["Content-Range"] = "bytes " + std::to_string(first) + "-" +
                                    std::to_string(bytes.size() - 1) + "/" +
                                    std::to_string(bytes.size());
  return answer;
}

Answer S3Server::on_post(const std::string& name, Query query) {
  if (query.contains("uploads")) {
    const std::string id = "upload " + std::to_string(++uploads_made_);
    uploads[name + " " + id] = {};
    return {.body = "<InitiateMultipartUploadResult><UploadId>" + id +
                    "</UploadId></InitiateMultipartUploadResult>"};
  }
  const auto upload = uploads.find(name + " " + query["uploadId"]);
  if (upload == uploads.end()) return refusal(404, "NoSuchUpload");
  std::string bytes;
  for (const auto& [number, part] : upload->second) bytes += part;
  objects[name] = {std::move(bytes), ""};
  uploads.erase(upload);
  return {.body = "<CompleteMultipartUploadResult/>"};
}

Answer S3Server::on_delete(const std::string& name, Query query) {
  if (query.contains("uploadId")) {
    return uploads.erase(name + " " + query["uploadId"]) == 1 ? Answer{.status = 204}
                                                              : refusal(404, "NoSuchUpload");
  }
  objects.erase(name);
  return {.status = 204};
}

// Pages of two entries, so that everything that lists has to go on.
Answer S3Server::list(const std::string& bucket, Query query) const {
  if (query.contains("uploads")) {
    std::string xml = "<ListMultipartUploadsResult>";
    for (const auto& [upload, parts] : uploads) {
      const std::size_t space = upload.find(' ');
      const std::string key = upload.substr(bucket.size() + 1, space - bucket.size() - 1);
      xml += "<Upload><Key>" + key + "</Key><UploadId>" + upload.substr(space + 1) +
             "</UploadId></Upload>";
    }
    return {.body = xml + "</ListMultipartUploadsResult>"};
  }
  std::string xml = "<ListBucketResult>";
  int entries = 0;
  for (const auto& [name, object] : objects) {
    const std::string key = name.substr(bucket.size() + 1);
    if (!key.starts_with(query["prefix"]) || key <= query["continuation-token"]) continue;
    const bool deeper = key.find('/', query["prefix"].size()) != std::string::npos;
    if (deeper && query["delimiter"] == "/") continue;
    if (++entries > 2) break;
    xml += "<Contents><Key>" + key + "</Key><Size>" + std::to_string(object.bytes.size()) +
           "</Size></Contents>";
    if (entries == 2) xml += "<NextContinuationToken>" + key + "</NextContinuationToken>";
  }
  xml += entries > 2 ? "<IsTruncated>true</IsTruncated>" : "<IsTruncated>false</IsTruncated>";
  return {.body = xml + "</ListBucketResult>"};
}

}  // namespace ballast
