#include "common/storage/rocks_sst.h"

#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>

#include <utility>

#include "common/storage/rocks_slice.h"
#include "common/storage/rocks_status.h"

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
  options.bytes_per_sync = 8 << 20;  // Starts writing early, so that the final sync is short.
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

class RocksSstWriter final : public SstWriter {
 public:
  RocksSstWriter(std::string path, const rocksdb::Options& options)
      : path_(std::move(path)),
        writer_(rocksdb::EnvOptions(options), options, nullptr, /*invalidate_page_cache=*/false) {}

  Status open() { return answer(writer_.Open(path_), "cannot create"); }
  Status put(std::string_view key, std::string_view value) override {
    return answer(writer_.Put(slice(key), slice(value)), "cannot add an entry");
  }
  Status finish() override { return answer(writer_.Finish(), "cannot finish"); }

 private:
  [[nodiscard]] Status answer(const rocksdb::Status& status, const char* tried) const {
    if (status.ok()) return {};
    return rocks_error(status, path_ + ": " + tried);
  }

  const std::string path_;
  rocksdb::SstFileWriter writer_;
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

Result<std::unique_ptr<SstWriter>> SstWriter::create(const std::string& path) {
  auto writer = std::make_unique<RocksSstWriter>(path, sst_options());
  if (Status opened = writer->open(); !opened) return opened.error();
  return std::unique_ptr<SstWriter>(std::move(writer));
}

Result<std::unique_ptr<KvCursor>> open_sst(const std::string& path) {
  auto cursor = std::make_unique<SstCursor>(path, sst_options());
  if (Status opened = cursor->open(); !opened) return opened.error();
  return std::unique_ptr<KvCursor>(std::move(cursor));
}

}  // namespace ballast
