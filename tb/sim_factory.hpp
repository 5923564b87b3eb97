// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "card/registry.hpp"
#include "tb/options.hpp"

namespace aperture::tb {

/// The kind of card that `--card sim` names. Keys: profile, latency, width, straps, seed, wave, wave_from, wave_cycles,
/// frame_run. Opening powers the bench on with them. EBUSY while another simulated card is open: a process has one.
card::Factory factory();
/// As that, the kind that `--card sim-fpga` names: fpga_top behind a model of an AXI-PCIe bridge. Keys: payload,
/// latency, seed, frame_run. EOPNOTSUPP where the build does not have it.
card::Factory fpga_factory();
/// Adds both to the program's registry; once.
void register_sim_card();

/// The options that the keys say; others keep their default. EINVAL names the key, ENOENT the file.
Result<Options> parse_options(const card::Options& keys);

}  // namespace aperture::tb
