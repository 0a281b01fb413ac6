#pragma once

// Which route a request belongs to. A pattern is a path whose segments are literal or parameters:
// "/api/v1/jobs/{id}"; a last segment "{name...}" takes all that is left, slashes included. Where
// several patterns fit, the one with a literal segment where the others have a parameter counts, as
// seen from the left.
//
// Pure; const after it is made, so any thread may look up.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/http/message.h"

namespace ballast::http {

class Reply;

enum class Body {
  none,    // A body is refused.
  memory,  // In Request::body
  file,    // In Request::upload
};

struct Route {
  Method method = Method::get;  // GET serves HEAD too.
  std::string pattern;
  Access access = Access::view;
  // Called on the server's thread, which it must not hold up: what takes longer than a moment is
  // done elsewhere, with the Reply moved along.
  std::function<void(Request request, Reply reply)> handle;
  Body body = Body::none;
  std::uint64_t body_bytes_max = std::uint64_t{64} << 10;
};

// The path of a request, decoded.
struct Target {
  std::string path;                   // Encoded, as it came.
  std::vector<std::string> segments;  // Decoded; "/a/" has a last one that is empty.
  std::map<std::string, std::string> query;
};
// Refused: what does not begin with a slash, broken escapes, a zero byte, and in the path the
// segments "." and ".." or an escaped slash, which could lead out of a directory.
[[nodiscard]] Result<Target> parse_target(std::string_view target);

class Router {
 public:
  struct Match {
    const Route* route = nullptr;  // Null: `allow` has the methods that the path knows, if any.
    std::map<std::string, std::string> parameters;
    std::vector<Method> allow;
  };

  // REQUIRES: patterns as above, no two of a method alike but for names of parameters.
  explicit Router(std::vector<Route> routes);

  [[nodiscard]] Match find(Method method, const Target& target) const;
  [[nodiscard]] const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
  std::vector<std::vector<std::string>> patterns_;  // Segments, by route.
};

// "GET, HEAD"
[[nodiscard]] std::string allow_text(const std::vector<Method>& methods);

}  // namespace ballast::http
