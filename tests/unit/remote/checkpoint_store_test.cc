// What every CheckpointStore does, for each kind that there is.

#include "common/storage/checkpoint_store.h"

#include <gtest/gtest.h>

#include "common/remote/open_store.h"
#include "common/remote/s3_store.h"
#include "common/storage/checkpoints.h"
#include "common/storage/directory_store.h"
#include "tests/unit/remote/s3_server.h"
#include "tests/unit/storage/snapshots.h"
#include "tests/unit/storage/support.h"

namespace ballast {
namespace {

enum class Kind { directory, s3 };

class CheckpointStoreTest : public testing::TestWithParam<Kind> {
 protected:
  std::unique_ptr<CheckpointStore> open(const std::string& scratch = "scratch") {
    if (GetParam() == Kind::directory) {
      return need(open_directory_store(directory_.path("store"), OpenMode::create));
    }
    return need(open_s3_store({"bucket", "runs/one"}, OpenMode::create, directory_.path(scratch),
                              need(S3Client::create(server_.options()))));
  }
  void put(CheckpointStore& store, const std::string& name, const std::string& bytes) {
    const std::string path = join_path(need(store.staging_directory()), name);
    overwrite(path, bytes);
    need(store.put_file(path, name));
  }
  static std::string names(CheckpointStore& store) {
    std::string text;
    for (const StoredFile& file : need(store.list())) {
      text += file.name + ":" + std::to_string(file.bytes) + " ";
    }
    return text;
  }

