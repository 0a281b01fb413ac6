#include "worker/data/source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "common/base/hash.h"

namespace ballast {

namespace {

constexpr std::size_t kReadMax = std::size_t{1} << 30;  // One read() moves at most 2 GiB.
constexpr std::size_t kUnpackStart = std::size_t{1} << 16;

Error cannot_read(const std::string& path, int error) {
  return {ErrorCode::io, fmt::format("{}: expected a readable file, but the system says: {}; check "
                                     "its permissions",
                                     path, std::strerror(error))};
}

bool has_wildcard(std::string_view pattern) {
  return pattern.find_first_of("*?[") != std::string_view::npos;
}

// A pattern that matches this text and nothing else.
std::string literal(const std::string& text) {
  std::string pattern;
  for (const char c : text) {
    if (std::string_view("*?[\\").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

std::string joined(const std::string& directory, const std::string& path) {
  const std::filesystem::path written(path);
  const bool alone = written.is_absolute() || directory.empty();
  return (alone ? written : directory / written).lexically_normal().string();
}

// What to look at where a path leads nowhere. Paths of a command line have no directory of their
// own.
std::string start_of(const std::string& directory) {
  return directory.empty() ? "" : ", which starts at the directory of the spec";
}

Result<std::vector<std::string>> matches_of(const std::string& written,
                                            const std::string& directory, std::string_view field) {
  const std::string pattern = joined(literal(directory), written);
  glob_t found{};
  const int code = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
  std::vector<std::string> paths;
  for (std::size_t i = 0; code == 0 && i < found.gl_pathc; ++i) {
    std::error_code ignored;  // What cannot be looked at is no match.
    if (std::filesystem::is_regular_file(found.gl_pathv[i], ignored)) {
      paths.emplace_back(found.gl_pathv[i]);
    }
  }
  ::globfree(&found);
  if (paths.empty()) {
    return Error{ErrorCode::not_found,
                 fmt::format("{}: no file matches {}; check the pattern{}", field,
                             joined(directory, written), start_of(directory))};
  }
  std::sort(paths.begin(), paths.end());  // By bytes; glob's own order follows the locale.
  return paths;
}

class File {
 public:
  explicit File(const std::string& path)
      : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  const int descriptor_;
};

bool starts_with(std::span<const std::byte> bytes, std::initializer_list<unsigned char> magic) {
  return bytes.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin(),
                    [](unsigned char a, std::byte b) { return a == std::to_integer<unsigned>(b); });
}

Error ends_early(const std::string& path, std::string_view kind, std::size_t unpacked) {
  return {ErrorCode::corrupt,
          fmt::format("{}: the {} data ends in the middle, after {} unpacked bytes; the file is "
                      "truncated: fetch it again",
                      path, kind, unpacked)};
}

Error damaged(const std::string& path, std::string_view kind, const char* reason) {
  return {ErrorCode::corrupt,
          fmt::format("{}: the {} data is damaged ({}); fetch the file again", path, kind,
                      reason == nullptr ? "no reason given" : reason)};
}

// One gzip file may hold several members, one after another.
Result<Bytes> gunzip(const std::string& path, std::span<const std::byte> packed) {
  // The last four bytes are the unpacked size modulo 2^32: a good guess, and only a guess.
  std::uint32_t size_hint = 0;
  std::memcpy(&size_hint, packed.data() + packed.size() - 4, 4);
  const std::size_t guess = std::min<std::size_t>(size_hint, packed.size() * 64);
  std::vector<char> out(std::max(guess + 1, kUnpackStart));
  std::size_t written = 0;
  std::size_t read = 0;

  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return damaged(path, "gzip", "zlib did not start");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);
  while (true) {
    if (written == out.size()) out.resize(out.size() * 2);
    const std::size_t in_chunk = std::min(packed.size() - read, kReadMax);
    const std::size_t out_chunk = std::min(out.size() - written, kReadMax);
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data() + read));
    stream.avail_in = static_cast<uInt>(in_chunk);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + written);
    stream.avail_out = static_cast<uInt>(out_chunk);
    const int code = inflate(&stream, Z_NO_FLUSH);
    read += in_chunk - stream.avail_in;
    written += out_chunk - stream.avail_out;
    if (code == Z_STREAM_END) {
      if (!starts_with(packed.subspan(read), {0x1f, 0x8b})) break;
      inflateReset(&stream);
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      return damaged(path, "gzip", stream.msg);
    } else if (read == packed.size() && stream.avail_out != 0) {
      return ends_early(path, "gzip", written);
    }
  }
  out.resize(written);
  return Bytes::own(std::move(out));
}

