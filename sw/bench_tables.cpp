// SPDX-License-Identifier: Apache-2.0
#include "bench_tables.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace aperture::sw {
namespace {

class HostBuffer final : public card::DmaBuffer {
 public:
  HostBuffer(std::uint64_t size, std::uint64_t alignment)
      : size_(size), data_(static_cast<std::byte*>(std::aligned_alloc(alignment, size))) {
    if (!data_) throw std::bad_alloc();
    std::fill_n(data_.get(), size, std::byte{0});
  }
  BusAddress address() const override { return {reinterpret_cast<std::uintptr_t>(data_.get())}; }
  std::span<std::byte> bytes() override { return {data_.get(), size_}; }

 private:
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  std::uint64_t size_;
  std::unique_ptr<std::byte, Free> data_;
};

class TableDomain final : public ioas::Domain {
 public:
  TableDomain(riscv::PageTable<riscv::Sv48> table, const ioas::Format& format, FramePins& pins)
      : table_(std::move(table)), format_(format), pins_(pins) {}
  const ioas::Format& format() const override { return format_; }
  ioas::PinProvider& pin_provider() const override { return pins_; }
  Result<> prepare_map(const ioas::Mapping& mapping) override {
    return table_.map(mapping.iova, mapping.span.length, FramePins::place(mapping.span, pins_),
                      ioas::writable(mapping.prot), format_.page_sizes);
  }
  void commit_map(const ioas::Mapping&) noexcept override {}
  void abort_map(const ioas::Mapping& mapping) noexcept override { unmap(mapping.range()); }
  void unmap(IovaRange range) noexcept override { table_.unmap(range, removed_, quarantine_); }
  Result<> sync() noexcept override {
    removed_.clear();
    quarantine_.free();
    return {};
  }

 private:
  riscv::PageTable<riscv::Sv48> table_;
  ioas::Format format_;
  FramePins& pins_;
  riscv::Removed removed_;
  riscv::Quarantine quarantine_;
};

class Switched final : public ioas::PreparedAttach {
  Result<bool> commit() noexcept override { return true; }
};

}  // namespace

Result<std::unique_ptr<card::DmaBuffer>> HostTables::allocate(std::uint64_t size, std::uint64_t alignment) {
  return std::make_unique<HostBuffer>(size, alignment);
}

struct FramePins::Pinned final : ioas::Residency {
  explicit Pinned(std::shared_ptr<const Frames> all) : frames(std::move(all)) {}
  std::shared_ptr<const Frames> frames;
};

Result<std::unique_ptr<ioas::Residency>> FramePins::pin(const ioas::Pages& pages) {
  std::shared_ptr<const Frames>& known = known_[pages.size()];
  if (known == nullptr) {
    std::vector<card::BusExtent> extents;
    for (std::uint64_t at = 0; at < pages.size(); at += frame_) {
      extents.push_back({BusAddress{frame_ + 2 * at}, std::min(frame_, pages.size() - at)});
    }
    const std::span<const card::BusExtent> all(extents);
    known = std::make_shared<const Frames>(std::move(extents), riscv::ExtentIndex(all));
  }
  return std::make_unique<Pinned>(known);
}

riscv::ExtentCursor FramePins::place(const ioas::PageSpan& span, const ioas::PinProvider& pins) {
  return static_cast<const Pinned*>(span.pages->residency(pins))->frames->index.at(span.offset);
}

Result<std::shared_ptr<ioas::Domain>> TableDevice::make_domain(std::size_t format, ioas::ProcessId) {
  auto table = Table::create(pool_);
  if (!table) return std::unexpected(table.error());
  return std::make_shared<TableDomain>(std::move(*table), formats_.at(format), pins_);
}

Result<std::unique_ptr<ioas::PreparedAttach>> TableDevice::prepare_attach(std::shared_ptr<ioas::Domain>,
                                                                          ioas::ProcessId) {
  return std::make_unique<Switched>();
}

}  // namespace aperture::sw
