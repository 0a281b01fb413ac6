#include "common/runtime/signals.h"

#include <unistd.h>

#include <csignal>
#include <utility>  // Boost 1.74 needs it before Asio.

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <thread>

#include "common/runtime/machine.h"

namespace ballast {

struct Signals::Asio {
  boost::asio::io_context context{1};
  boost::asio::signal_set signals{context, SIGINT, SIGTERM};
  bool interrupted = false;
  std::thread thread;
};

Signals::Signals(std::function<void(int)> stop)
    : stop_(std::move(stop)), asio_(std::make_unique<Asio>()) {
  wait();
  asio_->thread = std::thread([this] { asio_->context.run(); });
}

Signals::~Signals() {
  asio_->context.stop();
  asio_->thread.join();
}

void Signals::wait() {
  asio_->signals.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    if (signal == SIGINT && std::exchange(asio_->interrupted, true)) {
      ::_exit(static_cast<int>(ExitCode::interrupted));
    }
    stop_(signal);
    wait();
  });
}

}  // namespace ballast
