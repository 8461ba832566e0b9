#include "persist/wal_format.h"

#include <doctest/doctest.h>

#include <string>

#include "base/crc.h"
#include "persist/wal_writer.h"

namespace clustron::persist {
namespace {

WalHeader Sample(std::string_view payload) {
  WalHeader header;
  header.type = WalType::kAccept;
  header.kind = 3;
  header.payload_size = static_cast<uint32_t>(payload.size());
  header.payload_crc = Crc32c(payload);
  header.lsn = 0x1122334455;
  header.slot = 77;
  header.ballot = {.round = 9, .node = 2};
  header.first_ballot = {.round = 8, .node = 1};
  header.promised = {.round = 10, .node = 3};
  header.max_slot = 80;
  header.chosen = 60;
  header.durable = 0x1122334400;
  header.prev_type = WalType::kChosen;
  header.prev_slot = 0;
  header.recent_low = 70;
  header.recent_high = 80;
  return header;
}

}  // namespace

TEST_CASE("wal format: a record is what wal_format.md says") {
  const std::string payload = "payload!";
  std::string bytes;
  EncodeWalRecord(1, 2, 512, Sample(payload), payload, &bytes);
  CHECK(bytes.size() == WalRecordBytes(payload.size()));
  CHECK(bytes.size() == 128 + 8 + 8);
  CHECK(bytes.substr(0, 4) == "CLR1");
  CHECK(bytes.substr(8, 3) == "\x02\x03\x03");
  CHECK(bytes.substr(12, 4) == std::string("\x08\0\0\0", 4));
  CHECK(bytes.substr(20, 8) == std::string("\x55\x44\x33\x22\x11\0\0\0", 8));
  CHECK(bytes.substr(28, 8) == std::string("\x4d\0\0\0\0\0\0\0", 8));
  CHECK(bytes.substr(36, 12) == std::string("\x09\0\0\0\0\0\0\0\x02\0\0\0", 12));
  CHECK(bytes.substr(112, 8) == std::string("\x50\0\0\0\0\0\0\0", 8));
  CHECK(bytes.substr(120, 8) == std::string(8, '\xff'));
  CHECK(bytes.substr(128, 8) == payload);
  CHECK(bytes.substr(136) == std::string(8, '\xff'));
  for (uint64_t size = 0; size < 40; ++size) {
    CHECK(WalRecordBytes(size) % kWalAlignment == 0);
    CHECK(WalRecordBytes(size) > kWalRecordHeaderBytes + size);
  }
}

TEST_CASE("wal format: a header is one only in its log, its segment, its place") {
  std::string bytes;
  EncodeWalRecord(1, 2, 512, Sample("x"), "x", &bytes);
  const auto header = DecodeWalHeader(1, 2, 512, bytes);
  REQUIRE(header);
  CHECK(header->lsn == 0x1122334455);
  CHECK(header->slot == 77);
  CHECK(header->ballot == WalBallot{.round = 9, .node = 2});
  CHECK(header->first_ballot == WalBallot{.round = 8, .node = 1});
  CHECK(header->promised == WalBallot{.round = 10, .node = 3});
  CHECK(header->max_slot == 80);
  CHECK(header->chosen == 60);
  CHECK(header->durable == 0x1122334400);
  CHECK(header->prev_type == WalType::kChosen);
  CHECK(header->recent_low == 70);
  CHECK(header->recent_high == 80);
  CHECK(!DecodeWalHeader(2, 2, 512, bytes));
  CHECK(!DecodeWalHeader(1, 3, 512, bytes));
  CHECK(!DecodeWalHeader(1, 2, 520, bytes));
  CHECK(!DecodeWalHeader(1, 2, 512, bytes.substr(0, 127)));
  for (size_t at = 0; at < kWalRecordHeaderBytes; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      CHECK(!DecodeWalHeader(1, 2, 512, flipped));
    }
  }
}

TEST_CASE("wal format: segment headers and names") {
  const std::string bytes = EncodeWalSegmentHeader(1, 7, 99);
  CHECK(bytes.size() == kWalSegmentHeaderBytes);
  CHECK(DecodeWalSegmentHeader(1, 7, bytes) == Lsn{99});
  CHECK(!DecodeWalSegmentHeader(2, 7, bytes));
  CHECK(!DecodeWalSegmentHeader(1, 8, bytes));
  CHECK(!DecodeWalSegmentHeader(1, 7, ""));
  CHECK(WalSegmentName(7) == "0000000000000007.log");
  CHECK(ParseWalSegmentName("0000000000000007.log") == uint64_t{7});
  CHECK(!ParseWalSegmentName("0000000000000000.log"));
  CHECK(!ParseWalSegmentName("7.log"));
  CHECK(!ParseWalSegmentName("000000000000000x.log"));
  CHECK(!ParseWalSegmentName("0000000000000007.tmp"));
}

TEST_CASE("wal format: a base comes back whole or not at all") {
  WalBase base;
  base.promised = {.round = 1, .node = 2};
  base.floor = 3;
  base.first_segment = 4;
  base.chosen = 5;
  base.max_slot = 6;
  base.durable = 7;
  base.durable_segment = 8;
  base.durable_offset = 9;
  base.durable_type = WalType::kAccept;
  base.durable_slot = 10;
  base.mark = "marks";
  std::string bytes;
  EncodeWalBase(base, &bytes);
  CHECK(DecodeWalBase(bytes) == base);
  for (size_t size = 0; size < bytes.size(); ++size) CHECK(!DecodeWalBase(bytes.substr(0, size)));
  CHECK(!DecodeWalBase(bytes + "x"));
}

TEST_CASE("wal encoder: headers repeat what the records before were about") {
  WalOptions options;
  options.salt = 3;
  options.segment_bytes = 4096;
  WalEncoder encoder(options, WalEnd{});
  WalBuffer buffer;
  const auto add = [&](const WalRecord& record) {
    const WalLocation at = encoder.Add(record, 0, &buffer);
    const auto header = DecodeWalHeader(options.salt, at.segment, at.offset,
                                        buffer.Find(at.segment, at.offset, kWalRecordHeaderBytes));
    REQUIRE(header);
    return *header;
  };
  WalHeader header = add({.type = WalType::kAccept, .slot = 5, .ballot = {.round = 2, .node = 1}});
  CHECK(header.lsn == 2);  // behind the segment's base
  CHECK(header.prev_type == WalType::kBase);
  CHECK(header.recent_high == 0);
  CHECK(header.promised.round == 2);
  header = add({.type = WalType::kChosen, .slot = 4});
  CHECK(header.prev_type == WalType::kAccept);
  CHECK(header.prev_slot == 5);
  CHECK(header.recent_low == 5);
  CHECK(header.recent_high == 5);
  CHECK(header.chosen == 4);
  CHECK(header.max_slot == 5);
  uint64_t lowest = 5;
  for (uint64_t slot = 6; slot < 200; ++slot) {
    header = add({.type = WalType::kAccept, .slot = slot});
    CHECK(header.recent_high == slot - 1);
    CHECK(header.recent_low >= lowest);
    // All of the last 64 records, bases included, are covered.
    CHECK(header.recent_low <= (slot > 64 + 5 ? slot - 64 + 4 : 5));
    lowest = header.recent_low;
  }
  CHECK(encoder.segment() > 3);
  CHECK(lowest > 60);
}

}  // namespace clustron::persist
