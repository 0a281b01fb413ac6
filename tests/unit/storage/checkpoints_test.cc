#include "common/storage/checkpoints.h"

#include <algorithm>
#include <functional>

#include "common/storage/directory_store.h"
#include "tests/unit/storage/snapshots.h"

namespace ballast {
namespace {

constexpr std::uint32_t kPartitions = 3;

// Writes and publishes a checkpoint whose partition 0 is the same at every step.
Result<Manifest> write_checkpoint(CheckpointStore& store, Timeline timeline, Step step) {
  Manifest manifest;
  manifest.run = "run";
  manifest.timeline = timeline;
  manifest.step = step;
  for (std::uint32_t p = 0; p < kPartitions; ++p) {
    const auto staging = store.staging_directory();
    if (!staging) return staging.error();
    const SnapshotFile file = write_snapshot(*staging, p, some_rows(20, p == 0 ? 0 : step));
    if (Status put = store.put_file(join_path(*staging, file.name), file.name); !put) {
      return put.error();
    }
    manifest.files.push_back(file);
  }
  if (Status done = publish_manifest(store, manifest); !done) return done.error();
  return manifest;
}

class CheckpointsTest : public testing::Test {
 protected:
  void SetUp() override {
    store_ = need(open_directory_store(directory_.path(), OpenMode::create));
    need(claim_timeline(*store_, 1, "the test"));
  }

  std::string path_of(const Manifest& manifest, std::uint32_t partition) const {
    return directory_.path(manifest.files[partition].name);
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const StoredFile& file : need(store_->list())) names.push_back(file.name);
    return names;
  }

