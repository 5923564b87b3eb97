// SPDX-License-Identifier: Apache-2.0
#include "card/registry.hpp"
#include "card/vfio_user/card.hpp"

namespace {

const aperture::card::Registration kVfioUser{aperture::card::vfio_user::factory()};

}  // namespace
