#include "common/observe/metrics.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace ballast {
namespace {

using std::chrono::milliseconds;

bool has_line(const MetricRegistry& metrics, const std::string& line) {
  return ("\n" + metrics.text()).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, AreShownByTheRulesOfTheFormat) {
  MetricRegistry metrics;
  Counter& in = metrics.counter("ballast_bytes_total", "Bytes.", {{"way", "in"}});
  metrics.counter("ballast_bytes_total", "Bytes.", {{"way", "out"}}).add(2.5);
  in.add();
  in.add(41);
  metrics.gauge("ballast_runs", "Runs.").set(3);
  EXPECT_TRUE(has_line(metrics, "# HELP ballast_bytes_total Bytes."));
  EXPECT_TRUE(has_line(metrics, "# TYPE ballast_bytes_total counter"));
  EXPECT_TRUE(has_line(metrics, "ballast_bytes_total{way=\"in\"} 42"));
  EXPECT_TRUE(has_line(metrics, "ballast_bytes_total{way=\"out\"} 2.5"));
  EXPECT_TRUE(has_line(metrics, "# TYPE ballast_runs gauge"));
  EXPECT_TRUE(has_line(metrics, "ballast_runs 3"));
}

TEST(Metrics, TheSameNameAndLabelsAreTheSameMetric) {
  MetricRegistry metrics;
  EXPECT_EQ(&metrics.counter("a_total", "A."), &metrics.counter("a_total", "A."));
  EXPECT_NE(&metrics.counter("a_total", "A."), &metrics.counter("a_total", "A.", {{"b", "c"}}));
}

TEST(Metrics, ACounterReachesTheTotalsOfOthersAndNeverFalls) {
  MetricRegistry metrics;
  Counter& counter = metrics.counter("a_total", "A.");
  counter.reach(5);
  counter.reach(5);
  counter.reach(3);
  EXPECT_TRUE(has_line(metrics, "a_total 5"));
  counter.reach(9);
  EXPECT_TRUE(has_line(metrics, "a_total 9"));
}

TEST(Metrics, AHistogramTakesOverWhatWasTallied) {
  MetricRegistry metrics;
  Histogram& histogram = metrics.histogram("a_seconds", "A.");
  DurationTally tally;
  tally.add(milliseconds(1));  // At a bound: within it.
  tally.add(milliseconds(2));
  histogram.reach(tally);
  histogram.reach(tally);
  tally.add(std::chrono::minutes(2));
  histogram.reach(tally);
  histogram.observe(0.002);
  EXPECT_TRUE(has_line(metrics, "# TYPE a_seconds histogram"));
  EXPECT_TRUE(has_line(metrics, "a_seconds_bucket{le=\"0.0005\"} 0"));
  EXPECT_TRUE(has_line(metrics, "a_seconds_bucket{le=\"0.001\"} 1"));
  EXPECT_TRUE(has_line(metrics, "a_seconds_bucket{le=\"0.0025\"} 3"));
  EXPECT_TRUE(has_line(metrics, "a_seconds_bucket{le=\"60\"} 3"));
  EXPECT_TRUE(has_line(metrics, "a_seconds_bucket{le=\"+Inf\"} 4"));
  EXPECT_TRUE(has_line(metrics, "a_seconds_count 4"));
}

TEST(Metrics, WhatIsCheaperToReadIsReadWhenSomebodyLooks) {
  MetricRegistry metrics;
  Gauge& gauge = metrics.gauge("looks", "Looks.");
  int looks = 0;
  metrics.before_text([&] { gauge.set(++looks); });
  EXPECT_TRUE(has_line(metrics, "looks 1"));
  EXPECT_TRUE(has_line(metrics, "looks 2"));
}

TEST(Metrics, CountFromSeveralThreads) {
  MetricRegistry metrics;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&metrics] {
      Counter& counter = metrics.counter("a_total", "A.");
      for (int i = 0; i < 10'000; ++i) counter.add();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(has_line(metrics, "a_total 40000"));
}

}  // namespace
}  // namespace ballast
