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
  served_.streamed = true;
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
