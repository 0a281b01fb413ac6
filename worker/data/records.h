#pragma once

// Where a text may be cut: chunks of about `chunk_bytes` that begin at the start of a record. The
// cuts are a function of the text alone, so parsing chunks in parallel gives the same blocks on any
// number of threads.
//
// A newline inside a quoted cell ends no record, and whether a newline is inside one can only be
// known from the start of the text. Hence one thread looks at every quote, and at nothing else:
// memchr finds them at memory speed.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ballast {

struct RecordSyntax {
  bool quotes = false;  // CSV: a cell may begin with a quote, doubled inside, as in RFC 4180.
  char delimiter = ',';
  std::string comment = {};  // Lines with this prefix are no records; empty: none are.
};

struct Chunk {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// Cuts text[begin, end) into chunks; none is empty. REQUIRES: `begin` starts a record.
[[nodiscard]] std::vector<Chunk> split_records(std::string_view text, std::size_t begin,
                                               const RecordSyntax& syntax, std::size_t chunk_bytes);

}  // namespace ballast
