#include "common/base/address.h"

#include <algorithm>

namespace ballast {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string encoded(std::string_view text, std::string_view kept) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_letter(c) || is_digit(c) || kept.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

Error not_an_address(std::string_view text, std::string_view why) {
  return {ErrorCode::invalid,
          "expected http://HOST/PATH, https://HOST/PATH or s3://BUCKET/KEY, "
          "got \"" +
              shown_address(text) + "\": " + std::string(why)};
}

// What bucket names may hold (docs.aws.amazon.com, "General purpose bucket naming rules"), and
// what older buckets and other servers have beside: nothing that could change an address.
bool is_bucket(std::string_view name) {
  return !name.empty() && name.size() <= 255 && std::all_of(name.begin(), name.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
  });
}

}  // namespace

bool is_address(std::string_view text) {
  const std::size_t end = text.find("://");
  return end != std::string_view::npos && end > 0 &&
         std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end),
                     [](char c) { return is_letter(c) || is_digit(c) || c == '+' || c == '-'; });
}

Result<Address> parse_address(std::string_view text) {
  Address address;
  std::string_view rest = text;
  const auto take = [&](std::string_view prefix) {
    if (!rest.starts_with(prefix)) return false;
    rest.remove_prefix(prefix.size());
    return true;
  };
  if (take("http://")) {
    address.scheme = AddressScheme::http;
  } else if (take("https://")) {
    address.scheme = AddressScheme::https;
  } else if (take("s3://")) {
    address.scheme = AddressScheme::s3;
  } else {
    return not_an_address(text, "this scheme is not known");
  }
  const bool unprintable = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (unprintable) return not_an_address(text, "it holds a control character");

  const bool is_s3 = address.scheme == AddressScheme::s3;
  const std::size_t host_end = std::min(rest.find_first_of(is_s3 ? "/" : "/?#"), rest.size());
  address.host = rest.substr(0, host_end);
  address.path = rest.substr(host_end);
  if (address.host.find('@') != std::string::npos) {
    return not_an_address(text, "a name and password do not belong in an address");
  }
  if (is_s3) {
    if (!is_bucket(address.host)) return not_an_address(text, "the name of the bucket is wrong");
    if (!address.path.empty()) address.path.erase(0, 1);
    return address;
  }
  if (address.host.empty()) return not_an_address(text, "the host is missing");
  if (text.find(' ') != std::string_view::npos) {
    return not_an_address(text, "it holds a space; write %20");
  }
  address.path.resize(std::min(address.path.find('#'), address.path.size()));
  if (!address.path.starts_with('/')) address.path.insert(0, "/");
  return address;
}

std::string shown_address(std::string_view text) {
  std::string shown(text);
  if (!text.starts_with("s3://")) {
    const std::size_t query = shown.find('?');
    if (query != std::string::npos) shown.replace(query, std::string::npos, "?...");
  }
  const std::size_t host = shown.find("://");
  const std::size_t at = shown.substr(0, shown.find('/', host + 3)).rfind('@');
  if (host != std::string::npos && at != std::string::npos) {
    shown.replace(host + 3, at - host - 3, "...");
  }
  return shown;
}

std::string percent_encoded(std::string_view text) { return encoded(text, "-._~"); }

std::string percent_encoded_path(std::string_view text) { return encoded(text, "-._~/"); }

}  // namespace ballast
