#pragma once

// SIGINT and SIGTERM for a process, on a thread of their own, so that a busy or wedged machine
// cannot hide them. The first one asks for a clean stop. A second SIGINT means now: the process
// ends at once with exit code 130.

#include <functional>
#include <memory>

namespace ballast {

class Signals {
 public:
  // `stop` is called on another thread for every signal that is not the end, with its number.
  explicit Signals(std::function<void(int signal)> stop);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  struct Asio;
  void wait();

  const std::function<void(int)> stop_;
  const std::unique_ptr<Asio> asio_;
};

}  // namespace ballast
