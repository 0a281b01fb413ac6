#pragma once

// A Session on a socket: moves its bytes, rings its alarm, calls handlers.
//
// The server's thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/http/reply.h"
#include "common/http/session.h"
#include "common/http/socket_stream.h"

namespace ballast::http {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  struct Options {
    std::uint64_t id = 0;
    std::string peer;
    std::shared_ptr<Mailbox> mailbox;
    std::function<void(std::uint64_t id)> gone;  // Once; not from within a call of the server's.
    std::function<void(const std::string& what)> report;  // What a handler threw.
  };

  Connection(boost::asio::io_context& io, Site& site, std::shared_ptr<SocketStream> stream,
             Options options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start();
  void deliver(std::uint64_t exchange, Letter letter);
  // The request that is under way is the last.
  void stop();
  void close();

 private:
  enum class State { shaking_hands, open, closing, closed };
  struct Alarm;

  void pump();
  void call(Session::Call call);
  void read();
  void write();
  void finish();
  void arm(Time time);
  void ring();

  Site& site_;
  const std::shared_ptr<SocketStream> stream_;
  const Options options_;
  const std::unique_ptr<Alarm> alarm_;
  Session session_;
  State state_ = State::shaking_hands;
  Time wish_{};   // When the alarm should ring,
  Time armed_{};  // and when it will.
  bool is_armed_ = false;
  bool is_reading_ = false;
  bool is_writing_ = false;
  std::vector<char> buffer_;
};

}  // namespace ballast::http
