#include "common/http/outgoing.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>
#include <variant>

#include "common/base/check.h"
#include "common/http/range.h"

namespace ballast::http {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{64} << 10;

// What every answer says, unless the answer says otherwise: a page may load and ask for nothing but
// what is ours, nobody may frame it, and nothing is kept by caches on the way.
constexpr std::pair<std::string_view, std::string_view> kCommonFields[] = {
    {"Content-Security-Policy",
     "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
     "object-src 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cache-Control", "no-store"},
};

// What would end a field early, or begin another answer, becomes a space.
std::string clean(std::string_view value) {
  std::string cleaned(value);
  std::ranges::replace_if(
      cleaned, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return cleaned;
}

void add_field(std::string& head, std::string_view name, std::string_view value) {
  head += clean(name);
  head += ": ";
  head += clean(value);
  head += "\r\n";
}

std::string head_of(unsigned status, const std::vector<Field>& fields, const Framing& framing) {
  std::string head = "HTTP/1.1 " + std::to_string(status) + " ";
  head += reason_of(status);
  head += "\r\n";
  for (const Field& field : fields) add_field(head, field.name, field.value);
  for (const auto& [name, value] : kCommonFields) {
    const bool has_own = std::ranges::any_of(fields, [common = name](const Field& field) {
      return same_ignoring_case(field.name, common);
    });
    if (!has_own) add_field(head, name, value);
  }
  add_field(head, "Date", framing.date);
  add_field(head, "X-Request-Id", framing.request_id);
  add_field(head, "Connection", framing.keeps_alive ? "keep-alive" : "close");
  return head;
}

std::string_view find(const std::vector<Field>& fields, std::string_view name) {
  for (const Field& field : fields) {
    if (same_ignoring_case(field.name, name)) return field.value;
  }
  return {};
}

// Of If-None-Match: whether it is among those that the client has.
bool has_etag(std::string_view list, const std::string& etag) {
  while (!list.empty()) {
    std::string_view one = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), one.size() + 1));
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == etag || one == "*") return true;
  }
  return false;
}

bool is_read(Method method) { return method == Method::get || method == Method::head; }

std::string disposition(const std::string& name) {
  std::string safe = clean(name);
  std::ranges::replace_if(
      safe, [](char c) { return c == '"' || c == '\\' || c == '/' || (c & 0x80) != 0; }, '_');
  return "attachment; filename=\"" + safe + "\"";
}

// Size and time: a file that was replaced has another.
std::string etag_of(const struct stat& status) {
  return std::to_string(status.st_size) + "-" + std::to_string(status.st_mtim.tv_sec) + "-" +
         std::to_string(status.st_mtim.tv_nsec);
}

// A client that has the beginning of another content is given all of this one.
std::variant<WholeFile, FileRange, BeyondFile> part_of(const Framing& framing,
                                                       const std::string& etag,
                                                       std::uint64_t bytes) {
  const std::string_view if_range = find(framing.conditions, "If-Range");
  if (!if_range.empty() && if_range != etag) return WholeFile{};
  return parse_range(find(framing.conditions, "Range"), bytes);
}

std::string content_range(const FileRange& range, std::uint64_t bytes) {
  return "bytes " + std::to_string(range.begin) + "-" +
         std::to_string(range.begin + range.bytes - 1) + "/" + std::to_string(bytes);
}

Response beyond(std::uint64_t bytes, const std::string& request_id) {
  Response response = error_response(
      416, "range", "expected a range within the file's " + std::to_string(bytes) + " bytes",
      request_id);
  response.fields.push_back({"Content-Range", "bytes */" + std::to_string(bytes)});
  return response;
}

Error cannot_open(const std::string& path) {
  const ErrorCode code = errno == ENOENT ? ErrorCode::not_found : ErrorCode::io;
  return {code, path + ": cannot be read: " + std::generic_category().message(errno)};
}

}  // namespace

Outgoing::~Outgoing() { close_file(); }

void Outgoing::close_file() {
  if (file_ >= 0) ::close(file_);
  file_ = -1;
  file_bytes_ = 0;
}

