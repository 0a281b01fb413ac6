// Writes the seeds that only the product can write, good-*, into tests/fuzz/corpus: what the
// product itself writes, in the form that each target reads. Run it again when a format changes.
//
// Usage: make_seeds, in the root of the tree

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/job/parse.h"
#include "common/job/run_json.h"
#include "common/storage/files.h"
#include "common/storage/manifest.h"
#include "common/storage/safetensors.h"
#include "common/storage/snapshot.h"
#include "common/wire/codec.h"
#include "coordinator/commit_json.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/scratch.h"
#include "tests/fuzz/wire_marks.h"
#include "tests/unit/data/packing.h"
#include "tests/unit/paramserver/small_run.h"
#include "tests/unit/wire/random_messages.h"
#include "worker/data/fold_files.h"
#include "worker/data/packed_table.h"
#include "worker/data/prepare.h"

namespace ballast::fuzz {
namespace {

void write_seed(const std::string& target, const std::string& name, std::string_view bytes) {
  const std::string directory = "tests/fuzz/corpus/" + target;
  std::filesystem::create_directories(directory);
  std::ofstream file(directory + "/good-" + name, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  BALLAST_CHECK(file.good());
}

template <class T>
T need(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "make_seeds: %s\n", result.error().message.c_str());
    std::abort();
  }
  return *std::move(result);
}

std::string word(std::size_t value) {
  return {static_cast<char>(value & 255), static_cast<char>(value >> 8 & 255)};
}

// ---- wire ---------------------------------------------------------------------------------------

// The header without its seal, with marks where it speaks of payload frames: a size lies beside the
// checksum of the same frame.
std::string marked_header(const std::vector<Bytes>& frames) {
  std::vector<std::uint64_t> words(frames[0].size() / 8);
  std::memcpy(words.data(), frames[0].data(), frames[0].size());
  for (std::size_t i = 1; i < frames.size(); ++i) {
    for (std::size_t w = 2; w + 1 < words.size(); ++w) {
      if (words[w] != hash_bytes(frames[i].span())) continue;
      for (const std::size_t beside : {w - 1, w + 1}) {
        if (words[beside] == frames[i].size()) words[beside] = kBytesMark + i - 1;
      }
      words[w] = kChecksumMark + i - 1;
    }
  }
  return {reinterpret_cast<const char*>(words.data() + 1), 8 * (words.size() - 1)};
}

// As wire_frames.h reads it.
std::string framed(const wire::Message& message) {
  const std::vector<Bytes> frames = wire::encode(message);
  const std::string header = marked_header(frames);
  std::string input(1, static_cast<char>(frames.size() - 1));
  input += word(header.size() / 8);
  for (std::size_t i = 1; i < frames.size(); ++i) input += word(frames[i].size());
  input += header;
  for (std::size_t i = 1; i < frames.size(); ++i) input += frames[i].text();
  return input;
}

void make_wire() {
  for (std::size_t kind = 0; kind < std::variant_size_v<wire::AnyMessage>; ++kind) {
    const wire::Message message =
        wire::MessageMaker(kind, {.float_bits = 4, .list_max = 3}).make(kind);
    write_seed("wire", wire::name_of(message.body), framed(message));
  }
}

// ---- step logs ----------------------------------------------------------------------------------

// The record of a step of small_run(2, 2), with a gradient of both tables.
std::string framed_step(Step step) {
  constexpr MemberId kSelf{5};
  constexpr std::uint32_t kPartitions = 2;
  constexpr Node kRoot{1, 0};
  wire::CommitStep commit{.timeline = 1, .commit = {}, .cut = {}};
  commit.commit.step = step - 1;
  commit.commit.scale = 0.5F;
  commit.commit.learning_rate = 0.5F;
  wire::Push push{.timeline = 1,
                  .step = step,
                  .nodes = {{kRoot, {.loss = 2.0, .examples = 2}}},
                  .partitions = {PartitionId{0}, PartitionId{1}},
                  .sections = {}};
  const Contribution sum = test::contribution_of(step, {step});
  push.sections.push_back({.node = kRoot,
                           .partition = partition_of(test::kDense, 0, kPartitions),
                           .table = test::kDense,
                           .block = 0,
                           .keys = {},
                           .values = sum.dense[0].values});
  push.sections.push_back({.node = kRoot,
                           .partition = partition_of(test::kSparse, step, kPartitions),
                           .table = test::kSparse,
                           .block = 0,
                           .keys = sum.sparse[0].keys,
                           .values = sum.sparse[0].values});
  std::sort(push.sections.begin(), push.sections.end(), [](const auto& a, const auto& b) {
    return std::pair(a.partition, a.table) < std::pair(b.partition, b.table);
  });
  return framed({kSelf, commit, 0}) + framed({kSelf, push, 0});
}

void make_step_logs() {
  const std::string steps = framed_step(2) + framed_step(3);
  write_seed("recovered_copies", "two-steps", steps);
  write_seed("step_log", "two-steps", std::string("\1\0", 2) + steps);
  write_seed("step_log", "torn", std::string("\1\5", 2) + steps);
  write_seed("step_log", "damaged", std::string("\1\0", 2) + steps + "and more");
  constexpr std::uint64_t kFingerprint = 17;  // Of the target.
  const wire::Restore base{.timeline = 1, .partitions = {}, .commit = {}, .files = {}};
  write_seed(
      "step_log", "without-files",
      std::string(2, '\0') + framed({MemberId{5}, base, kFingerprint}) + framed_step(1) + steps);
}

void make_checkpoints() {
  // A base of partition 0, one of 1, and what changed of both. The last byte: no damage.
  const std::string base("\0\3\1\1\1\1\1\1", 8);
  const std::string other("\1\2\1\1\4\1", 6);
  const std::string delta("\0\2\2\5\1\5", 6);
  write_seed("checkpoint_reader", "one", '\1' + base + '\0');
  write_seed("checkpoint_reader", "base-and-delta", '\3' + base + other + delta + '\0');
}

// ---- data ---------------------------------------------------------------------------------------

constexpr std::string_view kRows =
    "age,city,review,flag,y\n31,Oslo,\"So, so good\",a,no\n40,Lima,bad,b,yes\n"
    ",Oslo,good 我,a,yes\n25,Rome,quite good,b,no\n";

constexpr std::string_view kTransforms[] = {
    // Dense numbers and columns.
    "features:\n  - impute: {columns: age, with: median}\n  - clip: age\n  - standardize: age\n"
    "  - one_hot: {columns: [city, flag], min_count: 1}\n"
    "  - hash: {columns: review, buckets: 64}\n",
    // Sparse groups with and without vocabulary.
    "features:\n  - bucketize: {columns: age, bins: 2, as: keys, output: decade}\n"
    "  - hash: {columns: [city, flag], buckets: 16}\n"
    "  - tokenize: {columns: review, words: 2, characters: [2, 3], min_count: 2}\n",
};

std::string spec_text(std::string_view format, std::string_view features) {
  return "data:\n  train: rows\n  format: " + std::string(format) + "\n" +
         (format == "csv" ? "  label: {column: y, classes: [no, yes]}\n"
                            "  columns:\n    - age: number\n    - city: category\n"
                            "    - review: text\n    - flag: category\n    - y: category\n"
                          : "") +
         std::string(features) + "model: {layers: [dense: 2], loss: cross_entropy}\n";
}

std::string named_file(const std::string& name, const std::string& bytes) {
  return static_cast<char>(name.size()) + name + word(bytes.size()) + bytes;
}

// The manifest of a directory and the files that it lists.
std::string packed_input(const std::string& directory) {
  std::string manifest = need(read_file(directory + "/manifest.json"));
  std::string arrays;
  for (const std::string& name : need(list_files(directory))) {
    const std::string quoted = '"' + name + '"';
    const std::size_t entry = manifest.find(quoted);
    if (entry == std::string::npos) continue;
    const std::string bytes = need(read_file(join_path(directory, name)));
    arrays += named_file(name, bytes);
    const std::size_t checksum = manifest.find('"', manifest.find('[', entry)) + 1;
    if (!bytes.empty()) manifest.replace(checksum, 16, "@" + name);
  }
  return manifest + '\0' + arrays;
}

// The same data before it is encoded, and a fold of it.
void make_table(const std::string& name, const Spec& spec, const std::string& scratch) {
  const std::string directory =
      need(pack_table(spec, {.cache = scratch + "/cache", .keep = {}, .progress = nullptr}));
  // Where the rows came from is a path of this machine.
  std::string report = need(read_file(directory + "/report.json"));
  while (report.find(scratch) != std::string::npos) {
    report.replace(report.find(scratch), scratch.size(), "");
  }
  write_seed("table", name, packed_input(directory) + named_file("report.json", report));

  const auto packed = need(open_packed_table(directory));
  const FoldExamples examples{.train = {0, 1}, .validation = {2}};
  const WrittenFold fold = need(write_fold(
      scratch + "/folds", {.packed_digest = packed->digest,
                           .examples = examples,
                           .transforms_json = need(fit_fold(*packed, spec, examples, 1))}));
  write_seed("fold", name, packed_input(fold.directory));
}

void make_prepared(const std::string& name, std::string_view format, std::string_view rows,
                   std::string_view features) {
  const Scratch scratch;
  scratch.put("rows", rows);
  const Spec spec = need(load_spec(scratch.put("spec.yaml", spec_text(format, features))));
  const Prepared prepared =
      need(prepare(spec, {.cache = scratch.path() + "/cache", .threads = 1, .progress = nullptr}));
  write_seed("packed", name, packed_input(prepared.directory));
  write_seed("transforms", name, prepared.transforms_json);
  make_table(name, spec, scratch.path());
}

std::string idx(unsigned type, std::vector<unsigned> sizes, std::string_view elements) {
  std::string bytes = {0, 0, static_cast<char>(type), static_cast<char>(sizes.size())};
  for (const unsigned size : sizes) bytes += std::string(3, '\0') + static_cast<char>(size);
  return bytes + std::string(elements);
}

void make_idx() {
  const std::string labels = idx(0x08, {2}, std::string_view("\0\1", 2));
  const std::string shorts = idx(0x0B, {2}, std::string_view("\0\1\0\2", 4));
  const auto seed = [](char options, const std::string& l, const std::string& images) {
    return std::string{options, 4} + word(l.size()) + l + images;
  };
  write_seed("idx", "bytes", seed(0, labels, idx(0x08, {2, 2, 2}, "abcdefgh")));
  write_seed("idx", "floats",
             seed(0, labels, idx(0x0D, {2, 1}, std::string_view("?\0\0\0@\0\0\0", 8))));
  write_seed("idx", "doubles-regression",
             seed(2, shorts, idx(0x0E, {2, 1}, std::string(16, '\x40'))));
  write_seed("idx", "unlabelled", seed(4, "", idx(0x0C, {1, 2}, "abcdefgh")));
}

// ---- storage ------------------------------------------------------------------------------------

void make_safetensors() {
  const Scratch scratch;
  const std::string path = scratch.path() + "/m.safetensors";
  {
    const auto writer =
        need(SafetensorsWriter::create(path, {{"words.keys", TensorType::u64, {2}},
                                              {"words.rows", TensorType::f32, {2, 2}},
                                              {"output.weight", TensorType::f32, {3, 2}}}));
    const std::vector<Key> keys = {5, 9};
    const std::vector<float> rows = {1, 2, 3, 4};
    const std::vector<float> weights = {1, 2, 3, 4, 5, 6};
    BALLAST_CHECK(writer->append_keys(0, keys).has_value());
    BALLAST_CHECK(writer->append_floats(1, rows).has_value());
    BALLAST_CHECK(writer->append_floats(2, weights).has_value());
    static_cast<void>(need(writer->finish()));
  }
  const std::string file = need(read_file(path));
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof length);
  write_seed("safetensors", "raw", '\0' + file);
  write_seed("safetensors", "assembled",
             '\1' + file.substr(8, length) + '\0' + file.substr(8 + length));
}

