// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace aperture::sw {

/// What went wrong so far inside the cards that this program links, apart from what the driver saw: broken bus rules
/// and failed assertions of a simulated one, each told on standard error. Of the files cards_*.cpp one is linked, which
/// also registers its kinds of card.
std::size_t card_failures();

}  // namespace aperture::sw
