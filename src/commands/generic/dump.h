// DUMP's payload of a value, for other commands that hand values out.
#pragma once

#include <string>

#include "store/keyspace/key_record.h"

namespace clustron::commands {

std::string DumpPayload(const store::KeyRecord& record);

}  // namespace clustron::commands
