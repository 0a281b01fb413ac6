#include "common/observe/exposition.h"

#include <utility>

namespace ballast {
namespace {

std::string escaped(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    text += c == '\n' ? "\\n" : std::string(1, c);
  }
  return text;
}

std::string joined(const MetricLabels& labels) {
  std::string text;
  for (const auto& [name, value] : labels) {
    text += (text.empty() ? "" : ",") + name + "=\"" + escaped(value) + "\"";
  }
  return text;
}

// The words of "# TYPE name counter" behind "# TYPE ".
std::string_view name_of_head(std::string_view line) {
  constexpr std::size_t kMark = std::string_view("# TYPE ").size();
  if (line.size() <= kMark) return {};
  const std::string_view rest = line.substr(kMark);
  return rest.substr(0, rest.find(' '));
}

std::string labelled(std::string_view sample, const std::string& labels) {
  if (labels.empty()) return std::string(sample);
  const std::size_t at = sample.find_first_of("{ ");
  std::string text(sample.substr(0, at));
  text += "{" + labels;
  if (sample[at] == '{') {
    if (sample[at + 1] != '}') text += ',';
    text += sample.substr(at + 1);
  } else {
    text += "}";
    text += sample.substr(at);
  }
  return text;
}

}  // namespace

Exposition::Family& Exposition::family(std::string_view name) {
  const auto found = places_.find(name);
  if (found != places_.end()) return families_[found->second];
  places_.emplace(name, families_.size());
  families_.push_back({std::string(name), "", ""});
  return families_.back();
}

void Exposition::add(std::string_view text, const MetricLabels& labels) {
  const std::string added = joined(labels);
  Family* of = nullptr;
  bool is_described = false;  // By an earlier text.
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.starts_with("# HELP ") || line.starts_with("# TYPE ")) {
      const std::string_view name = name_of_head(line);
      if (name.empty()) continue;
      if (of == nullptr || of->name != name) {
        of = &family(name);
        is_described = !of->head.empty();
      }
      if (!is_described) of->head += std::string(line) + "\n";
      continue;
    }
    const bool is_sample = line.find(' ') != std::string_view::npos && line[0] != '#';
    if (of != nullptr && is_sample) of->samples += labelled(line, added) + "\n";
  }
}

std::string Exposition::text() const {
  std::string text;
  for (const Family& one : families_) text += one.head + one.samples;
  return text;
}

std::string sample_line(const std::string& name, const MetricLabels& labels,
                        const std::string& value) {
  return name + (labels.empty() ? "" : "{" + joined(labels) + "}") + " " + value + "\n";
}

}  // namespace ballast
