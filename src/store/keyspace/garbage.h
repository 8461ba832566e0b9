// What is no longer part of the store and waits to be freed, a slice at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>

#include "store/keyspace/key_record_edit.h"
#include "store/keyspace/table.h"
#include "store/tables/lease_table.h"
#include "store/tables/lock_table.h"
#include "store/types/hash/big_hash.h"
#include "store/types/hash/hash_edit.h"
#include "store/types/string/big_string.h"

namespace clustron::store {

class Garbage {
 public:
  ~Garbage() {
    while (FreeSome(SIZE_MAX / 2)) {
    }
  }

  // Frees a small entry at once, keeps a big value for later.
  void Add(KeyRecord* e) {
    if (e->form() == Form::kBig && KeyRecordEdit::Big(*e).piece_count() > kAtOnce) {
      strings_.emplace_back(&KeyRecordEdit::Big(*e));
    } else if (e->form() == Form::kObject && !e->hash().packed() &&
               e->hash().size() > kAtOnceItems) {
      hashes_.emplace_back(HashEdit::Big(KeyRecordEdit::Pointer(*e)));
    } else {
      return KeyRecordEdit::Destroy(e);
    }
    KeyRecordEdit::FreeShell(e);
  }
  void Add(LeaseTable t) {
    if (!t.empty()) leases_.push_back(std::move(t));
  }
  void Add(LockTable t) {
    if (t.size() > 0) locks_.push_back(std::move(t));
  }
  void Add(std::unique_ptr<Table> t) {
    if (t->size() > 0) tables_.push_back(std::move(t));
  }

  // Frees about `budget` members or keys, or pieces of 64 KB; true if more is left.
  bool FreeSome(size_t budget) {
    if (!strings_.empty()) {
      if (!strings_.front()->FreeSome(budget)) strings_.pop_front();
    } else if (!hashes_.empty()) {
      if (!hashes_.front()->FreeSome(budget + HashChunk::kItems)) hashes_.pop_front();
    } else if (!tables_.empty()) {
      if (!tables_.front()->FreeSome(budget, [this](KeyRecord* e) { Add(e); })) tables_.pop_front();
    } else if (!leases_.empty()) {
      if (!leases_.front().FreeSome(budget)) leases_.pop_front();
    } else if (!locks_.empty()) {
      if (!locks_.front().FreeSome(budget)) locks_.pop_front();
    }
    return !strings_.empty() || !hashes_.empty() || !tables_.empty() || !leases_.empty() ||
           !locks_.empty();
  }

 private:
  static constexpr size_t kAtOnce = 16;        // pieces
  static constexpr size_t kAtOnceItems = 512;  // fields

  std::deque<std::unique_ptr<BigString>> strings_;
  std::deque<std::unique_ptr<BigHash>> hashes_;
  std::deque<std::unique_ptr<Table>> tables_;
  std::deque<LeaseTable> leases_;
  std::deque<LockTable> locks_;
};

}  // namespace clustron::store
