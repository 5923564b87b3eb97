// SPDX-License-Identifier: Apache-2.0
#include "ioas/memory_domain.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "ioas/range_set.hpp"
#include "ioas/text.hpp"

namespace aperture::ioas {
namespace {

class MemoryResidency : public Residency {
 public:
  MemoryResidency(std::shared_ptr<std::uint64_t> total, std::uint64_t size) : total_(std::move(total)), size_(size) {
    std::atomic_ref(*total_) += size_;
  }
  ~MemoryResidency() override { std::atomic_ref(*total_) -= size_; }

 private:
  std::shared_ptr<std::uint64_t> total_;
  std::uint64_t size_;
};

/// As numbers: what is asked for may reach further than any object.
IovaRange addresses(const std::byte* first, std::uint64_t size) {
  const auto number = reinterpret_cast<std::uintptr_t>(first);
  return {{number}, {number + (size - 1)}};
}

}  // namespace

Result<> MemoryPins::step(const char* what) {
  if (fail_ != 0 && --fail_ == 0) return aperture::fail(Code::kNoMemory, ENOMEM, std::string("no memory for ") + what);
  return {};
}

Result<std::unique_ptr<Residency>> MemoryPins::pin(const Pages& pages) {
  if (auto done = step("pins"); !done) return std::unexpected(done.error());
  if (!hole_.empty() && addresses(pages.data(), pages.size()).overlaps(addresses(hole_.data(), hole_.size()))) {
    return aperture::fail(Code::kFault, EFAULT, "the memory is not mapped");
  }
  return std::make_unique<MemoryResidency>(pinned_, pages.size());
}

std::uint64_t MemoryPins::pinned_bytes() const { return std::atomic_ref(*pinned_); }

std::uint64_t MemoryDomain::page() const { return std::uint64_t{1} << std::countr_zero(format_.page_sizes); }

Result<> MemoryDomain::prepare_map(const Mapping& mapping) {
  const std::lock_guard lock(mutex_);
  if (lost_) return aperture::fail(Code::kCardDead, EIO, "the device is lost");
  if (fail_map_ != 0 && --fail_map_ == 0) return aperture::fail(Code::kNoMemory, ENOMEM, "no memory for tables");
  if (auto done = pins_.step("tables"); !done) return done;
  maps_.emplace(mapping.iova, Mapped{mapping, {}});
  return {};
}

void MemoryDomain::unmap(IovaRange range) noexcept {
  const std::lock_guard lock(mutex_);
  auto map = maps_.lower_bound(range.first);
  while (map != maps_.end() && map->first <= range.last) map = maps_.erase(map);
}

Result<> MemoryDomain::sync() noexcept {
  ++syncs_;
  if (lost_) return aperture::fail(Code::kCardDead, EIO, "the device is lost");
  return {};
}

void MemoryDomain::track_dirty(bool enable) noexcept {
  const std::lock_guard lock(mutex_);
  tracks_ = enable;
  for (auto& [iova, map] : maps_) map.written = {};
}

void MemoryDomain::mark(const Mapped& map, Iova first, std::uint64_t length) const {
  if (!tracks_) return;
  const std::uint64_t in_page = page() - 1;
  const IovaRange pages{{first.value & ~in_page}, {(first.value + (length - 1)) | in_page}};
  if (!map.written.contains(pages)) map.written.add(pages);
}

Result<> MemoryDomain::read_dirty(IovaRange range, bool clear, std::vector<IovaRange>& dirty) {
  const std::lock_guard lock(mutex_);
  auto map = maps_.upper_bound(range.first);
  if (map != maps_.begin()) --map;
  for (; map != maps_.end() && map->first <= range.last; ++map) {
    RangeSet& written = map->second.written;
    const std::uint64_t in_page = page() - 1;
    const IovaRange pages{{range.first.value & ~in_page}, {range.last.value | in_page}};
    const RangeSet found = written.intersect(RangeSet(std::span(&pages, 1)));
    dirty.insert(dirty.end(), found.ranges().begin(), found.ranges().end());
    if (clear) written.subtract(range);
  }
  return {};
}

std::size_t MemoryDomain::map_count() const {
  const std::lock_guard lock(mutex_);
  return maps_.size();
}

template <typename Move>
Result<> MemoryDomain::walk(Iova iova, std::uint64_t length, bool write, MemoryFault& fault, Move&& move) const {
  const std::lock_guard lock(mutex_);
  std::uint64_t done = 0;
  while (done < length) {
    const Iova at = iova + done;
    auto map = maps_.upper_bound(at);
    const Mapping* hit = map == maps_.begin() ? nullptr : &std::prev(map)->second.mapping;
    if (hit == nullptr || !hit->range().contains(at) || !(write ? writable(hit->prot) : readable(hit->prot))) {
      fault = {at, write};
      return aperture::fail(Code::kFault, EFAULT, std::string(write ? "write" : "read") + " fault at " + hex(at.value));
    }
    const std::uint64_t room = hit->range().last - at;
    const std::uint64_t count = length - done - 1 < room ? length - done : room + 1;
    move(hit->span.pages->data() + hit->span.offset + (at - hit->iova), done, count);
    if (write) mark(std::prev(map)->second, at, count);
    done += count;
  }
  return {};
}

Result<> MemoryDomain::read(Iova from, std::span<std::byte> to, MemoryFault& fault) const {
  return walk(from, to.size(), false, fault, [&](const std::byte* memory, std::uint64_t done, std::uint64_t count) {
    std::memcpy(to.data() + done, memory, count);
  });
}

Result<> MemoryDomain::write(Iova to, std::span<const std::byte> from, MemoryFault& fault) const {
  return walk(to, from.size(), true, fault, [&](std::byte* memory, std::uint64_t done, std::uint64_t count) {
    std::memcpy(memory, from.data() + done, count);
  });
}

class MemoryAttach : public PreparedAttach {
 public:
  MemoryAttach(MemoryDevice& device, std::shared_ptr<MemoryDomain> domain, ProcessId process)
      : device_(device), domain_(std::move(domain)), process_(process) {}
  Result<bool> commit() noexcept override {
    const std::lock_guard lock(device_.mutex_);
    device_.domains_.find(process_)->second.swap(domain_);
    return true;
  }

