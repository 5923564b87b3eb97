// SPDX-License-Identifier: Apache-2.0
#include "riscv/demand_pages.hpp"

#include <cstdint>
#include <map>
#include <memory>

namespace aperture::riscv {
namespace {

using command::PageResponse;

class DemandPages {
 public:
  DemandPages(ioas::Ioas& ioas, std::span<std::byte> memory, DemandOptions options)
      : ioas_(ioas), memory_(memory), options_(options) {}

  PageResponse answer(std::span<const PageRequest> group) {
    for (const PageRequest& request : group)
      if (const PageResponse code = answer(request); code != PageResponse::kSuccess) return code;
    return PageResponse::kSuccess;
  }

 private:
  PageResponse answer(const PageRequest& request) {
    // No leaf of this driver's can be executed from.
    if (request.execute) return PageResponse::kInvalidRequest;
    if (const auto there = allowed(request)) return *there;
    const auto offset = place(request.page);
    if (!offset) return PageResponse::kInvalidRequest;
    const auto mapped = ioas_.map(memory_.data() + *offset, kPageSize, options_.prot, request.page);
    if (!mapped && mapped.error().number == EIO) return PageResponse::kFailure;
    return allowed(request).value_or(PageResponse::kInvalidRequest);
  }

  /// What the map of this page comes to; nothing if there is none.
  std::optional<PageResponse> allowed(const PageRequest& request) const {
    const auto map = ioas_.lookup(request.page);
    if (!map) return {};
    const bool enough =
        (!request.write || ioas::writable(map->prot)) && (!request.read || map->prot != ioas::Prot::kNone);
    return enough ? PageResponse::kSuccess : PageResponse::kInvalidRequest;
  }

  std::optional<std::uint64_t> place(Iova page) {
    const std::uint64_t pages = memory_.size() / kPageSize;
    if (options_.base) {
      const std::uint64_t offset = page - *options_.base;
      if (page < *options_.base || offset / kPageSize >= pages) return {};
      return offset;
    }
    const auto known = places_.find(page);
    if (known != places_.end()) return known->second;
    if (places_.size() >= pages) return {};
    return places_.emplace(page, places_.size() * kPageSize).first->second;
  }

  ioas::Ioas& ioas_;
  std::span<std::byte> memory_;
  DemandOptions options_;
  std::map<Iova, std::uint64_t> places_;
};

}  // namespace

PageRequestHandlers::Handler demand_pages(ioas::Ioas& ioas, std::span<std::byte> memory, DemandOptions options) {
  auto pages = std::make_shared<DemandPages>(ioas, memory, options);
  return [pages](std::span<const PageRequest> group) { return pages->answer(group); };
}

}  // namespace aperture::riscv
