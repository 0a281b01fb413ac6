#include "tests/unit/remote/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <stdexcept>
#include <utility>

namespace ballast {
namespace {

// Everything up to and with `end` is taken from the front of `buffer`; false when the peer is gone.
bool read_until(int connection, std::string& buffer, const std::string& end, std::string& out) {
  std::size_t at = buffer.find(end);
  while (at == std::string::npos) {
    char piece[4096];
    const ssize_t count = ::recv(connection, piece, sizeof piece, 0);
    if (count <= 0) return false;
    buffer.append(piece, static_cast<std::size_t>(count));
    at = buffer.find(end);
  }
  out = buffer.substr(0, at + end.size());
  buffer.erase(0, at + end.size());
  return true;
}

bool read_bytes(int connection, std::string& buffer, std::size_t bytes, std::string& out) {
  while (buffer.size() < bytes) {
    char piece[65536];
    const ssize_t count = ::recv(connection, piece, sizeof piece, 0);
    if (count <= 0) return false;
    buffer.append(piece, static_cast<std::size_t>(count));
  }
  out = buffer.substr(0, bytes);
  buffer.erase(0, bytes);
  return true;
}

void send_all(int connection, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
    if (count <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

SeenRequest parse_head(const std::string& head) {
  SeenRequest request;
  std::size_t begin = 0;
  for (bool first = true; begin < head.size(); first = false) {
    const std::size_t end = head.find("\r\n", begin);
    const std::string line = head.substr(begin, end - begin);
    begin = end + 2;
    if (first) {
      const std::size_t space = line.find(' ');
      request.method = line.substr(0, space);
      request.path = line.substr(space + 1, line.rfind(' ') - space - 1);
    } else if (const std::size_t colon = line.find(':'); colon != std::string::npos) {
      std::string name = line.substr(0, colon);
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      request.headers[name] = line.substr(std::min(line.size(), colon + 2));
    }
  }
  return request;
}

}  // namespace

ScriptedServer::ScriptedServer(Handler handler) : handler_(std::move(handler)) { listen(); }

ScriptedServer::ScriptedServer(Answers answers)
    : ScriptedServer([answers = std::move(answers),
                      next = std::make_shared<std::size_t>(0)](const SeenRequest&) {
        const std::size_t i = std::min(*next, answers.size() - 1);
        *next += 1;
        return answers[i];
      }) {}

void ScriptedServer::listen() {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("cannot listen on loopback");
  }
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { accept_all(); });
}

ScriptedServer::~ScriptedServer() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  accepting_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int connection : connections_) ::shutdown(connection, SHUT_RDWR);
  }
  for (std::thread& thread : serving_) thread.join();
  for (const int connection : connections_) ::close(connection);
  ::close(listener_);
}

std::string ScriptedServer::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + path;
}

std::vector<SeenRequest> ScriptedServer::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

void ScriptedServer::accept_all() {
  while (!stopping_) {
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) return;
    const std::lock_guard lock(mutex_);
    connections_.push_back(connection);
    serving_.emplace_back([this, connection] { serve(connection); });
  }
}

void ScriptedServer::serve(int connection) {
  std::string buffer;
  std::string head;
  while (read_until(connection, buffer, "\r\n\r\n", head)) {
    SeenRequest request = parse_head(head);
    const std::string length = request.header("content-length");
    if (!length.empty() && !read_bytes(connection, buffer, std::stoull(length), request.body)) {
      return;
    }
    if (!answer(connection, request)) return;
  }
}

bool ScriptedServer::answer(int connection, const SeenRequest& request) {
  Answer answer;
  {
    const std::lock_guard lock(mutex_);
    seen_.push_back(request);
    answer = handler_(request);
  }
  std::string text = "HTTP/1.1 " + std::to_string(answer.status) + " As told\r\n";
  answer.headers.try_emplace("Content-Length", std::to_string(answer.body.size()));
  for (const auto& [name, value] : answer.headers) {
    text += name;
    text += ": ";
    text += value;
    text += "\r\n";
  }
  text += "\r\n";
  const bool has_body = request.method != "HEAD" && answer.status != 304;
  if (has_body) {
    text += answer.end == Answer::End::whole ? answer.body
                                             : answer.body.substr(0, answer.body.size() / 2);
  }
  send_all(connection, text);
  if (answer.end == Answer::End::cut) ::shutdown(connection, SHUT_RDWR);
  return answer.end == Answer::End::whole;
}

}  // namespace ballast
