#include "tests/unit/http/certificate.h"

#include <sys/stat.h>

#include <cstdio>
#include <span>

#include "common/base/check.h"
#include "common/http/certificate.h"

namespace ballast::http {
namespace {

void write_pem(const std::string& path, const std::string& text) {
  // As tools that rotate certificates do: another file takes the name.
  const std::string temporary = path + ".new";
  std::FILE* const file = std::fopen(temporary.c_str(), "w");
  BALLAST_CHECK(file != nullptr && ::chmod(temporary.c_str(), 0600) == 0);
  BALLAST_CHECK(std::fwrite(text.data(), 1, text.size(), file) == text.size());
  BALLAST_CHECK(std::fclose(file) == 0);
  BALLAST_CHECK(std::rename(temporary.c_str(), path.c_str()) == 0);
}

}  // namespace

void write_certificate(const std::string& name, const std::string& certificate,
                       const std::string& key) {
  const auto made = make_certificate(std::span(&name, 1), 1);
  BALLAST_CHECK(made.has_value());
  write_pem(key, made->key);
  write_pem(certificate, made->certificate);
}

}  // namespace ballast::http
