#include "common/remote/fetcher.h"

#include <fnmatch.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "common/base/address.h"
#include "common/job/json_text.h"
#include "common/remote/sigv4.h"
#include "common/storage/content_hash.h"
#include "common/storage/files.h"

namespace ballast {
namespace {

constexpr const char* kRecord = "file.json";
constexpr unsigned kFormat = 1;
constexpr std::string_view kWildcards = "*?[";

}  // namespace

// file.json: what is kept of an address.
struct Fetcher::Kept {
  std::string file;  // Its name: the hash of its content.
  std::string sha256;
  Validator validator;

  static std::optional<Kept> read(const std::string& directory) {
    const auto text = read_file(join_path(directory, kRecord));
    if (!text) return std::nullopt;
    const auto json = parse_shallow_json_if<nlohmann::json>(*text);
    if (!json.is_object()) return std::nullopt;
    const auto format = json.find("format");
    if (format == json.end() || *format != kFormat) return std::nullopt;
    const auto field = [&](const char* name) {
      const auto found = json.find(name);
      return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    Kept kept{field("file"), field("sha256"), {field("etag"), field("last_modified")}};
    const auto hash = content_hash_of_file(join_path(directory, kept.file));
    if (kept.file.empty() || !hash || *hash != kept.file) return std::nullopt;
    return kept;
  }

  // An address may hold a signature in its query: what is written is what may be shown.
  [[nodiscard]] Status write(const std::string& directory, const std::string& address) const {
    const nlohmann::ordered_json json = {
        {"format", kFormat},      {"address", shown_address(address)},
        {"file", file},           {"sha256", sha256},
        {"etag", validator.etag}, {"last_modified", validator.last_modified}};
    return write_file_atomically(join_path(directory, kRecord),
                                 json_text(json, 2, BadUtf8::replace) + "\n");
  }
};

Result<std::vector<std::string>> Fetcher::expand(const std::string& address) {
  const auto parsed = parse_address(address);
  if (!parsed) return parsed.error();
  if (parsed->scheme != AddressScheme::s3) return std::vector<std::string>{address};
  const std::string& pattern = parsed->path;
  if (pattern.empty() || pattern.ends_with('/')) {
    return Error{ErrorCode::invalid, address + ": expected an object, got a prefix; write " +
                                         address + (pattern.empty() ? "/*" : "*")};
  }
  const std::size_t wildcard = pattern.find_first_of(kWildcards);
  if (wildcard == std::string::npos) return std::vector<std::string>{address};
  const auto client = s3();
  if (!client) return client.error();
  const auto entries = (*client)->list(parsed->host, pattern.substr(0, wildcard), S3Listing::deep);
  if (!entries) return entries.error();
  std::vector<std::string> found;
  for (const S3Entry& entry : *entries) {
    const std::string name = "s3://" + parsed->host + "/" + entry.key;
    if (entry.key == pattern) return std::vector<std::string>{name};  // It is called so.
    const bool is_file = !entry.key.ends_with('/');  // Consoles make "folders" of such objects.
    if (is_file && ::fnmatch(pattern.c_str(), entry.key.c_str(), FNM_PATHNAME) == 0) {
      found.push_back(name);
    }
  }
  if (found.empty()) {
    return Error{ErrorCode::not_found, "no object matches " + address + "; check the pattern"};
  }
  return found;
}

Result<std::string> Fetcher::fetch(const std::string& address, const std::string& sha256) {
  // The same address is another file on another server.
  const std::string place = options_.environment("AWS_ENDPOINT_URL_S3")
                                .value_or(options_.environment("AWS_ENDPOINT_URL").value_or(""));
  const std::string directory = join_path(
      options_.directory, sha256_of(std::string_view(address + "\n" + place)).substr(0, 32));
  const auto kept = Kept::read(directory);
  if (kept && !sha256.empty() && kept->sha256 == sha256) return join_path(directory, kept->file);
  if (Status made = make_directories(directory); !made) return made.error();

  DownloadOptions options{.retry = options_.retry, .have = {}, .progress = {}};
  // A copy that is not what was asked for is no reason to fetch nothing.
  if (kept && sha256.empty()) options.have = kept->validator;
  if (options_.progress) {
    options.progress = [&](std::uint64_t done, std::uint64_t total) {
      options_.progress(address, done, total);
    };
  }
  // Alone here, what dead processes left can go; with others, each has a temporary file of its own.
  const auto lock = FileLock::acquire(join_path(directory, "lock"));
  if (lock) {
    const auto names = list_files(directory);
    if (!names) return names.error();
    for (const std::string& name : *names) {
      if (!name.starts_with(".tmp-")) continue;
      if (Status gone = remove_file(join_path(directory, name)); !gone) return gone.error();
    }
  }
  const auto done = get(address, join_path(directory, "file"), options);
  if (!done) return done.error();
  if (done->unchanged) return join_path(directory, kept->file);
  auto path = keep(address, directory, *done, sha256);
  if (!path) {
    static_cast<void>(remove_file(done->path));  // The first error is the one to tell.
    return path;
  }
  if (lock && kept && join_path(directory, kept->file) != *path) {
    if (Status gone = remove_file(join_path(directory, kept->file)); !gone) return gone.error();
  }
  return path;
}

Result<std::string> Fetcher::keep(const std::string& address, const std::string& directory,
                                  const Downloaded& done, const std::string& sha256) {
  if (!sha256.empty() && done.sha256 != sha256) {
    return Error{ErrorCode::corrupt, shown_address(address) + ": expected SHA-256 " + sha256 +
                                         ", got " + done.sha256 +
                                         "; it is another file than it was: find out why, then "
                                         "correct the digest"};
  }
  const auto hash = content_hash_of_file(done.path);
  if (!hash) return hash.error();
  std::string path = join_path(directory, *hash);
  if (Status moved = rename_durably(done.path, path); !moved) return moved.error();
  const Kept kept{*hash, done.sha256, done.validator};
  if (Status written = kept.write(directory, address); !written) return written.error();
  return path;
}

Result<Downloaded> Fetcher::get(const std::string& address, const std::string& beside,
                                const DownloadOptions& options) {
  const auto parsed = parse_address(address);
  if (!parsed) return parsed.error();
  if (parsed->scheme == AddressScheme::s3) {
    const auto client = s3();
    if (!client) return client.error();
    return (*client)->fetch({parsed->host, parsed->path}, beside, options);
  }
  const auto client = http();
  if (!client) return client.error();
  const std::string shown = shown_address(address);
  const std::string url = (parsed->scheme == AddressScheme::http ? "http://" : "https://") +
                          parsed->host + parsed->path;
  const RemoteFile file{
      .shown = shown,
      .request = [&](const std::vector<HttpHeader>& headers) -> Result<HttpRequest> {
        return HttpRequest{.method = "GET", .url = url, .headers = headers, .body = {}};
      },
      .explain = [&](const HttpResponse& response) { return explain_http(shown, response); }};
  return download(**client, file, beside, options);
}

Result<HttpClient*> Fetcher::http() {
  if (http_ == nullptr) {
    auto client = HttpClient::create(
        {.stall_timeout = options_.stall_timeout, .ca_file = ca_file_of_environment()});
    if (!client) return client.error();
    http_ = *std::move(client);
  }
  return http_.get();
}

Result<S3Client*> Fetcher::s3() {
  if (s3_ == nullptr) {
    auto place = find_s3(options_.environment);
    if (!place) return place.error();
    auto client = S3Client::create({.place = *std::move(place),
                                    .environment = options_.environment,
                                    .retry = options_.retry,
                                    .stall_timeout = options_.stall_timeout});
    if (!client) return client.error();
    s3_ = *std::move(client);
  }
  return s3_.get();
}

}  // namespace ballast
