#include "common/observe/exposition.h"

#include <gtest/gtest.h>

#include "common/observe/metrics.h"

namespace ballast {
namespace {

TEST(Exposition, OneFamilyIsDescribedOnceWhoeverHasIt) {
  Exposition all;
  all.add(
      "# HELP a_total A.\n# TYPE a_total counter\na_total 1\n"
      "# HELP b B, with words: # TYPE.\n# TYPE b gauge\nb{of=\"x y\"} 2\n");
  all.add(
      "# HELP b B.\n# TYPE b gauge\nb{of=\"z\"} 3\nb{} 4\n"
      "# HELP c_seconds C.\n# TYPE c_seconds histogram\nc_seconds_count 5\n"
      "c_seconds_bucket{le=\"+Inf\"} 5\n"
      "# HELP a_total A.\n# TYPE a_total counter\na_total 6\n",
      {{"job_id", "7"}});
  EXPECT_EQ(all.text(),
            "# HELP a_total A.\n# TYPE a_total counter\na_total 1\na_total{job_id=\"7\"} 6\n"
            "# HELP b B, with words: # TYPE.\n# TYPE b gauge\nb{of=\"x y\"} 2\n"
            "b{job_id=\"7\",of=\"z\"} 3\nb{job_id=\"7\"} 4\n"
            "# HELP c_seconds C.\n# TYPE c_seconds histogram\nc_seconds_count{job_id=\"7\"} 5\n"
            "c_seconds_bucket{job_id=\"7\",le=\"+Inf\"} 5\n");
}

TEST(Exposition, WhatIsNoLineOfTheFormatIsLeftOut) {
  Exposition all;
  all.add("nonsense\n1 2\n# HELP a A.\n# TYPE a gauge\n\nword\n# a comment\na 1");
  EXPECT_EQ(all.text(), "# HELP a A.\n# TYPE a gauge\na 1\n");
  all.add("# HELP ");
  all.add("# TYPE");
  all.add("# TYPE  a");
  all.add("");
  EXPECT_EQ(all.text(), "# HELP a A.\n# TYPE a gauge\na 1\n");
}

TEST(Exposition, ValuesOfLabelsMayBeAnything) {
  EXPECT_EQ(sample_line("a", {{"name", "a \"b\"\\\n"}}, "1"), "a{name=\"a \\\"b\\\"\\\\\\n\"} 1\n");
  EXPECT_EQ(sample_line("a", {}, "1"), "a 1\n");
}

TEST(Exposition, ARegistryShowsOthersBesideItsOwnAsLongAsTheyAreThere) {
  MetricRegistry metrics;
  MetricRegistry of_a_child;
  metrics.counter("a_total", "A.").add(1);
  of_a_child.counter("a_total", "A.").add(2);
  bool is_there = true;
  metrics.also([&] {
    std::vector<ShownText> others;
    if (is_there) others.push_back({of_a_child.text(), {{"job_id", "3"}}});
    return others;
  });
  EXPECT_EQ(metrics.text(),
            "# HELP a_total A.\n# TYPE a_total counter\na_total 1\na_total{job_id=\"3\"} 2\n");
  is_there = false;
  EXPECT_EQ(metrics.text(), "# HELP a_total A.\n# TYPE a_total counter\na_total 1\n");
}

}  // namespace
}  // namespace ballast
