// SPDX-License-Identifier: Apache-2.0
// The model of Linux's iommufd: devices, domains and what is pinned for them.
#include <algorithm>
#include <cerrno>

#include "ioas/linux_model.hpp"

namespace aperture::ioas::test {
namespace {

constexpr std::uint64_t kHighest = ~std::uint64_t{0};

std::uint64_t lowest_bit(std::uint64_t number) { return number & (~number + 1); }

/// All that no aperture has.
std::vector<IovaRange> outside(const std::vector<IovaRange>& apertures) {
  std::vector<IovaRange> result;
  std::uint64_t first = 0;
  for (const IovaRange& aperture : apertures) {
    if (aperture.first.value > first) result.push_back({{first}, {aperture.first.value - 1}});
    if (aperture.last.value == kHighest) return result;
    first = aperture.last.value + 1;
  }
  result.push_back({{first}, {kHighest}});
  return result;
}

}  // namespace

const Format& LinuxModel::format(const Attachment& attachment) const {
  const auto& domains = state_.spaces.at(attachment.space).domains;
  return std::find_if(domains.begin(), domains.end(), [&](const Domain& d) { return d.number == attachment.domain; })
      ->format;
}

bool LinuxModel::usable(unsigned device, const Domain& domain) const {
  const ModelDevice& d = machine_.devices.at(device);
  if (domain.provider != d.provider) return false;
  if (domain.maker == device) return true;
  return !d.own_domains_only && std::find(d.formats.begin(), d.formats.end(), domain.format) != d.formats.end();
}

LinuxModel::Done LinuxModel::attach(State& state, const Operation& o, bool only_if_attached) const {
  std::optional<Attachment>& attachment = state.attachments.at(o.device);
  const bool replaces = attachment.has_value();
  if (only_if_attached && !replaces) return no(EINVAL, "not attached");
  Space& space = state.spaces.at(o.ioas);
  const auto found = std::find_if(space.domains.begin(), space.domains.end(),
                                  [&](const Domain& domain) { return usable(o.device, domain); });
  const bool moves = !replaces || attachment->space != o.ioas;
  const auto reserved = [&]() -> Done { return moves ? reserve_for(space, o.device) : Done{0}; };
  const bool fresh = found == space.domains.end();
  const unsigned number = fresh ? state.domains_made : found->number;
  if (replaces && attachment->domain == number) return 0;
  if (fresh && replaces) {
    // A replace makes its new domain before it looks at the device's reservations, an attach after that.
    if (const Done done = add_domain(state, space, o.device); !done) return done;
    if (const Done done = reserved(); !done) return done;
  } else {
    if (const Done done = reserved(); !done) return done;
    if (fresh) {
      if (const Done done = add_domain(state, space, o.device); !done) return done;
    }
  }
  if (const Done done = fill_all(state, space); !done) return done;
  if (replaces) leave(state, o.device);
  attachment = Attachment{o.ioas, number};
  return 0;
}

LinuxModel::Done LinuxModel::reserve_for(Space& space, unsigned device) const {
  const ModelDevice& d = machine_.devices.at(device);
  std::vector<IovaRange> wanted = d.reservations;
  if (d.highest != kHighest) wanted.push_back({{d.highest + 1}, {kHighest}});
  for (const IovaRange& range : wanted) {
    const Done done = reserve(space, range, {Owner::Kind::kDevice, device}, "map where the device reserves",
                              "allowed range where the device reserves");
    if (!done) return done;
  }
  return 0;
}

LinuxModel::Done LinuxModel::add_domain(State& state, Space& space, unsigned device) const {
  const ModelDevice& d = machine_.devices.at(device);
  const Format* format = &d.formats.front();
  for (const Format& f : d.formats) {
    if (f.stage == 1) format = &f;
  }
  const std::uint64_t before = alignment(space);
  const std::uint64_t after = std::max(before, lowest_bit(format->page_sizes));
  if (after > kPageSize) return no(EINVAL, "granule beyond 4 KiB");
  if (after != before && !aligned(space, after)) return no(EADDRINUSE, "map misaligned for the granule");
  const unsigned number = state.domains_made++;
  for (const IovaRange& range : outside(format->apertures)) {
    const Done done = reserve(space, range, {Owner::Kind::kDomain, number}, "map outside the aperture",
                              "allowed range outside the aperture");
    if (!done) return done;
  }
  space.domains.push_back({number, *format, d.provider, device});
  return 0;
}

void LinuxModel::leave(State& state, unsigned device) const {
  const Attachment old = *state.attachments.at(device);
  state.attachments.at(device).reset();
  Space& space = state.spaces.at(old.space);
  remove_reservations(space, {Owner::Kind::kDevice, device});
  for (const auto& other : state.attachments) {
    if (other && other->domain == old.domain) return;
  }
  std::erase_if(space.domains, [&](const Domain& domain) { return domain.number == old.domain; });
  remove_reservations(space, {Owner::Kind::kDomain, old.domain});
}

LinuxModel::Done LinuxModel::reserve(Space& space, IovaRange range, Owner owner, std::string_view map,
                                     std::string_view allowed) {
  for (const auto& [first, area] : space.areas) {
    if (IovaRange{{first}, {area.last}}.overlaps(range)) return no(EADDRINUSE, map);
  }
  for (const IovaRange& entry : space.allowed) {
    if (entry.overlaps(range)) return no(EADDRINUSE, allowed);
  }
  space.reserved.push_back({range, owner});
  return 0;
}

void LinuxModel::remove_reservations(Space& space, Owner owner) {
  std::erase_if(space.reserved, [&](const Reservation& r) { return r.owner == owner; });
}

LinuxModel::Done LinuxModel::fill_all(const State& state, const Space& space) const {
  auto pinned = all_pinned(state_);
  for (const auto& [first, area] : space.areas) {
    if (const Done done = fill(state, space, area, pinned); !done) return done;
  }
  return 0;
}

LinuxModel::Done LinuxModel::fill(const State& state, const Space& space, const Area& area,
                                  std::vector<std::vector<bool>>& pinned) const {
  const Pages& pages = state.pages.at(area.pages);
  const std::uint64_t hole = machine_.memory + machine_.hole_first;
  const bool there = pages.memory > hole + (machine_.hole_bytes - 1) || pages.memory + (pages.size - 1) < hole;
  for (const Domain& domain : space.domains) {
    std::vector<bool>& here = pinned.at(domain.provider);
    if (here.at(area.pages)) continue;
    if (!there) return no(EFAULT, "memory not there");
    if (pages.size > machine_.limits.at(domain.provider) - bytes(state, here))
      return no(ENOMEM, "limit of pinned memory");
    here.at(area.pages) = true;
  }
  return 0;
}

std::vector<std::vector<bool>> LinuxModel::all_pinned(const State& state) const {
  std::vector<std::vector<bool>> result;
  for (std::size_t provider = 0; provider < machine_.limits.size(); ++provider) {
    result.push_back(pinned(state, provider));
  }
  return result;
}

std::vector<bool> LinuxModel::pinned(const State& state, std::size_t provider) {
  std::vector<bool> result(state.pages.size());
  for (const Space& space : state.spaces) {
    const bool served = std::any_of(space.domains.begin(), space.domains.end(),
                                    [&](const Domain& domain) { return domain.provider == provider; });
    if (!served) continue;
    for (const auto& [first, area] : space.areas) result.at(area.pages) = true;
  }
  return result;
}

std::uint64_t LinuxModel::bytes(const State& state, const std::vector<bool>& pinned) {
  std::uint64_t result = 0;
  for (std::size_t i = 0; i < pinned.size(); ++i) {
    if (pinned[i]) result += state.pages[i].size;
  }
  return result;
}

}  // namespace aperture::ioas::test
