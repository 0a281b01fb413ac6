#pragma once

// Requests and answers of HTTP as values: what a handler is given and what it gives back.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/http/upload.h"

namespace ballast::http {

enum class Method { get, head, post, put, patch, remove, options, other };

// "GET"; of `other` nothing.
[[nodiscard]] std::string_view name_of(Method method);
[[nodiscard]] Method parse_method(std::string_view name);

// What a token allows; each role may do what those before it may.
enum class Access {
  open,  // Anybody, without a token: for probes.
  view,
  submit,
  admin,
};
[[nodiscard]] std::string_view name_of(Access access);

struct Field {
  std::string name;
  std::string value;
};

// Whose token came with a request.
struct Caller {
  std::string name{};  // Empty: no token was asked for.
  Access access = Access::open;
  std::string digest{};  // Of the token, by which it is found again.
};

struct Request {
  std::string id;  // For the log and the answer: the client's X-Request-Id, or made up.
  Method method = Method::get;
  std::string path;                               // As it was sent, without the query.
  std::map<std::string, std::string> parameters;  // {name} of the route's pattern, decoded.
  std::map<std::string, std::string> query;       // Decoded; of several of one name the last.
  std::vector<Field> fields;
  std::string body;                // Body::memory
  std::unique_ptr<Upload> upload;  // Body::file, whole
  std::string peer;                // The client's address, without a port.
  Caller caller;

  // The first of this name, whatever its case; empty: none.
  [[nodiscard]] std::string_view field(std::string_view name) const;
  // REQUIRES: the route's pattern has it.
  [[nodiscard]] const std::string& parameter(const std::string& name) const;
  // Where a stream of events should go on; empty: from now.
  [[nodiscard]] std::string_view last_event_id() const { return field("Last-Event-ID"); }
};

// An answer from memory. Fields given here come before those that every answer has: a
// Content-Security-Policy or Cache-Control of its own replaces the common one.
struct Response {
  unsigned status = 200;
  std::string type = "application/json";
  std::string body{};
  std::vector<Field> fields{};
  std::string etag{};  // Without quotes. A client that has it already is answered 304.
};

// An answer from a file, read as it is sent. Serves ranges, so a download can go on where it
// broke. The file must not be changed in place meanwhile; replacing or removing it is fine.
struct FileResponse {
  std::string path{};
  std::string type = "application/octet-stream";
  std::string name{};  // Under which a browser saves it; empty: it shows it.
  std::string etag{};  // Of the content, such as its digest; empty: made of size and time.
};

// One server-sent event. Line breaks in `data` are kept; `id` and `name` have none.
struct Event {
  std::string id{};
  std::string name{};
  std::string data{};
};

// {"error": {"code", "message", "request_id"}}. `code` is a word for programs, `message` says what
// was expected, what was seen and what to do.
[[nodiscard]] Response error_response(unsigned status, std::string_view code,
                                      std::string_view message, std::string_view request_id);

// "Not Found"
[[nodiscard]] std::string_view reason_of(unsigned status);

[[nodiscard]] bool same_ignoring_case(std::string_view a, std::string_view b);

}  // namespace ballast::http
