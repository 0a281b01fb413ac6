// A worker under a real host: whoever computes is not dead.

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>

#include "common/base/overloaded.h"
#include "common/job/run_json.h"
#include "common/net/zmq_transport.h"
#include "common/runtime/host.h"
#include "tests/unit/net/net_fixture.h"
#include "worker/trainer.h"

namespace ballast {
namespace {

constexpr MemberId kSelf{201};
constexpr MemberId kServer{101};
constexpr unsigned kThreads = 2;

RunConfig run_of_two_leaves() {
  RunConfig run;
  run.name = "busy";
  run.tables = {{.id = TableId{0}, .name = "dense", .kind = TableKind::dense, .shape = {3}}};
  run.partitions = 1;
  run.leaves = kThreads;
  run.leaf_examples = 1;
  run.batch = kThreads;
  run.train_examples = 10;
  run.steps_per_epoch = 5;
  run.steps = 5;
  run.cluster.heartbeat_seconds = 0.01;
  run.cluster.silence_seconds = 0.1;
  return run;
}

// The other end of the worker's links: a coordinator or a server.
class Party {
 public:
  Party(ZmqContext& context, MemberId self, const std::string& endpoint)
      : self_(self), transport_(make_zmq_transport(context, {.self = self})) {
    BALLAST_CHECK(transport_->bind(endpoint).has_value());
  }
  void say(wire::Body body) { transport_->send(kSelf, wire::encode({self_, std::move(body), 1})); }
  // Nothing: nobody says anything any more.
  std::optional<wire::Body> hear() {
    const auto delivery = await_delivery(*transport_);
    if (!delivery) return std::nullopt;
    auto message = wire::decode(delivery->frames);
    BALLAST_CHECK(message.has_value());
    return std::move(message->body);
  }
  // Passes over everything else, but greets who greets.
  template <class Body>
  std::optional<Body> await(const wire::Welcome& welcome) {
    while (auto body = hear()) {
      if (std::holds_alternative<wire::Hello>(*body)) say(welcome);
      if (auto* const found = std::get_if<Body>(&*body)) return std::move(*found);
    }
    return std::nullopt;
  }

 private:
  const MemberId self_;
  const std::unique_ptr<Transport> transport_;
};

TEST(BusyWorker, HeartbeatsComeWhileAllThreadsCompute) {
  std::counting_semaphore<kThreads> computing(0);
  std::counting_semaphore<kThreads> may_end(0);
  const auto executor = [&](WorkerJob&& job) -> WorkerOutcome {
    return std::visit(
        Overloaded{[](const WorkerLoad& load) -> WorkerOutcome {
                     return WorkerLoaded{
                         .number = load.number, .canary = 1, .blas_version = "b", .error = ""};
                   },
                   [](const GatherLeaves& gather) -> WorkerOutcome {
                     return Gathered{gather.group, std::make_shared<KeySets>(1)};
                   },
                   [&](const ComputeLeaf&) -> WorkerOutcome {
                     computing.release();
                     may_end.acquire();
                     return Dropped{};
                   },
                   [](const auto&) -> WorkerOutcome { return Dropped{}; }},
        job);
  };

  ZmqContext context(0);
  Party coordinator(context, kCoordinator, "inproc://coordinator");
  Party server(context, kServer, "inproc://server");
  auto transport = make_zmq_transport(context, {.self = kSelf});
  ASSERT_TRUE(transport->connect(kCoordinator, "inproc://coordinator"));
  auto log = Log::open({.level = LogLevel::off});
  Worker worker({.membership = {.hello = {}, .coordinator = "inproc://coordinator"}}, kSelf);
  Host<Worker> host(
      worker, *transport, **log,
      {.self = kSelf, .role = "worker", .threads = kThreads, .make_executor = [&](unsigned) {
         return executor;
       }});
  std::thread thread([&] { EXPECT_EQ(host.run().code, ExitCode::done); });

  const RunConfig run = run_of_two_leaves();
  const wire::Welcome welcome{run_to_json(run), KernelFamily::haswell, "store"};
  EXPECT_TRUE(coordinator.await<wire::Ready>(welcome));
  coordinator.say(wire::Plan{.number = 1,
                             .timeline = 1,
                             .committed = 0,
                             .workers = {{kSelf, {0, kThreads}}},
                             .owners = {kServer},
                             .replicas = {},
                             .servers = {{kServer, "inproc://server"}}});
  const auto pull = server.await<wire::Pull>(welcome);
  EXPECT_TRUE(pull);
  wire::Values values{pull->request, 1, 0, {}, {}};
  values.sections.emplace_back().values = Bytes::own(std::vector<float>(3, 0.5F));
  server.say(std::move(values));

  for (unsigned i = 0; i < kThreads; ++i) computing.acquire();
  const auto begin = std::chrono::steady_clock::now();
  const auto silence = std::chrono::milliseconds(100);
  bool hears = true;
  while (hears && std::chrono::steady_clock::now() < begin + 5 * silence) {
    hears = coordinator.await<wire::Heartbeat>(welcome).has_value();
  }
  EXPECT_TRUE(hears) << "it would be taken for dead";
  EXPECT_TRUE(coordinator.await<wire::Heartbeat>(welcome));

  may_end.release(kThreads);
  coordinator.say(wire::Finish{.ending = wire::Ending::done, .reason = ""});
  thread.join();
}

}  // namespace
}  // namespace ballast
