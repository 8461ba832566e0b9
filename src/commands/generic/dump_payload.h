// A value as DUMP gives it.
#pragma once

#include <string>

#include "store/keyspace/key_record.h"

namespace clustron::commands {

// In the form of RDB files, with version and checksum behind it.
std::string DumpPayload(const store::KeyRecord& record);

}  // namespace clustron::commands
