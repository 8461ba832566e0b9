// Rows of the bitmap family: facts of each command and the syntax that COMMAND DOCS shows.
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

// BITFIELD writes unless all that it does is GET.
bool BitfieldKeys(std::span<const std::string_view> args, std::vector<KeyRef>* out);
// Nothing but GET is a read.
Class BitfieldClass(Args args);
void CmdSetbit(Context& ctx);
void CmdGetbit(Context& ctx);
void CmdBitcount(Context& ctx);
void CmdBitpos(Context& ctx);
void CmdBitop(Context& ctx);
void CmdBitfield(Context& ctx);
void CmdBitfieldRo(Context& ctx);

constexpr KeySpec kKeysBitop[] = {
    {.flags = KeySpec::kOw | KeySpec::kUpdate, .begin_index = 2},
    {.flags = KeySpec::kRo | KeySpec::kAccess, .begin_index = 3, .last = -1}};
constexpr KeySpec kKeysBitfield[] = {
    {.flags = KeySpec::kRw | KeySpec::kAccess | KeySpec::kUpdate | KeySpec::kVariableFlags}};

constexpr ArgSpec kSetbitArgs[] = {
    {.name = "key", .type = ArgSpec::Type::kKey, .key_spec_index = 0},
    {.name = "offset", .type = ArgSpec::Type::kInteger},
    {.name = "value", .type = ArgSpec::Type::kInteger}};
constexpr ArgSpec kGetbitArgs[] = {
    {.name = "key", .type = ArgSpec::Type::kKey, .key_spec_index = 0},
    {.name = "offset", .type = ArgSpec::Type::kInteger}};
constexpr ArgSpec kBitcountArgsIndexIndexUnit[] = {
    {.name = "byte", .type = ArgSpec::Type::kPureToken, .token = "BYTE"},
    {.name = "bit", .type = ArgSpec::Type::kPureToken, .token = "BIT"}};
constexpr ArgSpec kBitcountArgsIndex[] = {{.name = "start", .type = ArgSpec::Type::kInteger},
                                          {.name = "end", .type = ArgSpec::Type::kInteger},
                                          {.name = "index_unit",
                                           .type = ArgSpec::Type::kOneOf,
                                           .flags = ArgSpec::kOptional,
                                           .since = "7.0.0",
                                           .args = kBitcountArgsIndexIndexUnit}};
constexpr ArgSpec kBitcountArgs[] = {
    {.name = "key", .type = ArgSpec::Type::kKey, .key_spec_index = 0},
    {.name = "index",
     .type = ArgSpec::Type::kBlock,
     .flags = ArgSpec::kOptional,
     .args = kBitcountArgsIndex}};
constexpr ArgSpec kBitposArgsIndexEndIndex[] = {{.name = "end", .type = ArgSpec::Type::kInteger},
                                                {.name = "index_unit",
                                                 .type = ArgSpec::Type::kOneOf,
                                                 .flags = ArgSpec::kOptional,
                                                 .since = "7.0.0",
                                                 .args = kBitcountArgsIndexIndexUnit}};
constexpr ArgSpec kBitposArgsIndex[] = {{.name = "start", .type = ArgSpec::Type::kInteger},
                                        {.name = "end_index",
                                         .type = ArgSpec::Type::kBlock,
                                         .flags = ArgSpec::kOptional,
                                         .args = kBitposArgsIndexEndIndex}};
constexpr ArgSpec kBitposArgs[] = {
    {.name = "key", .type = ArgSpec::Type::kKey, .key_spec_index = 0},
    {.name = "bit", .type = ArgSpec::Type::kInteger},
    {.name = "index",
     .type = ArgSpec::Type::kBlock,
     .flags = ArgSpec::kOptional,
     .args = kBitposArgsIndex}};
constexpr ArgSpec kBitopArgs[] = {
    {.name = "operation"},
    {.name = "destkey", .type = ArgSpec::Type::kKey, .key_spec_index = 0},
    {.name = "key", .type = ArgSpec::Type::kKey, .flags = ArgSpec::kMultiple, .key_spec_index = 1}};
constexpr ArgSpec kBitfieldArgsOperationEncodingOffset[] = {
    {.name = "encoding"}, {.name = "offset", .type = ArgSpec::Type::kInteger}};
constexpr ArgSpec kBitfieldArgsOperationWriteWrapSatFail[] = {
    {.name = "wrap", .type = ArgSpec::Type::kPureToken, .token = "WRAP"},
    {.name = "sat", .type = ArgSpec::Type::kPureToken, .token = "SAT"},
    {.name = "fail", .type = ArgSpec::Type::kPureToken, .token = "FAIL"}};
constexpr ArgSpec kBitfieldArgsOperationWriteWriteOperationEncodingOffsetValue[] = {
    {.name = "encoding"},
    {.name = "offset", .type = ArgSpec::Type::kInteger},
    {.name = "value", .type = ArgSpec::Type::kInteger}};
constexpr ArgSpec kBitfieldArgsOperationWriteWriteOperationEncodingOffsetIncrement[] = {
    {.name = "encoding"},
    {.name = "offset", .type = ArgSpec::Type::kInteger},
    {.name = "increment", .type = ArgSpec::Type::kInteger}};
