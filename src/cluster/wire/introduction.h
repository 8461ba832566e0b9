// What a node says first on each new link, and what it is answered. A peer takes nothing else from
// a node before its introduction. Whose votes count hangs on both: see member_watch.h.
//
// Both messages are a format number and fields {tag u8, length varint, bytes} in any order. Who
// reads skips tags that it does not know, so that later versions can say more. A tag is never used
// for anything else.
//
// Pure: no sockets, no disk. THREAD: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/paxos/types.h"
#include "cluster/wire/leaderships.h"
#include "cluster/wire/skip_list.h"

namespace clustron::cluster {

// How far a log goes: the highest ballot promised in it, and the last slot up to which every slot
// is there (one whose record is damaged counts as there).
struct Standing {
  paxos::Ballot ballot;
  paxos::Slot slot = 0;

  // Less than `other` in ballot or slot.
  bool Lacks(const Standing& other) const { return ballot < other.ballot || slot < other.slot; }
  friend bool operator==(const Standing&, const Standing&) = default;
};

struct Introduction {
  uint64_t boot = 0;             // rises with each start of the directory; 0: refused
  uint64_t nonce = 0;            // random, another one in each life of a process; 0: refused
  uint16_t feature_version = 1;  // the highest that the sender supports
  Standing held;                 // of its log when the process started
  bool set_back = false;         // as it knows itself
  uint64_t recovered_boot = 0;   // the boot in which it last recovered from that; 0: never
  uint16_t in_force = 1;         // the feature version of its state
  SkipList skips;                // what its operator has left out
  // The last 64th slot that it has applied, and its digest there; 0: none.
  paxos::Slot digest_slot = 0;
  uint64_t digest = 0;
  // How much it has applied, and which leaders wrote that; 0: it can't say now.
  paxos::Slot applied = 0;
  Leaderships leaderships;

  friend bool operator==(const Introduction&, const Introduction&) = default;
};

// The introduction of (boot, nonce) has been taken, or refused.
struct IntroductionAnswer {
  uint64_t boot = 0;            // repeats the introduction's
  uint64_t nonce = 0;           // the same
  uint64_t recovered_boot = 0;  // the same
  // It is durably remembered as the member's newest start. False: `known_boot` was seen, so the
  // member has to come with a higher one.
  bool recorded = true;
  bool set_back = false;      // the member's directory is an earlier one: its votes don't count
  std::string why;            // then: in words
  uint64_t known_boot = 0;    // the highest boot of that member known here
  paxos::Ballot highest;      // the highest ballot known here, read after it was recorded
  paxos::Slot chosen = 0;     // the chosen prefix here
  bool accepts_loss = false;  // an operator has said cluster-accept-loss here
  uint64_t by = 0;            // the nonce of the life that answers; 0: a version that doesn't say

  friend bool operator==(const IntroductionAnswer&, const IntroductionAnswer&) = default;
};

// Bodies of WireKind::kIntroduction, kIntroductionAnswer and kStanding.
std::string EncodeIntroduction(const Introduction& introduction);
std::string EncodeIntroductionAnswer(const IntroductionAnswer& answer);
std::string EncodeStanding(const Standing& standing);
// False: malformed, another format, or a field that must be there is missing.
bool DecodeIntroduction(std::string_view body, Introduction* introduction);
bool DecodeIntroductionAnswer(std::string_view body, IntroductionAnswer* answer);
bool DecodeStanding(std::string_view body, Standing* standing);

}  // namespace clustron::cluster
