// SPDX-License-Identifier: Apache-2.0
#include "soak/features.hpp"

namespace aperture::soak {
namespace {

namespace cap = regs::iommu::capabilities_f;

void needs(std::uint64_t& capabilities, const regs::Field& one, const regs::Field& other) {
  if (other.get(capabilities) == 0) capabilities &= ~one.mask();
}

}  // namespace

Features random_features(Random& random, std::uint64_t available) {
  Features features;
  std::uint64_t c = available;
  for (const regs::Field& field : cap::kAll) {
    if (field.width == 1 && random.chance(25)) c &= ~field.mask();
  }
  // Specification, "IOMMU capabilities": larger modes come with the smaller ones.
  needs(c, cap::sv48, cap::sv39);
  needs(c, cap::sv57, cap::sv48);
  needs(c, cap::sv48x4, cap::sv39x4);
  needs(c, cap::sv57x4, cap::sv48x4);
  needs(c, cap::msi_mrif, cap::msi_flat);
  needs(c, cap::amo_mrif, cap::msi_mrif);
  needs(c, cap::t2gpa, cap::ats);
  if ((c & (cap::sv39.mask() | cap::sv32.mask())) == 0) c |= available & cap::sv39.mask();
  c = cap::igs.set(c, random.below(3));
  c = cap::pas.set(c, random.pick({34U, 40U, 46U, 52U, 56U, 56U}));
  tb::Straps& s = features.straps;
  s.capabilities = c;
  s.ddt_levels_max = static_cast<std::uint8_t>(random.within(1, 3));
  s.vectors_log2 = static_cast<std::uint8_t>(random.below(5));
  s.queue_log2_max = 12;
  s.device_id_mask = random.chance(70) ? 0xffffff : 0xffff;
  if (features.has(cap::hpm)) {
    s.hpm_counters = static_cast<std::uint8_t>(random.within(1, 31));
    s.hpm_counter_bits = static_cast<std::uint8_t>(random.within(32, 64));
  }
  s.rcid_bits = static_cast<std::uint8_t>(random.below(13));
  s.mcid_bits = static_cast<std::uint8_t>(random.below(13));
  s.fctl_be_writable = random.chance(70);
  s.fctl_gxl_writable = random.chance(70);
  features.be = features.has(cap::end) && s.fctl_be_writable && random.chance(50);
  features.gxl = features.has(cap::sv32x4) && features.has(cap::sv32) && s.fctl_gxl_writable && random.chance(40);
  features.wsi = cap::igs.get(c) == 1 || (cap::igs.get(c) == 2 && random.chance(50));
  return features;
}

}  // namespace aperture::soak
