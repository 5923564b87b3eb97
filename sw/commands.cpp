// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"

namespace aperture::sw {

namespace {

constexpr Command kCommands[] = {
    {"bench", "rtl [--width BITS,...] [--latency CYCLES,...] [--row NAME]",
     "the IOMMU's cycles at the card's pins, and their laws", run_bench},
    {"demo", "[--file FILE]", "the whole story on a real file: windows, two devices, a DMA copy, faults, figures",
     run_demo},
    {"dma", "FILE [--channel N] [--out FILE]", "copy a file through the card's IOMMU and compare", run_dma},
    {"dump", "", "all registers, decoded field by field", run_dump},
    {"replay", "FILE [--stop-on-mismatch] [--limit N]", "run a trace of the card's buses, line by line, and compare",
     run_replay},
    {"run", "FILE... [--bind NAME=vfio:BDF] [--report FILE]",
     "scenarios: what a monitor or a user-space driver does with address spaces, step by step", run_run},
    {"selftest", "[--step NAME] [--junit FILE] [--list]",
     "bring-up: tests a card from its identity to its throughput, step by step", run_selftest},
    {"serve", "--socket PATH [--once]", "the simulated card as a PCI function for another process, QEMU for one",
     run_serve},
    {"windows", "[SCENARIO] [--svg FILE]",
     "draws address spaces: what is usable, reserved by whom, required, mapped, blocked", run_windows},
};

}  // namespace

std::span<const Command> commands() { return kCommands; }

}  // namespace aperture::sw
