// A running snapshot, as the keyspace sees it: told before what it has not reached yet changes.
#pragma once

#include <memory>

namespace clustron::store {

class KeyRecord;
class Table;

class KeyWalk {
 public:
  virtual void BeforeChange(Table& table, KeyRecord& record) = 0;
  // A table that is no database any more. True: the walk still needs it, and has taken it over.
  virtual bool Adopt(std::unique_ptr<Table>& table) = 0;

 protected:
  ~KeyWalk() = default;
};

}  // namespace clustron::store
