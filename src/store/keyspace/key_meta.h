// What a key has besides its value: what an RDB file has no place for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/keyspace/key_record.h"

namespace clustron::store {

struct KeyMeta {
  Revision revision = 0;
  Deadline deadline;
  // How the value is kept, as far as its bytes don't say: of strings kInt, kEmbstr or kRaw (kBig
  // counts as raw); of collections, whether it is the small packed form.
  Form form = Form::kEmbstr;
  bool packed = false;
  // Not encoded: the value comes from elsewhere, and its builder looks at the bytes for its form,
  // as if a command had made it under default settings.
  bool foreign = false;

  static KeyMeta Of(const KeyRecord& e);
  // Of a value that another program has written; without a deadline.
  static KeyMeta Foreign();
  // A few bytes; the encoding is part of the snapshot format.
  void Encode(std::string* out) const;
  static Result<KeyMeta> Decode(std::string_view bytes);
  friend bool operator==(const KeyMeta&, const KeyMeta&) = default;
};

}  // namespace clustron::store
