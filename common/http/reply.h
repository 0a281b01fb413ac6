#pragma once

// How a handler answers: at once, or later and from any thread. Neither object can be copied, and
// each answers once: a Reply that goes without having been sent answers 500, so no client waits for
// nothing. After the client or the server has gone they do nothing.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "common/http/message.h"

namespace ballast::http {

// ---- between a handler's objects and the server -------------------------------------------------

// What an EventStream and its connection share. Any thread.
struct StreamState {
  std::atomic<bool> is_open{true};
  std::atomic<std::size_t> bytes_under_way{0};  // Sent, and not with the connection yet.
};
struct BeginEvents {
  std::shared_ptr<StreamState> state;
};
struct EventText {
  std::string text;
};
struct EndEvents {};
using Letter = std::variant<Response, FileResponse, BeginEvents, EventText, EndEvents>;

// Which request of which connection.
struct Address {
  std::uint64_t connection = 0;
  std::uint64_t exchange = 0;
};

// Takes letters to the server's thread while there is one. Any thread; it never blocks for long.
class Mailbox {
 public:
  virtual ~Mailbox() = default;
  virtual void deliver(Address to, Letter letter) = 0;
};

// ---- for handlers -------------------------------------------------------------------------------

// Server-sent events to one client. The stream ends with this object. One thread at a time.
class EventStream {
 public:
  EventStream(std::shared_ptr<Mailbox> mailbox, Address to, std::size_t bytes_max);
  ~EventStream();
  EventStream(EventStream&& other) noexcept = default;
  EventStream& operator=(EventStream&& other) noexcept;

  // False: the client has gone, or was dropped since it did not read. It will come back and say
  // which event was its last.
  bool send(const Event& event);
  // The same for an event that goes to many, made once by text_of(event).
  bool send_text(const std::string& text);
  [[nodiscard]] bool is_open() const { return state_ && state_->is_open; }

 private:
  void end();

  std::shared_ptr<Mailbox> mailbox_;  // Null: moved from.
  Address to_;
  std::size_t bytes_max_ = 0;
  std::shared_ptr<StreamState> state_;
};

// As it is sent.
[[nodiscard]] std::string text_of(const Event& event);

class Reply {
 public:
  Reply(std::shared_ptr<Mailbox> mailbox, Address to, std::string request_id,
        std::size_t event_bytes_max);
  ~Reply();
  Reply(Reply&& other) noexcept = default;
  Reply& operator=(Reply&&) = delete;

  void send(Response response) &&;
  void send(FileResponse response) &&;
  // See error_response().
  void fail(unsigned status, std::string_view code, std::string_view message) &&;
  [[nodiscard]] EventStream begin_events() &&;

 private:
  void deliver(Letter letter);

  std::shared_ptr<Mailbox> mailbox_;  // Null: answered, or moved from.
  Address to_;
  std::string request_id_;
  std::size_t event_bytes_max_ = 0;
};

}  // namespace ballast::http
