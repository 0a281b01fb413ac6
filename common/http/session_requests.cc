// How a session reads requests, and decides which of them a handler sees.

#include <algorithm>
#include <utility>

#include "common/http/draw.h"
#include "common/http/session.h"

namespace ballast::http {
namespace {

constexpr std::string_view kConditions[] = {"Range", "If-Range", "If-None-Match"};

bool is_request_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  });
}

std::size_t count(const std::vector<Field>& fields, std::string_view name) {
  return static_cast<std::size_t>(std::ranges::count_if(
      fields, [&](const Field& field) { return same_ignoring_case(field.name, name); }));
}

Denial bad_request(std::string message) { return {400, "bad_request", std::move(message), {}}; }

Denial too_large(std::uint64_t bytes_max) {
  return {413,
          "too_large",
          bytes_max == 0 ? "this takes no body"
                         : "expected a body of at most " + std::to_string(bytes_max) + " bytes",
          {}};
}

}  // namespace

void Session::advance(Time now) {
  while (true) {
    switch (phase_) {
      case Phase::idle:
        while (input_.starts_with("\r\n")) input_.erase(0, 2);  // Some send one too many.
        if (stopping_ || (ended_ && input_.empty())) return close(now);
        if (input_.empty() || input_ == "\r") return;
        begin_request(now);
        break;
      case Phase::head:
        if (!read_head(now)) return;
        break;
      case Phase::body:
        return read_body(now);
      case Phase::handling:
      case Phase::answering:
      case Phase::streaming:
      case Phase::over:
        return;
    }
  }
}

void Session::begin_request(Time now) {
  phase_ = Phase::head;
  since_ = began_ = now;
  exchange_ += 1;
  parser_ = std::make_unique<RequestParser>(site_.limits.head_bytes_max);
  route_ = nullptr;
  request_ = Request();
  method_ = Method::get;
  id_ = draw_hex(8);
  conditions_.clear();
  keeps_alive_ = true;
  body_bytes_ = sent_bytes_ = 0;
  served_ = Served();
  served_.peer = peer_;
}

// Whether it got any further than waiting for more.
bool Session::read_head(Time now) {
  input_.erase(0, parser_->put(input_));
  if (const auto& fault = parser_->fault()) {
    refuse(now, {fault->status, fault->code, fault->message, {}});
    return false;
  }
  if (!parser_->has_head()) {
    if (ended_) close(now);
    return false;
  }
  enter(now);
  return true;
}

void Session::enter(Time now) {
  const Head& head = parser_->head();
  method_ = request_.method = parse_method(head.method);
  request_.peer = peer_;
  request_.fields = head.fields;
  if (is_request_id(request_.field("X-Request-Id"))) id_ = request_.field("X-Request-Id");
  request_.id = id_;
  keeps_alive_ = head.keeps_alive;
  for (const std::string_view name : kConditions) {
    if (const auto value = request_.field(name); !value.empty()) {
      conditions_.push_back({std::string(name), std::string(value)});
    }
  }
  served_.method = name_of(method_);
  served_.target = head.target.substr(0, head.target.find('?'));
  if (const auto denial = admit(now, head)) return refuse(now, *denial);

  const bool is_awaited = !request_.field("Expect").empty() && !parser_->is_done();
  if (is_awaited) outgoing_.add("HTTP/1.1 100 Continue\r\n\r\n");
  phase_ = Phase::body;
  since_ = now;
}

