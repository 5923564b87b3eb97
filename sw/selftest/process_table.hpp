// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "selftest/tree.hpp"
#include "selftest/world.hpp"

namespace aperture::sw::selftest {

/// A process directory written by hand. The step's world frees it.
class ProcessTable {
 public:
  ProcessTable(World& world, regs::PdtpMode mode)
      : world_(world), mode_(mode), levels_(static_cast<unsigned>(mode)), root_(&world.words()) {}

  /// As DC.fsc has it.
  std::uint64_t pointer() const { return static_cast<std::uint64_t>(mode_) << 60 | root_->page(); }
  /// Bits of a process id that it has.
  unsigned id_bits() const { return levels_ == 3 ? 20 : levels_ == 2 ? 17 : 8; }

  /// Makes this the context of a process; `fsc`: its first stage; `supervisor`: ENS.
  void set(std::uint32_t process_id, std::uint64_t fsc, std::uint64_t pscid, bool supervisor) {
    namespace ta = regs::pc::ta;
    const std::uint64_t word = ta::pscid.set(ta::v.mask(), pscid) | (supervisor ? ta::ens.mask() : 0);
    set_words(process_id, word, fsc);
  }
  void set_words(std::uint32_t process_id, std::uint64_t ta, std::uint64_t fsc) {
    Words& leaf = leaf_of(process_id);
    const std::uint64_t at = 2 * (process_id & 0xff);
    leaf.set(at + 1, fsc);
    leaf.set(at, ta);
  }

 private:
  Words& leaf_of(std::uint32_t process_id) {
    Words* at = root_;
    for (unsigned level = levels_ - 1; level > 0; --level) {
      const unsigned shift = level == 2 ? 17 : 8;
      Words*& next = tables_[{level, process_id >> shift}];
      if (next == nullptr) {
        next = &world_.words();
        at->set(process_id >> shift & 0x1ff, pte::to(next->address()) | pte::kV);
      }
      at = next;
    }
    return *at;
  }

  World& world_;
  regs::PdtpMode mode_;
  unsigned levels_;
  Words* root_;
  std::map<std::pair<unsigned, std::uint32_t>, Words*> tables_;
};

}  // namespace aperture::sw::selftest
