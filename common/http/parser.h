#pragma once

// Bytes of a client as requests, by the parser of Boost.Beast, which decides what is HTTP/1.1. What
// is said here is what it takes to answer: the head, pieces of the body, the end.
//
// Pure. One thread. An object reads one request.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/http/message.h"

namespace ballast::http {

struct Head {
  std::string method;
  std::string target;
  std::vector<Field> fields;
  std::optional<std::uint64_t> body_bytes;  // Nothing: it comes in chunks.
  bool is_http_1_1 = true;
  bool keeps_alive = true;
};

class RequestParser {
 public:
  // What no request could be made of, as it is answered.
  struct Fault {
    unsigned status = 400;
    std::string code;
    std::string message;
  };

  explicit RequestParser(std::size_t head_bytes_max);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // Takes from the front of `bytes`, up to the end of the head at first, and says how many. Come
  // back with the rest and more behind it. 0: there is no more to do without more bytes.
  [[nodiscard]] std::size_t put(std::string_view bytes);

  [[nodiscard]] const std::optional<Fault>& fault() const { return fault_; }
  [[nodiscard]] bool has_head() const;
  [[nodiscard]] bool is_done() const;
  // REQUIRES: has_head().
  [[nodiscard]] const Head& head() const;
  // Pieces of the body since the last call.
  [[nodiscard]] std::string take_body();

 private:
  struct Beast;
  void note_length();

  const std::unique_ptr<Beast> beast_;
  std::size_t head_bytes_left_;
  std::optional<Fault> fault_;
};

}  // namespace ballast::http
