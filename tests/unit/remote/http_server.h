#pragma once

// A web server on loopback that does what a test tells it to, mistakes too: it breaks off, stands
// still, gives a wrong length.

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace ballast {

struct SeenRequest {
  std::string method;
  std::string path;                            // With the query, as it was sent.
  std::map<std::string, std::string> headers;  // Names in lower case.
  std::string body;

  [[nodiscard]] std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

struct Answer {
  int status = 200;
  std::map<std::string, std::string> headers{};
  std::string body{};
  enum class End {
    whole,
    cut,    // The connection closes in the middle of the body.
    stall,  // Half of the body, then nothing, and the connection stays.
  } end = End::whole;
};

using Answers = std::vector<Answer>;

class ScriptedServer {
 public:
  using Handler = std::function<Answer(const SeenRequest&)>;
  // `handler` is called from several threads, one call at a time.
  explicit ScriptedServer(Handler handler);
  // Answers in this order, the last one again and again.
  explicit ScriptedServer(Answers answers);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  [[nodiscard]] std::string url(const std::string& path = "") const;  // "http://127.0.0.1:PORT/..."
  [[nodiscard]] std::vector<SeenRequest> seen() const;

 private:
  void listen();
  void accept_all();
  void serve(int connection);
  // False: nothing more is sent on this connection.
  [[nodiscard]] bool answer(int connection, const SeenRequest& request);

  Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread accepting_;

  mutable std::mutex mutex_;  // Guards what follows.
  std::vector<SeenRequest> seen_;
  std::vector<int> connections_;
  std::vector<std::thread> serving_;
};

}  // namespace ballast
