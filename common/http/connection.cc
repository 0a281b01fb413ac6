#include "common/http/connection.h"

#include <chrono>
#include <exception>
#include <utility>  // Boost 1.74 needs it before Asio.

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace ballast::http {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10;

Time now() { return std::chrono::steady_clock::now(); }

}  // namespace

struct Connection::Alarm {
  explicit Alarm(asio::io_context& io) : timer(io) {}
  asio::steady_timer timer;
};

Connection::Connection(asio::io_context& io, Site& site, std::shared_ptr<SocketStream> stream,
                       Options options)
    : site_(site),
      stream_(std::move(stream)),
      options_(std::move(options)),
      alarm_(std::make_unique<Alarm>(io)),
      session_(site, options_.peer, now()),
      buffer_(kReadBytes) {}

Connection::~Connection() = default;

void Connection::start() {
  arm(now() + site_.limits.head);
  stream_->shake_hands([this, alive = shared_from_this()](std::optional<std::size_t> done) {
    if (state_ != State::shaking_hands) return;
    if (!done) return close();
    state_ = State::open;
    pump();
  });
}

void Connection::deliver(std::uint64_t exchange, Letter letter) {
  if (state_ != State::open) return;
  session_.on_letter(now(), exchange, std::move(letter));
  pump();
}

void Connection::stop() {
  session_.stop(now());
  if (state_ == State::shaking_hands) return close();
  pump();
}

// Does what the session has for us, after anything that happened to it.
void Connection::pump() {
  if (state_ != State::open) return;
  while (auto next = session_.take_call()) call(*std::move(next));
  write();
  if (session_.is_over()) return finish();
  read();
  arm(session_.deadline());
}

// A handler of ours does not throw, and if one did, one client should see it and not all.
void Connection::call(Session::Call call) try {
  Reply reply(options_.mailbox, {options_.id, call.exchange}, call.request.id,
              site_.limits.event_bytes_max);
  call.route->handle(std::move(call.request), std::move(reply));
} catch (const std::exception& exception) {
  options_.report("the handler of " + call.route->pattern + " threw: " + exception.what());
}

void Connection::read() {
  if (is_reading_ || !session_.wants_input()) return;
  is_reading_ = true;
  stream_->read(buffer_.data(), buffer_.size(),
                [this, alive = shared_from_this()](std::optional<std::size_t> bytes) {
                  is_reading_ = false;
                  if (state_ != State::open) return;
                  if (!bytes) return close();
                  if (*bytes == 0) {
                    session_.on_end(now());
                  } else {
                    session_.on_bytes(now(), {buffer_.data(), *bytes});
                  }
                  pump();
                });
}

void Connection::write() {
  if (is_writing_) return;
  const std::string_view bytes = session_.output(now());
  if (bytes.empty()) return;
  is_writing_ = true;
  stream_->write(bytes, [this, alive = shared_from_this()](std::optional<std::size_t> sent) {
    is_writing_ = false;
    if (state_ != State::open) return;
    if (!sent) return close();
    session_.on_sent(now(), *sent);
    pump();
  });
}

void Connection::finish() {
  if (!session_.closes_gently()) return close();
  state_ = State::closing;
  arm(now() + site_.limits.linger);
  stream_->close_gently(
      [this, alive = shared_from_this()](std::optional<std::size_t>) { close(); });
}

void Connection::close() {
  if (state_ == State::closed) return;
  state_ = State::closed;
  alarm_->timer.cancel();
  stream_->close();
  options_.gone(options_.id);
}

// Deadlines mostly move on: the timer is left alone then, and looks again when it rings.
void Connection::arm(Time time) {
  wish_ = time;
  if (is_armed_ && armed_ <= time) return;
  if (time == Time::max()) return;
  is_armed_ = true;
  armed_ = time;
  alarm_->timer.expires_at(time);  // Cancels an earlier wait.
  alarm_->timer.async_wait([this, alive = shared_from_this()](boost::system::error_code error) {
    if (error) return;
    is_armed_ = false;
    ring();
  });
}

void Connection::ring() {
  if (wish_ > now()) return arm(wish_);
  if (state_ != State::open) return close();
  session_.on_time(now());
  pump();
}

}  // namespace ballast::http
