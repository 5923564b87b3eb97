// SPDX-License-Identifier: Apache-2.0
#include "run/steps.hpp"

#include <algorithm>
#include <cstring>

namespace aperture::sw::run {

const PlainStep* find_plain_step(std::string_view name) {
  for (const auto steps : {memory_steps(), query_steps(), hardware_steps(), dma_steps()}) {
    const auto found = std::ranges::find(steps, name, &PlainStep::name);
    if (found != steps.end()) return &*found;
  }
  return nullptr;
}

std::string errno_name(int number) {
  if (number == 0) return "ok";
  const char* name = ::strerrorname_np(number);
  return name == nullptr ? std::to_string(number) : name;
}

Json refused(const ioas::Refusal& refusal) {
  return {{"errno", errno_name(refusal.number)}, {"report", Json(ioas::to_json(*refusal.report))}};
}

}  // namespace aperture::sw::run
