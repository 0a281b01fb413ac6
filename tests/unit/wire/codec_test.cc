#include "common/wire/codec.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "common/base/hash.h"
#include "common/wire/payload.h"
#include "tests/unit/wire/random_messages.h"

namespace ballast::wire {
namespace {

constexpr std::size_t kKinds = std::variant_size_v<AnyMessage>;

std::vector<std::byte> bytes_of(const Bytes& frame) {
  return {frame.span().begin(), frame.span().end()};
}

// As a peer would after it changed the header: the checksum fits again.
Bytes reseal(std::vector<std::byte> header) {
  if (header.size() >= 8) {
    const std::uint64_t checksum = hash_bytes(std::span(header).subspan(8));
    std::memcpy(header.data(), &checksum, sizeof checksum);
  }
  return Bytes::own(std::move(header));
}

std::string message_of(const Result<Message>& result) {
  return result ? "no error" : result.error().message;
}

TEST(Codec, EveryKindComesBackAsItWasSent) {
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      const Message message = MessageMaker(seed, {}).make(kind);
      SCOPED_TRACE(std::string(name_of(message.body)) + ", seed " + std::to_string(seed));
      const auto frames = encode(message);
      const auto again = decode(frames);
      ASSERT_TRUE(again) << again.error().message;
      EXPECT_TRUE(same_message(message, *again));
    }
  }
}

TEST(Codec, LargeArraysComeBackToo) {
  for (const char* name : {"Push", "Pull", "Values", "Evaluated"}) {
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      const Message message = MessageMaker(kind, {.float_bits = 17, .list_max = 60}).make(kind);
      if (std::string(name) != name_of(message.body)) continue;
      SCOPED_TRACE(name);
      const auto again = decode(encode(message));
      ASSERT_TRUE(again) << again.error().message;
      EXPECT_TRUE(same_message(message, *again));
    }
  }
}

TEST(Codec, EveryKindHasItsOwnName) {
  std::set<std::string> names;
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    names.insert(name_of(MessageMaker(1, {}).make(kind).body));
  }
  EXPECT_EQ(names.size(), kKinds);
  EXPECT_STREQ(name_of(Hello{}), "Hello");
  EXPECT_STREQ(name_of(Fault{}), "Fault");
  EXPECT_STREQ(name_of(Plan{}), "Plan");
  EXPECT_STREQ(name_of(Pull{}), "Pull");
  EXPECT_STREQ(name_of(Push{}), "Push");
  EXPECT_STREQ(name_of(CommitStep{}), "CommitStep");
  EXPECT_STREQ(name_of(Evaluated{}), "Evaluated");
  EXPECT_STREQ(name_of(MalformedReply{}), "MalformedReply");
}

TEST(Codec, SendsLargeArraysFromWhereTheyLieAndGathersSmallOnes) {
  Push push;
  for (int i = 0; i < 10; ++i) {
    Section small;
    small.values = Bytes::own(std::vector<float>(5, 1.0F));
    push.sections.push_back(small);
  }
  Section large;
  large.values = Bytes::own(std::vector<float>(kOwnFrameBytesMin / 4, 2.0F));
  push.sections.push_back(large);

  const auto frames = encode({MemberId{1}, push});
  ASSERT_EQ(frames.size(), 3U);  // Header, ten small ones, the large one.
  EXPECT_EQ(frames[1].size(), 10U * 24);
  EXPECT_EQ(frames[2].data(), large.values.data());

  // And arrays are read where they arrive.
  const auto again = decode(frames);
  ASSERT_TRUE(again);
  EXPECT_EQ(std::get<Push>(again->body).sections[10].values.data(), large.values.data());
  EXPECT_EQ(std::get<Push>(again->body).sections[1].values.data(), frames[1].data() + 24);
}

TEST(Codec, GatheredFramesStayBelowTheirSize) {
  Push push;
  for (std::size_t i = 0; i < 100; ++i) {
    Section section;
    section.values = Bytes::own(std::vector<float>(kOwnFrameBytesMin / 4 - 1, 1.0F));
    push.sections.push_back(section);
  }
  const auto frames = encode({MemberId{1}, push});
  EXPECT_EQ(frames.size(), 1U + 4);
  for (const Bytes& frame : frames) EXPECT_LE(frame.size(), kGatheredBytesMax);
}

// ---- what arrives broken ------------------------------------------------------------------------

struct Mutation {
  const char* name;
  void (*apply)(std::vector<std::byte>& frame, Random& random);
};

