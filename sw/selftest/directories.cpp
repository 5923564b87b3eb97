// SPDX-License-Identifier: Apache-2.0
// Step "directories": device directories of one, two and three levels; which bits of a device id choose what.
// Source: specification, "Process to locate the Device-context".
#include <fmt/format.h>

#include <map>
#include <utility>
#include <vector>

#include "selftest/checks.hpp"
#include "selftest/step.hpp"
#include "selftest/tree.hpp"

namespace aperture::sw::selftest {
namespace {

constexpr std::uint64_t kIova = 0x3333'0000;
constexpr std::uint64_t kLength = 256;
constexpr unsigned kLevels = 3;
/// Parts of the device id that choose an entry of a level: in one that has a device, in one that has none.
constexpr std::uint32_t kThere = 0x2a;
constexpr std::uint32_t kNowhere = 0x2b;
constexpr std::uint32_t kDevice = 0x15;

/// A device directory of `levels`, level 0 being the one that holds contexts.
class Directory {
 public:
  Directory(World& world, unsigned levels)
      : world_(world),
        extended_(world.bench().has(regs::iommu::capabilities_f::msi_flat)),
        levels_(levels),
        root_(world.words()) {
    context(World::kRingId, 0, 0);
  }
  const Words& root() const { return root_; }
  regs::IommuMode mode() const {
    return static_cast<regs::IommuMode>(static_cast<unsigned>(regs::IommuMode::k1lvl) + levels_ - 1);
  }
  /// The lowest bit of a device id that chooses at `level`; of `levels()`: how many bits there are.
  unsigned first_bit(unsigned level) const {
    const unsigned lowest = extended_ ? 6 : 7;
    return level == 0 ? 0 : level == kLevels ? 24 : lowest + 9 * (level - 1);
  }
  unsigned bits() const { return first_bit(levels_); }

  /// `pscid` says which address space it is.
  void context(std::uint32_t device_id, std::uint64_t pscid, std::uint64_t fsc) {
    Words* table = &root_;
    for (unsigned level = levels_ - 1; level > 0; --level) {
      const std::uint64_t index =
          device_id >> first_bit(level) & ((1U << (first_bit(level + 1) - first_bit(level))) - 1);
      Words*& below = below_[{level, device_id >> first_bit(level)}];
      if (below == nullptr) {
        below = &world_.words();
        table->set(index, regs::ddte::e::ppn.set(regs::ddte::e::v.mask(), below->page()));
      }
      table = below;
    }
    const std::uint64_t at = (device_id & ((1U << first_bit(1)) - 1)) * (extended_ ? 8 : 4);
    table->set(at + 2, regs::dc::ta::pscid.set(0, pscid));
    table->set(at + 3, fsc);
    table->set(at, regs::dc::tc::v.mask());
  }

 private:
  World& world_;
  bool extended_;
  unsigned levels_;
  Words& root_;
  std::map<std::pair<unsigned, std::uint32_t>, Words*> below_;
};

/// False: ddtp does not take so many levels.
bool walk(World& world, Verdict& verdict, const Format& format, unsigned levels) {
  Directory directory(world, levels);
  const std::uint32_t all = (std::uint32_t{1} << directory.bits()) - 1;
  std::vector<std::uint32_t> ids{kDevice, all - 1};  // `all` may be kRingId
  for (unsigned level = 1; level < levels; ++level) ids.push_back(kDevice | kThere << directory.first_bit(level));
  std::vector<const Words*> pages;
  for (const std::uint32_t id : ids) {
    pages.push_back(&world.words());
    Tree tree(world, format);
    tree.map(kIova, pages.back()->address());
    directory.context(id, pages.size(), tree.pointer());
  }
  if (!world.lead(directory.mode(), directory.root())) return false;
  const std::string among = fmt::format("in a directory of {} level{}", levels, levels == 1 ? "" : "s");
  // Twice: walked for, and out of the caches. One page for all of them would show as well.
  for (int round = 0; round < 2; ++round)
    for (std::size_t i = 0; i < ids.size(); ++i)
      (void)reaches(verdict, world, world.channel({.device_id = ids[i]}), kIova, pages[i]->bytes().first(kLength),
                    fmt::format("device {:#x} {}", ids[i], among));
  const auto refuse = [&](std::uint32_t id, regs::Cause cause) {
    dma::Channel& channel = world.channel({.device_id = id});
    (void)refused(verdict, world, channel, record_of(channel, cause, kIova, true),
                  fmt::format("device {:#x} {}, which has none", id, among));
  };
  refuse(kDevice + 1, regs::Cause::kDdtNotValid);
  for (unsigned level = 1; level < levels; ++level)
    refuse(kDevice | kNowhere << directory.first_bit(level), regs::Cause::kDdtNotValid);
  if (levels < kLevels) refuse(kDevice | std::uint32_t{1} << directory.bits(), regs::Cause::kTypeDisallowed);
  return true;
}

}  // namespace

void test_directories(Bench& bench, Verdict& verdict) {
  const Format* format = first_stage(bench);
  if (format == nullptr)
    return verdict.skip("capabilities announce no first stage of 64 bits, by which to tell devices apart");
  World world(bench);
  std::string taken;
  for (unsigned levels = 1; levels <= kLevels; ++levels)
    if (walk(world, verdict, *format, levels)) taken += fmt::format("{}{}", taken.empty() ? "" : ", ", levels);
  world.stop_channels();
  world.mode(regs::IommuMode::k1lvl);
  verdict.fact("levels", taken);
}

}  // namespace aperture::sw::selftest
