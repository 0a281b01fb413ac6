#include "tests/unit/http/certificate.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <cstdio>

#include "common/base/check.h"

namespace ballast::http {
namespace {

template <class Write>
void write_pem(const std::string& path, Write write) {
  // As tools that rotate certificates do: another file takes the name.
  const std::string temporary = path + ".new";
  std::FILE* const file = std::fopen(temporary.c_str(), "w");
  BALLAST_CHECK(file != nullptr && ::chmod(temporary.c_str(), 0600) == 0);
  BALLAST_CHECK(write(file) == 1 && std::fclose(file) == 0);
  BALLAST_CHECK(std::rename(temporary.c_str(), path.c_str()) == 0);
}

}  // namespace

void write_certificate(const std::string& name, const std::string& certificate,
                       const std::string& key) {
  EVP_PKEY* const pair = EVP_EC_gen("P-256");
  X509* const made = X509_new();
  BALLAST_CHECK(pair != nullptr && made != nullptr);
  X509_set_version(made, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
  X509_gmtime_adj(X509_getm_notBefore(made), 0);
  X509_gmtime_adj(X509_getm_notAfter(made), 3600);
  X509_set_pubkey(made, pair);
  X509_NAME* const subject = X509_get_subject_name(made);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(made, subject);
  BALLAST_CHECK(X509_sign(made, pair, EVP_sha256()) != 0);
  write_pem(key, [&](std::FILE* file) {
    return PEM_write_PrivateKey(file, pair, nullptr, nullptr, 0, nullptr, nullptr);
  });
  write_pem(certificate, [&](std::FILE* file) { return PEM_write_X509(file, made); });
  X509_free(made);
  EVP_PKEY_free(pair);
}

}  // namespace ballast::http
