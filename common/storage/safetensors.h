#pragma once

// The safetensors format: eight bytes of header length (little-endian), a JSON header
// {name: {dtype, shape, data_offsets}} padded with spaces to eight bytes, then the tensors' bytes.
//
// Ours are canonical: equal tensors give equal bytes. Header entries are sorted by name; the data
// holds the widest types first, each by name (the order of the reference implementation), so that
// every tensor is aligned to its type. The metadata carries a checksum of the whole file, taken
// with its own digits as zeros: altered files are noticed, which the format alone does not do.
//
// Neither class is thread-safe; a reader's spans may be read from any thread.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/storage/files.h"

namespace ballast {

enum class TensorType { u64, f32 };

struct TensorSpec {
  std::string name;
  TensorType type = TensorType::f32;
  std::vector<std::uint64_t> shape;

  friend bool operator==(const TensorSpec&, const TensorSpec&) = default;
};

// Writes tensors piece by piece, in any interleaving, with a small buffer each: a table may be
// larger than memory.
class SafetensorsWriter {
 public:
  // The file grows under a temporary name beside `path` and is removed unless finish() succeeds.
  // Error{invalid} when two tensors have one name.
  [[nodiscard]] static Result<std::unique_ptr<SafetensorsWriter>> create(
      const std::string& path, std::vector<TensorSpec> tensors);
  virtual ~SafetensorsWriter() = default;

  // Adds the next bytes of tensor i, as numbered in create().
  // REQUIRES: no more than its shape says; append_* fits its type.
  [[nodiscard]] virtual Status append_floats(std::size_t i, std::span<const float> values) = 0;
  [[nodiscard]] virtual Status append_keys(std::size_t i, std::span<const Key> values) = 0;

  // Syncs the file, puts it in place and returns its SHA-256.
  // REQUIRES: every tensor is complete; called once, last.
  [[nodiscard]] virtual Result<std::string> finish() = 0;
};

enum class Trust {
  checksummed,  // The checksum must be there and right: a file that Ballast wrote.
  structure,    // Files of other programs: only sizes and offsets are checked.
};

class SafetensorsReader {
 public:
  // Checks every size and offset against the file; Error{corrupt} says what is wrong.
  [[nodiscard]] static Result<std::unique_ptr<SafetensorsReader>> open(const std::string& path,
                                                                       Trust trust);

  [[nodiscard]] const std::map<std::string, TensorSpec>& tensors() const { return specs_; }
  [[nodiscard]] bool has(const std::string& name) const { return specs_.contains(name); }

  // Mapped from the file, valid as long as the reader. Error{not_found} or Error{invalid} when
  // the name, the type or the shape is another.
  [[nodiscard]] Result<std::span<const float>> floats(const std::string& name,
                                                      std::span<const std::uint64_t> shape) const;
  [[nodiscard]] Result<std::span<const Key>> keys(const std::string& name) const;

 private:
  SafetensorsReader() = default;
  [[nodiscard]] Result<std::span<const std::byte>> find(const TensorSpec& wanted) const;

  std::string path_;
  std::shared_ptr<const MappedFile> file_;
  std::map<std::string, TensorSpec> specs_;
  std::map<std::string, std::span<const std::byte>> bytes_;

  friend class SafetensorsParser;
};

}  // namespace ballast
