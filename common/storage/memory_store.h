#pragma once

// A KvStore in memory, for simulation and tests: deterministic, with a crash that loses exactly
// what was not synced, which is the worst that RocksDB may do.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/storage/kv_store.h"

namespace ballast {

class MemoryStore final : public KvStore {
 public:
  MemoryStore();

  // The machine loses power and comes back: what was not synced is gone, and a closed store is
  // open again. Cursors from before stay valid and see the past.
  void crash();

  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) override;
  [[nodiscard]] Result<std::vector<std::optional<std::string>>> multi_get(
      std::span<const std::string_view> keys) override;
  [[nodiscard]] Status write(const WriteBatch& batch, Durability durability) override;
  [[nodiscard]] Status sync() override;
  [[nodiscard]] Result<std::unique_ptr<KvCursor>> scan(std::string_view begin,
                                                       std::string_view end) override;
  [[nodiscard]] Status ingest(std::span<const std::string> paths, IngestBy by) override;
  [[nodiscard]] KvFigures figures() const override { return {}; }
  [[nodiscard]] Status abandon(std::string_view begin, std::string_view end) override;
  [[nodiscard]] Status close() override;

 private:
  using Entries = std::map<std::string, std::string, std::less<>>;

  void apply(const WriteBatch& batch, Entries& entries) const;
  [[nodiscard]] Status check_open() const;

  Entries entries_;                   // What readers see.
  Entries durable_;                   // What a crash leaves.
  std::vector<WriteBatch> unsynced_;  // From durable_ to entries_, in order.
  enum class State { open, closed } state_ = State::open;
};

}  // namespace ballast
