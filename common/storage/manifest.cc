#include "common/storage/manifest.h"

#include <charconv>
#include <utility>

#include "common/job/json_text.h"
#include "common/storage/content_hash.h"
#include "common/storage/json_object.h"

namespace ballast {
namespace {

using Json = nlohmann::json;

std::string checksum_of(const Json& fields) {
  const std::string text = json_text(fields);
  return content_hash(std::as_bytes(std::span(text.data(), text.size())));
}

std::string render(const Json& fields) {
  Json sealed = fields;
  sealed["checksum"] = checksum_of(fields);
  return json_text(sealed, 2) + "\n";
}

Json to_json(const SnapshotFile& file) {
  return {{"partition", index(file.partition)},
          {"name", file.name},
          {"bytes", file.bytes},
          {"records", file.records},
          {"checksum", file.checksum},
          {"since", file.since}};
}

Json to_json(const Manifest& manifest) {
  Json files = Json::array();
  for (const SnapshotFile& file : manifest.files) files.push_back(to_json(file));
  return {{"format", manifest.format},
          {"ballast_version", manifest.ballast_version},
          {"run", manifest.run},
          {"timeline", manifest.timeline},
          {"step", manifest.step},
          {"files", std::move(files)},
          {"run_config", manifest.run_config_json},
          {"commit", manifest.commit_json},
          {"canary", manifest.canary},
          {"kernel_family", manifest.kernel_family},
          {"openblas_version", manifest.openblas_version},
          {"history_lines", manifest.history_lines},
          {"created", manifest.created}};
}

// Moves fields out of an object until the first that is wrong.
class Fields {
 public:
  explicit Fields(const Json& object) : object_(object) {}

  void take(const char* name, std::string& out) { keep(string_field(object_, name), out); }
  void take(const char* name, std::uint64_t& out) { keep(number_field(object_, name), out); }
  void take(const char* name, std::uint32_t& out) {
    std::uint64_t wide = 0;
    keep(number_field(object_, name, ~std::uint32_t{0}), wide);
    out = static_cast<std::uint32_t>(wide);
  }
  [[nodiscard]] const Status& status() const { return status_; }

 private:
  template <class T>
  void keep(Result<T> value, T& out) {
    if (!value && status_) status_ = value.error();
    if (value) out = *std::move(value);
  }

