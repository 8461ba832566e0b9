// Snapshot files and Redis's own dumps: whatever is in them, loading ends with a state or an error.
// A state that was loaded can be written and loaded again, and is then the same. Checksums are made
// right first, so that changed bytes reach the readers behind them. What a check lets pass can be
// loaded, and what can be loaded passes it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

#include "base/check.h"
#include "base/crc64.h"
#include "persist/lzf.h"
#include "persist/packed_reader.h"
#include "state/executor.h"
#include "state/snapshot_source.h"
#include "store/keyspace/key_meta.h"

namespace {

using namespace clustron;

class MemoryFile final : public persist::File {
 public:
  explicit MemoryFile(std::string bytes) : bytes_(std::move(bytes)) {}
  Result<size_t> ReadAt(uint64_t offset, char* out, size_t size) override {
    const std::string_view rest =
        std::string_view(bytes_).substr(std::min<uint64_t>(offset, bytes_.size()));
    return rest.copy(out, size);
  }
  Status WriteAt(uint64_t, std::string_view) override { UNREACHABLE(); }
  Status Sync() override { UNREACHABLE(); }
  Status Allocate(uint64_t) override { UNREACHABLE(); }
  Status Truncate(uint64_t) override { UNREACHABLE(); }
  Result<uint64_t> Size() override { return bytes_.size(); }

 private:
  std::string bytes_;
};

std::string WithChecksum(std::string_view body) {
  std::string file(body);
  for (uint64_t crc = Crc64(body), i = 0; i < 8; ++i, crc >>= 8)
    file.push_back(static_cast<char>(crc));
  return file;
}

std::string Written(state::Executor& executor) {
  state::ExecutorSnapshot source(executor);
  std::string bytes;
  while (source.Step(1000, &bytes) == cluster::SnapshotSource::Progress::kMore) {
  }
  return bytes;
}

// A few keys at a time, as a node loads what a peer sent.
Status ToItsEnd(cluster::SnapshotRestore& restore) {
  for (;;) {
    ASSIGN_OR_RETURN(const bool done, restore.Step(3));
    if (done) return {};
  }
}
Status Load(persist::File& file, state::Executor& executor) {
  return ToItsEnd(*state::BeginLoad(file, executor));
}

void FuzzLoad(std::string_view input) {
  constexpr uint64_t kSeed = 7;
  MemoryFile file(WithChecksum(input.substr(0, input.size() - std::min<size_t>(input.size(), 8))));
  state::Executor executor(kSeed);
  const Status first = Load(file, executor);
  const state::Executor fresh(kSeed);
  const Status checked =
      ToItsEnd(*state::BeginCheck(file, fresh, first ? executor.applied_slot() : 0));
  CHECK(checked.has_value() == first.has_value());
  if (!first) return;
  MemoryFile second(Written(executor));
  state::Executor again(kSeed);
  const Status loaded = Load(second, again);
  if (!loaded) std::fprintf(stderr, "written, but not read: %s\n", loaded.error().detail.c_str());
  CHECK(loaded.has_value());
  CHECK(again.store().Digest() == executor.store().Digest());
  CHECK(Written(again) == Written(executor));
}

void FuzzParts(std::string_view input) {
  std::string out;
  if (persist::LzfDecompress(input, 300, &out)) CHECK(out.size() == 300);
  for (const auto format :
       {persist::PackedReader::Format::kListpack, persist::PackedReader::Format::kZiplist}) {
    persist::PackedReader reader(format, input);
    uint64_t count = 0;
    const bool countable = reader.Count(&count);
    std::string_view element;
    uint64_t seen = 0;
    while (reader.Next(&element)) ++seen;
    CHECK(countable == reader.ok());
    if (countable) CHECK(count == seen);
    CHECK(seen <= input.size());
  }
  if (const auto meta = store::KeyMeta::Decode(input)) {
    std::string bytes;
    meta->Encode(&bytes);
    const auto again = store::KeyMeta::Decode(bytes);
    CHECK(again.has_value());
    CHECK(*again == *meta);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  FuzzParts(input);
  FuzzLoad(input);
  return 0;
}
