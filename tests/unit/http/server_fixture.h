#pragma once

// A server with a few routes, on any free port of this machine.

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/http/server.h"
#include "tests/unit/http/raw_client.h"
#include "tests/unit/storage/support.h"

namespace ballast::http {

// What a handler leaves for the test's own thread.
template <class T>
class Handed {
 public:
  void give(T value) {
    const std::lock_guard lock(mutex_);
    values_.push_back(std::move(value));
    changed_.notify_all();
  }
  T take() {
    std::unique_lock lock(mutex_);
    const bool came =
        changed_.wait_for(lock, std::chrono::seconds(20), [&] { return !values_.empty(); });
    if (!came) throw std::runtime_error("nothing was handed over within 20 seconds");
    T value = std::move(values_.front());
    values_.pop_front();
    return value;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> values_;  // Guarded by mutex_.
};

class TestServer {
 public:
  explicit TestServer(HttpOptions options = {}) {
    if (options.listen.empty()) options.listen = "127.0.0.1:0";
    options.uploads = directory.path("up");
    options.on_served = [this](const Served& one) { served.give(one); };
    server = need(HttpServer::start(std::move(options), routes(), *log, {"test"}));
  }

  [[nodiscard]] std::uint16_t port() const { return server->port(); }

  [[nodiscard]] static std::string get(const std::string& target, const std::string& fields = "") {
    return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n";
  }

  TemporaryDirectory directory;
  const std::unique_ptr<Log> log = need(Log::open({.level = LogLevel::off}));
  Handed<Reply> later;
  Handed<EventStream> streams;
  Handed<Served> served;
  std::unique_ptr<HttpServer> server;

 private:
  std::vector<Route> routes() {
    return {
        {.method = Method::get,
         .pattern = "/open",
         .access = Access::open,
         .handle = [](Request, Reply reply) { std::move(reply).send(Response{.body = "open"}); }},
        {.method = Method::get,
         .pattern = "/hello/{name}",
         .handle =
             [](Request request, Reply reply) {
               std::move(reply).send(Response{.body = "hello " + request.parameter("name")});
             }},
        {.method = Method::get,
         .pattern = "/throws",
         .handle = [](Request, Reply) { throw std::runtime_error("by mistake"); }},
        {.method = Method::get,
         .pattern = "/later",
         .handle = [this](Request, Reply reply) { later.give(std::move(reply)); }},
        {.method = Method::get,
         .pattern = "/events",
         .handle = [this](Request, Reply reply) { streams.give(std::move(reply).begin_events()); }},
        {.method = Method::get,
         .pattern = "/file",
         .handle =
             [this](Request, Reply reply) {
               std::move(reply).send(FileResponse{.path = directory.path("file")});
             }},
        {.method = Method::put,
         .pattern = "/data",
         .access = Access::submit,
         .handle =
             [](Request request, Reply reply) {
               std::move(reply).send(Response{.body = request.upload->sha256()});
             },
         .body = Body::file,
         .body_bytes_max = std::uint64_t{1} << 40},
    };
  }
};

}  // namespace ballast::http