const Mutation kMutations[] = {
    {"one bit flipped",
     [](std::vector<std::byte>& frame, Random& random) {
       frame[random.below(frame.size())] ^= std::byte{1} << random.below(8);
     }},
    {"a word overwritten",
     [](std::vector<std::byte>& frame, Random& random) {
       const std::uint64_t word = mix(random.word()) | 1;
       const std::size_t at = random.below(frame.size());
       const std::size_t size = std::min(sizeof word, frame.size() - at);
       frame[at] ^= std::byte{0x5a};  // Whatever was there, it is another now.
       std::memcpy(frame.data() + at + 1, &word, size - 1);
     }},
    {"truncated", [](std::vector<std::byte>& frame,
                     Random& random) { frame.resize(random.below(frame.size())); }},
    {"extended",
     [](std::vector<std::byte>& frame, Random& random) {
       frame.resize(frame.size() + 1 + random.below(32), static_cast<std::byte>(random.word()));
     }},
};

TEST(Codec, NoticesEveryMutation) {
  int cases = 0;
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      const Message message = MessageMaker(seed, {}).make(kind);
      const auto frames = encode(message);
      for (const Mutation& mutation : kMutations) {
        SCOPED_TRACE(std::string(name_of(message.body)) + ", seed " + std::to_string(seed) + ", " +
                     mutation.name);
        Random random(mix(seed, kind));
        auto broken = frames;
        const std::size_t victim = random.below(frames.size());
        auto bytes = bytes_of(frames[victim]);
        mutation.apply(bytes, random);
        broken[victim] = Bytes::own(std::move(bytes));
        const auto result = decode(broken);
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, ErrorCode::corrupt);
        cases += 1;
      }
    }
  }
  EXPECT_GE(cases, 10'000);
}

// The checksum hides the inside of the header from chance, not from a peer that computes it. Here
// the result may be a message, but never a crash or memory that the header does not pay for.
TEST(Codec, SurvivesHeadersThatWereChangedAndSealedAgain) {
  int readable = 0;
  int refused = 0;
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
      const auto frames = encode(MessageMaker(seed, {.float_bits = 5}).make(kind));
      for (const Mutation& mutation : kMutations) {
        Random random(mix(seed + 1000, kind));
        auto broken = frames;
        auto header = bytes_of(frames[0]);
        mutation.apply(header, random);
        broken[0] = reseal(std::move(header));
        const auto result = decode(broken);
        (result ? readable : refused) += 1;
      }
    }
  }
  EXPECT_GT(readable, 0);
  EXPECT_GT(refused, 0);
}

TEST(Codec, NoticesFramesThatAreMissingTooManyOrSwapped) {
  Push push;
  for (int i = 0; i < 3; ++i) {
    Section section;
    section.values = Bytes::own(std::vector<float>(kOwnFrameBytesMin, static_cast<float>(i)));
    push.sections.push_back(section);
  }
  const auto frames = encode({MemberId{1}, push});
  ASSERT_EQ(frames.size(), 4U);

  EXPECT_FALSE(decode({}));
  EXPECT_FALSE(decode(std::span(frames).first(3)));
  EXPECT_FALSE(decode(std::span(frames).subspan(1)));
  auto more = frames;
  more.push_back(frames[3]);
  EXPECT_FALSE(decode(more));
  auto swapped = frames;
  std::swap(swapped[1], swapped[2]);
  EXPECT_FALSE(decode(swapped));
  EXPECT_TRUE(decode(frames));
}

TEST(Codec, RefusesFramesThatAreNotAligned) {
  Evaluated evaluated;
  evaluated.outputs = Bytes::own(std::vector<float>(kOwnFrameBytesMin));
  const auto frames = encode({MemberId{1}, evaluated});
  ASSERT_EQ(frames.size(), 2U);
  for (std::size_t victim = 0; victim < 2; ++victim) {
    for (std::size_t shift = 1; shift < 8; ++shift) {
      std::vector<std::byte> room(frames[victim].size() + shift);
      std::memcpy(room.data() + shift, frames[victim].data(), frames[victim].size());
      const Bytes shifted = Bytes::own(std::move(room));
      auto moved = frames;
      moved[victim] = Bytes(shifted.owner(), shifted.span().subspan(shift));
      const auto result = decode(moved);
      ASSERT_FALSE(result) << "frame " << victim << " shifted by " << shift;
      EXPECT_NE(result.error().message.find("aligned"), std::string::npos);
    }
  }
}

// ---- what a peer gets wrong ---------------------------------------------------------------------

