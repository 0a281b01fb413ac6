// Two toy machines under real hosts: what machine.h promises, over a real transport.

#include "common/runtime/host.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <semaphore>
#include <sstream>
#include <string>
#include <thread>

#include "common/net/zmq_transport.h"
#include "common/runtime/member_id.h"
#include "common/runtime/signals.h"
#include "tests/unit/net/net_fixture.h"

namespace ballast {
namespace {

constexpr MemberId kPlayer{77};

struct Double {
  std::uint64_t number = 0;
};
struct Doubled {
  std::uint64_t number = 0;
  bool pinned = false;
};

// Answers every heartbeat with its number doubled, by way of a job. Leaves on Goodbye.
struct Echo {
  using Job = Double;
  using Outcome = Doubled;

  void step(Time, Input<Outcome> input, Effects<Job>& effects) {
    if (auto* const received = std::get_if<Received>(&input)) {
      peer = received->message.from;
      if (auto* const beat = std::get_if<wire::Heartbeat>(&received->message.body)) {
        effects.jobs.push_back({beat->progress});
      }
      if (std::holds_alternative<wire::Goodbye>(received->message.body)) {
        effects.send(peer, wire::Released{});
        effects.exit = Exit{ExitCode::done, "goodbye"};
      }
    }
    if (auto* const done = std::get_if<Done<Outcome>>(&input)) {
      all_pinned &= done->outcome.pinned;
      effects.send(peer, wire::Heartbeat{done->outcome.number});
    }
    if (std::holds_alternative<StopAsked>(input)) {
      effects.exit = Exit{ExitCode::interrupted, "asked"};
    }
  }

  MemberId peer{};
  bool all_pinned = true;
};

struct NoJob {};

// Sends a number until the answer to it came, then the next; repeats itself by alarm like every
// role. After `rounds` it says goodbye and leaves when released.
struct Player {
  using Job = NoJob;
  using Outcome = NoJob;

  void step(Time now, Input<Outcome> input, Effects<Job>& effects) {
    if (std::holds_alternative<Tick>(input)) {
      ticks_seen_in_order &= now >= wake;
      effects.note(NoteLevel::info, "round " + std::to_string(round));
      say(now, effects);
    }
    auto* const received = std::get_if<Received>(&input);
    if (received == nullptr) return;
    if (std::holds_alternative<wire::Released>(received->message.body)) {
      effects.exit = Exit{ExitCode::done, "released"};
    }
    auto* const beat = std::get_if<wire::Heartbeat>(&received->message.body);
    if (beat == nullptr || beat->progress != 2 * round) return;  // A repeat's answer.
    round += 1;
    say(now, effects);
  }

  void say(Time now, Effects<Job>& effects) {
    if (round <= rounds) {
      effects.send(kCoordinator, wire::Heartbeat{round});
    } else {
      effects.send(kCoordinator, wire::Goodbye{});
    }
    wake = now + std::chrono::milliseconds(20);
    effects.wake_at = wake;
  }

