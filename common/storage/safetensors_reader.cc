#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "common/storage/json_object.h"
#include "common/storage/safetensors.h"
#include "common/storage/safetensors_layout.h"

namespace ballast {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kHeaderBytesMax = 100'000'000;  // The reference implementation's limit.

std::string quoted(const std::string& name) { return "tensor \"" + name + "\": "; }

std::string describe(const TensorSpec& tensor) {
  std::string text = std::string(name_of(tensor.type)) + " [";
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(tensor.shape[i]);
  }
  return text + "]";
}

Result<std::vector<std::uint64_t>> number_list(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_array()) {
    return Error{ErrorCode::corrupt, std::string("expected a list in \"") + name + "\""};
  }
  std::vector<std::uint64_t> numbers;
  for (const Json& entry : *found) {
    if (!entry.is_number_unsigned()) {
      return Error{ErrorCode::corrupt, std::string("expected whole numbers in \"") + name + "\""};
    }
    numbers.push_back(entry.get<std::uint64_t>());
  }
  return numbers;
}

}  // namespace

// Turns a mapped file into a reader, or says what is wrong with it.
class SafetensorsParser {
 public:
  SafetensorsParser(std::string path, std::shared_ptr<const MappedFile> file)
      : reader_(new SafetensorsReader()), bytes_(file->bytes()) {
    reader_->path_ = std::move(path);
    reader_->file_ = std::move(file);
  }

  Result<std::unique_ptr<SafetensorsReader>> parse(Trust trust) try {
    Status done = split();
    if (done && trust == Trust::checksummed) done = check_checksum();
    if (done) done = read_header();
    if (!done) return Error{done.error().code, reader_->path_ + ": " + done.error().message};
    return std::move(reader_);
  } catch (const Json::exception& exception) {
    return Error{ErrorCode::corrupt, reader_->path_ + ": " + exception.what()};
  }

 private:
  struct Extent {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::string name;
  };

  static Error corrupt(const std::string& what) { return Error{ErrorCode::corrupt, what}; }

  Status split() {
    if (bytes_.size() < 8) {
      return corrupt("expected a safetensors file of at least 8 bytes, found " +
                     std::to_string(bytes_.size()));
    }
    std::uint64_t length = 0;
    std::memcpy(&length, bytes_.data(), sizeof(length));
    if (length > kHeaderBytesMax || length > bytes_.size() - 8) {
      return corrupt("its header claims " + std::to_string(length) + " bytes, but the file has " +
                     std::to_string(bytes_.size() - 8) +
                     " after the length: it was truncated, or is no safetensors file");
    }
    header_ = {reinterpret_cast<const char*>(bytes_.data()) + 8, static_cast<std::size_t>(length)};
    tensor_data_ = bytes_.subspan(8 + static_cast<std::size_t>(length));
    return {};
  }

  Status check_checksum() {
    const auto at = find_checksum(header_);
    if (!at) return corrupt("it has no checksum: expected a model that Ballast wrote");
    const std::string_view expected = header_.substr(*at, kContentHashDigits);
    ContentHash hash;
    hash.update(bytes_.first(8 + *at));
    hash.update(std::as_bytes(std::span(kNoChecksum)));
    hash.update(bytes_.subspan(8 + *at + kContentHashDigits));
    if (hash.digits() == expected) return {};
    return corrupt(
        "its bytes do not match their checksum: it was truncated or altered; make it "
        "again from a checkpoint");
  }

  Status read_header() {
    auto header = parse_json_object(header_);
    if (!header) return corrupt("its header is damaged: " + header.error().message);
    for (const auto& [name, entry] : header->items()) {
      if (name == kMetadataField) continue;
      if (Status done = read_entry(name, entry); !done) {
        return Error{done.error().code, quoted(name) + done.error().message};
      }
    }
    return check_coverage();
  }

  Status read_entry(const std::string& name, const Json& entry) {
    if (!entry.is_object()) return corrupt("expected an object");
    const auto type = string_field(entry, "dtype");
    if (!type) return type.error();
    TensorSpec spec{.name = name, .type = TensorType::f32, .shape = {}};
    if (*type == name_of(TensorType::u64)) {
      spec.type = TensorType::u64;
    } else if (*type != name_of(TensorType::f32)) {
      return Error{ErrorCode::unsupported, "expected F32 or U64, found " + *type};
    }
    auto shape = number_list(entry, "shape");
    if (!shape) return shape.error();
    spec.shape = *std::move(shape);
    const auto offsets = number_list(entry, "data_offsets");
    if (!offsets) return offsets.error();
    return place(spec, *offsets);
  }

