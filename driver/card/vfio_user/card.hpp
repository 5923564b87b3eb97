// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "card/registry.hpp"

namespace aperture::card::vfio_user {

/// The kind of card that `--card vfio-user:PATH[,dma=memfd|inband]` names: the PCI function that another process
/// serves at a socket. Opening fails as Client::connect; ENODEV: the function is not this card.
Factory factory();

}  // namespace aperture::card::vfio_user
