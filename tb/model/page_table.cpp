// SPDX-License-Identifier: Apache-2.0
// RISC-V Privileged Architecture, chapter "Supervisor-Level ISA", section "Virtual Address Translation Process" (its
// step numbers are below) with Sv32, Sv39, Sv48, Sv57, Svnapot, Svpbmt, Svadu and Svrsw60t59b; chapter "Hypervisor
// Extension", section "Two-Stage Address Translation". RISC-V IOMMU, chapter "Data Structures", sections "Translation
// control" and "IOMMU updating of PTE accessed (A) and dirty (D) updates".
//
// Decided here:
// - The rule of SXL = 1 for GPAs beyond bit 33 holds for every GPA that enters the second stage, implicit ones too.
// - A first stage has set its A and D bits when the second stage then faults, as the order of the steps has it.
// - A page is global if any entry on the way to it has G.
#include "tb/model/model.hpp"

namespace aperture::tb::model {
namespace {

constexpr unsigned kV = 0, kR = 1, kW = 2, kX = 3, kU = 4, kG = 5, kA = 6, kD = 7, kN = 63;

bool is_leaf(std::uint64_t pte) { return bit(pte, kR) || bit(pte, kX); }

std::uint64_t ppn_of(std::uint64_t pte, const Scheme& scheme) {
  return scheme.pte_size == 4 ? bits(pte, 31, 10) : bits(pte, 53, 10);
}

unsigned shift_of(const Scheme& scheme, unsigned level) { return 12 + scheme.index_bits * level; }

/// "Addressing and Memory Protection": a first stage takes sign-extended addresses (Sv32: of 32 bits, by SXL = 1), a
/// second stage zero-extended ones of two more bits.
bool in_range(const Stage& stage, std::uint64_t address) {
  const unsigned width = stage.scheme.address_bits;
  if (stage.second) return address >> (width + 2) == 0;
  if (stage.scheme.pte_size == 4) return address >> width == 0;
  const std::uint64_t above = address >> (width - 1);
  return above == 0 || above == ones(64 - (width - 1));
}

std::uint64_t index_of(const Stage& stage, std::uint64_t address, unsigned level) {
  const bool wide = stage.second && level + 1 == stage.scheme.levels;
  return address >> shift_of(stage.scheme, level) & ones(stage.scheme.index_bits + (wide ? 2 : 0));
}

/// What a leaf allows; nothing if its U bit forbids every access. PC.ta.SUM: "Process-context fields".
std::optional<Permissions> allowed(const Context& context, const Stage& stage, std::uint64_t pte) {
  Permissions p{bit(pte, kR), bit(pte, kW), bit(pte, kX)};
  const bool u = bit(pte, kU);
  const bool privileged = !stage.second && context.privileged;
  if (!privileged && !u) return std::nullopt;
  if (privileged && u) {
    if (!context.sum) return std::nullopt;
    p.x = false;
  }
  return p;
}

/// The page of a leaf; nothing if its address is not aligned to its size.
std::optional<Leaf> page(const Stage& stage, std::uint64_t address, std::uint64_t pte, unsigned level) {
  const bool wide_pte = stage.scheme.pte_size == 8;
  const std::uint64_t ppn = ppn_of(pte, stage.scheme);
  Leaf leaf{.size = std::uint64_t{1} << shift_of(stage.scheme, level)};
  std::uint64_t base = ppn << 12;
  if (wide_pte && bit(pte, kN)) {
    leaf.size = std::uint64_t{64} << 10;
    base &= ~(leaf.size - 1);
  }
  if ((base & (leaf.size - 1)) != 0) return std::nullopt;
  leaf.address = base | (address & (leaf.size - 1));
  leaf.pbmt = wide_pte ? static_cast<unsigned>(bits(pte, 62, 61)) : 0;
  return leaf;
}

}  // namespace

/// 3: V = 0, or bits or encodings that are reserved.
bool Model::invalid(std::uint64_t pte, const Stage& stage, unsigned level) const {
  if (!bit(pte, kV)) return true;
  if (!bit(pte, kR) && bit(pte, kW)) return true;
  if (!is_leaf(pte) && (bit(pte, kU) || bit(pte, kA) || bit(pte, kD))) return true;
  if (stage.scheme.pte_size == 4) return false;
  if (bits(pte, 58, 54) != 0) return true;
  if (!cap_.svrsw60t59b() && bits(pte, 60, 59) != 0) return true;
  const std::uint64_t pbmt = bits(pte, 62, 61);
  if (pbmt == 3 || (pbmt != 0 && (!cap_.svpbmt() || !is_leaf(pte)))) return true;
  return bit(pte, kN) && (!is_leaf(pte) || level != 0 || bits(pte, 13, 10) != 8);
}

/// `negotiable`: W or X, wanted and not allowed, are left out of what is granted, instead of a fault; W may be granted
/// unasked.
Outcome<Leaf> Model::walk(const Context& context, const Stage& stage, std::uint64_t address, Permissions wanted,
                          bool negotiable, const Faults& faults, const EntryAddress& physical) {
  const Scheme& scheme = stage.scheme;
  if (!in_range(stage, address)) return std::unexpected(faults.page);
  // 1
  std::uint64_t a = stage.root_ppn << 12;
  bool global = false;
  for (unsigned i = scheme.levels - 1;; --i) {
    // 2
    const std::uint64_t entry = a + index_of(stage, address, i) * scheme.pte_size;
    const Outcome<std::uint64_t> entry_at = physical(entry, false);
    if (!entry_at) return std::unexpected(entry_at.error());
    std::uint64_t pte = 0;
    ++walk_reads_;
    if (context.request.counted) {
      count(stage.second ? Event::kSecondStageWalk : Event::kFirstStageWalk, subject(context));
    }
    const Reply reply = load_pte(*entry_at, scheme.pte_size, stage.big_endian, pte);
    if (reply == Reply::kError) return std::unexpected(faults.access);
    if (reply == Reply::kPoison) return stop(Cause::kPtDataCorruption);
    // 3
    if (invalid(pte, stage, i)) return std::unexpected(faults.page);
    global = global || bit(pte, kG);
    // 4
    if (!is_leaf(pte)) {
      if (i == 0) return std::unexpected(faults.page);
      a = ppn_of(pte, scheme) << 12;
      continue;
    }
    // 5, 6
    std::optional<Leaf> leaf = page(stage, address, pte, i);
    const std::optional<Permissions> have = allowed(context, stage, pte);
    if (!leaf || !have) return std::unexpected(faults.page);
    leaf->global = global;
    const Permissions offered{wanted.r, wanted.w || negotiable, wanted.x};
    leaf->granted = offered & *have;
    if (!(negotiable ? leaf->granted.r : leaf->granted == wanted)) return std::unexpected(faults.page);
    // 7
    const bool set_a = !bit(pte, kA);
    const bool set_d = wanted.w && leaf->granted.w && !bit(pte, kD);
    if (!wanted.w && !bit(pte, kD)) leaf->granted.w = false;
    if (!set_a && !set_d) return *leaf;
    if (!stage.hardware_ad) return std::unexpected(faults.page);
    const Outcome<std::uint64_t> update_at = physical(entry, true);
    if (!update_at) return std::unexpected(update_at.error());
    const std::uint64_t updated = pte | (set_a ? 1U << kA : 0U) | (set_d ? 1U << kD : 0U);
    if (!store_sized(*update_at, scheme.pte_size, stage.big_endian, updated)) return std::unexpected(faults.access);
    return *leaf;
  }
}

/// From the IOVA to the GPA.
Outcome<Leaf> Model::first_stage(const Context& context) {
  const Request& request = context.request;
  if (context.first.scheme.bare()) return Leaf{.address = request.iova, .granted = request.offered()};
  const Faults faults{{page_fault(request.original)}, {access_fault(request.original)}};
  return walk(context, context.first, request.iova, request.wanted, request.type == AccessType::kAts, faults,
              [&](std::uint64_t address, bool write) { return implicit_address(context, address, write); });
}

/// From a GPA to the SPA.
Outcome<Leaf> Model::second_stage(const Context& context, std::uint64_t gpa, Permissions wanted,
                                  std::uint64_t implicit) {
  const Request& request = context.request;
  if (context.second.scheme.bare()) return Leaf{.address = gpa, .granted = request.offered()};
  const Faults faults{{guest_page_fault(request.original), (gpa & ~std::uint64_t{3}) | implicit},
                      {access_fault(request.original)}};
  if (context.dc.sxl && gpa >> 34 != 0) return std::unexpected(faults.page);
  const bool negotiable = request.type == AccessType::kAts && implicit == 0;
  return walk(context, context.second, gpa, wanted, negotiable, faults,
              [](std::uint64_t address, bool) -> Outcome<std::uint64_t> { return address; });
}

/// Where an entry of the process directory or of the first stage at `gpa` lies.
Outcome<std::uint64_t> Model::implicit_address(const Context& context, std::uint64_t gpa, bool write) {
  const Permissions wanted{.r = !write, .w = write};
  const Outcome<Leaf> leaf = second_stage(context, gpa, wanted, write ? 3 : 1);
  if (!leaf) return std::unexpected(leaf.error());
  return leaf->address;
}

}  // namespace aperture::tb::model
