// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/types.hpp"
#include "ioas/device.hpp"
#include "ioas/domain.hpp"
#include "ioas/pages.hpp"
#include "ioas/prot.hpp"

namespace aperture::ioas {

/// A mapping of an IOAS: its range and access, and the memory behind it.
struct MapInfo {
  IovaRange range;
  Prot prot{};
  std::shared_ptr<Pages> pages;
  std::uint64_t offset{};
};

/// A domain of an IOAS.
struct DomainInfo {
  std::uint64_t id{};  ///< this IOAS's number for it, never used again
  Format format;
  const Device* maker{};
  bool manual{};                 ///< from make_domain
  bool can_track{};              ///< made to have its writes tracked on their own
  std::vector<Device*> devices;  ///< that use it
};

}  // namespace aperture::ioas
