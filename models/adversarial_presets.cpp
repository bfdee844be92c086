#include "models/preset_rows.h"
namespace imago::models {
std::vector<Preset> adversarial_presets() { return {}; }
}  // namespace imago::models