  TemporaryDirectory directory_;
  S3Server server_;
};

TEST_P(CheckpointStoreTest, KeepsFiles) {
  const auto store = open();
  EXPECT_EQ(names(*store), "");
  put(*store, "b.sst", "bytes");
  put(*store, "a.sst", std::string(3000, 'a'));
  EXPECT_EQ(names(*store), "a.sst:3000 b.sst:5 ");
  EXPECT_EQ(need(read_file(need(store->fetch_file("b.sst")))), "bytes");
  // After a file was let go it is there again for who asks.
  need(store->release_files());
  EXPECT_EQ(need(read_file(need(store->fetch_file("b.sst")))), "bytes");
  put(*store, "b.sst", "other");
  EXPECT_EQ(need(read_file(need(store->fetch_file("b.sst")))), "other");
  need(store->remove("b.sst"));
  need(store->remove("b.sst"));  // One that is not there is fine.
  EXPECT_TRUE(fails(store->fetch_file("b.sst"), ErrorCode::not_found));
  EXPECT_EQ(names(*store), "a.sst:3000 ");
}

TEST_P(CheckpointStoreTest, ManyFilesAtOnceAreAllThere) {
  const auto store = open();
  const std::string staging = need(store->staging_directory());
  std::vector<LocalFile> files;
  for (int i = 0; i < 50; ++i) {
    const std::string name = std::to_string(i) + ".sst";
    overwrite(join_path(staging, name), name);
    files.push_back({join_path(staging, name), name});
  }
  need(store->put_files(files));
  EXPECT_EQ(need(store->list()).size(), 50U);
  for (const LocalFile& file : files) {
    EXPECT_EQ(need(read_file(need(store->fetch_file(file.name)))), file.name);
  }
  files.push_back({join_path(staging, "absent"), "absent"});
  EXPECT_FALSE(store->put_files({&files.back(), 1}));
}

TEST_P(CheckpointStoreTest, PublishesAndCreates) {
  const auto store = open();
  need(store->publish("m.json", "one"));
  need(store->publish("m.json", "two"));
  EXPECT_EQ(need(store->read("m.json")), "two");
  need(store->create_exclusively("timeline-1", "me"));
  EXPECT_TRUE(fails(store->create_exclusively("timeline-1", "you"), ErrorCode::conflict));
  EXPECT_EQ(need(store->read("timeline-1")), "me");
  EXPECT_TRUE(fails(store->read("no.json"), ErrorCode::not_found));
}

TEST_P(CheckpointStoreTest, IsSeenByOthersAtOnce) {
  const auto one = open();
  const auto other = open("another-scratch");
  put(*one, "a.sst", "a");
  EXPECT_EQ(names(*other), "a.sst:1 ");
  EXPECT_EQ(need(read_file(need(other->fetch_file("a.sst")))), "a");
  need(one->create_exclusively("timeline-1", "one"));
  EXPECT_TRUE(fails(other->create_exclusively("timeline-1", "other"), ErrorCode::conflict));
}

TEST_P(CheckpointStoreTest, TakesPlainNamesOnly) {
  const auto store = open();
  for (const char* name : {"", ".hidden", "a/b", "../a"}) {
    EXPECT_TRUE(fails(store->publish(name, "x"), ErrorCode::invalid, "plain file name")) << name;
    EXPECT_TRUE(fails(store->fetch_file(name), ErrorCode::invalid, "plain file name")) << name;
  }
}

TEST_P(CheckpointStoreTest, WhatIsBeingWrittenIsNotThere) {
  const auto store = open();
  overwrite(join_path(need(store->staging_directory()), "half.sst"), "half");
  EXPECT_EQ(names(*store), "");
  need(store->clear_staging());
  EXPECT_TRUE(need(list_files(need(store->staging_directory()))).empty());
}

// A server died between its upload and the manifest: nothing trusts its file, and the next tidying
// takes it away.
TEST_P(CheckpointStoreTest, WhatNoManifestListsIsNoCheckpointAndGoes) {
  const auto store = open();
  need(claim_timeline(*store, 1, "a test"));
  const std::string staging = need(store->staging_directory());
  const SnapshotFile file = write_snapshot(staging, 0, some_rows(20, 10));
  need(store->put_file(join_path(staging, file.name), file.name));
  put(*store, "0123456789abcdef0123456789abcdef.sst", "of the dead");
  EXPECT_TRUE(fails(latest_complete(*store), ErrorCode::not_found));

  Manifest manifest;
  manifest.run = "run";
  manifest.timeline = 1;
  manifest.step = 10;
  manifest.files = {file};
  need(publish_manifest(*store, manifest));
  need(store->release_files());
  EXPECT_EQ(need(latest_complete(*store)).manifest.step, 10U);
  EXPECT_EQ(need(retain(*store, 1, 1)).files_removed,
            std::vector<std::string>{"0123456789abcdef0123456789abcdef.sst"});
  EXPECT_EQ(need(latest_complete(*store)).manifest.step, 10U);
  // A later one holds the store now.
  need(claim_timeline(*store, 2, "another"));
  EXPECT_TRUE(fails(publish_manifest(*store, manifest), ErrorCode::conflict, "another"));
}

INSTANTIATE_TEST_SUITE_P(Kinds, CheckpointStoreTest, testing::Values(Kind::directory, Kind::s3),
                         [](const auto& kind) {
                           return kind.param == Kind::directory ? "directory" : "s3";
                         });

class S3StoreTest : public testing::Test {
 protected:
  Result<std::unique_ptr<CheckpointStore>> open(const S3Name& where, OpenMode mode) {
    return open_s3_store(where, mode, directory_.path("scratch"),
                         need(S3Client::create(server_.options())));
  }
  TemporaryDirectory directory_;
  S3Server server_;
};

TEST_F(S3StoreTest, NeedsABucketAPrefixAndSomethingToRead) {
  EXPECT_TRUE(fails(open({"bucket", ""}, OpenMode::create), ErrorCode::invalid, "a prefix"));
  EXPECT_TRUE(fails(open({"bukket", "p"}, OpenMode::create), ErrorCode::not_found, "bukket"));
  EXPECT_TRUE(fails(open({"bucket", "p"}, OpenMode::existing), ErrorCode::not_found,
                    "nothing below s3://bucket/p/"));
}

TEST_F(S3StoreTest, AnUploadOfTheDeadIsRemovedAndOthersAreNot) {
  const auto store = need(open({"bucket", "runs/one"}, OpenMode::create));
  server_.uploads["bucket/runs/one/x.sst 7"] = {{1, "part"}};
  server_.uploads["bucket/runs/other/x.sst 8"] = {{1, "part"}};
  need(store->clear_staging());
  EXPECT_EQ(server_.uploads.size(), 1U);
}

TEST_F(S3StoreTest, ItsScratchIsEmptiedAtTheStart) {
  need(make_directories(directory_.path("scratch/copies")));
  overwrite(directory_.path("scratch/copies/a.sst"), "of the dead");
  server_.objects["bucket/p/a.sst"] = {"right", ""};
  const auto store = need(open({"bucket", "p"}, OpenMode::existing));
  EXPECT_EQ(need(read_file(need(store->fetch_file("a.sst")))), "right");
}

TEST(OpenStore, TakesDirectoriesAndS3) {
  const TemporaryDirectory directory;
  EXPECT_TRUE(ok(open_checkpoint_store(directory.path("a"), OpenMode::create, "")));
  EXPECT_TRUE(fails(open_checkpoint_store("https://h/p", OpenMode::create, ""), ErrorCode::invalid,
                    "expected a directory or s3://BUCKET/PREFIX"));
}

}  // namespace
}  // namespace ballast
