#include "common/http/session.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "common/base/check.h"
#include "common/base/overloaded.h"
#include "common/http/draw.h"

namespace ballast::http {
namespace {

constexpr std::size_t kInputBytesMax = std::size_t{128} << 10;
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

// The limit of a transfer moves with it.
Duration earned(std::uint64_t bytes, std::uint64_t bytes_per_second) {
  return std::chrono::milliseconds(bytes / std::max<std::uint64_t>(bytes_per_second / 1000, 1));
}

}  // namespace

Session::Session(Site& site, std::string peer, Time now)
    : site_(site), peer_(std::move(peer)), since_(now) {}

Session::~Session() { close(since_); }

// ---- in -----------------------------------------------------------------------------------------

void Session::on_bytes(Time now, std::string_view bytes) {
  if (phase_ == Phase::over || phase_ == Phase::streaming) return;  // Nothing follows a stream.
  input_ += bytes;
  advance(now);
}

void Session::on_end(Time now) {
  ended_ = true;
  if (phase_ == Phase::streaming) return close(now);
  advance(now);
}

void Session::on_sent(Time now, std::size_t bytes) {
  outgoing_.sent(bytes);
  sent_bytes_ += bytes;
  if (phase_ == Phase::streaming) {
    since_ = now;
    if (!stream_ && outgoing_.empty()) end_answer(now);
  } else if (phase_ == Phase::answering && outgoing_.empty()) {
    end_answer(now);
  }
}

void Session::on_time(Time now) {
  if (now < deadline()) return;
  switch (phase_) {
    case Phase::head:
    case Phase::body:
      return refuse(now, {408, "too_slow", "the request did not arrive in time", {}});
    case Phase::handling:
      return answer(now, error_response(503, "unavailable",
                                        "no answer was made in time; try again later", id_));
    case Phase::streaming:
      return keep_stream_alive(now);
    case Phase::idle:
    case Phase::answering:
    case Phase::over:
      return close(now);
  }
}

void Session::on_letter(Time now, std::uint64_t exchange, Letter letter) {
  if (exchange != exchange_) return;
  if (phase_ == Phase::handling) {
    std::visit(Overloaded{
                   [&](Response& response) { answer(now, response); },
                   [&](FileResponse& response) { answer(now, response); },
                   [&](BeginEvents& begin) { begin_events(now, std::move(begin)); },
                   [](EventText&) {},
                   [](EndEvents&) {},
               },
               letter);
  } else if (phase_ == Phase::streaming && stream_) {
    if (const auto* const event = std::get_if<EventText>(&letter)) add_event(now, event->text);
    if (std::holds_alternative<EndEvents>(letter)) end_stream(now);
  }
}

void Session::stop(Time now) {
  stopping_ = true;
  if (phase_ == Phase::idle) close(now);
  if (phase_ == Phase::streaming) end_stream(now);
}

// ---- out ----------------------------------------------------------------------------------------

std::optional<Session::Call> Session::take_call() { return std::exchange(call_, std::nullopt); }

std::string_view Session::output(Time now) {
  if (phase_ == Phase::over) return {};
  const auto bytes = outgoing_.next();
  if (bytes) return *bytes;
  served_.trouble = bytes.error().message;
  close(now);  // What was promised in Content-Length cannot come: only the end tells the client.
  return {};
}

bool Session::wants_input() const {
  return phase_ != Phase::over && !ended_ && input_.size() < kInputBytesMax;
}

Time Session::deadline() const {
  const HttpLimits& limits = site_.limits;
  switch (phase_) {
    case Phase::idle:
      return since_ + limits.idle;
    case Phase::head:
      return since_ + limits.head;
    case Phase::body:
      return since_ + limits.transfer + earned(body_bytes_, limits.bytes_per_second_min);
    case Phase::handling:
      return since_ + limits.handler;
    case Phase::answering:
      return since_ + limits.transfer + earned(sent_bytes_, limits.bytes_per_second_min);
    case Phase::streaming:
      return outgoing_.empty() ? next_comment_ : std::min(next_comment_, since_ + limits.transfer);
    case Phase::over:
      break;
  }
  return Time::max();
}

// ---- requests -----------------------------------------------------------------------------------

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

// ---- answers ------------------------------------------------------------------------------------

void Session::refuse(Time now, const Denial& denial) {
  if (!parser_->is_done()) keeps_alive_ = false;  // Where the next request begins is not known.
  request_.upload.reset();
  release_upload();
  Response response = error_response(denial.status, denial.code, denial.message, id_);
  response.fields = denial.fields;
  answer(now, response);
}

void Session::answer(Time now, const Response& response) {
  begin_answer(now, outgoing_.add(response, framing()));
}

void Session::answer(Time now, const FileResponse& response) {
  const auto status = outgoing_.add(response, framing());
  if (status) return begin_answer(now, *status);
  served_.trouble = status.error().message;
  const bool is_missing = status.error().code == ErrorCode::not_found;
  answer(now, is_missing ? error_response(404, "not_found", "this file is not there any more", id_)
                         : error_response(500, "internal", "this file cannot be read", id_));
}

void Session::begin_answer(Time now, unsigned status) {
  phase_ = Phase::answering;
  since_ = now;
  served_.status = status;
}

void Session::end_answer(Time now) {
  const bool goes_on = phase_ == Phase::answering && keeps_alive_ && !stopping_;
  if (!goes_on) {
    closes_gently_ = true;
    return close(now);
  }
  report(now);
  phase_ = Phase::idle;
  since_ = now;
  advance(now);
}

// Also of what is not answered yet: then its client did not wait for it.
void Session::close(Time now) {
  if (phase_ == Phase::over) return;
  const bool is_whole = outgoing_.empty();
  if (phase_ == Phase::head || phase_ == Phase::body || phase_ == Phase::handling ||
      (phase_ == Phase::answering && !is_whole)) {
    served_.status = 499;
  }
  const bool was_idle = phase_ == Phase::idle;
  phase_ = Phase::over;
  if (stream_) stream_->is_open = false;
  stream_.reset();
  request_.upload.reset();
  release_upload();
  call_.reset();
  if (!was_idle) report(now);
}

void Session::report(Time now) {
  served_.took = now - began_;
  served_.bytes_in = body_bytes_;
  served_.bytes_out = sent_bytes_;
  served_.request_id = id_;
  if (site_.on_served) site_.on_served(served_);
}

Framing Session::framing() const {
  return {.method = method_,
          .keeps_alive = keeps_alive_ && !stopping_,
          .request_id = id_,
          .date = site_.date ? site_.date() : std::string(),
          .conditions = conditions_};
}

// ---- streams of events --------------------------------------------------------------------------

void Session::begin_events(Time now, BeginEvents begin) {
  keeps_alive_ = false;
  outgoing_.add_stream_head(framing());
  begin_answer(now, 200);
  phase_ = Phase::streaming;
  next_comment_ = now + site_.limits.keep_alive;
  if (method_ == Method::head) {
    begin.state->is_open = false;
  } else {
    stream_ = std::move(begin.state);
  }
}

void Session::add_event(Time now, const std::string& text) {
  stream_->bytes_under_way -= text.size();
  if (outgoing_.empty()) since_ = now;
  outgoing_.add(text);
  next_comment_ = now + site_.limits.keep_alive;
  // It does not read, or reads too slowly.
  if (outgoing_.pending_bytes() > site_.limits.event_bytes_max) close(now);
}

void Session::keep_stream_alive(Time now) {
  const bool is_stuck = !outgoing_.empty() && now >= since_ + site_.limits.transfer;
  if (is_stuck || !site_.gate.holds(caller_)) return close(now);
  if (outgoing_.empty()) {
    since_ = now;
    outgoing_.add(": still here\n\n");
  }
  next_comment_ = now + site_.limits.keep_alive;
}

void Session::end_stream(Time now) {
  if (stream_) stream_->is_open = false;
  stream_.reset();
  if (outgoing_.empty()) end_answer(now);
}

}  // namespace ballast::http
