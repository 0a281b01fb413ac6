#pragma once

// The certificate by which clients know this server, and its key: two PEM files, read again when
// they change. Connections that are there keep what they began with. TLS 1.2 and later.
//
// One thread.

#include <memory>
#include <string>
#include <utility>

#include "common/base/result.h"
#include "common/http/stamp.h"

namespace boost::asio::ssl {
class context;
}

namespace ballast::http {

class TlsFiles {
 public:
  // `certificate` has the server's certificate first and then those that lead to its root.
  // Refused: a key that every user of this machine can read, and one that is of another
  // certificate.
  [[nodiscard]] static Result<TlsFiles> open(const std::string& certificate,
                                             const std::string& key);

  // Reads the files again if they have changed. The error is of the first call that saw the change;
  // what was there before stays in force.
  [[nodiscard]] Status refresh();

  [[nodiscard]] const std::shared_ptr<boost::asio::ssl::context>& context() const {
    return context_;
  }

 private:
  TlsFiles(std::string certificate, std::string key)
      : certificate_(std::move(certificate)), key_(std::move(key)) {}
  [[nodiscard]] Status read();

  std::string certificate_;
  std::string key_;
  FileStamp certificate_stamp_;
  FileStamp key_stamp_;
  std::shared_ptr<boost::asio::ssl::context> context_;
};

}  // namespace ballast::http
