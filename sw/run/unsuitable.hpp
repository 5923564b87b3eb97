// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "session.hpp"

namespace aperture::sw::run {

/// The card is not one that the scenario can run on.
class Unsuitable : public Failure {
 public:
  explicit Unsuitable(const std::string& why) : Failure(Exit::kEnvironment, "unsuitable card: " + why) {}
};

}  // namespace aperture::sw::run