std::optional<Denial> Session::admit(Time now, const Head& head) {
  if (auto denial = check_form(head)) return denial;
  auto target = parse_target(head.target);
  if (!target) return bad_request(target.error().message);
  Router::Match match = site_.router.find(method_, *target);
  const auto access = match.route == nullptr ? std::nullopt : std::optional(match.route->access);
  auto admitted = site_.gate.admit(request_, access, now);
  if (auto* const denial = std::get_if<Denial>(&admitted)) return std::move(*denial);
  request_.caller = std::get<Caller>(admitted);
  served_.caller = request_.caller.name;
  if (match.route == nullptr && match.allow.empty()) {
    return Denial{404, "not_found", "there is nothing at " + target->path, {}};
  }
  if (match.route == nullptr) {
    const std::string allow = allow_text(match.allow);
    return Denial{405, "method_not_allowed", target->path + " takes " + allow, {{"Allow", allow}}};
  }
  route_ = match.route;
  served_.route = route_->pattern;
  request_.path = target->path;
  request_.query = std::move(target->query);
  request_.parameters = std::move(match.parameters);
  return check_body(head);
}

std::optional<Denial> Session::check_form(const Head& head) const {
  if (count(head.fields, "Host") != 1 && (head.is_http_1_1 || count(head.fields, "Host") > 1)) {
    return bad_request("expected one Host field");
  }
  const std::string_view encoding = request_.field("Transfer-Encoding");
  if (!encoding.empty() &&
      (!same_ignoring_case(encoding, "chunked") || count(head.fields, "Transfer-Encoding") > 1)) {
    return bad_request("expected no Transfer-Encoding but chunked");
  }
  const std::string_view expect = request_.field("Expect");
  if (!expect.empty() && !same_ignoring_case(expect, "100-continue")) {
    return Denial{417, "expectation", "expected no Expect but 100-continue", {}};
  }
  return std::nullopt;
}

std::optional<Denial> Session::check_body(const Head& head) {
  if (head.body_bytes.value_or(0) > body_bytes_max()) return too_large(body_bytes_max());
  if (route_->body == Body::none && !parser_->is_done()) return too_large(0);
  if (route_->body != Body::file) return std::nullopt;
  if (site_.uploads_open >= site_.limits.uploads_max) {
    return Denial{
        503, "unavailable", "too many uploads at once; try again later", {{"Retry-After", "10"}}};
  }
  auto upload = Upload::begin(site_.uploads);
  if (!upload) return no_room(upload.error());
  request_.upload = *std::move(upload);
  site_.uploads_open += 1;
  has_upload_ = true;
  return std::nullopt;
}

std::uint64_t Session::body_bytes_max() const {
  return route_->body == Body::none ? 0 : route_->body_bytes_max;
}

Denial Session::no_room(const Error& error) {
  served_.trouble = error.message;  // It names a path of ours, which is none of the client's.
  return {507, "disk", "what was sent could not be stored; try again later", {}};
}

// What was used of the input is gone whatever comes of it: no part of a body may be read as the
// next request.
void Session::read_body(Time now) {
  std::size_t used = 0;
  std::optional<Denial> denial;
  while (!denial && !parser_->is_done()) {
    const std::size_t step = parser_->put(std::string_view(input_).substr(used));
    used += step;
    if (const auto& fault = parser_->fault()) {
      denial = Denial{fault->status, fault->code, fault->message, {}};
    } else {
      denial = store(parser_->take_body());
    }
    if (step == 0) break;
  }
  input_.erase(0, used);
  if (denial) {
    refuse(now, *denial);
  } else if (parser_->is_done()) {
    call(now);
  } else if (ended_) {
    close(now);
  }
}

std::optional<Denial> Session::store(const std::string& piece) {
  body_bytes_ += piece.size();
  if (body_bytes_ > body_bytes_max()) return too_large(body_bytes_max());
  if (!request_.upload) {
    request_.body += piece;
  } else if (const Status stored = request_.upload->append(piece); !stored) {
    return no_room(stored.error());
  }
  return std::nullopt;
}

void Session::call(Time now) {
  if (request_.upload) request_.upload->finish();
  release_upload();
  phase_ = Phase::handling;
  since_ = now;
  caller_ = request_.caller;
  call_ = Call{route_, std::move(request_), exchange_};
}

void Session::release_upload() {
  if (std::exchange(has_upload_, false)) site_.uploads_open -= 1;
}

}  // namespace ballast::http
