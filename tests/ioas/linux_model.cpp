// SPDX-License-Identifier: Apache-2.0
#include "ioas/linux_model.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>

namespace aperture::ioas::test {
namespace {

constexpr std::uint64_t kHighest = ~std::uint64_t{0};
constexpr std::uint64_t kHugePage = std::uint64_t{2} << 20;

std::uint64_t lowest_bit(std::uint64_t number) { return number & (~number + 1); }

IovaRange range(std::uint64_t first, std::uint64_t last) { return {{first}, {last}}; }

/// Sorted; what overlaps or touches is one.
std::vector<IovaRange> merged(std::vector<IovaRange> ranges) {
  std::sort(ranges.begin(), ranges.end());
  std::vector<IovaRange> result;
  for (const IovaRange& r : ranges) {
    if (!result.empty() && (result.back().last.value == kHighest || r.first.value <= result.back().last.value + 1)) {
      result.back().last = std::max(result.back().last, r.last);
    } else {
      result.push_back(r);
    }
  }
  return result;
}

/// What of `within` is in none of `used`, ascending.
std::vector<IovaRange> holes(std::vector<IovaRange> used, IovaRange within) {
  std::vector<IovaRange> result;
  std::uint64_t first = within.first.value;
  for (const IovaRange& r : merged(std::move(used))) {
    if (r.last.value < first) continue;
    if (r.first.value > within.last.value) break;
    if (r.first.value > first) result.push_back(range(first, r.first.value - 1));
    if (r.last.value >= within.last.value) return result;
    first = r.last.value + 1;
  }
  result.push_back(range(first, within.last.value));
  return result;
}

/// Where in [first, last] something of that length starts. Linux wants it to start before the last byte, so that a
/// single byte never gets the end of a hole.
std::optional<std::uint64_t> first_fit(IovaRange hole, std::uint64_t length, std::uint64_t alignment,
                                       std::uint64_t page_offset) {
  if (hole.first.value > kHighest - (alignment - 1)) return std::nullopt;
  const std::uint64_t start = ((hole.first.value + (alignment - 1)) & ~(alignment - 1)) | page_offset;
  if (start >= hole.last.value || hole.last.value - start < length - 1) return std::nullopt;
  return start;
}

}  // namespace

LinuxModel::LinuxModel(ModelMachine machine) : machine_(std::move(machine)) {
  state_.attachments.resize(machine_.devices.size());
}

LinuxModel::Step LinuxModel::play(const Operation& operation) {
  State next = state_;
  const Done done = call(next, operation);
  if (!done) return {{done.error().number, 0}, done.error().reason};
  state_ = std::move(next);
  return {{0, *done}, {}};
}

LinuxModel::Done LinuxModel::call(State& state, const Operation& o) const {
  using Kind = Operation::Kind;
  Space& space = state.spaces.at(o.ioas);
  const IovaRange named = range(o.iova, o.iova + (o.length - 1));
  switch (o.kind) {
    case Kind::kMap:
      return map(state, o, std::nullopt);
    case Kind::kMapFixed:
      return map(state, o, o.iova);
    case Kind::kCopy:
      return copy(state, o, std::nullopt);
    case Kind::kCopyFixed:
      return copy(state, o, o.iova);
    case Kind::kUnmap:
      return unmap(space, o);
    case Kind::kAllow:
      return allow(space, o);
    case Kind::kReserve:
      if (named.first > named.last) return no(EINVAL, "range ends before it begins");
      return reserve(space, named, {}, "map in the way", "allowed range in the way");
    case Kind::kUnreserve: {
      const auto found = std::find_if(space.reserved.begin(), space.reserved.end(),
                                      [&](const Reservation& r) { return r.owner == Owner{} && r.range == named; });
      if (found == space.reserved.end()) return no(ENOENT, "no such reservation");
      space.reserved.erase(found);
      return 0;
    }
    case Kind::kAttach:
      return attach(state, o, false);
    case Kind::kReplace:
      return attach(state, o, true);
    case Kind::kDetach:
      if (state.attachments.at(o.device)) leave(state, o.device);
      return 0;
    case Kind::kHugePages:
      return set_huge_pages(space, o.flag);
  }
  return no(ENOTTY, "no such call");
}

LinuxModel::Done LinuxModel::map(State& state, const Operation& o, std::optional<std::uint64_t> iova) const {
  const std::uint64_t memory = machine_.memory + o.memory;
  if (iova == kHighest) return no(EOVERFLOW, "iova 2^64-1");
  if (o.length == kHighest) return no(EOVERFLOW, "length 2^64-1");
  if (o.prot == Prot::kNone) return no(EINVAL, "no access wanted");
  if (o.length > kHighest - memory) return no(EOVERFLOW, "memory wraps");
  if (o.length == 0) return no(EINVAL, "length 0");
  const std::uint64_t first = memory / kPageSize * kPageSize;
  const std::uint64_t pages = (memory + (o.length - 1)) / kPageSize - first / kPageSize + 1;
  state.pages.push_back({pages * kPageSize, first, writable(o.prot)});
  return place(state, state.spaces.at(o.ioas), {{state.pages.size() - 1, memory, o.length}}, o.length, o.prot, iova);
}

LinuxModel::Done LinuxModel::copy(State& state, const Operation& o, std::optional<std::uint64_t> iova) const {
  if (iova == kHighest) return no(EOVERFLOW, "iova 2^64-1");
  if (o.length == kHighest) return no(EOVERFLOW, "length 2^64-1");
  if (o.prot == Prot::kNone) return no(EINVAL, "no access wanted");
  if (o.length == 0) return no(EINVAL, "length 0");
  if (o.length - 1 > kHighest - o.from_iova) return no(EOVERFLOW, "source wraps");
  std::vector<Piece> pieces;
  std::uint64_t left = o.length;
  std::uint64_t at = o.from_iova;
  while (left > 0) {
    const auto& areas = state.spaces.at(o.other).areas;
    const auto found = std::find_if(areas.begin(), areas.end(),
                                    [&](const auto& area) { return area.first <= at && at <= area.second.last; });
    if (found == areas.end()) return no(ENOENT, "source not mapped");
    const auto& [first, area] = *found;
    const std::uint64_t length = std::min(left - 1, area.last - at) + 1;
    pieces.push_back({area.pages, area.memory + (at - first), length});
    at += length;
    left -= length;
  }
  return place(state, state.spaces.at(o.ioas), pieces, o.length, o.prot, iova);
}

LinuxModel::Done LinuxModel::place(State& state, Space& space, const std::vector<Piece>& pieces, std::uint64_t length,
                                   Prot prot, std::optional<std::uint64_t> iova) const {
  const std::uint64_t unit = alignment(space);
  if (length % unit != 0) return no(EINVAL, "length misaligned");
  const Done chosen = iova ? check(space, *iova, length) : choose(space, pieces.front().memory, length);
  if (!chosen) return chosen;
  auto pinned = all_pinned(state);
  std::vector<Area> added;
  std::uint64_t at = *chosen;
  for (const Piece& piece : pieces) {
    if (writable(prot) && !state.pages.at(piece.pages).writable) return no(EPERM, "memory read-only");
    if (piece.memory % unit != 0) return no(EINVAL, "memory misaligned");
    if (at % unit != 0 || piece.length % unit != 0) return no(EINVAL, "piece misaligned");
    added.push_back({at + (piece.length - 1), prot, piece.memory, piece.pages});
    space.areas[at] = added.back();
    at += piece.length;
  }
  for (const Area& area : added) {
    if (const Done filled = fill(state, space, area, pinned); !filled) return filled;
  }
  return chosen;
}

LinuxModel::Done LinuxModel::choose(const Space& space, std::uint64_t memory, std::uint64_t length) {
  if (length >= kHighest / 2) return no(EOVERFLOW, "too long for an automatic IOVA");
  std::uint64_t unit = std::bit_ceil(length);
  if (memory != 0) unit = std::min(unit, lowest_bit(memory));
  unit = std::min(unit, kHugePage);
  if (unit < alignment(space)) return no(EINVAL, "memory too little aligned for an automatic IOVA");

  const IovaRange everything = range(kPageSize, kHighest - kPageSize);
  std::vector<IovaRange> used;
  for (const auto& [first, area] : space.areas) used.push_back(range(first, area.last));
  for (const Reservation& r : space.reserved) used.push_back(r.range);
  const std::vector<IovaRange> allowed = space.allowed.empty() ? std::vector{everything} : merged(space.allowed);
  for (IovaRange where : allowed) {
    where.first = std::max(where.first, everything.first);
    where.last = std::min(where.last, everything.last);
    if (where.first > where.last) continue;
    const auto start = first_fit(where, length, unit, memory % kPageSize);
    if (!start) continue;
    for (const IovaRange& hole : holes(used, range(*start, where.last.value))) {
      if (const auto fit = first_fit(hole, length, unit, memory % kPageSize)) return *fit;
    }
  }
  return no(ENOSPC, "no room");
}

LinuxModel::Done LinuxModel::check(const Space& space, std::uint64_t iova, std::uint64_t length) {
  if (iova % alignment(space) != 0) return no(EINVAL, "iova misaligned");
  if (length - 1 > kHighest - iova) return no(EOVERFLOW, "iova wraps");
  const IovaRange wanted = range(iova, iova + (length - 1));
  for (const Reservation& r : space.reserved) {
    if (r.range.overlaps(wanted)) return no(EINVAL, "reserved");
  }
  for (const auto& [first, area] : space.areas) {
    if (range(first, area.last).overlaps(wanted)) return no(EEXIST, "mapped already");
  }
  return iova;
}

LinuxModel::Done LinuxModel::unmap(Space& space, const Operation& o) {
  const bool all = o.iova == 0 && o.length == kHighest;
  if (!all) {
    if (o.iova == kHighest || o.length == kHighest) return no(EOVERFLOW, "iova or length 2^64-1");
    if (o.length == 0) return no(EINVAL, "length 0");
    if (o.length - 1 > kHighest - o.iova) return no(EOVERFLOW, "iova wraps");
  }
  const IovaRange named = all ? range(0, kHighest) : range(o.iova, o.iova + (o.length - 1));
  std::uint64_t bytes = 0;
  bool any = false;
  for (auto at = space.areas.begin(); at != space.areas.end();) {
    const IovaRange area = range(at->first, at->second.last);
    if (!area.overlaps(named)) {
      ++at;
      continue;
    }
    if (!named.contains(area)) return no(ENOENT, "area only in part");
    any = true;
    bytes += area.extent() + 1;
    at = space.areas.erase(at);
  }
  if (!any && !all) return no(ENOENT, "nothing mapped");
  return bytes;
}

LinuxModel::Done LinuxModel::allow(Space& space, const Operation& o) {
  std::vector<IovaRange> list;
  if (o.ranges >= 1) list.push_back(range(o.iova, o.iova + (o.length - 1)));
  if (o.ranges >= 2) list.push_back(range(o.from_iova, o.from_iova + (o.length - 1)));
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].first >= list[i].last) return no(EINVAL, "range of one byte, or ends before it begins");
    for (std::size_t j = 0; j < i; ++j) {
      if (list[i].overlaps(list[j])) return no(EINVAL, "ranges overlap");
    }
  }
  for (const IovaRange& entry : list) {
    for (const Reservation& r : space.reserved) {
      if (r.range.overlaps(entry)) return no(EADDRINUSE, "reserved");
    }
  }
  std::sort(list.begin(), list.end());
  space.allowed = std::move(list);
  return 0;
}

