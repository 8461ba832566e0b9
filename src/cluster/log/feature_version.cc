#include "cluster/log/feature_version.h"

namespace clustron::cluster {

#ifdef CLUSTRON_FEATURE_VERSION
uint16_t SupportedFeatureVersion() { return CLUSTRON_FEATURE_VERSION; }
#else
uint16_t SupportedFeatureVersion() { return kFeatureVersion; }
#endif

}  // namespace clustron::cluster
