#include "common/http/reply.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace ballast::http {
namespace {

// A line of an event: what would end it early becomes a space.
std::string one_line(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  return text;
}

}  // namespace

std::string text_of(const Event& event) {
  std::string text;
  if (!event.id.empty()) text += "id: " + one_line(event.id) + "\n";
  if (!event.name.empty()) text += "event: " + one_line(event.name) + "\n";
  std::string_view rest = event.data;
  while (true) {
    const std::size_t end = rest.find('\n');
    text += "data: " + one_line(std::string(rest.substr(0, end))) + "\n";
    if (end == std::string_view::npos) return text + "\n";
    rest.remove_prefix(end + 1);
  }
}

EventStream::EventStream(std::shared_ptr<Mailbox> mailbox, Address to, std::size_t bytes_max)
    : mailbox_(std::move(mailbox)),
      to_(to),
      bytes_max_(bytes_max),
      state_(std::make_shared<StreamState>()) {
  mailbox_->deliver(to_, BeginEvents{state_});
}

EventStream::~EventStream() { end(); }

EventStream& EventStream::operator=(EventStream&& other) noexcept {
  if (this == &other) return *this;
  end();
  mailbox_ = std::move(other.mailbox_);
  to_ = other.to_;
  bytes_max_ = other.bytes_max_;
  state_ = std::move(other.state_);
  return *this;
}

bool EventStream::send(const Event& event) { return send_text(text_of(event)); }

bool EventStream::send_text(const std::string& text) {
  if (!is_open()) return false;
  if (state_->bytes_under_way + text.size() > bytes_max_) {
    state_->is_open = false;
    end();
    return false;
  }
  state_->bytes_under_way += text.size();
  mailbox_->deliver(to_, EventText{text});
  return true;
}

void EventStream::end() {
  if (const auto mailbox = std::exchange(mailbox_, nullptr)) mailbox->deliver(to_, EndEvents{});
}

Reply::Reply(std::shared_ptr<Mailbox> mailbox, Address to, std::string request_id,
             std::size_t event_bytes_max)
    : mailbox_(std::move(mailbox)),
      to_(to),
      request_id_(std::move(request_id)),
      event_bytes_max_(event_bytes_max) {}

Reply::~Reply() {
  if (!mailbox_) return;
  deliver(error_response(500, "internal", "no answer was made; the log of the server may say why",
                         request_id_));
}

void Reply::send(Response response) && { deliver(std::move(response)); }
void Reply::send(FileResponse response) && { deliver(std::move(response)); }

void Reply::fail(unsigned status, std::string_view code, std::string_view message) && {
  deliver(error_response(status, code, message, request_id_));
}

EventStream Reply::begin_events() && {
  BALLAST_CHECK(mailbox_ != nullptr);
  return {std::exchange(mailbox_, nullptr), to_, event_bytes_max_};
}

void Reply::deliver(Letter letter) {
  BALLAST_CHECK(mailbox_ != nullptr);
  std::exchange(mailbox_, nullptr)->deliver(to_, std::move(letter));
}

}  // namespace ballast::http
