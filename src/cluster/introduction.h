// What a node says first on each new link, and what it is answered. A peer takes nothing else from
// a node before its introduction.
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

namespace clustron::cluster {

struct Introduction {
  uint64_t boot = 0;             // rises with each start of the directory; 0: refused
  uint64_t nonce = 0;            // random, another one in each life of a process; 0: refused
  uint16_t feature_version = 1;  // the highest that the sender supports

  friend bool operator==(const Introduction&, const Introduction&) = default;
};

// The introduction of (boot, nonce) has been taken.
struct IntroductionAnswer {
  uint64_t boot = 0;   // repeats the introduction's
  uint64_t nonce = 0;  // the same

  friend bool operator==(const IntroductionAnswer&, const IntroductionAnswer&) = default;
};

// Bodies of WireKind::kIntroduction and kIntroductionAnswer.
std::string EncodeIntroduction(const Introduction& introduction);
std::string EncodeIntroductionAnswer(const IntroductionAnswer& answer);
// False: malformed, another format, or a field that must be there is missing.
bool DecodeIntroduction(std::string_view body, Introduction* introduction);
bool DecodeIntroductionAnswer(std::string_view body, IntroductionAnswer* answer);

}  // namespace clustron::cluster
