// SPDX-License-Identifier: Apache-2.0
// Iommufd in memory: IOASes, page tables, and which function uses which.
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "support/fake_kernel.hpp"
#include "vfio/uapi.hpp"

namespace aperture::test {
namespace {

namespace uapi = vfio::uapi;
using ioas::kMax;
using ioas::RangeSet;

template <typename Structure>
Structure& as(std::uintptr_t argument) {
  return *reinterpret_cast<Structure*>(argument);
}

constexpr std::uint32_t kAccess = uapi::kMapReadable | uapi::kMapWriteable;

/// What the kernel says first about a map of either kind.
int check_map(std::uint32_t flags, std::uint64_t iova, std::uint64_t length) {
  if ((flags & ~(uapi::kMapFixedIova | kAccess)) != 0) return -EOPNOTSUPP;
  if (iova == kMax || length == kMax) return -EOVERFLOW;
  return (flags & kAccess) == 0 ? -EINVAL : 0;
}

}  // namespace

bool FakeKernel::is_ioas(std::uint32_t id) const {
  const auto space = spaces_.find(id);
  return space != spaces_.end() && !space->second.container;
}

std::uint64_t FakeKernel::choose_iova(std::uint32_t id) const {
  std::uint64_t iova = 0x1000;
  for (const auto& [at, other] : spaces_.at(id).maps)
    iova = std::max(iova, (at + other.length + 0x1fffff) & ~std::uint64_t{0x1fffff});
  return iova;
}

int FakeKernel::map_memory(uapi::IoasMap& map) {
  if (const int wrong = check_map(map.flags, map.iova, map.length); wrong != 0) return wrong;
  if (map.reserved != 0) return -EOPNOTSUPP;
  if (!is_ioas(map.ioas_id)) return -ENOENT;
  if (map.length > kMax - map.user_va) return -EOVERFLOW;
  if (map.length == 0) return -EINVAL;
  if ((map.flags & uapi::kMapFixedIova) == 0) map.iova = choose_iova(map.ioas_id);
  return add_map(map.ioas_id, map.iova,
                 {.memory = map.user_va,
                  .length = map.length,
                  .read = (map.flags & uapi::kMapReadable) != 0,
                  .write = (map.flags & uapi::kMapWriteable) != 0});
}

int FakeKernel::map_file(uapi::IoasMapFile& map) {
  if (const int wrong = check_map(map.flags, map.iova, map.length); wrong != 0) return wrong;
  if (!is_ioas(map.ioas_id)) return -ENOENT;
  struct stat file {};
  if (::fstat(map.fd, &file) != 0) return -EBADF;
  if (map.length > kMax - map.start) return -EOVERFLOW;
  if (map.length == 0) return -EINVAL;
  // Mapped here, as the kernel has its own hold on the file.
  const std::uint64_t head = map.start % kPageSize;
  const std::uint64_t size = map.length + head;
  void* const first =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, map.fd, static_cast<off_t>(map.start - head));
  if (first == MAP_FAILED) return -EINVAL;
  if ((map.flags & uapi::kMapFixedIova) == 0) map.iova = choose_iova(map.ioas_id);
  return add_map(map.ioas_id, map.iova,
                 {.memory = reinterpret_cast<std::uintptr_t>(first) + head,
                  .length = map.length,
                  .read = (map.flags & uapi::kMapReadable) != 0,
                  .write = (map.flags & uapi::kMapWriteable) != 0,
                  .file = std::shared_ptr<void>(first, [size](void* at) { ::munmap(at, size); }),
                  .unpinnable = map.start + map.length > static_cast<std::uint64_t>(file.st_size)});
}

int FakeKernel::copy_map(const uapi::IoasCopy& copy) {
  if (const int wrong = check_map(copy.flags, copy.dst_iova, copy.length); wrong != 0) return wrong;
  if (!is_ioas(copy.src_ioas_id) || !is_ioas(copy.dst_ioas_id)) return -ENOENT;
  const Maps& from = spaces_.at(copy.src_ioas_id).maps;
  auto source = from.upper_bound(copy.src_iova);
  if (source == from.begin()) return -ENOENT;
  --source;
  const std::uint64_t skip = copy.src_iova - source->first;
  if (skip >= source->second.length || source->second.length - skip < copy.length) return -ENOENT;
  Map map = source->second;
  map.memory += skip;
  map.length = copy.length;
  map.read = (copy.flags & uapi::kMapReadable) != 0;
  map.write = (copy.flags & uapi::kMapWriteable) != 0;
  if (map.write && !source->second.write) return -EPERM;
  return add_map(copy.dst_ioas_id, copy.dst_iova, map);
}

