#pragma once

// One remote file into one local one. What breaks off is gone on with where it ended, as long as
// the server says by its validator (ETag, Last-Modified) that it is still the same file; else it
// begins again. The local file is whole and synced when this succeeds; it is gone otherwise.
//
// As HttpClient: one thread.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/remote/http_client.h"
#include "common/remote/retries.h"

namespace ballast {

// How to ask for the file, and what a refusal of it means.
struct RemoteFile {
  std::string shown;  // For messages.
  std::function<Result<HttpRequest>(const std::vector<HttpHeader>& headers)> request;
  std::function<Error(const HttpResponse&)> explain;
};

// What a server says of a version of a file; empty where it says nothing.
struct Validator {
  std::string etag;
  std::string last_modified;
};

struct DownloadOptions {
  RetryPolicy retry;
  Validator have;  // Of a copy that is there: the server may answer that it is the file.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;  // Bytes; total may be 0.
};

struct Downloaded {
  bool unchanged = false;  // The copy of `have` is the file; nothing was written.
  std::string path;        // A temporary file beside `beside`; the caller renames or removes it.
  std::uint64_t bytes = 0;
  std::string sha256;
  Validator validator;
};

[[nodiscard]] Result<Downloaded> download(HttpClient& client, const RemoteFile& file,
                                          const std::string& beside,
                                          const DownloadOptions& options);

// What a web server's refusal means, for people.
[[nodiscard]] Error explain_http(const std::string& shown, const HttpResponse& response);

}  // namespace ballast
