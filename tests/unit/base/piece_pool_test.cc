#include "common/base/piece_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <thread>
#include <vector>

namespace ballast {
namespace {

TEST(PiecePool, GivesEachPieceToOneAtATime) {
  constexpr std::size_t kBytes = 1000;
  PiecePool pool(kBytes);
  std::set<void*> pieces;
  for (int i = 0; i < 5000; ++i) {  // Of several chunks, the last of them a mapping.
    void* const piece = pool.take();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(piece) % 64, 0U);
    std::memset(piece, i % 256, kBytes);
    ASSERT_TRUE(pieces.insert(piece).second);
  }
  for (auto piece = pieces.begin(); std::next(piece) != pieces.end(); ++piece) {
    const auto* const begin = static_cast<const std::byte*>(*piece);
    ASSERT_GE(static_cast<const std::byte*>(*std::next(piece)) - begin, std::ptrdiff_t{kBytes});
  }
}

TEST(PiecePool, TakesWhatWasGivenBeforeItGrows) {
  PiecePool pool(100);
  std::vector<void*> pieces;
  for (int i = 0; i < 100; ++i) pieces.push_back(pool.take());
  const std::size_t bytes = pool.bytes();
  const std::set<void*> before(pieces.begin(), pieces.end());
  for (int round = 0; round < 3; ++round) {
    for (void* const piece : pieces) pool.give(piece);
    for (void*& piece : pieces) piece = pool.take();
    EXPECT_EQ(std::set<void*>(pieces.begin(), pieces.end()), before);
  }
  EXPECT_EQ(pool.bytes(), bytes);
}

TEST(PiecePool, LeavesWhatIsInPiecesAloneWhileItTouchesAhead) {
  constexpr std::size_t kBytes = 64 << 10;
  PiecePool pool(kBytes);
  std::vector<unsigned char*> pieces;
  std::thread ahead([&] {
    for (int i = 0; i < 50; ++i) pool.touch_ahead(8 << 20);
  });
  for (unsigned i = 0; i < 300; ++i) {
    pieces.push_back(static_cast<unsigned char*>(pool.take()));
    std::memset(pieces.back(), static_cast<int>(i % 251), kBytes);
  }
  ahead.join();
  for (unsigned i = 0; i < pieces.size(); ++i) {
    ASSERT_EQ(pieces[i][0], i % 251);
    ASSERT_EQ(pieces[i][kBytes - 1], i % 251);
  }
}

// Each thread writes into what it has and looks whether another one does too; pieces change hands.
TEST(PiecePool, ServesThreadsAtOnce) {
  constexpr unsigned kThreads = 4;
  constexpr unsigned kRounds = 3000;
  PiecePool pool(sizeof(unsigned) * 16);
  std::vector<unsigned> mistakes(kThreads);
  std::vector<std::thread> threads;
  for (unsigned thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      std::vector<unsigned*> mine;
      for (unsigned round = 0; round < kRounds; ++round) {
        auto* const piece = static_cast<unsigned*>(pool.take());
        piece[0] = piece[15] = thread * kRounds + round;
        mine.push_back(piece);
        if (mine.size() < 8) continue;
        for (unsigned i = 0; i < 8; ++i) {
          const unsigned expected = thread * kRounds + round - 7 + i;
          if (mine[i][0] != expected || mine[i][15] != expected) ++mistakes[thread];
          pool.give(mine[i]);
        }
        mine.clear();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(mistakes, std::vector<unsigned>(kThreads));
  EXPECT_LE(pool.bytes(), std::size_t{kThreads} * 8 * 128);
}

}  // namespace
}  // namespace ballast
