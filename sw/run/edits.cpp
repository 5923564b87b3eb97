// SPDX-License-Identifier: Apache-2.0
#include "run/edits.hpp"

#include <algorithm>

namespace aperture::sw::run {

const EditStep* find_edit_step(std::string_view name) {
  for (const auto steps : {map_steps(), window_steps(), device_steps(), space_steps()}) {
    const auto found = std::ranges::find(steps, name, &EditStep::name);
    if (found != steps.end()) return &*found;
  }
  return nullptr;
}

}  // namespace aperture::sw::run
