#pragma once

// An agent in this process: lends the machine to a service, which has members of its jobs started
// here (common/runtime/agent.h).

#include <functional>
#include <string>
#include <vector>

#include "cli/roles.h"
#include "common/runtime/machine.h"
#include "common/wire/messages.h"

namespace ballast {

struct AgentRole {
  wire::Role role = wire::Role::worker;
  std::string service;
  std::uint32_t threads = 1;
  // The command line of a member, but for its coordinator, address and home.
  std::vector<std::string> member;
  std::string listen;  // Servers: each at any port of it, or at a path beside it.
  std::string homes;   // Servers: where each job has its own; empty: members keep nothing.
  HttpFlags http{};    // Of the agent, which shows what its members count too.
  Duration give_up{};
  OnStoppable stoppable;
};
[[nodiscard]] Exit run_agent(const Process& process, const AgentRole& role);

}  // namespace ballast
