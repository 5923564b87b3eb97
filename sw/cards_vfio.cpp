// SPDX-License-Identifier: Apache-2.0
#include "card/registry.hpp"
#include "card/vfio/factory.hpp"

namespace {

const aperture::card::Registration kVfio{aperture::card::vfio_factory()};

}  // namespace
