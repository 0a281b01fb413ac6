#include "common/math/metrics_counts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <functional>

#include "common/math/metrics_classification.h"
#include "common/math/metrics_probabilities.h"
#include "common/math/metrics_ranking.h"
#include "tests/unit/math/metrics_examples.h"

namespace ballast {
namespace {

using test::draw_binary;
using test::draw_classes;

// The bits of every metric of a piece.
using Bits = std::vector<std::uint64_t>;

void append(Bits& bits, double value) { bits.push_back(std::bit_cast<std::uint64_t>(value)); }

Bits bits_of_classes(const std::vector<ClassWeight>& classes) {
  Bits bits;
  for (const Average average : {Average::micro, Average::macro, Average::weighted}) {
    append(bits, precision(classes, average));
    append(bits, recall(classes, average));
    append(bits, f_beta(classes, 2.0, average));
  }
  append(bits, accuracy(classes));
  append(bits, balanced_accuracy(classes));
  append(bits, matthews(classes));
  append(bits, kappa(classes));
  append(bits, entropy(classes));
  return bits;
}

Bits bits_of(const ClassCounts& piece) { return bits_of_classes(piece.weights()); }
Bits bits_of(const ConfusionMatrix& piece) { return bits_of_classes(piece.weights()); }

Bits bits_of(const ScoreHistogram& piece) {
  Bits bits;
  append(bits, piece.roc_auc());
  append(bits, piece.roc_auc_error_max());
  return bits;
}

Bits bits_of(const CalibrationHistogram& piece) {
  Bits bits;
  const std::vector<CalibrationBin> bins = piece.bins();
  for (const CalibrationBin& bin : bins) {
    append(bits, bin.predicted);
    append(bits, bin.observed);
    append(bits, bin.weight);
  }
  append(bits, calibration_error(bins));
  return bits;
}

// Adds each of n examples to one of seven pieces and merges these from the left, in a tree, and
// shuffled: all must equal what one piece holds that saw the examples in order.
template <class Piece>
void expect_merges(const Piece& empty, std::size_t n,
                   const std::function<void(Piece&, std::size_t)>& add) {
  Piece whole = empty;
  for (std::size_t i = 0; i < n; ++i) add(whole, i);

  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE(seed);
    std::vector<Piece> pieces(7, empty);
    const std::vector<std::uint32_t> piece_of = draw_classes(seed, n, 7);
    const std::vector<std::uint32_t> order =
        permutation(static_cast<std::uint32_t>(n), seed, Purpose::permutation, 0);
    for (const std::uint32_t i : order) add(pieces[piece_of[i]], i);

    Piece from_left = empty;
    for (const Piece& piece : pieces) from_left.merge(piece);
    EXPECT_EQ(bits_of(from_left), bits_of(whole));

    Piece shuffled = empty;
    for (const std::uint32_t p : permutation(7, seed, Purpose::permutation, 1)) {
      shuffled.merge(pieces[p]);
    }
    EXPECT_EQ(bits_of(shuffled), bits_of(whole));

    while (pieces.size() > 1) {
      std::vector<Piece> halved;
      for (std::size_t p = 0; p < pieces.size(); p += 2) {
        halved.push_back(pieces[p]);
        if (p + 1 < pieces.size()) halved.back().merge(pieces[p + 1]);
      }
      pieces = std::move(halved);
    }
    EXPECT_EQ(bits_of(pieces[0]), bits_of(whole));
  }
}

TEST(Merging, OfCountsOfClassesHasNoOrder) {
  constexpr std::size_t kExamples = 500;
  const std::vector<std::uint32_t> actual = draw_classes(1, kExamples, 5);
  std::vector<std::uint32_t> predicted = draw_classes(2, kExamples, 4);
  for (std::size_t i = 0; i < kExamples; i += 2) predicted[i] = actual[i];
  expect_merges<ClassCounts>(ClassCounts(6), kExamples, [&](ClassCounts& piece, std::size_t i) {
    piece.add(actual[i], predicted[i]);
  });
  expect_merges<ConfusionMatrix>(
      ConfusionMatrix(6), kExamples,
      [&](ConfusionMatrix& piece, std::size_t i) { piece.add(actual[i], predicted[i]); });
}

TEST(Merging, OfHistogramsHasNoOrder) {
  const BinaryColumns columns = draw_binary(3, 700, 0.3F, 1e6F);
  expect_merges<ScoreHistogram>(ScoreHistogram(64), columns.scores.size(),
                                [&](ScoreHistogram& piece, std::size_t i) {
                                  piece.add(columns.scores[i], columns.positive[i] != 0);
                                });
  expect_merges<CalibrationHistogram>(CalibrationHistogram(15), columns.scores.size(),
                                      [&](CalibrationHistogram& piece, std::size_t i) {
                                        piece.add(columns.scores[i], columns.positive[i] != 0);
                                      });
}

TEST(ClassCounts, EqualTheConfusionMatrixAndUnitWeights) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    const std::vector<std::uint32_t> actual = draw_classes(seed, 50, 4);
    const std::vector<std::uint32_t> predicted = draw_classes(seed + 100, 50, 5);
    ClassCounts counts(5);
    ConfusionMatrix confusion(5);
    for (std::size_t i = 0; i < actual.size(); ++i) {
      counts.add(actual[i], predicted[i]);
      confusion.add(actual[i], predicted[i]);
    }
    const std::vector<double> ones(50, 1.0);
    EXPECT_EQ(bits_of(counts), bits_of(confusion));
    EXPECT_EQ(bits_of(counts), bits_of_classes(class_weights(5, actual, predicted, {})));
    EXPECT_EQ(bits_of(counts), bits_of_classes(class_weights(5, actual, predicted, ones)));
  }
}

