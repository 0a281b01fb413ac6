#include "common/storage/rocks_sst.h"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>

#include <cstring>
#include <utility>

#include "common/storage/rocks_slice.h"
#include "common/storage/rocks_status.h"
#include "common/storage/sst_identity.h"

namespace ballast {
namespace {

// All that shapes the file's bytes is fixed here. format_version 5 and XXH3 are what
// sst_identity.h knows; floats do not compress; a host's name has no place in a file that must be
// the same on every host. Rows share blocks of 32 KiB; a dense block is one of its own.
rocksdb::Options sst_options() {
  rocksdb::BlockBasedTableOptions table;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  table.block_size = 32 << 10;
  table.no_block_cache = true;
  rocksdb::Options options;
  options.compression = rocksdb::kNoCompression;
  options.db_host_id = "";
  // What RocksDB gathers before our file gathers it again: a copy that stays in the core's cache.
  options.writable_file_max_buffer_size = 64 << 10;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

// What RocksDB writes to. It asks for syncs of a file that is not finished; that is our care.
class SstSink final : public rocksdb::FSWritableFile {
 public:
  explicit SstSink(StreamedFile& file) : file_(file) {}

  using rocksdb::FSWritableFile::Append;
  rocksdb::IOStatus Append(const rocksdb::Slice& bytes, const rocksdb::IOOptions& /*options*/,
                           rocksdb::IODebugContext* /*context*/) override {
    const Status done = file_.append(std::as_bytes(std::span(bytes.data(), bytes.size())));
    if (done) return rocksdb::IOStatus::OK();
    return rocksdb::IOStatus::IOError(done.error().message);
  }
  rocksdb::IOStatus Flush(const rocksdb::IOOptions& /*options*/,
                          rocksdb::IODebugContext* /*context*/) override {
    return rocksdb::IOStatus::OK();
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& /*options*/,
                         rocksdb::IODebugContext* /*context*/) override {
    return rocksdb::IOStatus::OK();
  }
  rocksdb::IOStatus Close(const rocksdb::IOOptions& /*options*/,
                          rocksdb::IODebugContext* /*context*/) override {
    return rocksdb::IOStatus::OK();
  }
  std::uint64_t GetFileSize(const rocksdb::IOOptions& /*options*/,
                            rocksdb::IODebugContext* /*context*/) override {
    return file_.bytes();
  }

 private:
  StreamedFile& file_;
};

// Whatever file is made in it is ours.
class SinkFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit SinkFileSystem(StreamedFile& file)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), file_(file) {}

  [[nodiscard]] const char* Name() const override { return "ballast::SinkFileSystem"; }
  rocksdb::IOStatus NewWritableFile(const std::string& /*path*/,
                                    const rocksdb::FileOptions& /*options*/,
                                    std::unique_ptr<rocksdb::FSWritableFile>* made,
                                    rocksdb::IODebugContext* /*context*/) override {
    *made = std::make_unique<SstSink>(file_);
    return rocksdb::IOStatus::OK();
  }

 private:
  StreamedFile& file_;
};

class RocksSstWriter final : public SstWriter {
 public:
  explicit RocksSstWriter(std::unique_ptr<OpenFile> file)
      : file_(std::move(file)),
        env_(rocksdb::NewCompositeEnv(std::make_shared<SinkFileSystem>(file_))) {
    rocksdb::Options options = sst_options();
    options.env = env_.get();
    writer_ = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(options), options,
                                                       nullptr, /*invalidate_page_cache=*/false);
  }

  Status open() { return answer(writer_->Open(file_.path()), "cannot create"); }
  Status put(std::string_view key, std::string_view value) override {
    return answer(writer_->Put(slice(key), slice(value)), "cannot add an entry");
  }
  Result<StreamedBytes> finish() override {
    const Status done = answer(writer_->Finish(), "cannot finish");
    if (!done) return done.error();
    return file_.finish(settle_identity());
  }

 private:
  // How much of the tail has been hashed.
  std::size_t settle_identity() {
    const std::span<std::byte> tail = file_.tail();
    const std::uint64_t offset = file_.tail_offset();
    const auto patch = derive_sst_identity({tail, offset}, file_.hash());
    if (!patch) return 0;
    const auto put = [&](std::uint64_t at, std::string_view text) {
      std::memcpy(tail.data() + (at - offset), text.data(), text.size());
    };
    put(patch->session_offset, patch->session);
    put(patch->checksum_offset, patch->checksum);
    return patch->properties_offset - offset;
  }
  [[nodiscard]] Status answer(const rocksdb::Status& status, const char* tried) const {
    if (status.ok()) return {};
    return rocks_error(status, file_.path() + ": " + tried);
  }

  StreamedFile file_;
  const std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::SstFileWriter> writer_;  // Goes before what it writes to.
};

class SstCursor final : public KvCursor {
 public:
  SstCursor(std::string path, const rocksdb::Options& options)
      : path_(std::move(path)), reader_(options) {}

  Status open() {
    if (const rocksdb::Status status = reader_.Open(path_); !status.ok()) {
      return rocks_error(status, path_ + ": cannot read this SST file");
    }
    rocksdb::ReadOptions options;
    options.verify_checksums = true;
    options.readahead_size = 512 << 10;
    iterator_.reset(reader_.NewIterator(options));
    return {};
  }

  Result<bool> next() override {
    if (place_ == Place::before) {
      iterator_->SeekToFirst();
      place_ = Place::inside;
    } else if (iterator_->Valid()) {
      iterator_->Next();
    }
    if (iterator_->Valid()) return true;
    if (!iterator_->status().ok()) return rocks_error(iterator_->status(), path_);
    return false;
  }
  [[nodiscard]] std::string_view key() const override { return bytes_of(iterator_->key()); }
  [[nodiscard]] std::string_view value() const override { return bytes_of(iterator_->value()); }

 private:
  enum class Place { before, inside } place_ = Place::before;
  const std::string path_;
  rocksdb::SstFileReader reader_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

}  // namespace

Result<std::unique_ptr<SstWriter>> SstWriter::create(std::unique_ptr<OpenFile> file) {
  auto writer = std::make_unique<RocksSstWriter>(std::move(file));
  if (Status opened = writer->open(); !opened) return opened.error();
  return std::unique_ptr<SstWriter>(std::move(writer));
}

Result<std::unique_ptr<KvCursor>> open_sst(const std::string& path) {
  auto cursor = std::make_unique<SstCursor>(path, sst_options());
  if (Status opened = cursor->open(); !opened) return opened.error();
  return std::unique_ptr<KvCursor>(std::move(cursor));
}

}  // namespace ballast
