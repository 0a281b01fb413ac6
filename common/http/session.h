#pragma once

// One connection as a machine without a socket: bytes of the client and time go in, requests for
// handlers and bytes for the client come out. README.md has its states, invariants and limits.
//
// It reads the files that it sends and writes those that are uploaded; otherwise it is pure. One
// thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "common/http/gate.h"
#include "common/http/limits.h"
#include "common/http/message.h"
#include "common/http/outgoing.h"
#include "common/http/parser.h"
#include "common/http/reply.h"
#include "common/http/router.h"

namespace ballast::http {

// A request that was answered, or whose client has gone: for logs and metrics.
struct Served {
  std::string route;      // Pattern; empty: no route was found, or the request could not be read.
  std::string method;     // A known one, or empty.
  unsigned status = 0;    // 499: the client did not wait for it.
  Duration took{};        // From the first byte of the request to the last of the answer.
  bool streamed = false;  // Events: it took as long as its client stayed.
  std::uint64_t bytes_in = 0;   // Of bodies.
  std::uint64_t bytes_out = 0;  // With heads.
  std::string request_id;
  std::string peer;
  std::string caller;   // Name of the token; empty: none.
  std::string target;   // Without the query.
  std::string trouble;  // Of ours, for the log: why an answer failed.
};

// What the sessions of a server share. Outlives them.
struct Site {
  const Router& router;
  Gate& gate;
  HttpLimits limits{};
  std::string uploads{};                           // Directory; empty: no route takes files.
  std::function<std::string()> date{};             // For the field of that name.
  std::function<void(const Served&)> on_served{};  // May be empty.
  std::size_t uploads_open = 0;
};

class Session {
 public:
  struct Call {
    const Route* route = nullptr;
    Request request;
    std::uint64_t exchange = 0;
  };

  Session(Site& site, std::string peer, Time now);
  // Says of a request that it was not answered to the end.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // ---- in: after each of these look at all that is below ----------------------------------------

  void on_bytes(Time now, std::string_view bytes);
  void on_end(Time now);  // The client sends no more.
  void on_sent(Time now, std::size_t bytes);
  void on_time(Time now);
  // Letters for another exchange than the present one are dropped.
  void on_letter(Time now, std::uint64_t exchange, Letter letter);
  // The request that is under way is the last.
  void stop(Time now);

  // ---- out --------------------------------------------------------------------------------------

  [[nodiscard]] std::optional<Call> take_call();
  // Bytes to send, valid until on_sent(); empty: none now.
  [[nodiscard]] std::string_view output(Time now);
  [[nodiscard]] bool wants_input() const;
  // When on_time() has something to do.
  [[nodiscard]] Time deadline() const;
  // To be closed: gently, if the client may still be sending and should get the answer.
  [[nodiscard]] bool is_over() const { return phase_ == Phase::over; }
  [[nodiscard]] bool closes_gently() const { return closes_gently_; }

 private:
  enum class Phase { idle, head, body, handling, answering, streaming, over };

  void advance(Time now);
  void begin_request(Time now);
  [[nodiscard]] bool read_head(Time now);
  void read_body(Time now);
  void enter(Time now);
  [[nodiscard]] std::optional<Denial> admit(Time now, const Head& head);
  [[nodiscard]] std::optional<Denial> check_form(const Head& head) const;
  [[nodiscard]] std::optional<Denial> check_body(const Head& head);
  [[nodiscard]] std::uint64_t body_bytes_max() const;
  [[nodiscard]] Denial no_room(const Error& error);
  [[nodiscard]] std::optional<Denial> store(const std::string& piece);
  void call(Time now);
  void release_upload();

  void refuse(Time now, const Denial& denial);
  void answer(Time now, const Response& response);
  void answer(Time now, const FileResponse& response);
  void begin_answer(Time now, unsigned status);
  void end_answer(Time now);
  void close(Time now);
  void report(Time now);
  [[nodiscard]] Framing framing() const;

  void begin_events(Time now, BeginEvents begin);
  void add_event(Time now, const std::string& text);
  void keep_stream_alive(Time now);
  void end_stream(Time now);

  Site& site_;
  const std::string peer_;
  Phase phase_ = Phase::idle;
  Time since_;           // When the phase began; of a stream: when bytes last moved.
  Time next_comment_{};  // Of a stream.
  std::string input_;
  Outgoing outgoing_;
  bool ended_ = false;  // The client sends no more.
  bool stopping_ = false;
  bool closes_gently_ = false;

  // The request that is worked on.
  std::unique_ptr<RequestParser> parser_;
  std::uint64_t exchange_ = 0;
  const Route* route_ = nullptr;
  Request request_;  // Until it is handed over; what answering needs stays below.
  Method method_ = Method::get;
  std::string id_;
  Caller caller_;
  std::vector<Field> conditions_;  // Range, If-Range, If-None-Match
  bool keeps_alive_ = true;
  bool has_upload_ = false;  // Counted in uploads_open.
  std::uint64_t body_bytes_ = 0;
  std::uint64_t sent_bytes_ = 0;
  Time began_{};
  std::optional<Call> call_;
  std::shared_ptr<StreamState> stream_;  // Null: none, or it has ended.
  Served served_;
};

}  // namespace ballast::http