  const TemporaryDirectory directory_;
  std::unique_ptr<CheckpointStore> store_;
};

TEST_F(CheckpointsTest, LatestIsByTimelineThenStep) {
  EXPECT_TRUE(fails(latest_complete(*store_), ErrorCode::not_found, "found none"));
  need(write_checkpoint(*store_, 1, 9));
  const Manifest tenth = need(write_checkpoint(*store_, 1, 10));
  EXPECT_EQ(need(latest_complete(*store_)).manifest, tenth);
  need(claim_timeline(*store_, 2, "the test"));
  const Manifest rolled_back = need(write_checkpoint(*store_, 2, 5));
  const LatestCheckpoint latest = need(latest_complete(*store_));
  EXPECT_EQ(latest.manifest, rolled_back);
  EXPECT_TRUE(latest.passed_over.empty());
}

TEST_F(CheckpointsTest, ADamagedOneIsNamedAndTheOneBeforeItIsUsed) {
  struct Case {
    const char* name;
    std::function<void(const std::string& directory, const Manifest&)> damage;
    const char* words;
  };
  const auto file = [](const std::string& directory, const Manifest& manifest) {
    return join_path(directory, manifest.files[1].name);
  };
  const auto text = [](const std::string& directory, const Manifest& manifest) {
    return join_path(directory, to_string(CheckpointName{manifest.timeline, manifest.step}));
  };
  const Case cases[] = {
      {"missing file", [&](auto& d, auto& m) { need(remove_file(file(d, m))); }, "partition 1: "},
      {"flipped bit", [&](auto& d, auto& m) { flip_bit(file(d, m), 100, 3); }, "altered"},
      {"torn file",
       [&](auto& d, auto& m) { overwrite(file(d, m), need(read_file(file(d, m))).substr(0, 512)); },
       "bytes, found 512"},
      {"empty file", [&](auto& d, auto& m) { overwrite(file(d, m), ""); }, "bytes, found 0"},
      {"longer file",
       [&](auto& d, auto& m) { overwrite(file(d, m), need(read_file(file(d, m))) + "x"); },
       "bytes, found"},
      {"flipped bit in the manifest", [&](auto& d, auto& m) { flip_bit(text(d, m), 50); },
       "checkpoint-1-20.json"},
      {"torn manifest",
       [&](auto& d, auto& m) { overwrite(text(d, m), need(read_file(text(d, m))).substr(0, 200)); },
       "not JSON"},
      {"empty manifest", [&](auto& d, auto& m) { overwrite(text(d, m), ""); }, "not JSON"},
      {"another checkpoint's manifest",
       [&](auto& d, auto& m) {
         overwrite(text(d, m), need(read_file(join_path(d, "checkpoint-1-10.json"))));
       },
       "holds the manifest of timeline 1, step 10"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const TemporaryDirectory directory;
    const auto store = need(open_directory_store(directory.path(), OpenMode::create));
    need(claim_timeline(*store, 1, "the test"));
    const Manifest older = need(write_checkpoint(*store, 1, 10));
    const Manifest newer = need(write_checkpoint(*store, 1, 20));
    ASSERT_EQ(need(latest_complete(*store)).manifest, newer);
    c.damage(directory.path(), newer);

    const LatestCheckpoint latest = need(latest_complete(*store));
    EXPECT_EQ(latest.manifest, older);
    ASSERT_EQ(latest.passed_over.size(), 1U);
    EXPECT_NE(latest.passed_over[0].find("checkpoint-1-20.json"), std::string::npos);
    EXPECT_NE(latest.passed_over[0].find(c.words), std::string::npos) << latest.passed_over[0];
  }
}

TEST_F(CheckpointsTest, WhenNoneIsWholeAllReasonsAreTold) {
  need(remove_file(path_of(need(write_checkpoint(*store_, 1, 10)), 1)));
  flip_bit(path_of(need(write_checkpoint(*store_, 1, 20)), 2), 100);
  const auto latest = latest_complete(*store_);
  EXPECT_TRUE(fails(latest, ErrorCode::corrupt, "no checkpoint is whole"));
  EXPECT_TRUE(fails(latest, ErrorCode::corrupt, "checkpoint-1-10.json: partition 1"));
  EXPECT_TRUE(fails(latest, ErrorCode::corrupt, "checkpoint-1-20.json: partition 2"));
}

TEST_F(CheckpointsTest, RetainKeepsTheNewestAndTheFilesTheyShare) {
  for (const Step step : {10, 20, 30, 40}) need(write_checkpoint(*store_, 1, step));
  const std::size_t before = names().size();
  const Retained retained = need(retain(*store_, 1, 2));
  EXPECT_EQ(retained.manifests_removed,
            (std::vector<std::string>{"checkpoint-1-10.json", "checkpoint-1-20.json"}));
  EXPECT_EQ(retained.files_removed.size(), 4U) << "partition 0 is the same at all steps";
  EXPECT_EQ(names().size(), before - 6);
  EXPECT_EQ(need(list_checkpoints(*store_)), (std::vector<CheckpointName>{{1, 30}, {1, 40}}));
  for (const CheckpointName& name : need(list_checkpoints(*store_))) {
    EXPECT_TRUE(ok(verify_checkpoint(*store_, need(read_manifest(*store_, name)))));
  }
  EXPECT_TRUE(need(retain(*store_, 1, 2)).files_removed.empty());
}

TEST_F(CheckpointsTest, RetainDoesNotCountUnreadableManifests) {
  const Manifest good = need(write_checkpoint(*store_, 1, 10));
  need(write_checkpoint(*store_, 1, 20));
  need(write_checkpoint(*store_, 1, 30));
  overwrite(directory_.path("checkpoint-1-20.json"), "torn");
  overwrite(directory_.path("checkpoint-1-30.json"), "torn");
  need(retain(*store_, 1, 1));
  EXPECT_EQ(need(latest_complete(*store_)).manifest, good);
}

TEST_F(CheckpointsTest, RetainRemovesNothingWhenANewerBallastWasHere) {
  for (const Step step : {10, 20}) need(write_checkpoint(*store_, 1, step));
  Manifest newer = need(latest_complete(*store_)).manifest;
  newer.step = 30;
  newer.format = kManifestFormat + 1;
  need(publish_manifest(*store_, newer));
  const std::vector<std::string> before = names();
  EXPECT_TRUE(fails(retain(*store_, 1, 1), ErrorCode::unsupported, "checkpoint-1-30.json"));
  EXPECT_EQ(names(), before);
  const LatestCheckpoint latest = need(latest_complete(*store_));
  EXPECT_EQ(latest.manifest.step, 20U);
  EXPECT_EQ(latest.passed_over.size(), 1U);
}

TEST_F(CheckpointsTest, ATimelineIsClaimedOnce) {
  EXPECT_TRUE(fails(claim_timeline(*store_, 1, "another"), ErrorCode::conflict,
                    "timeline 1 was claimed by the test"));
  EXPECT_EQ(need(highest_timeline(*store_)), 1U);
  need(claim_timeline(*store_, 5, describe_process()));
  EXPECT_EQ(need(highest_timeline(*store_)), 5U);
  EXPECT_TRUE(fails(claim_timeline(*store_, 4, "late"), ErrorCode::conflict,
                    "timeline 5 was claimed by process "));
}

TEST_F(CheckpointsTest, OnlyTheNewestTimelineWritesOrDeletes) {
  Manifest manifest = need(write_checkpoint(*store_, 1, 10));
  need(claim_timeline(*store_, 2, "the next"));
  manifest.step = 11;
  EXPECT_TRUE(fails(publish_manifest(*store_, manifest), ErrorCode::conflict,
                    "timeline 2 was claimed by the next"));
  EXPECT_TRUE(fails(retain(*store_, 1, 1), ErrorCode::conflict, "this process must stop"));
  manifest.timeline = 3;
  EXPECT_TRUE(fails(publish_manifest(*store_, manifest), ErrorCode::invalid, "to be claimed"));
}

TEST_F(CheckpointsTest, ManifestsOfUnclaimedTimelinesCountAsWell) {
  need(write_checkpoint(*store_, 1, 10));
  need(store_->remove("timeline-1"));  // A person tidied up.
  EXPECT_EQ(need(highest_timeline(*store_)), 1U);
  EXPECT_TRUE(ok(claim_timeline(*store_, 2, "the next")));
}

TEST_F(CheckpointsTest, StagingIsClearedOfWhatTheDeadLeft) {
  const std::string staging = need(store_->staging_directory());
  need(write_file_atomically(join_path(staging, ".tmp-1-0-snapshot"), "half"));
  need(write_file_atomically(directory_.path(".tmp-1-0-checkpoint-1-5.json"), "half"));
  const Manifest manifest = need(write_checkpoint(*store_, 1, 10));
  EXPECT_EQ(need(latest_complete(*store_)).manifest, manifest);
  need(store_->clear_staging());
  EXPECT_TRUE(need(list_files(staging)).empty());
  EXPECT_FALSE(path_exists(directory_.path(".tmp-1-0-checkpoint-1-5.json")));
  EXPECT_EQ(need(latest_complete(*store_)).manifest, manifest);
}

TEST_F(CheckpointsTest, ADirectoryStoreTakesPlainNamesOnly) {
  for (const char* name : {"", ".hidden", "../up", "a/b", "/etc/passwd"}) {
    EXPECT_TRUE(fails(store_->read(name), ErrorCode::invalid, "plain file name")) << name;
    EXPECT_TRUE(fails(store_->publish(name, ""), ErrorCode::invalid));
    EXPECT_TRUE(fails(store_->remove(name), ErrorCode::invalid));
    EXPECT_TRUE(fails(store_->fetch_file(name), ErrorCode::invalid));
    EXPECT_TRUE(fails(store_->put_file("x", name), ErrorCode::invalid));
    EXPECT_TRUE(fails(store_->create_exclusively(name, ""), ErrorCode::invalid));
  }
  EXPECT_TRUE(fails(store_->put_file(directory_.path("absent"), "a"), ErrorCode::not_found));
  EXPECT_TRUE(fails(open_directory_store(directory_.path("absent"), OpenMode::existing),
                    ErrorCode::not_found, "absent"));
  EXPECT_FALSE(path_exists(directory_.path("absent")));
}

// ---- chains -------------------------------------------------------------------------------------

// One base for all, and a delta more at each step.
class ChainsTest : public CheckpointsTest {
 protected:
  void SetUp() override {
    CheckpointsTest::SetUp();
    manifest_.timeline = 1;
    manifest_.files = {put(some_rows(50, 1), 0)};
    publish(10);
    for (const Step step : {20, 30}) {
      std::vector<Row> rows = some_rows(5, step);
      for (Row& row : rows) row.version = step;
      manifest_.files.push_back(put(rows, step - 10));
      publish(step);
    }
  }

  SnapshotFile put(const std::vector<Row>& rows, Step since) {
    const std::string staging = need(store_->staging_directory());
    const SnapshotFile file = write_snapshot(staging, 0, rows, since);
    need(store_->put_file(join_path(staging, file.name), file.name));
    return file;
  }
  void publish(Step step) {
    manifest_.step = step;
    need(publish_manifest(*store_, manifest_));
  }
  [[nodiscard]] std::string path(std::size_t file) const {
    return directory_.path(manifest_.files[file].name);
  }

  Manifest manifest_;  // The newest.
};

TEST_F(ChainsTest, RetainKeepsTheWholeChainOfWhatItKeeps) {
  const Retained retained = need(retain(*store_, 1, 1));
  EXPECT_EQ(retained.manifests_removed.size(), 2U);
  EXPECT_TRUE(retained.files_removed.empty()) << "the newest needs all three";
  EXPECT_TRUE(ok(verify_checkpoint(*store_, manifest_)));

  const Manifest chained = manifest_;
  manifest_.files = {put(some_rows(50, 40), 0)};  // A new base ends the chain.
  publish(40);
  EXPECT_EQ(need(retain(*store_, 1, 1)).files_removed.size(), chained.files.size());
  EXPECT_EQ(need(latest_complete(*store_)).manifest, manifest_);
}

TEST_F(ChainsTest, ADamagedDeltaSparesTheCheckpointsBeforeIt) {
  flip_bit(path(2), 100);
  LatestCheckpoint latest = need(latest_complete(*store_));
  EXPECT_EQ(latest.manifest.step, 20U);
  ASSERT_EQ(latest.passed_over.size(), 1U);
  EXPECT_NE(latest.passed_over[0].find(manifest_.files[2].name), std::string::npos);
  need(remove_file(path(1)));
  latest = need(latest_complete(*store_));
  EXPECT_EQ(latest.manifest.step, 10U);
  EXPECT_EQ(latest.passed_over.size(), 2U);
}

TEST_F(ChainsTest, ADamagedBaseTakesAllThatShareIt) {
  flip_bit(path(0), 100);
  const auto latest = latest_complete(*store_);
  EXPECT_TRUE(fails(latest, ErrorCode::corrupt, "no checkpoint is whole"));
  for (const char* name : {"checkpoint-1-10", "checkpoint-1-20", "checkpoint-1-30"}) {
    EXPECT_TRUE(fails(latest, ErrorCode::corrupt, name));
  }
}

TEST_F(ChainsTest, AManifestIsNotPublishedOverALostOrTornFile) {
  const std::string base = need(read_file(path(0)));
  need(remove_file(path(0)));
  manifest_.step = 40;
  EXPECT_TRUE(fails(publish_manifest(*store_, manifest_), ErrorCode::not_found,
                    "which is not there any more"));
  overwrite(path(0), base.substr(0, 100));
  EXPECT_TRUE(fails(publish_manifest(*store_, manifest_), ErrorCode::not_found, "found 100"));
  overwrite(path(0), base);
  EXPECT_TRUE(ok(publish_manifest(*store_, manifest_)));
}

TEST_F(ChainsTest, RemovingOneLeavesWhatOthersList) {
  // In the middle: nothing but its manifest is its own.
  Retained removed = need(remove_checkpoint(*store_, 1, {1, 20}));
  EXPECT_EQ(removed.manifests_removed, std::vector<std::string>{"checkpoint-1-20.json"});
  EXPECT_TRUE(removed.files_removed.empty());
  EXPECT_EQ(need(latest_complete(*store_)).manifest, manifest_);
  removed = need(remove_checkpoint(*store_, 1, {1, 30}));
  EXPECT_EQ(removed.files_removed.size(), 2U) << "both deltas; the base is another's";
  EXPECT_EQ(need(latest_complete(*store_)).manifest.step, 10U);
  EXPECT_TRUE(fails(remove_checkpoint(*store_, 1, {1, 30}), ErrorCode::not_found, "there is no"));
  need(claim_timeline(*store_, 2, "another"));
  EXPECT_TRUE(fails(remove_checkpoint(*store_, 1, {1, 10}), ErrorCode::conflict, "must stop"));
}

TEST_F(ChainsTest, AVerifierNamesEveryDamagedFileAndReadsSharedOnesOnce) {
  using Depth = CheckpointVerifier::Depth;
  for (const Depth depth : {Depth::bytes, Depth::records}) {
    CheckpointVerifier verifier(*store_, depth);
    EXPECT_TRUE(verifier.damage(manifest_).empty());
  }
  flip_bit(path(0), 50);
  need(remove_file(path(2)));
  CheckpointVerifier verifier(*store_, Depth::records);
  const auto damage = verifier.damage(manifest_);
  ASSERT_EQ(damage.size(), 2U);
  EXPECT_NE(damage[0].find("altered"), std::string::npos) << damage[0];
  EXPECT_NE(damage[1].find(manifest_.files[2].name), std::string::npos) << damage[1];
  need(remove_file(path(1)));
  EXPECT_EQ(verifier.damage(manifest_), damage) << "what was read is known";

  // A delta that claims more than it holds has the right bytes, and the wrong records.
  Manifest claims = need(read_manifest(*store_, {1, 10}));
  const SnapshotFile old = put(some_rows(5, 3), 0);
  claims.files = {old, old};
  claims.files[1].since = 99;
  EXPECT_TRUE(CheckpointVerifier(*store_, Depth::bytes).damage(claims).empty());
  EXPECT_EQ(CheckpointVerifier(*store_, Depth::records).damage(claims).size(), 1U);
}

// Stops working at its n-th change, as a process that dies there. Each change of a store happens
// whole or not at all, so these are all the states that a death can leave.
class DyingStore final : public CheckpointStore {
 public:
  DyingStore(CheckpointStore& store, int changes) : store_(store), left_(changes) {}

  [[nodiscard]] bool died() const { return left_ < 0; }

  Result<std::string> staging_directory() override { return store_.staging_directory(); }
  Status clear_staging() override {
    return change([&] { return store_.clear_staging(); });
  }
  Status put_files(std::span<const LocalFile> files) override {
    for (const LocalFile& file : files) {
      Status put = change([&] { return store_.put_files({&file, 1}); });
      if (!put) return put;
    }
    return {};
  }
  Result<std::string> fetch_file(const std::string& name) override {
    return store_.fetch_file(name);
  }
  Status publish(const std::string& name, std::string_view text) override {
    return change([&] { return store_.publish(name, text); });
  }
  Status create_exclusively(const std::string& name, std::string_view text) override {
    return change([&] { return store_.create_exclusively(name, text); });
  }
  Result<std::string> read(const std::string& name) override { return store_.read(name); }
  Result<std::vector<StoredFile>> list() override { return store_.list(); }
  Status remove(const std::string& name) override {
    return change([&] { return store_.remove(name); });
  }
  [[nodiscard]] std::string description() const override { return store_.description(); }

 private:
  Status change(const std::function<Status()>& make) {
    left_ -= 1;
    return left_ < 0 ? Status(Error{ErrorCode::io, "died"}) : make();
  }

  CheckpointStore& store_;
  int left_;
};

// Another coordinator takes over while this one stands still, at its n-th look at the store.
class OvertakenStore final : public CheckpointStore {
 public:
  OvertakenStore(CheckpointStore& store, int look) : store_(store), left_(look) {}

  Result<std::string> staging_directory() override { return store_.staging_directory(); }
  Status clear_staging() override { return store_.clear_staging(); }
  Status put_files(std::span<const LocalFile> files) override { return store_.put_files(files); }
  Result<std::string> fetch_file(const std::string& name) override {
    return store_.fetch_file(name);
  }
  Status publish(const std::string& name, std::string_view text) override {
    return store_.publish(name, text);
  }
  Status create_exclusively(const std::string& name, std::string_view text) override {
    return store_.create_exclusively(name, text);
  }
  Result<std::string> read(const std::string& name) override {
    look();
    return store_.read(name);
  }
  Result<std::vector<StoredFile>> list() override {
    look();
    return store_.list();
  }
  Status remove(const std::string& name) override { return store_.remove(name); }
  [[nodiscard]] std::string description() const override { return store_.description(); }

 private:
  void look() {
    if (left_-- != 0) return;
    need(claim_timeline(store_, 2, "another"));
    const std::string staging = need(store_.staging_directory());
    const SnapshotFile file = write_snapshot(staging, 0, some_rows(20, 77));
    need(store_.put_file(join_path(staging, file.name), file.name));
  }

  CheckpointStore& store_;
  int left_;
};

TEST_F(CheckpointsTest, RetainLeavesTheFilesOfACoordinatorThatTookOverMeanwhile) {
  // From the first look after its right was checked on.
  constexpr int kLooks = 4;  // Two lists, and the manifests that are kept.
  for (int look = 1; look <= kLooks; ++look) {
    SCOPED_TRACE(look);
    const TemporaryDirectory directory;
    auto store = need(open_directory_store(directory.path(), OpenMode::create));
    need(claim_timeline(*store, 1, "the test"));
    need(write_checkpoint(*store, 1, 10));
    need(write_checkpoint(*store, 1, 20));
    const std::size_t before = need(store->list()).size();
    OvertakenStore overtaken(*store, look);
    EXPECT_TRUE(fails(retain(overtaken, 1, 1), ErrorCode::conflict, "this process must stop"));
    EXPECT_EQ(need(store->list()).size(), before + 2) << "its claim and its file";
  }
}

TEST_F(CheckpointsTest, ADeathAtAnyChangeLeavesTheOldOrTheNewCheckpoint) {
  Manifest last = need(write_checkpoint(*store_, 1, 1));
  bool survived = false;
  for (int changes = 0; !survived; ++changes) {
    SCOPED_TRACE(changes);
    ASSERT_LT(changes, 100);
    const Step step = static_cast<Step>(changes) + 2;
    DyingStore dying(*store_, changes);
    const auto written = write_checkpoint(dying, 1, step);
    const auto retained = written ? retain(dying, 1, 1) : Result<Retained>(written.error());
    survived = !dying.died();
    EXPECT_EQ(survived, retained.has_value());

    const LatestCheckpoint latest = need(latest_complete(*store_));
    EXPECT_TRUE(latest.passed_over.empty());
    EXPECT_EQ(latest.manifest.step, written ? step : last.step);
    last = latest.manifest;
    // What is listed is whole, also in those that a death kept retain from removing.
    for (const CheckpointName& name : need(list_checkpoints(*store_))) {
      EXPECT_TRUE(ok(verify_checkpoint(*store_, need(read_manifest(*store_, name)))));
    }
  }
  need(store_->clear_staging());
  EXPECT_EQ(names().size(), kPartitions + 2) << "one checkpoint's files, its manifest, the claim";
}

}  // namespace
}  // namespace ballast