  const Json& object_;
  Status status_;
};

bool is_content_hash(std::string_view text) {
  return text.size() == kContentHashDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// A file may begin the next partition's chain, or go on with the one before it.
Status check_chain(const SnapshotFile& file, const std::vector<SnapshotFile>& before) {
  const std::uint32_t next = before.empty() ? 0 : index(before.back().partition) + 1;
  const std::uint32_t expected = file.since == 0 || before.empty() ? next : next - 1;
  if (index(file.partition) != expected) {
    return Error{ErrorCode::corrupt, "expected partition " + std::to_string(expected) + ", found " +
                                         std::to_string(index(file.partition))};
  }
  if (file.since != 0 && (before.empty() || file.since <= before.back().since)) {
    return Error{ErrorCode::corrupt, "a delta since step " + std::to_string(file.since) +
                                         " that follows neither a base nor an earlier delta"};
  }
  return {};
}

Result<SnapshotFile> decode_file(const Json& object, const std::vector<SnapshotFile>& before,
                                 std::uint32_t format) {
  const std::string place = "files[" + std::to_string(before.size()) + "]: ";
  if (!object.is_object()) return Error{ErrorCode::corrupt, place + "expected an object"};
  SnapshotFile file;
  std::uint32_t number = 0;
  Fields fields(object);
  fields.take("partition", number);
  fields.take("name", file.name);
  fields.take("bytes", file.bytes);
  fields.take("records", file.records);
  fields.take("checksum", file.checksum);
  if (format >= 2) fields.take("since", file.since);
  if (!fields.status()) return Error{ErrorCode::corrupt, place + fields.status().error().message};
  file.partition = PartitionId{number};
  if (const Status follows = check_chain(file, before); !follows) {
    return Error{ErrorCode::corrupt, place + follows.error().message};
  }
  if (!is_content_hash(file.checksum) || file.name != file.checksum + ".sst") {
    return Error{ErrorCode::corrupt,
                 place + "expected a file named by its checksum, found \"" + file.name + "\""};
  }
  return file;
}

Result<Manifest> decode_fields(const Json& object) {
  Manifest manifest;
  Fields fields(object);
  fields.take("format", manifest.format);
  if (fields.status() && manifest.format > kManifestFormat) {
    return Error{ErrorCode::unsupported, "expected format " + std::to_string(kManifestFormat) +
                                             " or older, found " + std::to_string(manifest.format) +
                                             "; use the Ballast that wrote it"};
  }
  fields.take("ballast_version", manifest.ballast_version);
  fields.take("run", manifest.run);
  fields.take("timeline", manifest.timeline);
  fields.take("step", manifest.step);
  fields.take("run_config", manifest.run_config_json);
  fields.take("commit", manifest.commit_json);
  fields.take("canary", manifest.canary);
  fields.take("kernel_family", manifest.kernel_family);
  fields.take("openblas_version", manifest.openblas_version);
  fields.take("history_lines", manifest.history_lines);
  fields.take("created", manifest.created);
  if (!fields.status()) return fields.status().error();

  const auto files = object.find("files");
  if (files == object.end() || !files->is_array()) {
    return Error{ErrorCode::corrupt, "expected a list in the field \"files\""};
  }
  for (const Json& entry : *files) {
    auto file = decode_file(entry, manifest.files, manifest.format);
    if (!file) return file.error();
    manifest.files.push_back(*std::move(file));
  }
  return manifest;
}

// The number that `text` consists of, without sign, spaces or leading zeros.
std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end || std::to_string(value) != text) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

Result<std::string> encode_manifest(const Manifest& manifest) try {
  return render(to_json(manifest));
} catch (const Json::exception& exception) {
  return Error{ErrorCode::invalid,
               std::string("manifest: expected text in UTF-8: ") + exception.what()};
}

Result<Manifest> decode_manifest(std::string_view text) try {
  auto object = parse_json_object(text);
  if (!object) return object.error();
  const auto checksum = string_field(*object, "checksum");
  if (!checksum) return checksum.error();
  object->erase("checksum");
  // The second comparison sees changes that JSON does not: spaces, escapes, repeated fields.
  if (checksum_of(*object) != *checksum || render(*object) != text) {
    return Error{ErrorCode::corrupt, "its text does not match its checksum: it was altered"};
  }
  return decode_fields(*object);
} catch (const Json::exception& exception) {
  return Error{ErrorCode::corrupt, exception.what()};
}

std::vector<std::span<const SnapshotFile>> chains_of(std::span<const SnapshotFile> files) {
  std::vector<std::span<const SnapshotFile>> chains;
  for (std::size_t begin = 0; begin < files.size();) {
    std::size_t end = begin + 1;
    while (end < files.size() && files[end].partition == files[begin].partition) ++end;
    chains.push_back(files.subspan(begin, end - begin));
    begin = end;
  }
  return chains;
}

std::string to_string(const CheckpointName& name) {
  return "checkpoint-" + std::to_string(name.timeline) + "-" + std::to_string(name.step) + ".json";
}

std::optional<CheckpointName> parse_checkpoint_name(std::string_view name) {
  constexpr std::string_view kPrefix = "checkpoint-";
  constexpr std::string_view kSuffix = ".json";
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  if (name.size() < kPrefix.size() + kSuffix.size()) return std::nullopt;
  const std::string_view numbers =
      name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
  const std::size_t dash = numbers.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto timeline = parse_number(numbers.substr(0, dash));
  const auto step = parse_number(numbers.substr(dash + 1));
  if (!timeline || !step) return std::nullopt;
  return CheckpointName{*timeline, *step};
}

}  // namespace ballast