 private:
  MemoryDevice& device_;
  std::shared_ptr<MemoryDomain> domain_;
  ProcessId process_;
};

MemoryDevice::MemoryDevice(std::string name, std::uint32_t device_id, MemoryPins& pins, MemoryDeviceOptions options)
    : name_(std::move(name)), device_id_(device_id), pins_(pins), options_(std::move(options)) {
  if (options_.formats.empty()) options_.formats.push_back({"memory", 1, 1, {kAll}, kPageSize});
}

std::uint64_t MemoryDevice::dma_mask() const {
  return options_.dma_bits >= 64 ? kMax : (std::uint64_t{1} << options_.dma_bits) - 1;
}

Result<std::shared_ptr<Domain>> MemoryDevice::make_domain(std::size_t format, ProcessId) {
  if (auto done = pins_.step("a domain"); !done) return std::unexpected(done.error());
  auto domain = std::make_shared<MemoryDomain>(options_.formats.at(format), pins_);
  std::erase_if(made_, [](const auto& old) { return old.expired(); });
  made_.emplace_back(domain);
  return domain;
}

Result<std::unique_ptr<PreparedAttach>> MemoryDevice::prepare_attach(std::shared_ptr<Domain> domain,
                                                                     ProcessId process) {
  if (auto done = pins_.step("a context"); !done) return std::unexpected(done.error());
  if (own_only_ && std::ranges::none_of(made_, [&](const auto& own) { return own.lock() == domain; })) {
    return aperture::fail(Code::kInvalid, EINVAL, name_ + " takes only domains of its own");
  }
  auto memory = std::dynamic_pointer_cast<MemoryDomain>(domain);
  if (!memory) return aperture::fail(Code::kInvalid, EINVAL, name_ + " takes only memory domains");
  const std::lock_guard lock(mutex_);
  domains_.try_emplace(process);
  return std::make_unique<MemoryAttach>(*this, std::move(memory), process);
}

Result<> MemoryDevice::detach(ProcessId process) noexcept {
  std::shared_ptr<MemoryDomain> old;
  {
    const std::lock_guard lock(mutex_);
    const auto found = domains_.find(process);
    if (found == domains_.end() || !found->second) return {};
    old = std::move(found->second);
    domains_.erase(found);
  }
  return old->sync();
}

std::shared_ptr<MemoryDomain> MemoryDevice::domain(ProcessId process) const {
  const std::lock_guard lock(mutex_);
  const auto found = domains_.find(process);
  return found == domains_.end() ? nullptr : found->second;
}

bool MemoryDevice::has_processes() const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(domains_, [](const auto& one) { return one.first && one.second; });
}

Result<> MemoryDevice::dma_read(Iova from, std::span<std::byte> to, MemoryFault& fault, ProcessId process) const {
  if (const auto d = domain(process)) return d->read(from, to, fault);
  fault = {from, false};
  return aperture::fail(Code::kFault, EFAULT, name_ + " is not attached");
}

Result<> MemoryDevice::dma_write(Iova to, std::span<const std::byte> from, MemoryFault& fault,
                                 ProcessId process) const {
  if (const auto d = domain(process)) return d->write(to, from, fault);
  fault = {to, true};
  return aperture::fail(Code::kFault, EFAULT, name_ + " is not attached");
}

}  // namespace aperture::ioas
