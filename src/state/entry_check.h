// Whether this program can apply an entry, found out before anything of it is applied: an entry of
// a later version, an item or command that is not known here, bytes that are no items. Such an
// entry is chosen for good, so the node halts in front of it instead of guessing or dying of it.
//
// Pure: a function of the bytes and of what this program knows. THREAD: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/log/entry.h"

namespace clustron::state {

// Empty: it can be applied. Else why not, as the end of a sentence ("it holds …"). `supported`: the
// highest feature version that this program knows.
std::string WhyNotApplicable(std::string_view entry, uint16_t supported);

// The same of one item that a peer wants to have proposed: only clients' commands and void items
// come from others.
std::string WhyNotTaken(const cluster::ItemHeader& header, std::string_view item);

}  // namespace clustron::state
