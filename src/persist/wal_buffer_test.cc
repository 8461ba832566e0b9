#include "persist/wal_buffer.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "persist/wal_writer.h"
#include "tests/sim/sim_fs.h"

namespace clustron::persist {
namespace {

TEST_CASE("a buffer keeps a big block while much is written in a row, and no longer") {
  WalBuffer buffer;
  const auto write = [&buffer](size_t size) {
    buffer.BeginPiece(1, 512);
    buffer.own()->assign(size, 'x');
    buffer.EndRecord(1);
    buffer.Clear();
    CHECK(buffer.empty());
    CHECK(buffer.size() == 0);
  };
  write(1000);
  CHECK(buffer.capacity() >= 1000);
  write(2'000'000);
  CHECK(buffer.capacity() >= 2'000'000);
  write(1000);
  CHECK(buffer.capacity() <= 1 << 20);
}

// A log written to a disk of its own, of whose files the bytes are compared.
struct Log {
  explicit Log(const WalOptions& options_in) : options(options_in), encoder(options, WalEnd{}) {
    REQUIRE(fs.MakeDir(options.dir));
  }

  void Add(uint64_t slot, const std::shared_ptr<const std::string>& payload, bool owned) {
    const WalLocation at = encoder.Add({.type = WalType::kAccept,
                                        .kind = 1,
                                        .slot = slot,
                                        .payload = *payload,
                                        .shared = owned ? Payload(payload) : Payload()},
                                       0, &buffer);
    CHECK(DecodeWalHeader(options.salt, at.segment, at.offset,
                          buffer.Find(at.segment, at.offset, kWalRecordHeaderBytes)));
    const std::string_view found =
        buffer.Find(at.segment, at.offset + kWalRecordHeaderBytes, payload->size());
    CHECK(found == *payload);
    const bool guest = owned && payload->size() >= WalBuffer::kGuestBytes;
    CHECK((found.data() == payload->data()) == guest);
  }

  // Of all segments, without the zeros behind the last record: how much is allocated there depends
  // on the room that there was.
  std::string Bytes() {
    std::string all;
    const std::vector<std::string> names = *fs.List(options.dir);
    for (const std::string& name : names) {
      all += name + *ReadFile(fs, options.dir + "/" + name, 100 << 20);
      all.resize(all.find_last_not_of('\0') + 1);
    }
    return all;
  }

  const WalOptions options;
  sim::SimFs fs;
  WalEncoder encoder;
  WalWriter writer{&fs, options};
  WalBuffer buffer;
};

TEST_CASE("a payload that is referred to stands on the disk as one that was copied") {
  WalOptions options;
  options.dir = "/log";
  options.salt = 3;
  options.segment_bytes = 1 << 20;
  Log copied(options);
  Log referred(options);
  Rng rng(7);
  uint64_t slot = 0;
  int full = 0;
  for (int round = 0; round < 20; ++round) {
    for (uint64_t i = rng.Below(8) + 1; i > 0; --i) {
      const size_t size = rng.Percent(50) ? rng.Below(100) : rng.Below(300'000);
      const auto payload = std::make_shared<const std::string>(size, static_cast<char>('a' + i));
      copied.Add(++slot, payload, false);
      referred.Add(slot, payload, true);
    }
    CHECK(copied.buffer.size() == referred.buffer.size());
    CHECK(copied.buffer.piece_count() == referred.buffer.piece_count());
    // A second try, after the disk was full somewhere in between, writes the same.
    if (rng.Percent(60)) {
      referred.fs.SetCapacity(referred.fs.used_bytes() + rng.Below(100'000));
      full += referred.writer.Write(&referred.buffer) ? 0 : 1;
      referred.fs.ClearFaults();
    }
    for (Log* log : {&copied, &referred}) {
      REQUIRE(log->writer.Write(&log->buffer));
      log->buffer.Clear();
    }
    CHECK(copied.Bytes() == referred.Bytes());
  }
  CHECK(full > 0);
}

}  // namespace
}  // namespace clustron::persist
