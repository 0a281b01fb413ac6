#include "common/runtime/membership.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace ballast {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class MembershipTest : public testing::Test {
 protected:
  using After = Effects<int>;

  static MembershipOptions options(Duration give_up) {
    MembershipOptions options;
    options.coordinator = "tcp://10.0.0.1:7700";
    options.retry = milliseconds(500);
    options.loud = seconds(10);
    options.give_up = give_up;
    return options;
  }
  static RunConfig run() {
    RunConfig run;
    run.cluster.heartbeat_seconds = 1.0;
    run.cluster.silence_seconds = 5.0;
    return run;
  }

  static wire::Welcome welcome(std::string run) {
    return {.run_json = std::move(run), .family = KernelFamily::haswell, .checkpoints = "store"};
  }

  After tick() {
    After effects;
    membership_.tick(
        now_, effects, [](wire::Held&) {}, [this] { return wait_; });
    return effects;
  }
  After later(Duration time) {
    now_ += time;
    return tick();
  }
  template <class Body>
  static std::size_t count(const After& effects) {
    return static_cast<std::size_t>(
        std::count_if(effects.sends.begin(), effects.sends.end(),
                      [](const Send& s) { return std::holds_alternative<Body>(s.body); }));
  }

  explicit MembershipTest(Duration give_up = Duration::zero()) : membership_(options(give_up)) {}

  std::string wait_;  // What the role waits for.
  Time now_ = Time{} + seconds(100);
  Membership membership_;
};

// M1, and what follows each answer.
TEST_F(MembershipTest, RepeatsWhatIsNotAnswered) {
  EXPECT_EQ(count<wire::Hello>(tick()), 1U);
  EXPECT_EQ(count<wire::Hello>(tick()), 0U) << "too early";
  EXPECT_EQ(count<wire::Hello>(later(milliseconds(500))), 1U);

  EXPECT_EQ(membership_.welcomed(welcome("run"), run(), now_), Membership::Load::needed);
  EXPECT_EQ(count<wire::Heartbeat>(tick()), 1U) << "loading may take long";
  membership_.loaded(7, "blas", now_);
  EXPECT_EQ(count<wire::Ready>(tick()), 1U);
  EXPECT_EQ(count<wire::Ready>(later(milliseconds(500))), 1U);

  membership_.planned();
  EXPECT_EQ(membership_.state(), Membership::State::member);
  EXPECT_EQ(count<wire::Heartbeat>(later(seconds(1))), 1U);
  membership_.rejoin(now_);
  EXPECT_EQ(count<wire::Hello>(tick()), 1U);
}

// M4: who greets anew keeps what it has, and says so.
TEST_F(MembershipTest, GreetsAnewWithWhatItHolds) {
  tick();
  EXPECT_EQ(membership_.welcomed(welcome("run"), run(), now_), Membership::Load::needed);
  membership_.rejoin(now_);
  EXPECT_EQ(membership_.welcomed(welcome("run"), run(), now_), Membership::Load::not_needed);
  EXPECT_EQ(membership_.state(), Membership::State::loading) << "it is on its way";
  membership_.loaded(7, "blas", now_);
  membership_.planned();

  membership_.rejoin(now_);
  After effects;
  membership_.tick(
      now_, effects, [](wire::Held& held) { held.timeline = 3; }, [] { return std::string(); });
  ASSERT_EQ(count<wire::Hello>(effects), 1U);
  const auto& held = std::get<wire::Hello>(effects.sends[0].body).held;
  ASSERT_TRUE(held);
  EXPECT_EQ(held->run, fingerprint_of_run("run", "store"));
  EXPECT_EQ(held->canary, 7U);
  EXPECT_EQ(held->timeline, 3U);
  EXPECT_EQ(membership_.welcomed(welcome("run"), run(), now_), Membership::Load::not_needed);
  EXPECT_EQ(membership_.state(), Membership::State::ready);

  membership_.rejoin(now_);
  EXPECT_EQ(membership_.welcomed(welcome("another"), run(), now_), Membership::Load::needed);
  EXPECT_FALSE(std::get<wire::Hello>(([&] {
                                       membership_.rejoin(now_);
                                       return tick();
                                     })()
                                         .sends[0]
                                         .body)
                   .held)
      << "nothing of it is loaded yet";
}