unsigned Outgoing::add(const Response& response, const Framing& framing) {
  std::vector<Field> fields = response.fields;
  unsigned status = response.status;
  if (!response.etag.empty()) {
    const std::string etag = "\"" + response.etag + "\"";
    fields.push_back({"ETag", etag});
    const bool has = has_etag(find(framing.conditions, "If-None-Match"), etag);
    if (status == 200 && is_read(framing.method) && has) status = 304;
  }
  const bool has_body = status >= 200 && status != 204 && status != 304;
  if (has_body) {
    if (!response.type.empty()) fields.push_back({"Content-Type", response.type});
    fields.push_back({"Content-Length", std::to_string(response.body.size())});
  }
  add(head_of(status, fields, framing));
  add("\r\n");
  if (has_body && framing.method != Method::head) add(response.body);
  return status;
}

Result<unsigned> Outgoing::add(const FileResponse& response, const Framing& framing) {
  BALLAST_CHECK(file_ < 0);
  file_ = ::open(response.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file_ < 0) return cannot_open(response.path);
  struct stat status {};
  if (::fstat(file_, &status) != 0 || !S_ISREG(status.st_mode)) {
    close_file();
    return Error{ErrorCode::not_found, response.path + ": is no regular file"};
  }
  const auto bytes = static_cast<std::uint64_t>(status.st_size);
  const std::string etag = "\"" + (response.etag.empty() ? etag_of(status) : response.etag) + "\"";
  const auto part = part_of(framing, etag, bytes);
  if (std::holds_alternative<BeyondFile>(part)) {
    close_file();
    return add(beyond(bytes, framing.request_id), framing);
  }

  std::vector<Field> fields = {{"ETag", etag}, {"Accept-Ranges", "bytes"}};
  if (!response.name.empty()) {
    fields.push_back({"Content-Disposition", disposition(response.name)});
  }
  unsigned code = 200;
  FileRange range{0, bytes};
  if (has_etag(find(framing.conditions, "If-None-Match"), etag)) {
    code = 304;
  } else {
    if (const auto* const chosen = std::get_if<FileRange>(&part)) {
      code = 206;
      range = *chosen;
      fields.push_back({"Content-Range", content_range(range, bytes)});
    }
    fields.push_back({"Content-Type", response.type});
    fields.push_back({"Content-Length", std::to_string(range.bytes)});
  }
  add(head_of(code, fields, framing));
  add("\r\n");
  file_begin_ = range.begin;
  file_bytes_ = range.bytes;
  if (code == 304 || framing.method == Method::head || range.bytes == 0) close_file();
  return code;
}

void Outgoing::add_stream_head(const Framing& framing) {
  const std::vector<Field> fields = {{"Content-Type", "text/event-stream"},
                                     {"Cache-Control", "no-store"},
                                     {"X-Accel-Buffering", "no"}};  // nginx would hold events back.
  add(head_of(200, fields, framing));
  add("\r\n");
}

Result<std::string_view> Outgoing::next() {
  if (offset_ == sending_.size()) {
    sending_.clear();
    offset_ = 0;
    std::swap(sending_, pending_);
    if (sending_.empty() && file_ >= 0) {
      if (Status read = read_file_piece(); !read) return read.error();
    }
  }
  return std::string_view(sending_).substr(offset_, kPieceBytes);
}

Status Outgoing::read_file_piece() {
  sending_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(file_bytes_, kPieceBytes)));
  ssize_t got = -1;
  do {
    got = ::pread(file_, sending_.data(), sending_.size(), static_cast<off_t>(file_begin_));
  } while (got < 0 && errno == EINTR);
  if (got <= 0) {
    sending_.clear();
    return Error{ErrorCode::io, "a file that is sent ended early or cannot be read"};
  }
  sending_.resize(static_cast<std::size_t>(got));
  file_begin_ += sending_.size();
  file_bytes_ -= sending_.size();
  if (file_bytes_ == 0) close_file();
  return {};
}

void Outgoing::sent(std::size_t bytes) {
  BALLAST_CHECK(bytes <= sending_.size() - offset_);
  offset_ += bytes;
}

bool Outgoing::empty() const { return pending_.empty() && offset_ == sending_.size() && file_ < 0; }

}  // namespace ballast::http
