// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "base/error.hpp"
#include "base/types.hpp"
#include "card/card.hpp"
#include "regs/registers.hpp"
#include "riscv/table.hpp"

namespace aperture::riscv {

/// A device context: the words of the base format. Those that the extended format adds (MSI page table) stay 0: Off.
struct DeviceContext {
  std::uint64_t tc{};
  std::uint64_t iohgatp{};
  std::uint64_t ta{};
  std::uint64_t fsc{};
  bool operator==(const DeviceContext&) const = default;
  /// Whether the device may have translations cached (EN_ATS).
  bool ats() const { return regs::dc::tc::en_ats.get(tc) != 0; }
};

/// The device directory in memory, 1 to 3 levels, of base-format contexts (32 bytes) or, where the IOMMU has
/// capabilities.MSI_FLAT, of extended-format ones (64 bytes). It only stores: invalidations and fences are its user's
/// business, at the places that the functions name. Not thread-safe.
class DeviceDirectory {
 public:
  /// Device ids of a directory are 7, 16 or 24 bits wide; 6, 15 or 24 with extended-format contexts.
  static constexpr unsigned id_bits(unsigned levels, bool extended) {
    return levels == 3 ? 24 : (levels == 1 ? 7 : 16) - (extended ? 1 : 0);
  }

  /// Empty, `levels` 1 to 3. ENOMEM.
  static Result<DeviceDirectory> create(card::DmaMemory& memory, unsigned levels, bool extended);

  unsigned levels() const { return levels_; }
  BusAddress root() const { return root_->address(); }
  std::uint32_t last_id() const { return (std::uint32_t{1} << id_bits(levels_, extended_)) - 1; }

  /// All that a later write or exchange of this device's context can need: makes the way to it. ENOMEM.
  Result<> make_way(std::uint32_t device_id);
  /// An empty page for exchange(). ENOMEM.
  Result<std::unique_ptr<Table>> spare() { return Table::allocate(*memory_); }

  /// The context as it is; all zeros where there is no way to it.
  DeviceContext read(std::uint32_t device_id) const;
  bool valid(std::uint32_t device_id) const;

  /// Writes a context that is not valid now and that no cache holds; tc, with V, last. Needs make_way() before.
  void write(std::uint32_t device_id, const DeviceContext& context) noexcept;
  /// Replaces a valid context in one 8-byte store: `page` becomes a copy of its leaf page with the new context and
  /// takes that page's place in the entry above. `page` is then the old one: IODIR.INVAL_DDT with DV = 0 and a fence
  /// have to pass before it is freed. Needs two levels.
  void exchange(std::uint32_t device_id, const DeviceContext& context, std::unique_ptr<Table>& page) noexcept;
  /// Replaces DC.fsc of a valid context in one 8-byte store: IODIR.INVAL_DDT and a fence have to pass before what the
  /// old one named is freed.
  void set_fsc(std::uint32_t device_id, std::uint64_t fsc) noexcept;
  /// Makes a context invalid. IODIR.INVAL_DDT and a fence have to pass before anything it named is freed or it is
  /// written.
  void clear(std::uint32_t device_id) noexcept;

 private:
  DeviceDirectory(card::DmaMemory& memory, unsigned levels, bool extended, std::unique_ptr<Table> root)
      : memory_(&memory), levels_(levels), extended_(extended), root_(std::move(root)) {}
  unsigned index_of(std::uint32_t device_id, unsigned level) const;
  unsigned word_of(std::uint32_t device_id) const;
  Table* leaf(std::uint32_t device_id) const;
  void store(Table& leaf, std::uint32_t device_id, const DeviceContext& context) noexcept;

  card::DmaMemory* memory_;
  unsigned levels_;
  bool extended_;
  std::unique_ptr<Table> root_;
};

}  // namespace aperture::riscv