Result<Bytes> unzstd(const std::string& path, std::span<const std::byte> packed) {
  const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                        ZSTD_freeDCtx);
  const unsigned long long size_hint = ZSTD_getFrameContentSize(packed.data(), packed.size());
  const bool known = size_hint != ZSTD_CONTENTSIZE_UNKNOWN && size_hint != ZSTD_CONTENTSIZE_ERROR;
  const std::size_t guess = known ? std::min<std::size_t>(size_hint, packed.size() * 64) : 0;
  std::vector<char> out(std::max(guess + 1, kUnpackStart));
  std::size_t written = 0;
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  std::size_t left = 1;
  while (in.pos < in.size || left != 0) {
    if (written == out.size()) out.resize(out.size() * 2);
    ZSTD_outBuffer to{out.data() + written, out.size() - written, 0};
    left = ZSTD_decompressStream(context.get(), &to, &in);
    if (ZSTD_isError(left) != 0) return damaged(path, "zstd", ZSTD_getErrorName(left));
    written += to.pos;
    if (in.pos == in.size && left != 0 && to.pos < to.size)
      return ends_early(path, "zstd", written);
  }
  out.resize(written);
  return Bytes::own(std::move(out));
}

}  // namespace

Result<std::vector<std::string>> resolve_paths(const std::vector<std::string>& patterns,
                                               const std::string& directory,
                                               std::string_view field) {
  std::vector<std::string> paths;
  for (const std::string& pattern : patterns) {
    const std::string full = joined(directory, pattern);
    std::error_code code;
    const auto type = std::filesystem::status(full, code).type();
    if (type == std::filesystem::file_type::none) {  // Neither there nor absent.
      return Error{ErrorCode::io, fmt::format("{}: cannot look for {}: {}; check the path and the "
                                              "permissions of its directories",
                                              field, full, code.message())};
    }
    if (type == std::filesystem::file_type::directory) {
      return Error{
          ErrorCode::invalid,
          fmt::format("{}: expected a file or a pattern, but {} is a directory; write {}/*", field,
                      full, pattern)};
    }
    if (type != std::filesystem::file_type::not_found) {
      paths.push_back(full);
    } else if (has_wildcard(pattern)) {
      auto matches = matches_of(pattern, directory, field);
      if (!matches) return matches.error();
      paths.insert(paths.end(), matches->begin(), matches->end());
    } else {
      return Error{ErrorCode::not_found, fmt::format("{}: there is no file {}; check the path{}",
                                                     field, full, start_of(directory))};
    }
  }
  return paths;
}

Result<Bytes> read_source(const std::string& path) {
  const File file(path);
  if (file.get() < 0) return cannot_read(path, errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return cannot_read(path, errno);
  std::vector<char> content(static_cast<std::size_t>(status.st_size));
  const bool sized = S_ISREG(status.st_mode);
  std::size_t done = 0;
  while (true) {
    if (done == content.size()) {
      if (sized) break;
      content.resize(std::max(content.size() * 2, kUnpackStart));  // A pipe tells its size last.
    }
    const ssize_t count =
        ::read(file.get(), content.data() + done, std::min(content.size() - done, kReadMax));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return cannot_read(path, errno);
    if (count == 0) break;  // A pipe's end, or a file that shrank since fstat.
    done += static_cast<std::size_t>(count);
  }
  content.resize(done);
  return Bytes::own(std::move(content));
}

Result<Bytes> unpack(const std::string& path, Bytes content) {
  if (starts_with(content.span(), {0x1f, 0x8b})) {
    if (content.size() < 18) return ends_early(path, "gzip", 0);
    return gunzip(path, content.span());
  }
  if (starts_with(content.span(), {0x28, 0xb5, 0x2f, 0xfd})) return unzstd(path, content.span());
  return content;
}

std::string fingerprint(std::span<const std::byte> bytes) {
  return fmt::format("{:016x}{:016x}-{}", hash_bytes(bytes, 0), hash_bytes(bytes, 1), bytes.size());
}

}  // namespace ballast