int FakeKernel::allow(const uapi::IoasAllowIovas& allow) {
  if (allow.reserved != 0) return -EOPNOTSUPP;
  if (!is_ioas(allow.ioas_id)) return -ENOENT;
  const auto* raw = reinterpret_cast<const uapi::IovaRange*>(allow.allowed_iovas);
  std::vector<IovaRange> list;
  for (std::uint32_t i = 0; i < allow.num_iovas; ++i) {
    const IovaRange range{{raw[i].start}, {raw[i].last}};
    if (range.first >= range.last) return -EINVAL;
    if (std::ranges::any_of(list, [&](const IovaRange& other) { return other.overlaps(range); })) return -EINVAL;
    list.push_back(range);
  }
  const RangeSet taken = reserved(allow.ioas_id);
  if (std::ranges::any_of(list, [&](const IovaRange& range) { return taken.overlaps(range); })) return -EADDRINUSE;
  spaces_.at(allow.ioas_id).allowed = std::move(list);
  return 0;
}

int FakeKernel::option(uapi::Option& option) {
  if (option.reserved != 0 || option.option_id != uapi::kOptionHugePages || option.op != uapi::kOptionSet)
    return -EOPNOTSUPP;
  if (!is_ioas(option.object_id)) return -ENOENT;
  Space& space = spaces_.at(option.object_id);
  if (option.val64 > 1) return -EINVAL;
  if (option.val64 == 0 && !space.small_pages) {
    if (translates(option.object_id) && !space.maps.empty()) return -EINVAL;
    for (const auto& [iova, map] : space.maps)
      if (((iova | map.length | map.memory) % kPageSize) != 0) return -EADDRINUSE;
  }
  space.small_pages = option.val64 == 0;
  return 0;
}

bool FakeKernel::hurts(const Space& space, const RangeSet& taken) {
  const auto blocked = [&](IovaRange range) { return taken.overlaps(range); };
  return std::ranges::any_of(space.allowed, blocked) || std::ranges::any_of(space.maps, [&](const auto& map) {
           return blocked({{map.first}, {map.first + (map.second.length - 1)}});
         });
}

int FakeKernel::add_table(std::uint32_t id, const Table& table) {
  Space& space = spaces_.at(table.ioas);
  for (const auto& [iova, map] : space.maps)
    if (((iova | map.length | map.memory) % kPageSize) != 0) return -EADDRINUSE;
  if (hurts(space, RangeSet(std::span(&table.aperture, 1)).complement())) return -EADDRINUSE;
  tables_.emplace(id, table);
  const int filled = pin(table.ioas);
  if (filled != 0) tables_.erase(id);
  return filled;
}

int FakeKernel::make_table(uapi::HwptAlloc& alloc) {
  if (alloc.reserved != 0) return -EOPNOTSUPP;
  const auto function =
      std::ranges::find_if(functions_, [&](const Function& f) { return f.bound && f.iommufd_id == alloc.dev_id; });
  if (function == functions_.end()) return -ENOENT;
  if (!is_ioas(alloc.pt_id)) return -EINVAL;
  if (alloc.flags != 0) return -EOPNOTSUPP;
  const IovaRange aperture = completes_by_attach ? IovaRange{{0}, {0}} : this->aperture();
  const int made = add_table(next_id_, {alloc.pt_id, false, &*function, aperture});
  if (made == 0) alloc.out_hwpt_id = next_id_++;
  return made;
}