LinuxModel::Done LinuxModel::set_huge_pages(Space& space, bool enable) {
  if (!enable && space.huge_pages) {
    if (!space.domains.empty() && !space.areas.empty()) return no(EINVAL, "domain and maps exist");
    if (alignment(space) < kPageSize && !aligned(space, kPageSize)) return no(EADDRINUSE, "maps misaligned");
  }
  space.huge_pages = enable;
  return 0;
}

std::vector<IovaRange> LinuxModel::ranges(unsigned space) const {
  std::vector<IovaRange> reserved;
  for (const Reservation& r : state_.spaces.at(space).reserved) reserved.push_back(r.range);
  return holes(std::move(reserved), range(0, kHighest));
}

std::uint64_t LinuxModel::alignment(const Space& space) {
  std::uint64_t result = space.huge_pages ? 1 : kPageSize;
  for (const Domain& domain : space.domains) result = std::max(result, lowest_bit(domain.format.page_sizes));
  return result;
}

bool LinuxModel::aligned(const Space& space, std::uint64_t alignment) {
  return std::all_of(space.areas.begin(), space.areas.end(), [&](const auto& entry) {
    const auto& [first, area] = entry;
    return first % alignment == 0 && (area.last - first + 1) % alignment == 0 && area.memory % alignment == 0;
  });
}

}  // namespace aperture::ioas::test
