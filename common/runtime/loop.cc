#include "common/runtime/loop.h"

#include <utility>  // Boost 1.74 needs it before Asio.

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "common/base/check.h"

namespace ballast {

namespace asio = boost::asio;
using boost::system::error_code;

struct Loop::Asio {
  ~Asio() { descriptor.release(); }  // It is not ours to close.

  asio::io_context context{1};  // One thread: Asio leaves out its locks where it can.
  asio::posix::stream_descriptor descriptor{context};
  asio::steady_timer timer{context};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
};

Loop::Loop() : asio_(std::make_unique<Asio>()) {}
Loop::~Loop() = default;

void Loop::watch(int descriptor, std::function<void()> readable) {
  BALLAST_CHECK(!readable_);
  readable_ = std::move(readable);
  asio_->descriptor.assign(descriptor);
  wait_readable();
}

void Loop::wait_readable() {
  // Asio watches for edges, but arming a wait looks at the level too (it modifies the epoll entry).
  asio_->descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                               [this](const error_code& error) {
                                 if (error) return;
                                 readable_();
                                 wait_readable();
                               });
}

void Loop::wake_at(Time time, std::function<void()> alarm) {
  wish_ = time;
  alarm_ = std::move(alarm);
  // Machines wish for a later time at every step. The timer is left alone then, and looks again
  // when it rings.
  if (!is_armed_ || time < armed_) wait_alarm();
}

void Loop::wait_alarm() {
  is_armed_ = true;
  armed_ = wish_;
  asio_->timer.expires_at(armed_);  // Cancels an earlier wait.
  asio_->timer.async_wait([this](const error_code& error) {
    if (error) return;
    is_armed_ = false;
    if (wish_ > std::chrono::steady_clock::now()) return wait_alarm();
    if (const auto alarm = std::exchange(alarm_, nullptr)) alarm();
  });
}

void Loop::post(std::function<void()> call) { asio::post(asio_->context, std::move(call)); }

void Loop::run() { asio_->context.run(); }

void Loop::stop() { asio_->context.stop(); }

}  // namespace ballast