  Status place(const TensorSpec& spec, const std::vector<std::uint64_t>& offsets) {
    if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > tensor_data_.size()) {
      return corrupt("its data_offsets are not inside the file's " +
                     std::to_string(tensor_data_.size()) + " bytes of tensors");
    }
    const auto expected = tensor_bytes(spec);
    if (!expected || *expected != offsets[1] - offsets[0]) {
      return corrupt("it is " + describe(spec) + ", but has " +
                     std::to_string(offsets[1] - offsets[0]) + " bytes");
    }
    const auto bytes = tensor_data_.subspan(offsets[0], offsets[1] - offsets[0]);
    reader_->specs_[spec.name] = spec;
    reader_->bytes_[spec.name] = bytes;
    extents_.push_back({offsets[0], offsets[1], spec.name});
    return {};
  }

  // Tensors touch each other and fill the file: no byte belongs to two, none to nobody.
  Status check_coverage() {
    std::sort(extents_.begin(), extents_.end(), [](const Extent& a, const Extent& b) {
      return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
    });
    std::uint64_t end = 0;
    for (const Extent& extent : extents_) {
      if (extent.begin != end) {
        return corrupt(quoted(extent.name) + "expected it to begin at byte " + std::to_string(end) +
                       " of the tensors, found " + std::to_string(extent.begin));
      }
      end = extent.end;
    }
    if (end == tensor_data_.size()) return check_alignment();
    return corrupt("expected " + std::to_string(end) + " bytes of tensors, found " +
                   std::to_string(tensor_data_.size()));
  }

  // The format does not ask for it, but everybody's spans into the mapping do.
  Status check_alignment() const {
    for (const auto& [name, spec] : reader_->specs_) {
      const auto address = reinterpret_cast<std::uintptr_t>(reader_->bytes_.at(name).data());
      if (address % bytes_of(spec.type) == 0) continue;
      return Error{ErrorCode::unsupported,
                   quoted(name) +
                       "expected it to be aligned to its type, found an odd offset; "
                       "save it again with the reference implementation"};
    }
    return {};
  }

  std::unique_ptr<SafetensorsReader> reader_;
  const std::span<const std::byte> bytes_;
  std::string_view header_;
  std::span<const std::byte> tensor_data_;
  std::vector<Extent> extents_;
};

Result<std::unique_ptr<SafetensorsReader>> SafetensorsReader::open(const std::string& path,
                                                                   Trust trust) {
  auto file = MappedFile::open(path);
  if (!file) return file.error();
  return SafetensorsParser(path, *std::move(file)).parse(trust);
}

Result<std::span<const std::byte>> SafetensorsReader::find(const TensorSpec& wanted) const {
  const auto found = specs_.find(wanted.name);
  if (found == specs_.end()) {
    return Error{ErrorCode::not_found,
                 path_ + ": expected " + quoted(wanted.name) + "there is none"};
  }
  if (found->second != wanted) {
    return Error{ErrorCode::invalid, path_ + ": " + quoted(wanted.name) + "expected " +
                                         describe(wanted) + ", found " + describe(found->second)};
  }
  return bytes_.at(wanted.name);
}

Result<std::span<const float>> SafetensorsReader::floats(
    const std::string& name, std::span<const std::uint64_t> shape) const {
  const auto bytes = find({name, TensorType::f32, {shape.begin(), shape.end()}});
  if (!bytes) return bytes.error();
  return std::span(reinterpret_cast<const float*>(bytes->data()), bytes->size() / sizeof(float));
}

Result<std::span<const Key>> SafetensorsReader::keys(const std::string& name) const {
  const auto found = specs_.find(name);
  // Any length will do; a name that is missing is find's to report.
  const std::uint64_t count =
      found != specs_.end() && found->second.shape.size() == 1 ? found->second.shape.front() : 0;
  const auto bytes = find({name, TensorType::u64, {count}});
  if (!bytes) return bytes.error();
  return std::span(reinterpret_cast<const Key*>(bytes->data()), bytes->size() / sizeof(Key));
}

}  // namespace ballast
