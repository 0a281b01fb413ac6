#pragma once

// What is on its way to a client: bytes from memory, and then perhaps a part of a file. Also how an
// answer becomes bytes.
//
// One thread.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/http/message.h"

namespace ballast::http {

// Of the request that is answered, and of the connection.
struct Framing {
  Method method = Method::get;
  bool keeps_alive = true;
  std::string request_id;
  std::string date;
  std::vector<Field> conditions;  // Range, If-Range and If-None-Match of the request.
};

class Outgoing {
 public:
  Outgoing() = default;
  ~Outgoing();
  Outgoing(const Outgoing&) = delete;
  Outgoing& operator=(const Outgoing&) = delete;

  void add(std::string_view bytes) { pending_ += bytes; }
  // Head and body; the status that it became: 304 if the client has it.
  unsigned add(const Response& response, const Framing& framing);
  // Opens the file; an error if it cannot be, before anything is added.
  [[nodiscard]] Result<unsigned> add(const FileResponse& response, const Framing& framing);
  // The head of a stream of events, which ends with the connection.
  void add_stream_head(const Framing& framing);

  // The next bytes, at most 64 KiB, the same until sent(). The error: the file broke off.
  [[nodiscard]] Result<std::string_view> next();
  void sent(std::size_t bytes);
  [[nodiscard]] bool empty() const;
  // Of memory alone.
  [[nodiscard]] std::size_t pending_bytes() const {
    return pending_.size() + sending_.size() - offset_;
  }

 private:
  void close_file();
  [[nodiscard]] Status read_file_piece();

  std::string pending_;
  std::string sending_;  // Not touched while it is under way.
  std::size_t offset_ = 0;
  int file_ = -1;
  std::uint64_t file_begin_ = 0;
  std::uint64_t file_bytes_ = 0;  // That are left.
};

}  // namespace ballast::http
