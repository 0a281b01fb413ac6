#pragma once

// Prometheus' text format, of several processes as one: whatever they have under one name stands
// together, described once, each told apart by labels that are added here.
//
//   Exposition all;
//   all.add(own);
//   all.add(of_a_child, {{"job_id", "3"}});
//   ... all.text();
//
// Texts are those of MetricRegistry: a family's HELP, its TYPE, then its samples.

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ballast {

using MetricLabels = std::map<std::string, std::string>;

struct ShownText {
  std::string text;
  MetricLabels labels;  // In front of those that its samples have.
};

class Exposition {
 public:
  // What is no line of the format is left out.
  void add(std::string_view text, const MetricLabels& labels = {});
  [[nodiscard]] std::string text() const;

 private:
  struct Family {
    std::string name;
    std::string head;  // HELP and TYPE
    std::string samples;
  };
  Family& family(std::string_view name);

  std::vector<Family> families_;  // As they came.
  std::map<std::string, std::size_t, std::less<>> places_;
};

// A sample, as a line: what a name's owner says in text itself. Values of labels may be anything.
[[nodiscard]] std::string sample_line(const std::string& name, const MetricLabels& labels,
                                      const std::string& value);

}  // namespace ballast
