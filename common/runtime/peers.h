#pragma once

// The servers that a member is connected to, as plans name them. Those that a plan does not name
// any more are let go: a run may see many lives of its servers.
//
// Pure; one machine owns it.

#include <set>
#include <utility>
#include <vector>

#include "common/runtime/machine.h"

namespace ballast {

class Peers {
 public:
  // All of `servers` but `self`, and nobody else.
  template <class Job>
  void become(const std::vector<wire::ServerAddress>& servers, MemberId self,
              Effects<Job>& effects) {
    std::set<MemberId> former = std::exchange(connected_, {});
    for (const wire::ServerAddress& server : servers) {
      if (server.server == self) continue;
      effects.connections.push_back({server.server, server.endpoint});
      connected_.insert(server.server);
      former.erase(server.server);
      let_go_.erase(server.server);
    }
    effects.disconnections.assign(former.begin(), former.end());
    let_go_.insert(former.begin(), former.end());
  }

  [[nodiscard]] bool contains(MemberId server) const { return connected_.contains(server); }
  // Once connected, and not any more: it may still write to us, but there is no way back.
  [[nodiscard]] bool has_let_go(MemberId server) const { return let_go_.contains(server); }

 private:
  std::set<MemberId> connected_;
  std::set<MemberId> let_go_;
};

}  // namespace ballast
