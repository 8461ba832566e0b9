// What nodes say to each other while a cluster is being formed: one call is a Hello each, a request
// and an answer. Request and answer are sealed: a proof over both Hellos and the text stands behind
// it, so that nobody without the cluster's secret can say that a node is empty, or formed.
// Described in peer_frame.md. Pure. THREAD: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cluster/wire/peer_hello.h"

namespace clustron::cluster {

// Of a request or an answer; a genesis is the longest.
inline constexpr size_t kSealedBytesMax = 64 * 1024;
// Begins a refusal in plain words, for whoever can't read anything else. A sealed text begins with
// a small number, a Hello with a letter.
inline constexpr char kRefusal = '!';

// kTakePlace: of a running member, by one who has lost its disk and comes back in the place that
// its Hello names.
enum class FormationAsk : uint8_t { kState = 1, kGenesis = 2, kGo = 3, kTakePlace = 4 };
// kNone is never sent: no answer came, or none that could be understood.
enum class FormationState : uint8_t {
  kNone = 0,
  kEmpty = 1,
  kPrepared = 2,
  kFormed = 3,
  kRefused = 4
};

struct FormationAnswer {
  FormationState state = FormationState::kEmpty;
  std::string cluster_id;
  std::string text;  // kRefused, kNone: why
  bool usable() const {
    return state != FormationState::kRefused && state != FormationState::kNone;
  }
};

// The text of an answer to kTakePlace that grants it.
struct PlaceGrant {
  std::string genesis;      // EncodeGenesis
  uint64_t known_boot = 0;  // the highest of that member known there
};
std::string EncodePlaceGrant(const PlaceGrant& grant);
bool DecodePlaceGrant(std::string_view bytes, PlaceGrant* grant);

std::string EncodeFormationAnswer(const FormationAnswer& answer);
Result<FormationAnswer> DecodeFormationAnswer(std::string_view bytes);

std::string Seal(std::string_view secret, Role sender, const Hellos& hellos, std::string_view text);

// A proof that is whole and wrong was made with another secret, or for another conversation.
enum class Unsealed : uint8_t { kOk, kMalformed, kOtherSecret };
// Takes the proof off the end of *text.
Unsealed Unseal(std::string_view secret, Role sender, const Hellos& hellos, std::string* text);

}  // namespace clustron::cluster
