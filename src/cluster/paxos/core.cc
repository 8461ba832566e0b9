#include "cluster/paxos/core.h"

#include "base/hash.h"
#include "base/reach.h"

namespace clustron::paxos {

namespace {

std::string Text(const Ballot& ballot) {
  return std::to_string(ballot.round) + "." + std::to_string(ballot.node);
}

// The bytes are a client's: a hash of them is enough to tell values apart.
std::string Text(const Accepted& entry) {
  const std::string_view bytes = BytesOf(entry.value.payload);
  return "kind " + std::to_string(static_cast<int>(entry.value.kind)) + ", first proposed under " +
         Text(entry.value.first_ballot) + ", " + std::to_string(bytes.size()) + " bytes, hash " +
         std::to_string(HashBytes(bytes, 0)) + ", under ballot " + Text(entry.ballot);
}

}  // namespace

void Core::NoteContradiction(const Accepted& had, const Accepted& other) {
  REACH("paxos.two_values_in_one_slot");
  if (!contradiction.empty()) return;
  contradiction = "slot " + std::to_string(had.slot) + " has two values: (" + Text(had) +
                  ") here, (" + Text(other) +
                  ") from another node. A node has forgotten what it had promised or voted for; "
                  "nothing here can tell which";
}

}  // namespace clustron::paxos