TEST(ConfusionMatrix, HasTheActualClassInItsRows) {
  ConfusionMatrix confusion(3);
  confusion.add(0, 1);
  confusion.add(0, 1);
  confusion.add(2, 2);
  EXPECT_EQ(confusion.count(0, 1), 2U);
  EXPECT_EQ(confusion.count(1, 0), 0U);
  EXPECT_EQ(confusion.count(2, 2), 1U);
}

TEST(Matthews, KeepsTheDigitsOfARareClass) {
  // One right, one found in vain, one missed, and a thousand million others.
  constexpr double kOthers = 1e9;
  const std::vector<ClassWeight> classes = {
      {.true_positive = kOthers, .predicted = kOthers + 1, .actual = kOthers + 1, .occurs = true},
      {.true_positive = 1, .predicted = 2, .actual = 2, .occurs = true}};
  EXPECT_NEAR(matthews(classes), (kOthers - 1.0) / (2.0 * (kOthers + 1.0)), 1e-15);
  EXPECT_NEAR(kappa(classes), 1.0 - (kOthers + 3.0) / (2.0 * (kOthers + 1.0)), 1e-15);
}

TEST(ScoreHistogram, StaysWithinItsBoundOfTheExactAuc) {
  for (const float levels : {1e6F, 100.0F, 3.0F}) {
    for (const std::uint32_t bins : {1U, 2U, 7U, 64U, 1000U, 65536U}) {
      for (std::uint64_t seed = 0; seed < 20; ++seed) {
        SCOPED_TRACE(testing::Message() << levels << " levels, " << bins << " bins, seed " << seed);
        const BinaryColumns columns = draw_binary(seed, 50 + 30 * seed, 0.2F, levels);
        ScoreHistogram histogram(bins);
        for (std::size_t i = 0; i < columns.scores.size(); ++i) {
          histogram.add(columns.scores[i], columns.positive[i] != 0);
        }
        const double error = std::abs(histogram.roc_auc() - roc_auc(columns.view()));
        EXPECT_LE(error, histogram.roc_auc_error_max() + 1e-15);
        EXPECT_LE(histogram.roc_auc_error_max(), 0.5);
      }
    }
  }
}

TEST(ScoreHistogram, ReachesItsBound) {
  // One bin: all tied, while the scores are in the wrong order.
  ScoreHistogram histogram(1);
  histogram.add(0.6F, false);
  histogram.add(0.4F, true);
  EXPECT_EQ(histogram.roc_auc(), 0.5);
  EXPECT_EQ(histogram.roc_auc_error_max(), 0.5);
  // 64 bins tell them apart, and nothing is in doubt.
  ScoreHistogram fine(64);
  fine.add(0.6F, false);
  fine.add(0.4F, true);
  EXPECT_EQ(fine.roc_auc(), 0.0);
  EXPECT_EQ(fine.roc_auc_error_max(), 0.0);
}

TEST(ScoreHistogram, CountsScoresOutsideInTheNearestBin) {
  ScoreHistogram histogram(4);
  for (const float low : {-INFINITY, -3.0F, 0.0F}) histogram.add(low, false);
  for (const float high : {1.0F, 7.0F, INFINITY}) histogram.add(high, true);
  EXPECT_EQ(histogram.roc_auc(), 1.0);
  EXPECT_EQ(histogram.roc_auc_error_max(), 0.0);
}

TEST(ScoreHistogram, IsUndefinedWithoutBothClasses) {
  ScoreHistogram histogram(4);
  EXPECT_TRUE(std::isnan(histogram.roc_auc()));
  histogram.add(0.5F, true);
  EXPECT_TRUE(std::isnan(histogram.roc_auc()));
  EXPECT_TRUE(std::isnan(histogram.roc_auc_error_max()));
}

TEST(Calibration, BinsAreClosedAbove) {
  struct Case {
    float probability;
    std::uint32_t bin;
  };
  const Case cases[] = {{-1.0F, 0}, {0.0F, 0},       {0.25F, 0}, {0.2500001F, 1}, {0.5F, 1},
                        {0.75F, 2}, {0.7500001F, 3}, {1.0F, 3},  {1.5F, 3}};
  for (const Case& c : cases)
    EXPECT_EQ(calibration_bin_of(c.probability, 4), c.bin) << c.probability;
}

TEST(Calibration, SumsOfProbabilitiesAreExact) {
  CalibrationHistogram histogram(1);
  for (int i = 0; i < 3; ++i) histogram.add(0x1.fffffep-9F, false);  // All bits of a float32.
  histogram.add(0x1p-40F, true);
  const std::vector<CalibrationBin> bins = histogram.bins();
  ASSERT_EQ(bins.size(), 1U);
  EXPECT_EQ(bins[0].predicted, (3 * 0x1.fffffep-9 + 0x1p-40) / 4.0);
  EXPECT_EQ(bins[0].observed, 0.25);
  EXPECT_EQ(bins[0].weight, 4.0);
}

}  // namespace
}  // namespace ballast
