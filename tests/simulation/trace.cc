#include "tests/simulation/trace.h"

#include <chrono>
#include <cstdio>

#include "common/base/overloaded.h"
#include "tests/simulation/text.h"

namespace ballast::simulation {
namespace {

std::string text_of(const std::vector<Node>& nodes) {
  std::string text;
  for (const Node& node : nodes) text += " " + number(node.begin()) + "-" + number(node.end());
  return text;
}

std::string text_of(const std::vector<wire::CutOrder>& orders) {
  std::string text;
  for (const wire::CutOrder& order : orders) {
    text += " " + number(index(order.partition)) + "+" + number(order.since);
  }
  return text;
}

std::string text_of(const std::vector<wire::SnapshotFile>& files) {
  std::string text;
  for (const wire::SnapshotFile& file : files) {
    text += " " + number(index(file.partition)) + "+" + number(file.since);
  }
  return text;
}

template <class T>
requires std::is_integral_v<T> std::string text_of(const std::vector<T>& numbers) {
  std::string text;
  for (const T value : numbers) text += " " + number(value);
  return text;
}

std::string place_of(Timeline timeline, Step step) {
  return " step " + number(step) + " on " + number(timeline);
}

}  // namespace

std::string describe(const wire::Body& body) {
  const std::string details = std::visit(
      Overloaded{
          [](const wire::Refused& m) { return ": " + m.reason; },
          [](const wire::Fault& m) { return ": " + m.reason; },
          [](const wire::Finish& m) {
            return (m.ending == wire::Ending::done ? " done " : " stopped ") + m.reason;
          },
          [](const wire::MalformedReply& m) { return ": " + m.reason; },
          [](const wire::Plan& m) {
            std::string text = " " + number(m.number) + " on " + number(m.timeline) +
                               " committed " + number(m.committed) + ", leaves";
            for (const auto& part : m.workers) {
              text += " " + number(part.leaves.begin) + "-" + number(part.leaves.end);
            }
            return text;
          },
          [](const wire::Restore& m) {
            return place_of(m.timeline, m.commit.step) + ", " + number(m.partitions.size()) +
                   " partitions, " + number(m.files.size()) + " files";
          },
          [](const wire::Restored& m) { return " on " + number(m.timeline) + " " + m.error; },
          [](const wire::Pull& m) {
            return " " + number(m.request) + place_of(m.timeline, m.version) +
                   (m.leaves.empty() ? "" : " reached " + number(m.reached) + " of") +
                   text_of(m.leaves) + (m.again ? " again" : "");
          },
          [](const wire::Values& m) {
            return " " + number(m.request) + place_of(m.timeline, m.version) + text_of(m.clocks);
          },
          [](const wire::Passed& m) {
            return " " + number(m.request) + place_of(m.timeline, m.applied);
          },
          [](const wire::Behind& m) { return " " + number(m.request) + text_of(m.clocks); },
          [](const wire::Counted& m) { return place_of(m.timeline, m.floor); },
          [](const wire::Missing& m) {
            return place_of(m.timeline, m.step) + ":" + text_of(m.nodes);
          },
          [](const wire::Late& m) { return place_of(m.timeline, m.step) + ":" + text_of(m.nodes); },
          [](const wire::Assist& m) {
            return place_of(m.timeline, m.step) + ":" + text_of(m.nodes);
          },
          [](const wire::Stale& m) { return " on " + number(m.timeline); },
          [](const wire::Push& m) {
            std::vector<Node> nodes;
            for (const auto& node : m.nodes) nodes.push_back(node.node);
            return place_of(m.timeline, m.step) + ":" + text_of(nodes);
          },
          [](const wire::Prepared& m) { return place_of(m.timeline, m.step); },
          [](const wire::CommitStep& m) {
            return place_of(m.timeline, m.commit.step) + (m.commit.cut ? " cut" : "") +
                   (m.commit.last ? " last" : "") + (m.commit.skip ? " skip" : "") +
                   (m.cut.empty() ? "" : ", to write" + text_of(m.cut));
          },
          [](const wire::CutDone& m) {
            return place_of(m.timeline, m.step) + ", wrote" + text_of(m.files) + ", unchanged " +
                   number(m.unchanged.size()) + " " + m.error;
          },
          [](const wire::CutKnown& m) { return place_of(m.timeline, m.step); },
          [](const wire::Evaluate& m) {
            return place_of(m.timeline, m.version) + " split " +
                   number(static_cast<std::uint64_t>(m.split)) + " batches " + number(m.begin) +
                   "-" + number(m.end);
          },
          [](const wire::Evaluated& m) {
            return place_of(m.timeline, m.version) + " split " +
                   number(static_cast<std::uint64_t>(m.split)) + " batch " + number(m.batch);
          },
          [](const auto&) { return std::string(); },
      },
      body);
  return wire::name_of(body) + details;
}

void Trace::line(Time now, const std::string& text) {
  if (mode_ == Mode::silent) return;
  const auto microseconds = now.time_since_epoch() / std::chrono::microseconds(1);
  std::printf("%12.3f ms  %s\n", static_cast<double>(microseconds) / 1000.0, text.c_str());
}

}  // namespace ballast::simulation