void make_records() {
  const Scratch scratch;
  const auto writer = need(SnapshotWriter::create(scratch.path(), PartitionId{3}));
  const std::vector<float> weights = {1, 2};
  BALLAST_CHECK(writer->add(TableId{0}, 7, 5, weights, weights).has_value());
  const SnapshotFile file = need(writer->finish());
  write_seed("record", "sst", '\0' + need(read_file(scratch.path() + "/" + file.name)));

  const RecordKey key{PartitionId{3}, TableId{0}, 7};
  std::string value;
  encode_record_value(key, 5, weights, weights, value);
  const RecordKeyBytes bytes = encode_record_key(key);
  write_seed("record", "row", '\1' + std::string(view(bytes)) + value);
}

void make_manifest() {
  Manifest manifest;
  manifest.ballast_version = "0.1.0";
  manifest.run = "digits";
  manifest.timeline = 3;
  manifest.step = 500;
  for (std::uint32_t i = 0; i < 2; ++i) {
    const std::string checksum = "0123456789abcdef0123456789abcde" + std::to_string(i);
    manifest.files.push_back({PartitionId{i}, checksum + ".sst", 1000 + i, 10 * i, checksum});
  }
  manifest.run_config_json = R"({"name": "digits", "steps": 100})";
  Commit commit;
  commit.step = 500;
  manifest.commit_json = commit_to_json(commit);
  manifest.canary = "00ff";
  manifest.kernel_family = "haswell";
  manifest.openblas_version = "0.3.21";
  manifest.history_lines = 12;
  manifest.created = "2024-05-01T12:00:00Z";
  write_seed("manifest", "two-files", need(encode_manifest(manifest)));
}

