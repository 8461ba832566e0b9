#include "store/keyspace/event_flags.h"

namespace clustron::store {

namespace {

// Letters in the order in which Redis prints them; those behind `A` stand for all of A.
struct Letter {
  char letter;
  uint32_t bit;
};
// Modules don't exist here: the letter is taken and kept, and never fires.
constexpr uint32_t kModuleBit = 1u << 16;
constexpr Letter kClasses[] = {
    {'g', EventBit(EventClass::kGeneric)}, {'$', EventBit(EventClass::kString)},
    {'l', EventBit(EventClass::kList)},    {'s', EventBit(EventClass::kSet)},
    {'h', EventBit(EventClass::kHash)},    {'z', EventBit(EventClass::kZset)},
    {'x', EventBit(EventClass::kExpired)}, {'e', EventBit(EventClass::kEvicted)},
    {'t', EventBit(EventClass::kStream)},  {'d', kModuleBit},
};
constexpr Letter kOthers[] = {
    {'n', EventBit(EventClass::kNew)},  // COMPAT: no part of A; Redis doesn't print it beside A
    {'K', kEventKeyspace},
    {'E', kEventKeyevent},
    {'m', EventBit(EventClass::kMiss)},
};

constexpr uint32_t All() {
  uint32_t all = 0;
  for (const Letter& letter : kClasses) all |= letter.bit;
  return all;
}

}  // namespace

Result<uint32_t> ParseEventFlags(std::string_view letters) {
  uint32_t flags = 0;
  for (char c : letters) {
    uint32_t bit = c == 'A' ? All() : 0;
    for (const Letter& letter : kClasses) bit |= letter.letter == c ? letter.bit : 0;
    for (const Letter& letter : kOthers) bit |= letter.letter == c ? letter.bit : 0;
    if (bit == 0) {
      return Fail(Errc::kInvalidArgument, "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
    }
    flags |= bit;
  }
  return flags;
}

std::string PrintEventFlags(uint32_t flags) {
  std::string letters;
  if ((flags & All()) == All()) {
    letters.push_back('A');
  } else {
    for (const Letter& letter : kClasses) {
      if (flags & letter.bit) letters.push_back(letter.letter);
    }
  }
  for (const Letter& letter : kOthers) {
    if (flags & letter.bit) letters.push_back(letter.letter);
  }
  return letters;
}

Result<std::string> CanonicalEventFlags(std::string_view letters) {
  ASSIGN_OR_RETURN(const uint32_t flags, ParseEventFlags(letters));
  return PrintEventFlags(flags);
}

int64_t EventFlagsNumber(std::string_view letters) {
  return static_cast<int64_t>(ParseEventFlags(letters).value_or(0));
}

}  // namespace clustron::store
