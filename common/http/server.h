#pragma once

// Serves HTTP/1.1 on a thread of its own, see README.md.
//
//   auto server = HttpServer::start(options, {{.method = Method::get,
//                                              .pattern = "/api/v1/jobs/{id}",
//                                              .access = Access::view,
//                                              .handle = [&](Request request, Reply reply) { ...
//                                              }}},
//                                   log, {"coordinator"});
//
// Handlers are called on the server's thread. What they need of a machine they ask for by a call
// posted to the machine's thread, with the Reply moved along.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/http/limits.h"
#include "common/http/router.h"
#include "common/http/session.h"
#include "common/observe/log.h"

namespace ballast::http {

struct HttpOptions {
  std::string listen{};       // ADDRESS:PORT, such as 127.0.0.1:9100; port 0: any; address *: all
  std::string certificate{};  // PEM, with the chain; empty: in the clear
  std::string key{};          // Of it
  std::string tokens{};       // File, see tokens.h; empty: everybody may do everything
  std::string uploads{};  // Directory of routes that take files; made, and its leftovers removed
  bool insecure = false;  // Beyond this machine without a certificate or without tokens.
  HttpLimits limits{};
  Duration grace = std::chrono::seconds(5);        // For what is under way when stop() is called.
  std::function<void(const Served&)> on_served{};  // On the server's thread.
};

struct HttpCounters {
  std::uint64_t connections = 0;  // That there are.
  std::uint64_t accepted = 0;     // All that there were.
  std::uint64_t turned_away = 0;  // For want of room.
};

class HttpServer {
 public:
  // Listens from now on. invalid: a mistake in the options; conflict: somebody else listens there.
  // `log` outlives the server.
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> start(HttpOptions options,
                                                                 std::vector<Route> routes,
                                                                 Log& log, LogSource source);
  // Stops it.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // "http://127.0.0.1:41234"
  [[nodiscard]] const std::string& url() const;
  [[nodiscard]] std::uint16_t port() const;

  // Runs `call` on the server's thread. After stop() it does nothing. Any thread.
  void post(std::function<void()> call);

  // Takes no more connections, lets what is under way end until the grace is over, and returns when
  // the thread has gone. Not from a handler. Any number of times.
  void stop();

  // Any thread.
  [[nodiscard]] HttpCounters counters() const;

 private:
  struct Inside;
  explicit HttpServer(std::unique_ptr<Inside> inside);
  const std::unique_ptr<Inside> inside_;
};

}  // namespace ballast::http
