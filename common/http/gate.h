#pragma once

// Who may come in: whose token a request has and what it allows, how often he may ask, and whether
// it is a page of another site that asks in his name.
//
// One thread.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/http/message.h"
#include "common/http/rate.h"
#include "common/http/tokens.h"

namespace ballast::http {

struct Denial {
  unsigned status = 403;
  std::string code;
  std::string message;
  std::vector<Field> fields{};
};

struct GateOptions {
  std::optional<TokenFile> tokens;  // None: everybody may do everything, ...
  bool is_local = true;             // ... who names this machine in Host, if this is set.
  RateOptions rate;
  std::function<std::int64_t()> unix_time;         // Seconds since 1970, UTC
  std::function<void(const std::string&)> report;  // What is wrong with a changed token file.
};

class Gate {
 public:
  explicit Gate(GateOptions options);

  // `needed`: of the route; nothing: there is none, which only who may look is told.
  [[nodiscard]] std::variant<Caller, Denial> admit(const Request& request,
                                                   std::optional<Access> needed, Time now);
  // Whether he may still listen.
  [[nodiscard]] bool holds(const Caller& caller);

 private:
  [[nodiscard]] std::optional<Denial> check_site(const Request& request) const;
  [[nodiscard]] std::variant<Caller, Denial> identify(const Request& request, Access needed);
  [[nodiscard]] std::optional<Denial> check_rate(const std::string& name, Time now);
  void refresh();

  GateOptions options_;
  Rate rate_;
  std::int64_t refreshed_ = 0;
};

}  // namespace ballast::http