constexpr ArgSpec kBitfieldArgsOperationWriteWriteOperation[] = {
    {.name = "encoding_offset_value",
     .type = ArgSpec::Type::kBlock,
     .token = "SET",
     .args = kBitfieldArgsOperationWriteWriteOperationEncodingOffsetValue},
    {.name = "encoding_offset_increment",
     .type = ArgSpec::Type::kBlock,
     .token = "INCRBY",
     .args = kBitfieldArgsOperationWriteWriteOperationEncodingOffsetIncrement}};
constexpr ArgSpec kBitfieldArgsOperationWrite[] = {
    {.name = "wrap_sat_fail",
     .type = ArgSpec::Type::kOneOf,
     .token = "OVERFLOW",
     .flags = ArgSpec::kOptional,
     .args = kBitfieldArgsOperationWriteWrapSatFail},
    {.name = "write_operation",
     .type = ArgSpec::Type::kOneOf,
     .args = kBitfieldArgsOperationWriteWriteOperation}};
constexpr ArgSpec kBitfieldArgsOperation[] = {
    {.name = "encoding_offset",
     .type = ArgSpec::Type::kBlock,
     .token = "GET",
     .args = kBitfieldArgsOperationEncodingOffset},
    {.name = "write", .type = ArgSpec::Type::kBlock, .args = kBitfieldArgsOperationWrite}};
constexpr ArgSpec kBitfieldArgs[] = {
    {.name = "key", .type = ArgSpec::Type::kKey, .key_spec_index = 0},
    {.name = "operation",
     .type = ArgSpec::Type::kOneOf,
     .flags = ArgSpec::kOptional | ArgSpec::kMultiple,
     .args = kBitfieldArgsOperation}};
constexpr ArgSpec kBitfieldRoArgs[] = {
    {.name = "key", .type = ArgSpec::Type::kKey, .key_spec_index = 0},
    {.name = "encoding_offset",
     .type = ArgSpec::Type::kBlock,
     .token = "GET",
     .flags = ArgSpec::kOptional | ArgSpec::kMultiple | ArgSpec::kMultipleToken,
     .args = kBitfieldArgsOperationEncodingOffset}};

inline constexpr CommandSpec kBitmapRows[] = {
    {.name = "SETBIT",
     .id = 130,
     .cls = Class::kWrite,
     .since = "2.2.0",
     .group = Group::kBitmap,
     .arity = 4,
     .flags = kDenyOom | kWriteFlag | kWide,
     .acl = kAclBitmap,
     .keys = kKeyReadUpdate1,
     .handler = CmdSetbit,
     .summary = "Sets or clears one bit of the string at a key.",
     .complexity = "O(1)",
     .args = kSetbitArgs},
    {.name = "GETBIT",
     .id = 131,
     .cls = Class::kRead,
     .since = "2.2.0",
     .group = Group::kBitmap,
     .arity = 3,
     .flags = kFast | kReadonly,
     .acl = kAclBitmap,
     .keys = kKeyRead1,
     .handler = CmdGetbit,
     .summary = "Returns one bit of the string at a key.",
     .complexity = "O(1)",
     .args = kGetbitArgs},
    {.name = "BITCOUNT",
     .id = 132,
     .cls = Class::kRead,
     .since = "2.6.0",
     .group = Group::kBitmap,
     .arity = -2,
     .flags = kReadonly | kWide,
     .acl = kAclBitmap,
     .keys = kKeyRead1,
     .handler = CmdBitcount,
     .summary = "Counts the bits that are set in a string or a part of it.",
     .complexity = "O(N)",
     .args = kBitcountArgs},
    {.name = "BITPOS",
     .id = 133,
     .cls = Class::kRead,
     .since = "2.8.7",
     .group = Group::kBitmap,
     .arity = -3,
     .flags = kReadonly | kWide,
     .acl = kAclBitmap,
     .keys = kKeyRead1,
     .handler = CmdBitpos,
     .summary = "Finds the first bit of a value in a string or a part of it.",
     .complexity = "O(N)",
     .args = kBitposArgs},
    {.name = "BITOP",
     .id = 134,
     .cls = Class::kWrite,
     .since = "2.6.0",
     .group = Group::kBitmap,
     .arity = -4,
     .flags = kDenyOom | kWriteFlag | kWide,
     .acl = kAclBitmap,
     .keys = kKeysBitop,
     .handler = CmdBitop,
     .summary = "Combines strings bit by bit into another key.",
     .complexity = "O(N)",
     .args = kBitopArgs},
    {.name = "BITFIELD",
     .id = 135,
     .cls = Class::kWrite,
     .since = "3.2.0",
     .group = Group::kBitmap,
     .arity = -2,
     .flags = kDenyOom | kWriteFlag | kWide,
     .acl = kAclBitmap,
     .keys = kKeysBitfield,
     .get_keys = BitfieldKeys,
     .handler = CmdBitfield,
     .summary = "Reads, sets and increments integers of any width in a string.",
     .complexity = "O(1) a subcommand",
     .args = kBitfieldArgs,
     .class_of = BitfieldClass},
    {.name = "BITFIELD_RO",
     .id = 136,
     .cls = Class::kRead,
     .since = "6.0.0",
     .group = Group::kBitmap,
     .arity = -2,
     .flags = kFast | kReadonly,
     .acl = kAclBitmap,
     .keys = kKeyRead1,
     .handler = CmdBitfieldRo,
     .summary = "Reads integers of any width in a string.",
     .complexity = "O(1) a subcommand",
     .args = kBitfieldRoArgs},
};

}  // namespace clustron::commands
