// The error text of a cluster that is not there yet.
#pragma once

#include <string>
#include <string_view>

namespace clustron::server {

// "CLUSTERDOWN forming: waits for 10.0.0.2:7379"
inline std::string StillForming(std::string_view waits_for) {
  return "CLUSTERDOWN forming: waits for " + std::string(waits_for);
}

}  // namespace clustron::server
