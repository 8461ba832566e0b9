// Rows of the bitmap family: facts of each command and the syntax that COMMAND DOCS shows.
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

HandlerFn CmdSetbit, CmdGetbit, CmdBitcount, CmdBitpos, CmdBitop, CmdBitfield, CmdBitfieldRo;

// BITFIELD writes unless all that it does is GET.
bool BitfieldKeys(std::span<const std::string_view> args, std::vector<KeyRef>* out);
// Nothing but GET is a read.
Class BitfieldClass(Args args);

constexpr KeySpec kKeysBitop[] = {
    {.flags = KeySpec::kOw | KeySpec::kUpdate, .begin_index = 2},
    {.flags = KeySpec::kRo | KeySpec::kAccess, .begin_index = 3, .last = -1}};

// clang-format off
inline constexpr CommandSpec kBitmapRows[] = {
    {.name = "SETBIT", .id = 130, .since = "2.2.0", .arity = 4, .cls = Class::kWrite,
     .group = Group::kBitmap, .flags = kDenyOom | kWriteFlag | kWide, .acl = kAclBitmap,
     .keys = kKeyReadUpdate1, .handler = CmdSetbit,
     .syntax = "key offset:int value:int",
     .summary = "Sets or clears one bit of the string at a key.", .complexity = "O(1)"},
    {.name = "GETBIT", .id = 131, .since = "2.2.0", .arity = 3, .cls = Class::kRead,
     .group = Group::kBitmap, .flags = kFast | kReadonly, .acl = kAclBitmap,
     .keys = kKeyRead1, .handler = CmdGetbit,
     .syntax = "key offset:int",
     .summary = "Returns one bit of the string at a key.", .complexity = "O(1)"},
    {.name = "BITCOUNT", .id = 132, .since = "2.6.0", .arity = -2, .cls = Class::kRead,
     .group = Group::kBitmap, .flags = kReadonly | kWide, .acl = kAclBitmap,
     .keys = kKeyRead1, .handler = CmdBitcount,
     .syntax = "key index=[start:int end:int index_unit=[BYTE|BIT]@7.0.0]",
     .summary = "Counts the bits that are set in a string or a part of it.", .complexity = "O(N)"},
    {.name = "BITPOS", .id = 133, .since = "2.8.7", .arity = -3, .cls = Class::kRead,
     .group = Group::kBitmap, .flags = kReadonly | kWide, .acl = kAclBitmap,
     .keys = kKeyRead1, .handler = CmdBitpos,
     .syntax = "key bit:int index=[start:int end_index=[end:int index_unit=[BYTE|BIT]@7.0.0]]",
     .summary = "Finds the first bit of a value in a string or a part of it.",
     .complexity = "O(N)"},
    {.name = "BITOP", .id = 134, .since = "2.6.0", .arity = -4, .cls = Class::kWrite,
     .group = Group::kBitmap, .flags = kDenyOom | kWriteFlag | kWide, .acl = kAclBitmap,
     .keys = kKeysBitop, .handler = CmdBitop,
     .syntax = "operation destkey:key key...",
     .summary = "Combines strings bit by bit into another key.", .complexity = "O(N)"},
    {.name = "BITFIELD", .id = 135, .since = "3.2.0", .arity = -2, .cls = Class::kWrite,
     .group = Group::kBitmap, .flags = kDenyOom | kWriteFlag | kWide, .acl = kAclBitmap,
     .keys = kKeyVariable1, .get_keys = BitfieldKeys, .handler = CmdBitfield,
     .class_of = BitfieldClass,
     .syntax = "key operation=[GET (encoding offset:int)|"
               "write=([OVERFLOW (WRAP|SAT|FAIL)] "
               "write_operation=(SET (encoding offset:int value:int)|"
               "INCRBY (encoding offset:int increment:int)))]...",
     .summary = "Reads, sets and increments integers of any width in a string.",
     .complexity = "O(1) a subcommand"},
    {.name = "BITFIELD_RO", .id = 136, .since = "6.0.0", .arity = -2, .cls = Class::kRead,
     .group = Group::kBitmap, .flags = kFast | kReadonly, .acl = kAclBitmap,
     .keys = kKeyRead1, .handler = CmdBitfieldRo,
     .syntax = "key [GET... (encoding offset:int)]",
     .summary = "Reads integers of any width in a string.", .complexity = "O(1) a subcommand"},
};
// clang-format on

}  // namespace clustron::commands
