#include "common/base/member_text.h"

namespace ballast {

std::string to_string(MemberId member) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[index(member) >> shift & 15U];
  return text;
}

}  // namespace ballast
