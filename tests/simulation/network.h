#pragma once

// The simulated network, as hostile as transport.h allows. Messages of one ordered pair keep their
// order while a connection lasts; those of different pairs overtake each other. A message may get
// lost, or come twice: at once, and, where only a step is concerned, much later, perhaps when the
// run has gone back to a checkpoint. A connection that breaks loses what is in flight, tells its
// two ends at different times, and comes back; what its dialer sends meanwhile waits, what the
// other end sends is lost, as with ZeroMQ.
//
// The network may fall into two sides for a while, in one direction or both, and nobody is told:
// what should cross is lost, or, as TCP does it, comes when the sides have found each other again.
//
// Here members are places: every life of the coordinator has its own, though to members all are
// one.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/wire/messages.h"
#include "tests/simulation/agenda.h"
#include "tests/simulation/prng.h"

namespace ballast::simulation {

struct NetworkOptions {
  Duration delay_min{};
  Duration delay_max{};
  double loss = 0.0;       // Of single messages.
  double duplicate = 0.0;  // Of messages that come twice.
  Duration notice_max{};   // Until an end learns that its connection broke.
  Duration reconnect_max{};
};

struct NetworkCounters {
  std::uint64_t sent = 0;
  std::uint64_t delivered = 0;
  std::uint64_t lost = 0;
  std::uint64_t duplicated = 0;
};

class Network {
 public:
  struct Ends {
    std::function<void(MemberId to, MemberId from, wire::Message)> deliver;
    std::function<void(MemberId at, MemberId peer)> disconnected;
    std::function<void(MemberId from, MemberId to)> unreachable;  // Nobody ever connected the two.
  };

  Network(const NetworkOptions& options, Agenda& agenda, Prng& prng, Ends ends)
      : options_(options), agenda_(agenda), prng_(prng), ends_(std::move(ends)) {}

  void connect(MemberId dialer, MemberId acceptor);
  // REQUIRES: the dialer connected before.
  void disconnect(MemberId dialer, MemberId acceptor);
  // Goes over to another acceptor, which answers at the address of the former one. What waits to be
  // sent goes there too. REQUIRES: the dialer connected to `former` before.
  void redial(MemberId dialer, MemberId former, MemberId acceptor);
  void send(MemberId from, MemberId to, wire::Message message);

  // REQUIRES: the member is not there.
  void started(MemberId member);
  // Exit: what it had sent still arrives. Kill: perhaps. Silence: the host has lost its power, and
  // nobody is told.
  enum class Death { exit, kill, silence };
  void died(MemberId member, Death death);
  // Whether what `from` sends now reaches `to`, losses apart.
  [[nodiscard]] bool reaches(MemberId from, MemberId to) const;

  // Breaks one of the connections that are up, if any.
  void break_one();
  // Two sides, until `until`. `side` is drawn: it says for every member, those to come too, where
  // it is. One way: only what goes from the first side to the second suffers.
  enum class Direction { both, one_way };
  enum class Crossing { lost, held };
  struct Split {
    std::uint64_t side = 0;
    double first = 0.5;             // Share of members on the first side.
    std::optional<MemberId> alone;  // Instead: this one against all others.
    Direction direction = Direction::both;
    Crossing crossing = Crossing::lost;
    Time until{};
  };
  void split(const Split& split);
  // From here on nothing is lost, nothing comes twice and everybody reaches everybody.
  void calm();

  [[nodiscard]] const NetworkCounters& counters() const { return counters_; }

 private:
  using Pair = std::pair<MemberId, MemberId>;  // Dialer, acceptor.
  struct Connection {
    bool wanted = true;  // By its dialer.
    bool up = false;
    std::deque<wire::Message> backlog;
  };
  struct Way {  // From one member to another.
    struct Old {
      std::uint64_t number = 0;
      wire::Message message;
    };
    Time last_arrival{};
    std::uint64_t lost_before = 0;  // Messages with lower numbers are lost, if not there yet.
    std::uint64_t next = 0;
    std::vector<Old> old;  // That may come again.
  };

  void come_up_later(Pair pair);
  void put_on_way(MemberId from, MemberId to, wire::Message message);
  void remember(Way& way, std::uint64_t number, const wire::Message& message);
  void come_again(const Way& way, MemberId from, MemberId to, const wire::Message& newer,
                  Time arrival);
  void arrive_at(Time time, MemberId from, MemberId to, wire::Message message,
                 std::uint64_t number);
  // The split that keeps `to` from hearing `from`.
  [[nodiscard]] const Split* between(MemberId from, MemberId to) const;
  void lose_in_flight(MemberId from, MemberId to);
  void notice_later(MemberId at, MemberId peer);
  [[nodiscard]] Duration delay() { return prng_.between(options_.delay_min, options_.delay_max); }

  NetworkOptions options_;
  Agenda& agenda_;
  Prng& prng_;
  const Ends ends_;
  std::set<MemberId> there_;
  std::map<Pair, Connection> connections_;
  std::map<Pair, Way> ways_;
  std::vector<Split> splits_;
  NetworkCounters counters_;
};

}  // namespace ballast::simulation
