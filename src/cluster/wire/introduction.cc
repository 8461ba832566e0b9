#include "cluster/wire/introduction.h"

#include "base/coding.h"
#include "cluster/paxos/messages.h"

namespace clustron::cluster {

namespace {

constexpr uint8_t kFormat = 1;
// Sessions have 32 bits for it, and one more must be possible.
constexpr uint64_t kBootMax = 0xfffffffe;

enum class Tag : uint8_t {
  kBoot = 1,            // u64
  kNonce = 2,           // u64
  kFeatureVersion = 3,  // u16
  kHeld = 4,            // standing: round u64, node u32, slot u64
  kSetBack = 5,         // u8 1: it is; u64 recovered boot
  kRecorded = 6,        // u8 1: yes; u64 known boot
  kVerdict = 7,         // u8 1: set back; the rest: why
  kKnown = 8,           // standing: highest ballot, chosen slot
  kAcceptsLoss = 9,     // u8 1: yes
  kInForce = 10,        // u16
  kSkips = 11,          // SkipList
  kDigest = 12,         // u64 slot, u64 digest
  kLeaderships = 13,    // u64 applied slot, Leaderships
  kRecovered = 14,      // u64 recovered boot
  kBy = 15,             // u64 nonce
};

void Put(Writer& out, const Standing& standing) {
  out.U64(standing.ballot.round);
  out.U32(standing.ballot.node);
  out.U64(standing.slot);
}

Standing GetStanding(Reader& in) {
  Standing standing;
  standing.ballot.round = in.U64();
  standing.ballot.node = in.U32();
  standing.slot = in.U64();
  return standing;
}

bool Possible(const Standing& standing) { return standing.ballot.round <= paxos::kMaxRound; }

class FieldWriter {
 public:
  FieldWriter() { Writer(&out_).U8(kFormat); }
  // `fill` appends the field's bytes with the Writer that it gets.
  template <typename F>
  void Add(Tag tag, F&& fill) {
    std::string bytes;
    Writer writer(&bytes);
    fill(writer);
    Writer out(&out_);
    out.U8(static_cast<uint8_t>(tag));
    out.Bytes(bytes);
  }
  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

// Calls take(tag, reader of the field's bytes); a known field must be read to its end.
template <typename F>
bool ReadFields(std::string_view body, F&& take) {
  Reader reader(body);
  if (reader.U8() != kFormat) return false;
  while (reader.ok() && reader.remaining() > 0) {
    const Tag tag = static_cast<Tag>(reader.U8());
    Reader field(reader.Bytes());
    if (!reader.ok()) return false;
    if (take(tag, field) && !field.Done()) return false;
  }
  return reader.ok();
}

}  // namespace

std::string EncodeIntroduction(const Introduction& introduction) {
  FieldWriter fields;
  fields.Add(Tag::kBoot, [&](Writer& out) { out.U64(introduction.boot); });
  fields.Add(Tag::kNonce, [&](Writer& out) { out.U64(introduction.nonce); });
  fields.Add(Tag::kFeatureVersion, [&](Writer& out) { out.U16(introduction.feature_version); });
  fields.Add(Tag::kHeld, [&](Writer& out) { Put(out, introduction.held); });
  fields.Add(Tag::kSetBack, [&](Writer& out) {
    out.U8(introduction.set_back ? 1 : 0);
    out.U64(introduction.recovered_boot);
  });
  fields.Add(Tag::kInForce, [&](Writer& out) { out.U16(introduction.in_force); });
  std::string skips;
  introduction.skips.Encode(&skips);
  fields.Add(Tag::kSkips, [&](Writer& out) { out.Raw(skips); });
  fields.Add(Tag::kDigest, [&](Writer& out) {
    out.U64(introduction.digest_slot);
    out.U64(introduction.digest);
  });
  std::string leaderships;
  introduction.leaderships.Encode(&leaderships);
  fields.Add(Tag::kLeaderships, [&](Writer& out) {
    out.U64(introduction.applied);
    out.Raw(leaderships);
  });
  return fields.Take();
}

bool DecodeIntroduction(std::string_view body, Introduction* introduction) {
  *introduction = {};
  const bool read = ReadFields(body, [&](Tag tag, Reader& in) {
    switch (tag) {
      case Tag::kBoot:
        introduction->boot = in.U64();
        return true;
      case Tag::kNonce:
        introduction->nonce = in.U64();
        return true;
      case Tag::kFeatureVersion:
        introduction->feature_version = in.U16();
        return true;
      case Tag::kHeld:
        introduction->held = GetStanding(in);
        return true;
      case Tag::kSetBack:
        introduction->set_back = in.U8() != 0;
        introduction->recovered_boot = in.U64();
        return true;
      case Tag::kInForce:
        introduction->in_force = in.U16();
        return true;
      case Tag::kSkips:
        return introduction->skips.Decode(&in).has_value();
      case Tag::kDigest:
        introduction->digest_slot = in.U64();
        introduction->digest = in.U64();
        return true;
      case Tag::kLeaderships:
        introduction->applied = in.U64();
        return introduction->leaderships.Decode(&in).has_value();
      default:
        return false;
    }
  });
  return read && Possible(introduction->held) && introduction->boot != 0 &&
         introduction->boot <= kBootMax && introduction->nonce != 0;
}

std::string EncodeIntroductionAnswer(const IntroductionAnswer& answer) {
  FieldWriter fields;
  fields.Add(Tag::kBoot, [&](Writer& out) { out.U64(answer.boot); });
  fields.Add(Tag::kNonce, [&](Writer& out) { out.U64(answer.nonce); });
  fields.Add(Tag::kRecovered, [&](Writer& out) { out.U64(answer.recovered_boot); });
  fields.Add(Tag::kRecorded, [&](Writer& out) {
    out.U8(answer.recorded ? 1 : 0);
    out.U64(answer.known_boot);
  });
  fields.Add(Tag::kVerdict, [&](Writer& out) {
    out.U8(answer.set_back ? 1 : 0);
    out.Raw(answer.why);
  });
  fields.Add(Tag::kKnown, [&](Writer& out) { Put(out, {answer.highest, answer.chosen}); });
  fields.Add(Tag::kAcceptsLoss, [&](Writer& out) { out.U8(answer.accepts_loss ? 1 : 0); });
  fields.Add(Tag::kBy, [&](Writer& out) { out.U64(answer.by); });
  return fields.Take();
}

bool DecodeIntroductionAnswer(std::string_view body, IntroductionAnswer* answer) {
  constexpr size_t kWhyBytesMax = 500;  // it goes into log and INFO
  *answer = {};
  const bool read = ReadFields(body, [&](Tag tag, Reader& in) {
    switch (tag) {
      case Tag::kBoot:
        answer->boot = in.U64();
        return true;
      case Tag::kNonce:
        answer->nonce = in.U64();
        return true;
      case Tag::kRecovered:
        answer->recovered_boot = in.U64();
        return true;
      case Tag::kRecorded:
        answer->recorded = in.U8() != 0;
        answer->known_boot = in.U64();
        return true;
      case Tag::kVerdict:
        answer->set_back = in.U8() != 0;
        answer->why = in.Raw(in.remaining());
        return true;
      case Tag::kKnown: {
        const Standing known = GetStanding(in);
        answer->highest = known.ballot;
        answer->chosen = known.slot;
        return true;
      }
      case Tag::kAcceptsLoss:
        answer->accepts_loss = in.U8() != 0;
        return true;
      case Tag::kBy:
        answer->by = in.U64();
        return true;
      default:
        return false;
    }
  });
  return read && answer->highest.round <= paxos::kMaxRound && answer->nonce != 0 &&
         answer->known_boot <= kBootMax && answer->why.size() <= kWhyBytesMax;
}

std::string EncodeStanding(const Standing& standing) {
  std::string out;
  Writer writer(&out);
  Put(writer, standing);
  return out;
}

bool DecodeStanding(std::string_view body, Standing* standing) {
  Reader reader(body);
  *standing = GetStanding(reader);
  return reader.Done() && Possible(*standing);
}

}  // namespace clustron::cluster