void make_run() {
  RunConfig run;
  run.name = "digits";
  run.spec = "data: {train: a.csv, label: y}\nmodel: logistic\n";
  run.tables = {{TableId{0}, "a", TableKind::dense, {3, 4}, Initializer::normal, 0.5F, true},
                {TableId{1}, "b", TableKind::sparse, {2}, Initializer::zeros, 0.0F, false}};
  run.classes = {"x", "\xFF"};
  write_seed("run", "two-tables", run_to_json(run));
}

void make_all() {
  make_wire();
  make_step_logs();
  make_checkpoints();
  make_prepared("dense", "csv", kRows, kTransforms[0]);
  make_prepared("sparse", "csv", kRows, kTransforms[1]);
  make_prepared("libsvm", "libsvm", "-1 1:1 3:0.5\n+1 2:2\n-1 1:3\n", "");
  make_idx();
  write_seed("unpack", "gzip", gzip("n,y\n1,a\n2,b\n"));
  write_seed("unpack", "gzip-members", gzip("n,y\n1,a\n") + gzip("2,b\n"));
  write_seed("unpack", "zstd", zstd("n,y\n1,a\n2,b\n"));
  write_seed("unpack", "plain", "n,y\n1,a\n");
  make_safetensors();
  make_manifest();
  make_records();
  make_run();
}

}  // namespace
}  // namespace ballast::fuzz

int main() { ballast::fuzz::make_all(); }
