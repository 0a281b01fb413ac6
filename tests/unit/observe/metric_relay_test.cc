#include "common/observe/metric_relay.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

namespace ballast {
namespace {

class MetricRelayTest : public testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.data()), 0);
    ours_ = ends[0];
    auto relay = MetricRelay::open(ends[1]);
    ASSERT_TRUE(relay);
    relay_ = *std::move(relay);
  }
  ~MetricRelayTest() override { hang_up(); }
  void hang_up() {
    if (ours_ >= 0) ::close(ours_);
    ours_ = -1;
  }
  // The next packet; empty: there is none.
  std::string heard() const {
    std::string text(kMetricsBytesMax, '\0');
    const ssize_t bytes = ::recv(ours_, text.data(), text.size(), MSG_DONTWAIT);
    text.resize(bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
    return text;
  }

  int ours_ = -1;
  std::unique_ptr<MetricRelay> relay_;
};

TEST_F(MetricRelayTest, ATextIsAPacket) {
  const std::string large(kMetricsBytesMax, 'x');
  EXPECT_TRUE(relay_->say("a 1\n"));
  EXPECT_TRUE(relay_->say("a 2\n"));
  EXPECT_EQ(heard(), "a 1\n");
  EXPECT_EQ(heard(), "a 2\n");
  EXPECT_TRUE(relay_->say(large));
  EXPECT_EQ(heard(), large);
  EXPECT_FALSE(relay_->say(large + "x")) << "it would come cut off";
  EXPECT_EQ(heard(), "");
}

TEST_F(MetricRelayTest, WhoeverDoesNotListenHoldsNobodyUp) {
  const std::string text(100'000, 'x');
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(relay_->say(text));
  EXPECT_EQ(heard(), text);
  EXPECT_TRUE(relay_->say(text)) << "there is room again";
}

TEST_F(MetricRelayTest, WhoeverIsGoneIsAnError) {
  hang_up();
  EXPECT_FALSE(relay_->say("a 1\n"));
}

TEST(MetricRelayOpen, WantsTheSocketThatItWasGiven) {
  const int null = ::open("/dev/null", O_WRONLY);
  for (const int descriptor : {null, 99999}) {
    const auto relay = MetricRelay::open(descriptor);
    ASSERT_FALSE(relay);
    EXPECT_NE(relay.error().message.find("--metrics-fd " + std::to_string(descriptor)),
              std::string::npos);
  }
  ::close(null);
}

}  // namespace
}  // namespace ballast
