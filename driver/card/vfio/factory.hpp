// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "card/registry.hpp"
#include "vfio/kernel.hpp"

namespace aperture::card {

/// "vfio:0000:01:00.0": the card as a PCI function that is bound to vfio-pci.
Factory vfio_factory(vfio::Kernel& kernel = vfio::linux_kernel());

}  // namespace aperture::card
