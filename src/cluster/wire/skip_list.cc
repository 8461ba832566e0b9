#include "cluster/wire/skip_list.h"

#include <algorithm>
#include <charconv>

#include "base/hash.h"
#include "base/rng.h"

namespace clustron::cluster {

uint64_t HashOf(const paxos::Value& value) {
  const uint64_t ballot = Mix64(value.first_ballot.round) ^ value.first_ballot.node;
  return HashBytes(paxos::BytesOf(value.payload),
                   ballot ^ Mix64(static_cast<uint64_t>(value.kind)));
}

std::string HashText(uint64_t hash) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (size_t i = 16; i-- > 0; hash >>= 4) text[i] = kDigits[hash & 15];
  return text;
}

std::string SkipText(const Skip& skip) {
  return std::to_string(skip.slot) + ":" + HashText(skip.hash);
}

Result<SkipWord> ParseSkip(std::string_view word) {
  const auto wrong = [&] {
    return Fail(
        Errc::kInvalidArgument,
        "skip-slot: SLOT:HASH (16 hex digits) or SLOT:keep expected, not " + std::string(word));
  };
  SkipWord parsed;
  const char* const end = word.data() + word.size();
  const auto [colon, error] = std::from_chars(word.data(), end, parsed.skip.slot);
  if (error != std::errc() || colon == end || *colon != ':' || parsed.skip.slot == 0)
    return wrong();
  const std::string_view hash(colon + 1, static_cast<size_t>(end - colon) - 1);
  if (hash == "keep") {
    parsed.keep = true;
    return parsed;
  }
  const auto [last, bad] = std::from_chars(hash.data(), end, parsed.skip.hash, 16);
  if (bad != std::errc() || last != end || hash.size() != 16) return wrong();
  return parsed;
}

bool SkipList::Set(const Skip& skip) {
  Remove(skip.slot);
  if (skips_.size() == kCountMax) return false;
  skips_.push_back(skip);
  std::sort(skips_.begin(), skips_.end(),
            [](const Skip& a, const Skip& b) { return a.slot < b.slot; });
  return true;
}

void SkipList::Remove(paxos::Slot slot) {
  std::erase_if(skips_, [slot](const Skip& skip) { return skip.slot == slot; });
}

bool SkipList::ReplaceAbove(paxos::Slot slot, const SkipList& by) {
  std::erase_if(skips_, [slot](const Skip& skip) { return skip.slot > slot; });
  return std::all_of(by.skips_.begin(), by.skips_.end(),
                     [&](const Skip& skip) { return skip.slot <= slot || Set(skip); });
}

std::string SkipList::Text() const {
  if (skips_.empty()) return "none";
  std::string text;
  for (const Skip& skip : skips_) text += (text.empty() ? "" : ",") + SkipText(skip);
  return text;
}

void SkipList::Encode(std::string* out) const {
  Writer writer(out);
  writer.Varint(skips_.size());
  for (const Skip& skip : skips_) {
    writer.U64(skip.slot);
    writer.U64(skip.hash);
  }
}

Status SkipList::Decode(Reader* in) {
  skips_.clear();
  const uint64_t count = in->Varint();
  for (uint64_t i = 0; i < count && in->ok(); ++i) {
    Skip skip;
    skip.slot = in->U64();
    skip.hash = in->U64();
    if (!Set(skip)) return Fail(Errc::kCorruption, "too many slots to skip");
  }
  return in->ok() ? Status() : Fail(Errc::kCorruption, "the slots to skip are cut short");
}

}  // namespace clustron::cluster