Section section_of(std::vector<Key> keys, std::vector<float> values) {
  Section section;
  section.keys = Bytes::own(std::move(keys));
  section.values = Bytes::own(std::move(values));
  return section;
}

Commit commit_of(Step step) {
  Commit commit;
  commit.step = step;
  return commit;
}

TEST(Codec, RefusesWhatNoRoleMayBelieve) {
  Section odd;
  odd.values = Bytes::copy(std::string_view("12345"));
  Section deep;
  deep.node = {32, 0};
  Section far;
  far.node = {1, 1U << 30};
  Section highest;
  highest.node = {31, 0};
  struct Case {
    const char* name;
    Body body;
    const char* complaint;  // Empty: it is fine.
  };
  const Case cases[] = {
      {"keys in order", Push{0, 0, {}, {}, {section_of({1, 2, 9}, {1, 2, 3})}}, ""},
      {"keys out of order", Push{0, 0, {}, {}, {section_of({1, 9, 2}, {1, 2, 3})}}, "ascending"},
      {"a key twice", Pull{0, 0, 0, false, {}, {section_of({1, 1}, {})}, {}}, "ascending"},
      {"values for half a key", Push{0, 0, {}, {}, {section_of({1, 2}, {1, 2, 3})}}, "2 keys"},
      {"a pull with values", Pull{0, 0, 0, false, {}, {section_of({1}, {1})}, {}}, "has values"},
      {"values with keys", Values{0, 0, 0, {section_of({1}, {1})}, {}}, "has keys"},
      {"values of five bytes", Push{0, 0, {}, {}, {odd}}, "not a multiple of 4"},
      {"the highest node", Push{0, 0, {}, {}, {highest}}, ""},
      {"a node above it", Push{0, 0, {}, {}, {deep}}, "reaches past"},
      {"a node beside it", Push{0, 0, {}, {}, {far}}, "reaches past"},
      {"a missing node too high", Missing{0, 0, {{40, 0}}}, "reaches past"},
      {"leaves backwards", Plan{1, 0, 0, {{MemberId{1}, {5, 4}}}, {}, {}, {}}, "ends before"},
      {"batches backwards", Evaluate{0, 0, Split::test, 5, 4}, "ends before"},
      {"a copy of no version", PartitionCopy{0, {}, {}, {}}, "names no version"},
      {"commits with a gap", PartitionCopy{0, {commit_of(4), commit_of(6)}, {}, {}},
       "do not follow"},
      {"records without keys", PartitionCopy{0, {Commit{}}, {}, {Records{{}, {}, {}, {}}}},
       "go together"},
      {"records without versions",
       PartitionCopy{0, {Commit{}}, {}, {Records{{}, Bytes::own(std::vector<Key>{1, 2}), {}, {}}}},
       "go together"},
      {"records of one and a half floats",
       PartitionCopy{0,
                     {Commit{}},
                     {},
                     {Records{{},
                              Bytes::own(std::vector<Key>{1, 2}),
                              Bytes::own(std::vector<Step>{0, 0}),
                              Bytes::own(std::vector<float>(3))}}},
       "go together"},
      {"a role of the future", Hello{static_cast<Role>(3), 1, "", "", "", {}, {}}, "role is 3"},
      {"a kernel of the future", Welcome{"", static_cast<KernelFamily>(6), ""}, "family is 6"},
      {"a split of the future", Evaluate{0, 0, static_cast<Split>(3), 0, 1}, "split is 3"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto result = decode(encode({MemberId{1}, c.body}));
    EXPECT_EQ(result.has_value(), std::string(c.complaint).empty()) << message_of(result);
    if (result || std::string(c.complaint).empty()) continue;
    EXPECT_EQ(result.error().code, ErrorCode::corrupt);
    EXPECT_NE(result.error().message.find(c.complaint), std::string::npos) << message_of(result);
  }
}

TEST(Codec, SaysWhenAPeerIsNewerInsteadOfCallingItBroken) {
  // Frame 0 of a message without text: checksum, segment table, root pointer, `from`, then codec
  // and kind, 16 bits each.
  constexpr std::size_t kCodecAt = 32;
  constexpr std::size_t kKindAt = 34;
  for (const std::size_t at : {kCodecAt, kKindAt}) {
    const auto frames = encode({MemberId{1}, Rejoin{}});
    auto header = bytes_of(frames[0]);
    header[at] = std::byte{99};
    const Bytes changed = reseal(std::move(header));
    const auto result = decode(std::span(&changed, 1));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::unsupported) << result.error().message;
    EXPECT_NE(result.error().message.find("99"), std::string::npos) << result.error().message;
  }
}

