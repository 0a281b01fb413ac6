#include "common/http/tls.h"

#include <openssl/ssl.h>
#include <sys/stat.h>

#include <utility>  // Boost 1.74 needs it before Asio.

#include <boost/asio/ssl/context.hpp>

namespace ballast::http {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

namespace {

Error cannot_use(const std::string& path, const std::string& what) {
  return {ErrorCode::invalid, path + ": " + what};
}

Status check_secrecy(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return Error{ErrorCode::not_found, path + ": no such file; expected the key of a certificate"};
  }
  if ((status.st_mode & (S_IROTH | S_IWOTH)) == 0) return {};
  return cannot_use(path,
                    "every user of this machine can read or change this secret; protect it "
                    "(chmod 600 " +
                        path + "), and make a new certificate if others saw it");
}

void restrict(ssl::context& context) {
  context.set_options(ssl::context::default_workarounds | ssl::context::no_compression);
  SSL_CTX* const native = context.native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_cipher_list(native, "ECDHE+AESGCM:ECDHE+CHACHA20");  // Of 1.2; those of 1.3 are fine.
}

}  // namespace

Result<TlsFiles> TlsFiles::open(const std::string& certificate, const std::string& key) {
  TlsFiles files(certificate, key);
  if (Status read = files.read(); !read) return read.error();
  return files;
}

Status TlsFiles::refresh() {
  const bool is_same = stamp_of(certificate_) == certificate_stamp_ && stamp_of(key_) == key_stamp_;
  return is_same ? Status() : read();
}

Status TlsFiles::read() {
  certificate_stamp_ = stamp_of(certificate_);
  key_stamp_ = stamp_of(key_);
  if (Status hidden = check_secrecy(key_); !hidden) return hidden;
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  restrict(*context);
  error_code error;
  // Asked for the password of a key, OpenSSL would wait at the terminal.
  context->set_password_callback([](std::size_t, ssl::context::password_purpose) { return ""; },
                                 error);
  context->use_certificate_chain_file(certificate_, error);
  if (error) {
    return cannot_use(certificate_, "expected certificates in PEM: " + error.message());
  }
  context->use_private_key_file(key_, ssl::context::pem, error);
  if (error) {
    return cannot_use(key_, "expected the key of " + certificate_ +
                                " in PEM, without a password: " + error.message());
  }
  context_ = std::move(context);
  return {};
}

}  // namespace ballast::http
