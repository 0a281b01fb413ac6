#include "common/http/certificate.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <memory>

#include "common/base/check.h"
#include "common/http/draw.h"

namespace ballast::http {
namespace {

template <auto kFree>
struct FreedBy {
  template <class T>
  void operator()(T* made) const {
    kFree(made);
  }
};
using PrivateKey = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;
using CertificatePointer = std::unique_ptr<X509, FreedBy<X509_free>>;
using CertificateExtension = std::unique_ptr<X509_EXTENSION, FreedBy<X509_EXTENSION_free>>;
using BigNumber = std::unique_ptr<BIGNUM, FreedBy<BN_free>>;
using MemoryBio = std::unique_ptr<BIO, FreedBy<BIO_free_all>>;

bool is_ip_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

// 253 is what a name may have; 64 what the subject takes.
bool is_host_name(const std::string& host) {
  return !host.empty() && host.size() <= 64 && std::ranges::all_of(host, [](unsigned char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= '0' && letter <= '9') || letter == '-' || letter == '.' || letter == '*';
  });
}

void add_extension(X509& made, int what, const std::string& value) {
  const CertificateExtension extension(X509V3_EXT_conf_nid(nullptr, nullptr, what, value.c_str()));
  BALLAST_CHECK(extension != nullptr && X509_add_ext(&made, extension.get(), -1) == 1);
}

template <class Write>
std::string pem(Write write) {
  const MemoryBio memory(BIO_new(BIO_s_mem()));
  BALLAST_CHECK(memory != nullptr && write(memory.get()) == 1);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(memory.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

void set_serial(X509& made) {
  BIGNUM* drawn = nullptr;
  BALLAST_CHECK(BN_hex2bn(&drawn, draw_hex(16).c_str()) == 32);
  const BigNumber serial(drawn);
  BALLAST_CHECK(BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(&made)) != nullptr);
}

}  // namespace

Result<Certificate> make_certificate(std::span<const std::string> hosts, int days) {
  std::string alternatives;
  for (const std::string& host : hosts) {
    if (!is_ip_address(host) && !is_host_name(host)) {
      return Error{ErrorCode::invalid,
                   "\"" + host +
                       "\": expected a name of up to 64 letters, digits, dots and hyphens, or an "
                       "address"};
    }
    if (!alternatives.empty()) alternatives += ',';
    alternatives += (is_ip_address(host) ? "IP:" : "DNS:") + host;
  }
  if (hosts.empty()) {
    return Error{ErrorCode::invalid, "a certificate needs a name or an address"};
  }

  const PrivateKey key(EVP_EC_gen("P-256"));
  const CertificatePointer made(X509_new());
  BALLAST_CHECK(key != nullptr && made != nullptr && X509_set_version(made.get(), 2) == 1);
  set_serial(*made);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), 0);
  X509_time_adj_ex(X509_getm_notAfter(made.get()), days, 0, nullptr);
  X509_set_pubkey(made.get(), key.get());
  X509_NAME* const subject = X509_get_subject_name(made.get());
  BALLAST_CHECK(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                           reinterpret_cast<const unsigned char*>(hosts[0].c_str()),
                                           -1, -1, 0) == 1);
  X509_set_issuer_name(made.get(), subject);
  add_extension(*made, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(*made, NID_ext_key_usage, "serverAuth");
  add_extension(*made, NID_subject_alt_name, alternatives);
  BALLAST_CHECK(X509_sign(made.get(), key.get(), EVP_sha256()) != 0);
  return Certificate{
      .certificate = pem([&](BIO* to) { return PEM_write_bio_X509(to, made.get()); }),
      .key = pem([&](BIO* to) {
        return PEM_write_bio_PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
      })};
}

}  // namespace ballast::http
