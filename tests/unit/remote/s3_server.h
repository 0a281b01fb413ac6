#pragma once

// As much of S3 as the client speaks, in memory: objects, lists in pages of two, uploads in parts,
// conditional creation. A test can take requests before it does. What a real server makes of the
// client is tests/e2e/s3_test.sh's to show.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/remote/s3_client.h"
#include "tests/unit/remote/http_server.h"

namespace ballast {

class S3Server {
 public:
  S3Server();

  // Options of a client of it; short waits.
  [[nodiscard]] S3Options options() const;
  [[nodiscard]] const ScriptedServer& http() const { return *http_; }

  // Called before each request; an answer takes its place.
  std::function<std::optional<Answer>(const SeenRequest&)> before;
  // Called with the answer, once the request has been carried out.
  std::function<void(const SeenRequest&, Answer&)> after;
  bool knows_if_none_match = true;

  struct Object {
    std::string bytes;
    std::string claim;
  };
  std::map<std::string, Object> objects;                      // By "bucket/key".
  std::map<std::string, std::map<int, std::string>> uploads;  // By "bucket/key uploadId".

 private:
  [[nodiscard]] Answer handle(const SeenRequest& request);
  [[nodiscard]] Answer on_put(const SeenRequest& request, const std::string& name,
                              std::map<std::string, std::string> query);
  [[nodiscard]] Answer on_get(const SeenRequest& request, const std::string& name) const;
  [[nodiscard]] Answer on_post(const std::string& name, std::map<std::string, std::string> query);
  [[nodiscard]] Answer on_delete(const std::string& name, std::map<std::string, std::string> query);
  [[nodiscard]] Answer list(const std::string& bucket,
                            std::map<std::string, std::string> query) const;

  std::unique_ptr<ScriptedServer> http_;
  int uploads_made_ = 0;
};

}  // namespace ballast
