#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

#include "common/base/check.h"
#include "common/base/sha256.h"
#include "common/job/json_text.h"
#include "common/storage/safetensors.h"
#include "common/storage/safetensors_layout.h"

namespace ballast {
namespace {

using Json = nlohmann::json;

static_assert(std::endian::native == std::endian::little, "tensors are written as in memory");

constexpr std::size_t kBufferBytesMax = 256 << 10;

// Where a tensor's bytes are, from the start of the data.
struct Extent {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

Result<std::vector<Extent>> lay_out(const std::vector<TensorSpec>& tensors) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const std::uint64_t width_a = bytes_of(tensors[a].type);
    const std::uint64_t width_b = bytes_of(tensors[b].type);
    return width_a != width_b ? width_a > width_b : tensors[a].name < tensors[b].name;
  });
  std::vector<Extent> extents(tensors.size());
  std::uint64_t end = 0;
  for (const std::size_t i : order) {
    const auto bytes = tensor_bytes(tensors[i]);
    if (!bytes || __builtin_add_overflow(end, *bytes, &end) || end > (std::uint64_t{1} << 62)) {
      return Error{ErrorCode::invalid,
                   "tensor \"" + tensors[i].name + "\": its shape is larger than any file"};
    }
    extents[i] = {end - *bytes, end};
  }
  return extents;
}

Result<std::string> render_header(const std::vector<TensorSpec>& tensors,
                                  const std::vector<Extent>& extents) try {
  Json header = Json::object();
  header[std::string(kMetadataField)] = {
      {"format", "ballast"}, {"ballast.format", "1"}, {std::string(kChecksumField), kNoChecksum}};
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (header.contains(tensors[i].name)) {
      return Error{ErrorCode::invalid, "tensor \"" + tensors[i].name +
                                           "\": expected names to be unique, found two of this"};
    }
    header[tensors[i].name] = {{"dtype", std::string(name_of(tensors[i].type))},
                               {"shape", tensors[i].shape},
                               {"data_offsets", {extents[i].begin, extents[i].end}}};
  }
  std::string text = json_text(header);
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
} catch (const Json::exception& exception) {
  return Error{ErrorCode::invalid,
               std::string("expected tensor names in UTF-8: ") + exception.what()};
}

class FileSafetensorsWriter final : public SafetensorsWriter {
 public:
  FileSafetensorsWriter(std::string path, std::vector<TensorSpec> tensors,
                        const std::vector<Extent>& extents, std::unique_ptr<OpenFile> file)
      : path_(std::move(path)), file_(std::move(file)) {
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      parts_.push_back({std::move(tensors[i]), extents[i].begin, extents[i].end, {}});
    }
  }

  ~FileSafetensorsWriter() override {
    if (!in_place_) static_cast<void>(remove_file(file_->path()));  // Nobody knows this name.
  }

  Status write_header(const std::string& header) {
    data_begin_ = 8 + header.size();
    checksum_offset_ = 8 + find_checksum(header).value();
    const std::uint64_t length = header.size();
    std::string bytes(reinterpret_cast<const char*>(&length), sizeof(length));
    return file_->append(bytes + header);
  }

  Status append_floats(std::size_t i, std::span<const float> values) override {
    BALLAST_CHECK(i < parts_.size() && parts_[i].spec.type == TensorType::f32);
    return append(parts_[i], std::as_bytes(values));
  }
  Status append_keys(std::size_t i, std::span<const Key> values) override {
    BALLAST_CHECK(i < parts_.size() && parts_[i].spec.type == TensorType::u64);
    return append(parts_[i], std::as_bytes(values));
  }

  Result<std::string> finish() override {
    for (Part& part : parts_) {
      if (Status done = flush(part); !done) return done.error();
      BALLAST_CHECK(part.next == part.end);
    }
    if (Status done = write_checksum(); !done) return done.error();
    if (Status done = file_->sync(); !done) return done.error();
    auto digest = sha256_of_file(file_->path());
    if (!digest) return digest;
    if (Status done = rename_durably(file_->path(), path_); !done) return done.error();
    in_place_ = true;
    return digest;
  }

 private:
  struct Part {
    TensorSpec spec;
    std::uint64_t next = 0;  // Where the buffer goes, from the start of the data.
    std::uint64_t end = 0;
    std::vector<std::byte> buffer;
  };

  Status append(Part& part, std::span<const std::byte> bytes) {
    BALLAST_CHECK(bytes.size() <= part.end - part.next - part.buffer.size());
    part.buffer.insert(part.buffer.end(), bytes.begin(), bytes.end());
    const bool complete = part.next + part.buffer.size() == part.end;
    return complete || part.buffer.size() >= kBufferBytesMax ? flush(part) : Status();
  }

  Status flush(Part& part) {
    if (Status done = file_->write_at(data_begin_ + part.next, part.buffer); !done) return done;
    part.next += part.buffer.size();
    if (part.next == part.end) {
      part.buffer = {};
    } else {
      part.buffer.clear();
    }
    return {};
  }

  Status write_checksum() {
    std::string checksum;
    {
      const auto mapped = MappedFile::open(file_->path());
      if (!mapped) return mapped.error();
      checksum = content_hash((*mapped)->bytes());
    }
    return file_->write_at(checksum_offset_, std::as_bytes(std::span(checksum)));
  }

  const std::string path_;
  const std::unique_ptr<OpenFile> file_;
  std::vector<Part> parts_;
  std::uint64_t data_begin_ = 0;
  std::uint64_t checksum_offset_ = 0;
  bool in_place_ = false;
};

}  // namespace

Result<std::unique_ptr<SafetensorsWriter>> SafetensorsWriter::create(
    const std::string& path, std::vector<TensorSpec> tensors) {
  const auto extents = lay_out(tensors);
  if (!extents) return Error{extents.error().code, path + ": " + extents.error().message};
  const auto header = render_header(tensors, *extents);
  if (!header) return Error{header.error().code, path + ": " + header.error().message};
  auto file = OpenFile::create_temporary(path);
  if (!file) return file.error();
  auto writer =
      std::make_unique<FileSafetensorsWriter>(path, std::move(tensors), *extents, *std::move(file));
  if (Status done = writer->write_header(*header); !done) return done.error();
  return std::unique_ptr<SafetensorsWriter>(std::move(writer));
}

}  // namespace ballast