// M6
TEST_F(MembershipTest, SaysWhatItWaitsForWhenItGetsNothingDone) {
  EXPECT_TRUE(membership_.heard(1, now_));
  tick();
  for (int i = 0; i < 9; ++i) {
    EXPECT_TRUE(membership_.heard(1, now_));
    EXPECT_TRUE(later(seconds(1)).notes.empty());
  }
  EXPECT_TRUE(membership_.heard(1, now_));
  const After greeting = later(seconds(1));
  ASSERT_EQ(greeting.notes.size(), 1U);
  EXPECT_EQ(greeting.notes[0].text,
            "waiting for the coordinator at tcp://10.0.0.1:7700 to let it in since 10 s");

  EXPECT_EQ(membership_.welcomed(welcome("run"), run(), now_), Membership::Load::needed);
  membership_.loaded(7, "blas", now_);
  membership_.planned();
  tick();
  wait_ = "version 3 from server 7";
  const auto beat_of = [](const After& effects) {
    for (const Send& send : effects.sends) {
      if (const auto* const beat = std::get_if<wire::Heartbeat>(&send.body)) return *beat;
    }
    return wire::Heartbeat{};
  };
  EXPECT_EQ(beat_of(later(seconds(9))).waiting, "");
  EXPECT_TRUE(membership_.heard(1, now_));
  const After stalled = later(seconds(3));
  EXPECT_EQ(beat_of(stalled).waiting, "version 3 from server 7");
  EXPECT_EQ(beat_of(stalled).waiting_seconds, 12U);
  ASSERT_EQ(stalled.notes.size(), 1U);
  EXPECT_EQ(stalled.notes[0].text, "waiting for version 3 from server 7 since 12 s");
  EXPECT_TRUE(membership_.heard(1, now_));
  EXPECT_TRUE(later(seconds(4)).notes.empty()) << "too early to say it again";

  membership_.made_progress();
  EXPECT_TRUE(membership_.heard(1, now_));
  EXPECT_EQ(beat_of(later(seconds(4))).waiting, "");
  wait_ = "";
  EXPECT_TRUE(membership_.heard(1, now_));
  EXPECT_TRUE(later(seconds(20)).notes.size() == 1U) << "only that nobody was heard";
}

// M5
TEST_F(MembershipTest, ListensToNoOlderCoordinator) {
  EXPECT_TRUE(membership_.heard(3, now_));
  EXPECT_FALSE(membership_.heard(2, now_));
  EXPECT_TRUE(membership_.heard(3, now_));
  EXPECT_TRUE(membership_.heard(4, now_));
  EXPECT_EQ(tick().term, 4U);
}

class ImpatientTest : public MembershipTest {
 protected:
  ImpatientTest() : MembershipTest(seconds(1)) {}
};

TEST_F(ImpatientTest, AnnouncesASilentCoordinatorNowAndThenAndNeverGivesUpOnOneItHeard) {
  EXPECT_TRUE(membership_.heard(1, now_));
  EXPECT_EQ(membership_.welcomed(welcome("run"), run(), now_), Membership::Load::needed);
  tick();
  EXPECT_TRUE(later(milliseconds(4999)).notes.empty());
  const After silent = later(milliseconds(1));
  ASSERT_EQ(silent.notes.size(), 1U);
  EXPECT_NE(silent.notes[0].text.find("tcp://10.0.0.1:7700, silent for 5 s"), std::string::npos);
  EXPECT_TRUE(later(seconds(9)).notes.empty());
  EXPECT_EQ(later(seconds(1)).notes.size(), 1U);
  EXPECT_FALSE(later(seconds(1000)).exit);
  EXPECT_TRUE(membership_.heard(1, now_));
  EXPECT_TRUE(tick().notes.empty());
}

// A time to wait that is shorter than the silence of a dead member counts all the same.
TEST_F(ImpatientTest, GivesUpOnACoordinatorThatNeverAnsweredWhenItsTimeIsUp) {
  tick();
  EXPECT_FALSE(later(milliseconds(999)).exit);
  const After effects = later(milliseconds(1));
  ASSERT_TRUE(effects.exit);
  EXPECT_EQ(effects.exit->code, ExitCode::user_error);
  EXPECT_NE(effects.exit->reason.find("no coordinator answers at tcp://10.0.0.1:7700"),
            std::string::npos);
}

TEST_F(MembershipTest, WaitsForEverWhenToldSo) {
  tick();
  EXPECT_FALSE(later(seconds(100000)).exit);
}

}  // namespace
}  // namespace ballast
