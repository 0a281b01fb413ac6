#include "common/remote/open_store.h"

#include <utility>

#include "common/base/address.h"
#include "common/remote/s3_client.h"
#include "common/remote/s3_store.h"
#include "common/storage/directory_store.h"
#include "common/storage/files.h"

namespace ballast {

Result<std::unique_ptr<CheckpointStore>> open_checkpoint_store(const std::string& place,
                                                               OpenMode mode,
                                                               const std::string& scratch) {
  if (!is_address(place)) return open_directory_store(place, mode);
  const auto address = parse_address(place);
  if (!address) return address.error();
  if (address->scheme != AddressScheme::s3) {
    return Error{ErrorCode::invalid,
                 shown_address(place) + ": expected a directory or s3://BUCKET/PREFIX"};
  }
  const Environment environment = environment_of_process();
  auto server = find_s3(environment);
  if (!server) return server.error();
  auto client =
      S3Client::create({.place = *std::move(server), .environment = environment, .retry = {}});
  if (!client) return client.error();
  return open_s3_store({address->host, address->path}, mode, scratch, *std::move(client));
}

std::string place_below(const std::string& place, const std::string& name) {
  return join_path(place, name);
}

}  // namespace ballast
