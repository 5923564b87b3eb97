// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "base/types.hpp"
#include "ioas/ioas.hpp"
#include "ioas/prot.hpp"
#include "riscv/page_request_handlers.hpp"

namespace aperture::riscv {

struct DemandOptions {
  /// The IOVA of the memory's first byte; pages outside are refused. None: any page may be asked for, and each gets the
  /// next 4 KiB of the memory, in the order in which pages are first asked for; when that is used up, no more.
  std::optional<Iova> base{};
  ioas::Prot prot{ioas::Prot::kReadWrite};  ///< of each map; a request for more is refused
};

/// A handler that maps `memory` into `ioas` page by page, as pages are asked for; a page that was unmapped since comes
/// back with its content. It answers Success if every page of the group is mapped with the access asked for (whoever
/// mapped it), Response Failure if the card is lost, else Invalid Request. The IOAS and the memory, which begins on a 4
/// KiB boundary, have to stay as long as the handler is set.
PageRequestHandlers::Handler demand_pages(ioas::Ioas& ioas, std::span<std::byte> memory, DemandOptions options = {});

}  // namespace aperture::riscv
