#include "cluster/paxos/messages.h"

#include <doctest/doctest.h>

#include "base/rng.h"

namespace clustron::paxos {
namespace {

Payload Bytes(std::string bytes) { return std::make_shared<const std::string>(std::move(bytes)); }

Accepted Entry(Slot slot, std::string bytes) {
  return {slot, {9, 2}, {EntryKind::kBatch, {7, 1}, Bytes(std::move(bytes))}};
}

std::vector<Message> Samples() {
  return {
      Heartbeat{1, -5, {3, 2}, 77, "blob"},
      Heartbeat{},
      HeartbeatReply{
          1, 1LL << 60, {3, 2}, {4, 1}, {3, 2}, true, false, 0, 70, 75, std::string(99, 'x')},
      HeartbeatReply{1, 2, {}, {}, {}, false, true, 450, 0, 0, ""},
      Prepare{{5, 3}, 78, {3, 2}},
      Promise{{5, 3}, 78, kMaxSlot, 77, 12, {Entry(79, "a"), Entry(81, "")}, {80, 82}},
      Nack{{5, 3}, {6, 1}},
      Accept{Entry(90, std::string(100'000, 'p')), 89},
      Accept{{91, {9, 2}, {EntryKind::kNoop, {9, 2}, nullptr}}, 89},
      AcceptOk{{9, 2}, 90, 0b101},
      Chosen{{9, 2}, 91},
      CatchUpRequest{12, kMaxSlot},
      CatchUpReply{91, 11, {Entry(12, "b"), Entry(13, "c")}},
      Release{{9, 2}, 3},
  };
}

std::string Encoded(const Message& message) {
  std::string bytes;
  Encode(message, &bytes);
  return bytes;
}

TEST_CASE("an entry that is most of a shared message is a part of it, others are copied") {
  for (const size_t size : {100u, 100'000u}) {
    const Accepted entry{7, {5, 2}, {EntryKind::kBatch, {5, 2}, Bytes(std::string(size, 'x'))}};
    const Accepted small{8, {5, 2}, {EntryKind::kBatch, {5, 2}, Bytes("small")}};
    const auto owner =
        std::make_shared<const std::string>("." + Encoded(CatchUpReply{9, 0, {entry, small}}));
    const auto within = [&](const Accepted& decoded) {
      const std::string_view bytes = BytesOf(decoded.value.payload);
      return bytes.data() >= owner->data() && bytes.data() < owner->data() + owner->size();
    };
    const Result<Message> decoded = Decode(std::string_view(*owner).substr(1), owner);
    REQUIRE(decoded);
    const auto& entries = std::get<CatchUpReply>(*decoded).entries;
    REQUIRE(entries.size() == 2);
    CHECK(entries[0] == entry);
    CHECK(entries[1] == small);
    CHECK(within(entries[0]));
    CHECK_FALSE(within(entries[1]));
    CHECK(owner.use_count() == 2);
  }
}

TEST_CASE("every message survives its encoding") {
  for (const Message& message : Samples()) {
    CAPTURE(NameOf(message));
    const std::string bytes = Encoded(message);
    const Result<Message> decoded = Decode(bytes);
    REQUIRE(decoded);
    CHECK(decoded->index() == message.index());
    CHECK(Encoded(*decoded) == bytes);
    CHECK(SizeBytes(*decoded) == SizeBytes(message));
  }
}

TEST_CASE("head and payload together are the whole encoding") {
  for (const Message& message : Samples()) {
    std::string head;
    const Payload payload = EncodeHead(message, &head);
    CHECK(head + std::string(BytesOf(payload)) == Encoded(message));
    if (const auto* accept = std::get_if<Accept>(&message)) {
      CHECK(payload.view() == accept->entry.value.payload.view());
      CHECK(head.size() < 64);
    }
  }
}

TEST_CASE("a promise keeps every field") {
  const Message message = Samples()[5];
  const Result<Message> decoded = Decode(Encoded(message));
  REQUIRE(decoded);
  const auto& before = std::get<Promise>(message);
  const auto& after = std::get<Promise>(*decoded);
  CHECK(after.ballot == before.ballot);
  CHECK(after.first == before.first);
  CHECK(after.last == before.last);
  CHECK(after.chosen == before.chosen);
  CHECK(after.compacted == before.compacted);
  CHECK(after.accepted == before.accepted);
  CHECK(after.unknown == before.unknown);
}

TEST_CASE("a message cut short or with something behind it is refused") {
  for (const Message& message : Samples()) {
    const std::string bytes = Encoded(message);
    CAPTURE(NameOf(message));
    const size_t step = bytes.size() > 1000 ? 997 : 1;
    for (size_t size = 0; size < bytes.size(); size += step) {
      CHECK_FALSE(Decode(std::string_view(bytes).substr(0, size)));
    }
    CHECK_FALSE(Decode(bytes + "x"));
  }
}

TEST_CASE("garbage and flipped bits never crash, and what is accepted is sound") {
  Rng rng(42);
  const std::vector<Message> samples = Samples();
  for (int i = 0; i < 60'000; ++i) {
    std::string bytes;
    if (rng.Percent(30)) {
      bytes.resize(rng.Below(60));
      for (char& c : bytes) c = static_cast<char>(rng.Next());
      if (!bytes.empty()) bytes[0] = static_cast<char>(rng.Below(13));
    } else {
      const size_t index = rng.Below(samples.size());
      if (index == 7) continue;  // the big one
      bytes = Encoded(samples[index]);
      for (uint64_t n = rng.Between(1, 3); n > 0; --n) {
        bytes[rng.Below(bytes.size())] = static_cast<char>(rng.Next());
      }
    }
    const Result<Message> decoded = Decode(bytes);
    if (!decoded) {
      CHECK(decoded.error().code == Errc::kCorruption);
      continue;
    }
    // Whatever was accepted can be said again and means the same.
    const std::string again = Encoded(*decoded);
    const Result<Message> twice = Decode(again);
    REQUIRE(twice);
    CHECK(Encoded(*twice) == again);
    if (const auto* promise = std::get_if<Promise>(&*decoded)) {
      for (const Accepted& entry : promise->accepted) {
        CHECK(entry.slot >= promise->first);
        CHECK(entry.slot <= promise->last);
        CHECK(entry.value.first_ballot <= entry.ballot);
      }
    }
  }
}

TEST_CASE("nonsense that would mislead is refused") {
  const auto refused = [](const Message& message) { return !Decode(Encoded(message)); };
  SUBCASE("entries out of order") {
    CHECK(refused(CatchUpReply{91, 11, {Entry(13, "b"), Entry(12, "c")}}));
    CHECK(refused(CatchUpReply{91, 11, {Entry(13, "b"), Entry(13, "c")}}));
  }
  SUBCASE("entries outside the range that a promise speaks for") {
    CHECK(refused(Promise{{5, 3}, 80, 90, 77, 12, {Entry(79, "a")}, {}}));
    CHECK(refused(Promise{{5, 3}, 80, 90, 77, 12, {}, {91}}));
  }
  SUBCASE("an entry first proposed after it was accepted") {
    CHECK(refused(Accept{{5, {2, 1}, {EntryKind::kBatch, {3, 1}, nullptr}}, 4}));
  }
  SUBCASE("slot none, ballot none") {
    CHECK(refused(Accept{{0, {2, 1}, {EntryKind::kBatch, {2, 1}, nullptr}}, 4}));
    CHECK(refused(Accept{{5, {}, {EntryKind::kBatch, {}, nullptr}}, 4}));
    CHECK(refused(Prepare{{0, 0}, 4, {}}));
    CHECK(refused(Prepare{{4, 1}, 0, {}}));
    CHECK(refused(Chosen{{4, 0}, 1}));
  }
  SUBCASE("numbers near the end of their range, which would wrap round") {
    CHECK(refused(Chosen{{4, 1}, kMaxSlot - 1}));
    CHECK(refused(Prepare{{~uint64_t{0}, 1}, 4, {}}));
  }
  SUBCASE("a blob beyond its bound") {
    CHECK(refused(Heartbeat{1, 2, {}, 3, std::string(kMaxBlobBytes + 1, 'x')}));
    CHECK_FALSE(refused(Heartbeat{1, 2, {}, 3, std::string(kMaxBlobBytes, 'x')}));
  }
}

TEST_CASE("entries on their own: head, bytes, and back") {
  const Accepted entry = Entry(5, "payload");
  std::string bytes;
  EncodeAcceptedHead(entry, &bytes);
  bytes += "payload";
  const Result<Accepted> decoded = DecodeAccepted(bytes);
  REQUIRE(decoded);
  CHECK(*decoded == entry);
  CHECK_FALSE(DecodeAccepted(bytes + "x"));
  CHECK_FALSE(DecodeAccepted(bytes.substr(1)));
}

TEST_CASE("heartbeats are urgent, bulk is not") {
  CHECK(IsUrgent(Heartbeat{}));
  CHECK(IsUrgent(HeartbeatReply{}));
  CHECK(IsUrgent(Prepare{}));
  CHECK_FALSE(IsUrgent(Accept{}));
  CatchUpReply reply;
  CHECK(IsUrgent(reply));  // says that what was asked for is on its way
  reply.entries.emplace_back();
  CHECK_FALSE(IsUrgent(reply));
}

}  // namespace
}  // namespace clustron::paxos
