// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"

namespace aperture::sw {

namespace {

constexpr Command kCommands[] = {
    {"demo", "[--file FILE]", "the whole story on a real file: windows, two devices, a DMA copy, faults, figures",
     run_demo},
    {"dma", "FILE [--channel N] [--out FILE]", "copy a file through the card's IOMMU and compare", run_dma},
    {"dump", "", "all registers, decoded field by field", run_dump},
};

}  // namespace

std::span<const Command> commands() { return kCommands; }

}  // namespace aperture::sw
