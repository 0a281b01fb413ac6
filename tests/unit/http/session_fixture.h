#pragma once

// A session without a socket: what a client would send goes in, what it would read comes out, and
// time passes when the test says so.

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/http/session.h"

namespace ballast::http {

class SessionSite {
 public:
  explicit SessionSite(std::vector<Route> routes, GateOptions gate = local_gate())
      : router_(std::move(routes)), gate_(std::move(gate)) {}

  [[nodiscard]] static GateOptions local_gate() {
    GateOptions options;
    options.unix_time = [] { return std::int64_t{1'700'000'000}; };
    return options;
  }

  std::vector<Served> served;

 private:
  Router router_;
  Gate gate_;

 public:
  Site site{.router = router_,
            .gate = gate_,
            .date = [] { return std::string("today"); },
            .on_served = [this](const Served& one) { served.push_back(one); }};
};

class Client {
 public:
  explicit Client(SessionSite& site, std::string peer = "127.0.0.1")
      : site_(site), session_(site.site, std::move(peer), now) {}

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Everything that comes back without any time passing.
  std::string say(std::string_view bytes) {
    session_.on_bytes(now, bytes);
    return settle();
  }
  std::string end() {
    session_.on_end(now);
    return settle();
  }
  std::string wait(Duration passed) {
    now += passed;
    session_.on_time(now);
    return settle();
  }
  std::string stop() {
    session_.stop(now);
    return settle();
  }
  // What an unread socket does: nothing is taken from the session any more.
  void stop_reading() { reads_ = false; }
  // What handlers have posted since.
  std::string settle() {
    std::string out;
    while (step(out)) {
    }
    return out;
  }

  [[nodiscard]] bool is_over() const { return session_.is_over(); }
  [[nodiscard]] Session& session() { return session_; }
  Time now{};

 private:
  // Replies may outlive the client.
  struct Box final : Mailbox {
    void deliver(Address to, Letter letter) override {
      letters.emplace_back(to.exchange, std::move(letter));
    }
    std::deque<std::pair<std::uint64_t, Letter>> letters;
  };

  bool step(std::string& out) {
    if (auto call = session_.take_call()) {
      Reply reply(box_, {1, call->exchange}, call->request.id, site_.site.limits.event_bytes_max);
      call->route->handle(std::move(call->request), std::move(reply));
      return true;
    }
    if (!box_->letters.empty()) {
      auto [exchange, letter] = std::move(box_->letters.front());
      box_->letters.pop_front();
      session_.on_letter(now, exchange, std::move(letter));
      return true;
    }
    if (!reads_) return false;
    const std::string_view bytes = session_.output(now);
    if (bytes.empty()) return false;
    out += bytes;
    session_.on_sent(now, bytes.size());
    return true;
  }

  SessionSite& site_;
  Session session_;
  const std::shared_ptr<Box> box_ = std::make_shared<Box>();
  bool reads_ = true;
};

}  // namespace ballast::http
