#include "worker/data/records.h"

#include <algorithm>
#include <cstring>

namespace ballast {

namespace {

// Walks a text from record to record. Invariant: position_ is outside quotes.
class Walker {
 public:
  Walker(std::string_view text, std::size_t begin, const RecordSyntax& syntax)
      : text_(text), syntax_(syntax), position_(begin), begin_(begin) {}

  // The start of the first record at or after `target`; the text's end when there is none.
  std::size_t next_record(std::size_t target) {
    std::size_t newline = find('\n', std::max(position_, target == 0 ? 0 : target - 1));
    while (syntax_.quotes) {
      const std::size_t quote = find('"', position_);
      if (quote >= newline) break;
      position_ = past_quote(quote);
      if (position_ > newline) newline = find('\n', position_);
    }
    position_ = std::min(newline + 1, text_.size());
    return position_;
  }

 private:
  [[nodiscard]] std::size_t find(char c, std::size_t from) const {
    if (from >= text_.size()) return text_.size();
    const void* at = std::memchr(text_.data() + from, c, text_.size() - from);
    return at == nullptr ? text_.size()
                         : static_cast<std::size_t>(static_cast<const char*>(at) - text_.data());
  }

  // Where we are outside quotes again, having met a quote outside them.
  [[nodiscard]] std::size_t past_quote(std::size_t quote) const {
    if (in_comment(quote)) return find('\n', quote);
    if (!opens_cell(quote)) return quote + 1;
    std::size_t close = find('"', quote + 1);
    while (close + 1 < text_.size() && text_[close + 1] == '"') close = find('"', close + 2);
    return std::min(close + 1, text_.size());
  }

  // The line of a quote is known to begin a record when its newline was met outside quotes; a
  // record that was already entered is no comment. The prefix may itself hold the quote, so it is
  // sought in the whole line.
  [[nodiscard]] bool in_comment(std::size_t quote) const {
    if (syntax_.comment.empty()) return false;
    std::size_t line = position_;
    const std::size_t newline = text_.substr(position_, quote - position_).rfind('\n');
    if (newline != std::string_view::npos) {
      line += newline + 1;
    } else if (position_ != begin_ && text_[position_ - 1] != '\n') {
      return false;
    }
    return text_.substr(line).starts_with(syntax_.comment);
  }

  [[nodiscard]] bool opens_cell(std::size_t quote) const {
    std::size_t at = quote;
    while (syntax_.delimiter != ' ' && at > begin_ && text_[at - 1] == ' ') --at;
    return at == begin_ || text_[at - 1] == syntax_.delimiter || text_[at - 1] == '\n';
  }

  const std::string_view text_;
  const RecordSyntax& syntax_;
  std::size_t position_;
  const std::size_t begin_;
};

}  // namespace

std::vector<Chunk> split_records(std::string_view text, std::size_t begin,
                                 const RecordSyntax& syntax, std::size_t chunk_bytes) {
  std::vector<Chunk> chunks;
  Walker walker(text, begin, syntax);
  while (begin < text.size()) {
    const std::size_t end = walker.next_record((begin / chunk_bytes + 1) * chunk_bytes);
    chunks.push_back({begin, end});
    begin = end;
  }
  return chunks;
}

}  // namespace ballast