// If any number of sections could point at one array, a small message would ask for work and
// answers without bound (F3).
TEST(Codec, RefusesMoreArraysThanThePayloadHasBytes) {
  const auto frames = encode(
      {MemberId{1}, Pull{0, 0, 0, false, {}, {section_of({1}, {}), section_of({2}, {})}, {}}});
  ASSERT_TRUE(decode(frames));
  // The second array, which lies at 8 and is 8 bytes long, becomes both.
  const std::uint64_t place[] = {8, 8};
  auto header = bytes_of(frames[0]);
  std::size_t changed = 0;
  for (std::size_t at = 8; at + sizeof place <= header.size(); at += 8) {
    if (std::memcmp(header.data() + at, place, sizeof place) != 0) continue;
    header[at] = std::byte{0};
    header[at + 8] = std::byte{16};
    ++changed;
  }
  ASSERT_EQ(changed, 1U);
  std::vector<Bytes> aliased = {reseal(std::move(header)), frames[1]};
  const auto result = decode(aliased);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::corrupt);
  EXPECT_NE(result.error().message.find("more bytes than the payload"), std::string::npos)
      << message_of(result);
}

TEST(Codec, HoldsPeersToTheLimits) {
  Section large;
  large.values = Bytes::own(std::vector<float>(kOwnFrameBytesMin));
  const auto push = encode({MemberId{1}, Push{0, 0, {}, {}, {large, large}}});
  const auto text = encode({MemberId{1}, Refused{std::string(100, 'x')}});
  const auto list = encode({MemberId{1}, Missing{0, 0, std::vector<Node>(50)}});
  struct Case {
    const char* name;
    const std::vector<Bytes>& frames;
    Limits limits;
    const char* complaint;
  };
  const Case cases[] = {
      {"header", text, {.header_bytes_max = 100}, "header has"},
      {"frames", push, {.payload_frames_max = 1}, "payload frames"},
      {"bytes", push, {.payload_bytes_max = 4 * kOwnFrameBytesMin + 1}, "in all"},
      {"text", text, {.text_bytes_max = 99}, "a text has 100 bytes"},
      {"items", list, {.items_max = 49}, "list of nodes has 50"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_TRUE(decode(c.frames));
    const auto result = decode(c.frames, c.limits);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::corrupt);
    EXPECT_NE(result.error().message.find(c.complaint), std::string::npos) << message_of(result);
  }
}

// A dense table of 4 GiB is 2^16 blocks, and a push has each of its nodes' gradients.
TEST(Payload, GathersLargeArraysTooBeforeThereAreTooManyFrames) {
  const Bytes block = Bytes::own(std::vector<std::byte>(2 * kOwnFrameBytesMin));
  constexpr std::size_t kMore = 40;
  PayloadPacker packer;
  std::vector<Place> places;
  for (std::size_t i = 0; i < kOwnFramesMax + kMore; ++i) places.push_back(packer.place(block));
  const std::vector<Bytes> frames = packer.finish();
  EXPECT_EQ(frames.size(), kOwnFramesMax + 3) << "16 blocks fill a gathered frame";
  for (const Place& place : places) ASSERT_TRUE(is_inside(place, frames));
  EXPECT_EQ(view(places.front(), frames).data(), block.data());
  EXPECT_EQ(view(places.back(), frames).size(), block.size());
  EXPECT_LT(frames.size(), Limits{}.payload_frames_max);
}

TEST(Payload, BelievesNoPlaceOutsideTheFrames) {
  const std::vector<Bytes> frames = {Bytes::own(std::vector<std::uint64_t>(4))};
  constexpr std::uint64_t kHuge = ~std::uint64_t{0};
  EXPECT_TRUE(is_inside({0, 0, 32}, frames));
  EXPECT_TRUE(is_inside({0, 24, 8}, frames));
  EXPECT_TRUE(is_inside({0, 0, 0}, frames));
  EXPECT_FALSE(is_inside({0, 24, 9}, frames));
  EXPECT_FALSE(is_inside({0, 4, 8}, frames));
  EXPECT_FALSE(is_inside({0, 40, 1}, frames));
  EXPECT_FALSE(is_inside({1, 0, 1}, frames));
  EXPECT_FALSE(is_inside({0, 8, kHuge}, frames));
  EXPECT_FALSE(is_inside({0, kHuge - 7, 16}, frames));
  EXPECT_FALSE(is_inside({7, 0, 0}, frames));
}

}  // namespace
}  // namespace ballast::wire