int FakeKernel::use_table(Function& function, std::uint32_t id) {
  const Table& table = tables_.at(id);
  if (function.attached == id) return 0;
  // The functions of a group share a table. A replace moves all that are attached.
  std::vector<Function*> moved{&function};
  for (Function& other : functions_) {
    if (&other == &function || other.group != function.group || !other.attached) continue;
    if (function.attached)
      moved.push_back(&other);
    else if (other.attached != id)
      return -EINVAL;
  }
  for (const Function* one : moved)
    if (hurts(spaces_.at(table.ioas), kept(*one))) return -EADDRINUSE;
  if (function.own_tables_only && table.maker != &function) return -EINVAL;
  for (Function* one : moved) one->attached = id;
  drop_unused_tables();
  return 0;
}

int FakeKernel::attach(Function& function, std::uint32_t id) {
  if (const auto table = tables_.find(id); table != tables_.end()) return use_table(function, id);
  if (!is_ioas(id)) return -ENOENT;
  for (const auto& [number, table] : std::map(tables_)) {
    if (table.ioas != id || !table.automatic) continue;
    if (const int done = use_table(function, number); done != -EINVAL) return done;
  }
  // An attach goes before the table is filled, a replace after.
  const bool attached = function.attached.has_value();
  const Table made{id, true, &function, attached && completes_by_attach ? IovaRange{{0}, {0}} : aperture()};
  const std::uint32_t number = next_id_++;
  if (!attached) {
    tables_.emplace(number, made);
    const int used = use_table(function, number);
    tables_.erase(number);
    if (used != 0) return used;
    function.attached.reset();
  }
  if (const int done = add_table(number, made); done != 0) return done;
  const int done = use_table(function, number);
  drop_unused_tables();
  return done;
}

void FakeKernel::drop_unused_tables() {
  std::erase_if(tables_, [this](const auto& table) {
    return table.second.automatic &&
           std::ranges::none_of(functions_, [&](const Function& f) { return f.attached == table.first; });
  });
}

int FakeKernel::destroy(std::uint32_t id) {
  if (tables_.contains(id)) {
    if (std::ranges::any_of(functions_, [id](const Function& f) { return f.attached == id; })) return -EBUSY;
    tables_.erase(id);
    return 0;
  }
  if (!is_ioas(id)) return -ENOENT;
  if (translates(id)) return -EBUSY;
  spaces_.erase(id);
  return 0;
}

int FakeKernel::iommufd_request(unsigned long request, std::uintptr_t argument) {
  switch (request) {
    case uapi::kIoasAlloc:
      as<uapi::IoasAlloc>(argument).out_ioas_id = next_id_;
      spaces_[next_id_++];
      return 0;
    case uapi::kDestroy:
      return destroy(as<uapi::Destroy>(argument).id);
    case uapi::kIoasIovaRanges: {
      auto& query = as<uapi::IoasIovaRanges>(argument);
      if (!is_ioas(query.ioas_id)) return -ENOENT;
      const RangeSet list = reserved(query.ioas_id).complement();
      query.out_iova_alignment = alignment(query.ioas_id);
      auto* out = reinterpret_cast<uapi::IovaRange*>(query.allowed_iovas);
      for (std::size_t i = 0; i < list.ranges().size() && i < query.num_iovas; ++i)
        out[i] = {list.ranges()[i].first.value, list.ranges()[i].last.value};
      const bool fits = list.ranges().size() <= query.num_iovas;
      query.num_iovas = static_cast<std::uint32_t>(list.ranges().size());
      return fits ? 0 : -EMSGSIZE;
    }
    case uapi::kIoasAllowIovas:
      return allow(as<uapi::IoasAllowIovas>(argument));
    case uapi::kIoasMap:
      return map_memory(as<uapi::IoasMap>(argument));
    case uapi::kIoasMapFile:
      return map_file(as<uapi::IoasMapFile>(argument));
    case uapi::kIoasCopy:
      return copy_map(as<uapi::IoasCopy>(argument));
    case uapi::kIoasUnmap: {
      auto& unmap = as<uapi::IoasUnmap>(argument);
      if (!is_ioas(unmap.ioas_id)) return -ENOENT;
      const int done = remove_maps(unmap.ioas_id, unmap.iova, unmap.length);
      return done == 0 && unmap.length == 0 ? -ENOENT : done;
    }
    case uapi::kOption:
      return option(as<uapi::Option>(argument));
    case uapi::kHwptAlloc:
      return make_table(as<uapi::HwptAlloc>(argument));
    default:
      return -ENOTTY;
  }
}

}  // namespace aperture::test
