// What is no longer part of the store and waits to be freed, a slice at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <utility>

#include "store/keyspace/key_record_edit.h"
#include "store/keyspace/table.h"
#include "store/keyspace/value_type.h"

namespace clustron::store {

class Garbage {
 public:
  ~Garbage() {
    while (FreeSome(SIZE_MAX / 2)) {
    }
  }

  // Frees a small entry at once, keeps a big value for later.
  void Add(KeyRecord* e) {
    if (KeyRecordEdit::IsInline(*e)) return KeyRecordEdit::FreeShell(e);
    auto big = ValueTypeOf(*e).set_aside(KeyRecordEdit::Pointer(*e));
    if (big == nullptr) return KeyRecordEdit::Destroy(e);
    waiting_.push_back(std::move(big));
    KeyRecordEdit::FreeShell(e);
  }
  void Add(std::unique_ptr<SlicedFree> rows) { waiting_.push_back(std::move(rows)); }
  void Add(std::unique_ptr<Table> t) {
    if (t->size() > 0) tables_.push_back(std::move(t));
  }

  // Frees about `budget` elements, rows or keys, or pieces of 64 KB; true if more is left.
  bool FreeSome(size_t budget) {
    if (!waiting_.empty()) {
      if (!waiting_.front()->FreeSome(budget)) waiting_.pop_front();
    } else if (!tables_.empty()) {
      if (!tables_.front()->FreeSome(budget, [this](KeyRecord* e) { Add(e); })) tables_.pop_front();
    }
    return !waiting_.empty() || !tables_.empty();
  }

 private:
  std::deque<std::unique_ptr<SlicedFree>> waiting_;
  std::deque<std::unique_ptr<Table>> tables_;
};

}  // namespace clustron::store