  std::uint64_t rounds = 100;
  std::uint64_t round = 1;
  Time wake{};
  bool ticks_seen_in_order = true;
};

Host<Echo>::Options echo_options() {
  return {.self = kCoordinator, .role = "echo", .threads = 2, .make_executor = [](unsigned) {
            return [](Double&& job) {
              return Doubled{2 * job.number, floating_point_mode_is_pinned()};
            };
          }};
}

Host<Player>::Options player_options() { return {.self = kPlayer, .role = "player", .threads = 0}; }

std::string read(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class HostOver : public testing::TestWithParam<const char*> {
 protected:
  std::string endpoint() const {
    return std::string(GetParam()) == "ipc" ? "ipc://" + directory_.path() + "/echo" : GetParam();
  }
  TemporaryDirectory directory_;
};

TEST_P(HostOver, TwoMachinesPlayThroughJobsAlarmsAndGoodbyes) {
  auto log = Log::open({.file = directory_.path() + "/log"});
  ASSERT_TRUE(log);
  ZmqContext context;
  auto echo_transport = make_zmq_transport(context, {.self = kCoordinator});
  const auto bound = echo_transport->bind(endpoint());
  ASSERT_TRUE(bound) << bound.error().message;
  Echo echo;
  Host<Echo> echo_host(echo, *echo_transport, **log, echo_options());
  Exit echo_exit;
  std::thread thread([&] { echo_exit = echo_host.run(); });

  auto player_transport = make_zmq_transport(context, {.self = kPlayer});
  ASSERT_TRUE(player_transport->connect(kCoordinator, *bound));
  Player player;
  std::uint64_t hooks = 0;
  auto options = player_options();
  options.after_step = [&](const Player&) { hooks += 1; };
  Host<Player> player_host(player, *player_transport, **log, options);
  const Exit player_exit = player_host.run();
  thread.join();

  EXPECT_EQ(player_exit.reason, "released");
  EXPECT_EQ(echo_exit.reason, "goodbye");
  EXPECT_EQ(player.round, 101U);
  EXPECT_TRUE(player.ticks_seen_in_order);
  EXPECT_TRUE(echo.all_pinned);
  EXPECT_EQ(hooks, player_host.counters().steps);
  EXPECT_EQ(echo_host.counters().malformed, 0U);
  log->reset();
  EXPECT_NE(read(directory_.path() + "/log").find("player 000000000000004d: round 1\n"),
            std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Transports, HostOver, testing::Values("inproc://echo", "ipc", "tcp://127.0.0.1:0"),
    [](const auto& instance) {
      return std::string(instance.param).substr(0, std::string(instance.param).find(':'));
    });

TEST(Host, StopsWhenAskedFromAnotherThread) {
  TemporaryDirectory directory;
  auto log = Log::open({.level = LogLevel::off});
  ZmqContext context(0);
  auto transport = make_zmq_transport(context, {.self = kCoordinator});
  ASSERT_TRUE(transport->bind("inproc://echo"));
  Echo echo;
  Host<Echo> host(echo, *transport, **log, echo_options());
  std::thread thread([&] { host.stop(); });
  EXPECT_EQ(host.run().code, ExitCode::interrupted);
  thread.join();
}

// What a peer gets wrong, an honest one does not suffer from.
TEST(Host, DropsWhatItCannotReadCountsItAndAnswersOnceAMinute) {
  TemporaryDirectory directory;
  const std::string log_path = directory.path() + "/log";
  auto log = Log::open({.file = log_path});
  ZmqContext context(0);
  auto transport = make_zmq_transport(context, {.self = kCoordinator});
  ASSERT_TRUE(transport->bind("inproc://echo"));
  Echo echo;
  Host<Echo> host(echo, *transport, **log, echo_options());
  std::thread thread([&] { EXPECT_EQ(host.run().reason, "goodbye"); });

  auto peer = make_zmq_transport(context, {.self = kPlayer});
  ASSERT_TRUE(peer->connect(kCoordinator, "inproc://echo"));
  for (int i = 0; i < 5; ++i) {
    peer->send(kCoordinator, {Bytes::copy(std::string_view("not a header at all"))});
  }
  // An honest header with another sender's name in it.
  peer->send(kCoordinator, wire::encode({MemberId{5}, wire::Goodbye{}}));
  peer->send(kCoordinator, wire::encode({kPlayer, wire::Goodbye{}}));

  std::vector<std::string> answers;
  while (answers.empty() || answers.back() != "Released") {
    const auto event = await_event(*peer);
    ASSERT_TRUE(event);
    const auto answer = wire::decode(std::get<Delivery>(*event).frames);
    ASSERT_TRUE(answer) << answer.error().message;
    answers.push_back(wire::name_of(answer->body));
  }
  thread.join();
  EXPECT_EQ(answers, (std::vector<std::string>{"MalformedReply", "Released"}));
  EXPECT_EQ(host.counters().malformed, 6U);
  log->reset();
  const std::string text = read(log_path);
  EXPECT_NE(text.find("dropped what 000000000000004d sent: malformed message"), std::string::npos)
      << text;
  EXPECT_EQ(text.find("dropped what"), text.rfind("dropped what")) << "more than one line";
}

TEST(Log, WritesJsonThatSurvivesAnything) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/log";
  {
    auto log = Log::open({.level = LogLevel::info, .form = LogForm::json, .file = path});
    ASSERT_TRUE(log);
    (*log)->write(LogLevel::debug, {"worker", MemberId{1}}, "hidden");
    (*log)->write(LogLevel::error, {"worker", MemberId{1}}, "a \"quote\"\nand \xff");
  }
  const std::string text = read(path);
  EXPECT_EQ(text.find("hidden"), std::string::npos);
  EXPECT_NE(text.find(R"("level":"error","role":"worker","member":"0000000000000001",)"
                      R"("text":"a \"quote\"\nand )"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find('\n'), text.size() - 1);
}

TEST(Log, SaysWhatIsSpokenOfAsFarAsItIsKnown) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/log";
  const auto said = [&](LogForm form, std::uint64_t job, const LogPlace& place) {
    std::ofstream(path, std::ios::trunc).close();
    {
      const auto log = Log::open({.form = form, .file = path, .job = job});
      EXPECT_TRUE(log);
      if (log) (*log)->write(LogLevel::info, {"worker", MemberId{1}}, "waits", place);
    }
    const std::string text = read(path);
    return text.substr(text.find("worker"));
  };
  EXPECT_EQ(said(LogForm::text, 12, {.run = RunId{3}, .step = Step{42}}),
            "worker 0000000000000001: waits [job 12 run 3 step 42]\n");
  EXPECT_EQ(said(LogForm::text, 0, {.run = {}, .step = Step{42}}),
            "worker 0000000000000001: waits [step 42]\n");
  EXPECT_EQ(said(LogForm::text, 0, {}), "worker 0000000000000001: waits\n");
  EXPECT_EQ(said(LogForm::json, 12, {.run = RunId{3}, .step = Step{42}}),
            "worker\",\"member\":\"0000000000000001\",\"job\":12,\"run\":3,\"step\":42,"
            "\"text\":\"waits\"}\n");
}

TEST(Log, NamesTheFileItCannotOpen) {
  TemporaryDirectory directory;
  const std::string file = directory.path() + "/file";
  std::ofstream(file) << "no directory";
  const auto log = Log::open({.file = file + "/log"});
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, ErrorCode::io);
  EXPECT_NE(log.error().message.find(file), std::string::npos);
}

TEST(Signals, TheFirstAsksAndTheSecondInterruptEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        std::binary_semaphore asked(0);
        const Signals signals([&](int signal) {
          if (signal == SIGINT) asked.release();
        });
        ::kill(::getpid(), SIGINT);
        asked.acquire();
        ::kill(::getpid(), SIGINT);
        asked.acquire();  // Never: the process is gone.
      },
      testing::ExitedWithCode(130), "");
}

TEST(Signals, EveryOtherSignalAsksForACleanStop) {
  std::counting_semaphore<2> asked(0);
  std::atomic<int> last = 0;
  const Signals signals([&](int signal) {
    last = signal;
    asked.release();
  });
  for (int i = 0; i < 2; ++i) {
    ::kill(::getpid(), SIGTERM);
    asked.acquire();
    EXPECT_EQ(last, SIGTERM);
  }
}

TEST(MemberId, IsFreshEachTime) {
  const MemberId a = fresh_member_id();
  EXPECT_NE(a, fresh_member_id());
  EXPECT_NE(a, kCoordinator);
}

}  // namespace
}  // namespace ballast
