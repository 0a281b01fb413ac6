#include "common/storage/kv_store.h"

#include <functional>

#include "common/storage/memory_store.h"
#include "common/storage/rocks_store.h"
#include "tests/unit/storage/support.h"

namespace ballast {
namespace {

// The contract of kv_store.h, held by both implementations.
class KvStoreTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (GetParam() == std::string("memory")) {
      store_ = std::make_unique<MemoryStore>();
    } else {
      store_ = need(open_rocks_store({.directory = directory_.path("home")}));
    }
  }

  void put(const Entries& entries) {
    WriteBatch batch;
    for (const auto& [key, value] : entries) batch.put(key, value);
    need(store_->write(batch, Durability::buffered));
  }

  const TemporaryDirectory directory_;
  std::unique_ptr<KvStore> store_;
};

TEST_P(KvStoreTest, GetsWhatWasPut) {
  using namespace std::string_literals;
  put({{"a", "1"}, {"b\0c"s, "2\0"s}, {"", "empty key"}, {"z", ""}});
  EXPECT_EQ(need(store_->get("a")), "1");
  EXPECT_EQ(need(store_->get("b\0c"s)), "2\0"s);
  EXPECT_EQ(need(store_->get("")), "empty key");
  EXPECT_EQ(need(store_->get("z")), "");
  EXPECT_EQ(need(store_->get("b")), std::nullopt);
  const std::string_view keys[] = {"z", "absent", "a", "a"};
  EXPECT_EQ(need(store_->multi_get(keys)),
            (std::vector<std::optional<std::string>>{"", std::nullopt, "1", "1"}));
}

TEST_P(KvStoreTest, ABatchAppliesInItsOrder) {
  put({{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}});
  WriteBatch batch;
  batch.remove_range("a", "c");
  batch.put("b", "after the range");
  batch.put("c", "soon gone");
  batch.remove("c");
  batch.remove("never there");
  EXPECT_EQ(batch.size(), 5U);
  need(store_->write(batch, Durability::synced));
  EXPECT_EQ(entries_of(*store_), (Entries{{"b", "after the range"}, {"d", "4"}}));
  batch.clear();
  EXPECT_TRUE(batch.empty());
  need(store_->write(batch, Durability::synced));
}

TEST_P(KvStoreTest, ScansAreSortedAndHalfOpen) {
  put({{"b", "2"}, {"a", "1"}, {"\xff", "last"}, {"c", "3"}});
  EXPECT_EQ(entries_of(*store_, "", ""),
            (Entries{{"a", "1"}, {"b", "2"}, {"c", "3"}, {"\xff", "last"}}));
  EXPECT_EQ(entries_of(*store_, "a", "c"), (Entries{{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(entries_of(*store_, "aa", "bb"), (Entries{{"b", "2"}}));
  EXPECT_EQ(entries_of(*store_, "d", ""), (Entries{{"\xff", "last"}}));
  EXPECT_TRUE(entries_of(*store_, "x", "y").empty());
}

TEST_P(KvStoreTest, ACursorSeesTheMomentItWasMade) {
  put({{"a", "1"}, {"b", "2"}});
  auto cursor = need(store_->scan("", ""));
  put({{"a", "new"}, {"aa", "new"}});
  EXPECT_EQ(entries_of(*cursor), (Entries{{"a", "1"}, {"b", "2"}}));
  EXPECT_FALSE(need(cursor->next())) << "the end stays the end";
  cursor.reset();
}

TEST_P(KvStoreTest, KeepsWhatIsNotAbandoned) {
  put({{"a", "old"}, {"b", "old"}, {"c", "old"}});
  need(store_->abandon("b", "c"));
  put({{"b", "new"}});
  EXPECT_EQ(entries_of(*store_), (Entries{{"a", "old"}, {"b", "new"}, {"c", "old"}}));
}

TEST_P(KvStoreTest, AClosedStoreSaysSo) {
  need(store_->close());
  WriteBatch batch;
  batch.put("a", "1");
  EXPECT_TRUE(fails(store_->get("a"), ErrorCode::unavailable, "closed"));
  EXPECT_TRUE(fails(store_->multi_get(std::vector<std::string_view>{"a"}), ErrorCode::unavailable));
  EXPECT_TRUE(fails(store_->write(batch, Durability::buffered), ErrorCode::unavailable));
  EXPECT_TRUE(fails(store_->sync(), ErrorCode::unavailable));
  EXPECT_TRUE(fails(store_->scan("", ""), ErrorCode::unavailable));
  EXPECT_TRUE(
      fails(store_->ingest(std::vector<std::string>{"x"}, IngestBy::copy), ErrorCode::unavailable));
  EXPECT_TRUE(fails(store_->abandon("a", "b"), ErrorCode::unavailable));
  EXPECT_TRUE(fails(store_->close(), ErrorCode::unavailable));
}

INSTANTIATE_TEST_SUITE_P(Stores, KvStoreTest, testing::Values("memory", "rocks"),
                         [](const auto& test) { return std::string(test.param); });

TEST(MemoryStore, ACrashLosesExactlyWhatWasNotSynced) {
  MemoryStore store;
  WriteBatch batch;
  batch.put("a", "1");
  need(store.write(batch, Durability::buffered));
  batch.clear();
  batch.put("b", "2");
  need(store.write(batch, Durability::synced));
  batch.clear();
  batch.remove("a");
  batch.put("c", "3");
  need(store.write(batch, Durability::buffered));
  EXPECT_EQ(entries_of(store), (Entries{{"b", "2"}, {"c", "3"}}));
  store.crash();
  EXPECT_EQ(entries_of(store), (Entries{{"a", "1"}, {"b", "2"}}));
  need(store.close());
  store.crash();
  EXPECT_EQ(entries_of(store), (Entries{{"a", "1"}, {"b", "2"}})) << "open again after a crash";
}

}  // namespace
}  // namespace ballast
