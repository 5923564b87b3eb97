// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "soak/page_table.hpp"

namespace aperture::soak {

/// A first-stage table with the PSCID under which it is cached.
struct Space {
  std::uint64_t mode = 0;
  std::uint32_t pscid = 0;
  std::unique_ptr<PageTable> table{};
};

/// A virtual machine, or the host: devices with one second stage. What is cached under one GSCID and PSCID is one
/// table.
struct Guest {
  std::uint32_t gscid = 0;
  std::uint64_t mode = 0;  ///< of the second stage, 0: Bare
  bool sxl = false, sbe = false;
  bool global = false;  ///< leaves may be global: there is one first-stage table
  std::unique_ptr<PageTable> second{};
  std::vector<Space> spaces{};

  // Pages whose accesses go through the MSI table: guest page numbers that equal `msi_pattern` outside of `msi_mask`.
  std::uint64_t msi_mask = 0, msi_pattern = 0, msi_table = 0;
  unsigned msi_entries = 0;

  std::uint64_t iohgatp() const;
  /// A guest physical address that is worth a request or a leaf.
  std::uint64_t address(Random& random) const;
  /// One of its MSI pages.
  std::uint64_t msi_page(Random& random) const;
};

/// Guests with their tables; the first one is the host, which has no second stage.
std::vector<std::unique_ptr<Guest>> random_guests(Random& random, const Features& features, Places& places,
                                                  std::vector<Action>& out);

/// One entry of a guest's MSI table, some of them broken, some leading to memory-resident interrupt files.
void write_msi_entry(Random& random, const Features& features, Places& places, const Guest& guest, unsigned index,
                     std::vector<Action>& out);

}  // namespace aperture::soak
