#include "common/http/parser.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <limits>
#include <utility>

namespace ballast::http {

namespace beast = boost::beast;

struct RequestParser::Beast final : beast::http::basic_parser<true> {
  Head head;
  std::string body;

 private:
  using Text = beast::string_view;
  using Code = beast::error_code;

  void on_request_impl(beast::http::verb, Text method, Text target, int version,
                       Code& error) override {
    error = {};
    head.is_http_1_1 = version == 11;
    head.method.assign(method.data(), method.size());
    head.target.assign(target.data(), target.size());
  }
  void on_response_impl(int, Text, int, Code& error) override { error = {}; }
  void on_field_impl(beast::http::field, Text name, Text value, Code& error) override {
    error = {};
    head.fields.push_back({{name.data(), name.size()}, {value.data(), value.size()}});
  }
  void on_header_impl(Code& error) override {
    error = {};
    head.keeps_alive = keep_alive();
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Code& error) override {
    error = {};
  }
  std::size_t on_body_impl(Text piece, Code& error) override {
    error = {};
    body.append(piece.data(), piece.size());
    return piece.size();
  }
  void on_chunk_header_impl(std::uint64_t, Text, Code& error) override { error = {}; }
  std::size_t on_chunk_body_impl(std::uint64_t, Text piece, Code& error) override {
    return on_body_impl(piece, error);
  }
  void on_finish_impl(Code& error) override { error = {}; }
};

RequestParser::RequestParser(std::size_t head_bytes_max)
    : beast_(std::make_unique<Beast>()), head_bytes_left_(head_bytes_max) {
  beast_->header_limit(static_cast<std::uint32_t>(head_bytes_max));
  beast_->body_limit(std::numeric_limits<std::uint64_t>::max());  // The session has its own.
}

RequestParser::~RequestParser() = default;

std::size_t RequestParser::put(std::string_view bytes) {
  if (fault_ || is_done() || bytes.empty()) return 0;
  const bool in_head = !has_head();
  beast::error_code error;
  const std::size_t used =
      beast_->put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
  if (error == beast::http::error::need_more) error = {};
  if (in_head) {
    // Beast's limit is one of each piece that it is given, and a head may come in many.
    if (used > head_bytes_left_) error = beast::http::error::header_limit;
    head_bytes_left_ -= std::min(used, head_bytes_left_);
    if (!error && has_head()) note_length();
  }
  if (!error) return used;
  if (error == beast::http::error::header_limit) {
    fault_ = Fault{431, "head_too_large", "the request's head is larger than this server reads"};
  } else {
    fault_ = Fault{400, "bad_request", "this is no HTTP/1.1 request: " + error.message()};
  }
  return used;
}

void RequestParser::note_length() {
  const auto length = beast_->content_length();
  if (length) {
    beast_->head.body_bytes = *length;
  } else if (!beast_->chunked()) {
    beast_->head.body_bytes = 0;
  }
}

bool RequestParser::has_head() const { return beast_->is_header_done(); }
bool RequestParser::is_done() const { return beast_->is_done(); }
const Head& RequestParser::head() const { return beast_->head; }
std::string RequestParser::take_body() { return std::exchange(beast_->body, {}); }

}  // namespace ballast::http
