#include "common/base/member_text.h"

namespace ballast {

std::string to_string(MemberId member) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[index(member) >> shift & 15U];
  return text;
}

std::string text_of(const std::vector<Leaf>& leaves) {
  std::string text = leaves.size() == 1 ? "leaf " : "leaves ";
  for (std::size_t i = 0; i < leaves.size();) {
    std::size_t end = i + 1;
    while (end < leaves.size() && leaves[end] == leaves[end - 1] + 1) ++end;
    if (i > 0) text += ", ";
    text += std::to_string(leaves[i]);
    if (end - i > 1) text += " to " + std::to_string(leaves[end - 1]);
    i = end;
  }
  return text;
}

std::string counted(std::uint64_t count, const std::string& noun, const std::string& plural) {
  const std::string text = std::to_string(count) + " ";
  if (count == 1) return text + noun;
  return text + (plural.empty() ? noun + "s" : plural);
}

}  // namespace ballast
