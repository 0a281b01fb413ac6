#pragma once

// The XML that S3 answers with. Bytes from a server are never trusted: what does not fit is
// Error{corrupt}. Only s3_xml.cc knows pugixml.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace ballast {

struct S3Entry {
  std::string key;
  std::uint64_t bytes = 0;
};

struct S3ListPage {
  std::vector<S3Entry> entries;
  std::string next;  // ContinuationToken of the next page; empty: this is the last.
};
[[nodiscard]] Result<S3ListPage> parse_list(std::string_view xml);

struct S3Upload {
  std::string key;
  std::string id;
};
struct S3UploadsPage {
  std::vector<S3Upload> uploads;
  std::string next_key;  // Markers of the next page; empty: this is the last.
  std::string next_id;
};
[[nodiscard]] Result<S3UploadsPage> parse_uploads(std::string_view xml);

[[nodiscard]] Result<std::string> parse_upload_id(std::string_view xml);

// What an error says; both empty where the body is no such thing.
struct S3Refusal {
  std::string code;  // "NoSuchKey"
  std::string message;
};
[[nodiscard]] S3Refusal parse_refusal(std::string_view xml);

struct S3Part {
  int number = 0;
  std::string etag;
};
[[nodiscard]] std::string parts_xml(const std::vector<S3Part>& parts);

}  // namespace ballast
