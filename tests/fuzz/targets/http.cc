// A connection of HTTP, from its first byte to its last.
//
// Input: u8, into how many bytes the rest is cut, 0: not at all; then what a client sends.

#include <string>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/http/session.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/scratch.h"
#include "tests/fuzz/target.h"
#include "tests/unit/http/session_fixture.h"

namespace ballast::fuzz {
namespace {

using namespace http;  // NOLINT(google-build-using-namespace): this file speaks of nothing else.

std::vector<Route> some_routes() {
  const auto say = [](Reply reply, std::string body) {
    std::move(reply).send(Response{.body = std::move(body)});
  };
  return {
      {.method = Method::get,
       .pattern = "/hello/{name}",
       .handle =
           [](Request request, Reply reply) {
             Response response{.body = request.parameter("name"), .etag = "v1"};
             for (const auto& [name, value] : request.query) {
               response.fields.push_back({"X-" + name, value});
             }
             std::move(reply).send(std::move(response));
           }},
      {.method = Method::post,
       .pattern = "/echo",
       .handle = [say](Request request, Reply reply) { say(std::move(reply), request.body); },
       .body = Body::memory,
       .body_bytes_max = 100},
      {.method = Method::put,
       .pattern = "/files/{path...}",
       .handle =
           [say](Request request, Reply reply) {
             say(std::move(reply), request.parameter("path") + request.upload->sha256());
           },
       .body = Body::file,
       .body_bytes_max = 200},
      {.method = Method::get,
       .pattern = "/file",
       .handle =
           [](Request request, Reply reply) {
             std::move(reply).send(FileResponse{.path = "LICENSE", .name = request.path});
           }},
      {.method = Method::get,
       .pattern = "/events",
       .handle =
           [](Request request, Reply reply) {
             EventStream stream = std::move(reply).begin_events();
             const Event event{.id = std::string(request.last_event_id()), .data = request.path};
             BALLAST_CHECK(stream.send(event));
           }},
  };
}

// What a client would make of it: whole answers, one after another.
void check_answers(std::string_view out) {
  while (!out.empty()) {
    BALLAST_CHECK(out.starts_with("HTTP/1.1 "));
    const std::size_t end = out.find("\r\n\r\n");
    BALLAST_CHECK(end != std::string_view::npos);
    const std::string_view head = out.substr(0, end + 2);
    for (std::size_t i = 0; i < head.size(); ++i) {
      const auto c = static_cast<unsigned char>(head[i]);
      const bool is_break = c == '\r' ? head[i + 1] == '\n' : c == '\n' && head[i - 1] == '\r';
      BALLAST_CHECK(c >= 0x20 || is_break);
    }
    // The body may be any bytes, so where the next answer begins only its length says.
    const std::size_t at = head.find("\r\nContent-Length: ");
    std::size_t bytes = 0;
    if (at != std::string_view::npos) bytes = std::stoul(std::string(head.substr(at + 18, 20)));
    out.remove_prefix(end + 4);
    if (head.find("text/event-stream") != std::string_view::npos) return;
    // Of an answer to HEAD, or one that was cut off, there is nothing; else all.
    if (out.starts_with("HTTP/1.1 ")) continue;
    BALLAST_CHECK(out.empty() || out.size() >= bytes);
    out.remove_prefix(std::min(bytes, out.size()));
  }
}

struct Seen {
  std::vector<std::pair<std::string, unsigned>> served;  // Routes and what they came to.
  bool is_over = false;
  bool is_accepted = true;
};

Seen run(std::string_view bytes, std::size_t piece, const std::string& uploads) {
  SessionSite site(some_routes());
  site.site.uploads = uploads;
  Seen seen;
  {
    Client client(site);
    std::string out;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      out += client.say(bytes.substr(at, piece));
    }
    out += client.end();
    check_answers(out);
    out = client.wait(std::chrono::hours(1));
    seen.is_over = client.is_over();
  }
  BALLAST_CHECK(site.site.uploads_open == 0);
  for (const Served& one : site.served) {
    seen.is_accepted &= one.status < 400;
    // What is wrong with a head, or that it is too large, may show before it is whole.
    if (!one.route.empty()) seen.served.emplace_back(one.route, one.status);
  }
  seen.is_accepted &= !site.served.empty();
  return seen;
}

}  // namespace

BALLAST_FUZZ_TARGET(http, bytes) {
  static const Scratch uploads;
  Input input(bytes);
  const std::size_t piece = input.byte();
  const std::string_view sent = input.rest();
  const std::size_t whole = std::max<std::size_t>(sent.size(), 1);
  const Seen at_once = run(sent, whole, uploads.path());
  BALLAST_CHECK(at_once.is_over);
  if (piece != 0) {
    BALLAST_CHECK(at_once.served == run(sent, piece, uploads.path()).served);
  }
  return at_once.is_accepted ? Verdict::accepted : Verdict::refused;
}

}  // namespace ballast::fuzz
