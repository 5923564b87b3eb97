// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "regs/registers.hpp"
#include "riscv/table.hpp"

namespace aperture::riscv {

/// A process context, word by word.
struct ProcessContext {
  std::uint64_t ta{};
  std::uint64_t fsc{};
  bool operator==(const ProcessContext&) const = default;
};

/// A device's process directory in memory, 1 to 3 levels (PD8, PD17, PD20). It only stores: invalidations and fences
/// are its user's business, at the places that the functions name. What it needs it takes from `spare`, so that nothing
/// here can fail. Not thread-safe.
class ProcessDirectory {
 public:
  /// Process ids of a directory are 8, 17 or 20 bits wide.
  static constexpr unsigned id_bits(unsigned levels) { return levels == 3 ? 20 : levels == 2 ? 17 : 8; }
  /// The fewest levels that an IOMMU with these capabilities has for this id; none: it has no directory that holds it.
  static std::optional<unsigned> levels_for(std::uint64_t capabilities, std::uint32_t process_id);
  /// Tables that any one of the calls below can take, all that are needed to give one process its context included.
  static constexpr unsigned kSpares = 5;

  ProcessDirectory(unsigned levels, Quarantine& spare) : levels_(levels), root_(spare.take()) {}

  unsigned levels() const { return levels_; }
  /// What DC.fsc has to be. It changes with grow(), and with an exchange() in a directory of one level.
  std::uint64_t pdtp() const;

  /// Makes it one of more levels, with the same contexts.
  void grow(unsigned levels, Quarantine& spare) noexcept;
  /// Makes the way to a context.
  void make_way(std::uint32_t process_id, Quarantine& spare) noexcept;

  /// The context as it is; all zeros where there is no way to it.
  ProcessContext read(std::uint32_t process_id) const;
  bool valid(std::uint32_t process_id) const { return regs::pc::ta::v.get(read(process_id).ta) != 0; }
  /// Writes a context that is not valid now and that no cache holds; ta, with V, last. Needs make_way() before.
  void write(std::uint32_t process_id, const ProcessContext& context) noexcept;
  /// Replaces a valid context in one 8-byte store: a copy of its leaf page, with the new context, takes that page's
  /// place in the entry above, which is DC.fsc for a directory of one level. Gives the old page: IODIR.INVAL_DDT for
  /// the device and a fence have to pass before it is freed.
  std::unique_ptr<Table> exchange(std::uint32_t process_id, const ProcessContext& context, Quarantine& spare) noexcept;
  /// Makes a context invalid. IODIR.INVAL_PDT and a fence have to pass before what it named is freed or it is written.
  void clear(std::uint32_t process_id) noexcept;

  /// All its tables go to `quarantine`; this object is unusable afterwards.
  void release(Quarantine& quarantine) noexcept;

 private:
  static unsigned index_of(std::uint32_t process_id, unsigned level);
  /// The place that owns the leaf page of a process; null where there is no way to it.
  const std::unique_ptr<Table>* leaf(std::uint32_t process_id) const;

  unsigned levels_;
  std::unique_ptr<Table> root_;
};

}  // namespace aperture::riscv
