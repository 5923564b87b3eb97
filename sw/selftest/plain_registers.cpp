// SPDX-License-Identifier: Apache-2.0
#include "selftest/plain_registers.hpp"

#include <fmt/format.h>

#include <bit>
#include <string_view>

namespace aperture::sw::selftest {
namespace {

namespace iommu = regs::iommu;
namespace caps = regs::iommu::capabilities_f;
namespace dma = regs::dma;
namespace ctrl = regs::dma::ctrl_f;

/// Page numbers as wide as the card's physical addresses.
std::uint64_t page_bits(const Bench& bench, const regs::Field& field) {
  return ((std::uint64_t{1} << (bench.address_bits() - 12)) - 1) << field.lsb;
}

void queue(Bench& bench, std::vector<PlainRegister>& list, const regs::Register& base, const regs::Register& index) {
  bench.write(base, iommu::cqb_f::log2szm1.mask());
  const std::uint64_t size = iommu::cqb_f::log2szm1.get(bench.read(base));
  list.push_back({base, page_bits(bench, iommu::cqb_f::ppn)});
  list.push_back({index, (std::uint64_t{2} << size) - 1});
}

void counters(Bench& bench, std::vector<PlainRegister>& list) {
  namespace evt = iommu::iohpmevt_f;
  bench.write(iommu::iocountinh, 0xffff'ffff);
  const std::uint64_t there = bench.read(iommu::iocountinh);
  list.push_back({iommu::iocountinh, there});
  list.push_back({iommu::iohpmcycles, ~std::uint64_t{0}});
  for (unsigned i = 0; i < iommu::iohpmctr.count; ++i)
    if ((there >> (i + 1) & 1) != 0) {
      list.push_back({iommu::iohpmctr, 0xffff'ffff, i});
      list.push_back({iommu::iohpmevt, ~evt::event_id.mask(), i});
    }
}

void messages(Bench& bench, std::vector<PlainRegister>& list) {
  bench.write(iommu::icvec, 0xffff);
  const std::uint64_t vectors = iommu::icvec_f::civ.get(bench.read(iommu::icvec)) + 1;
  for (unsigned i = 0; i < vectors; ++i) {
    list.push_back({iommu::msi_addr, iommu::msi_addr_f::addr.mask(), i});
    list.push_back({iommu::msi_data, iommu::msi_data_f::data.mask(), i});
    list.push_back({iommu::msi_vec_ctl, iommu::msi_vec_ctl_f::m.mask(), i});
  }
}

void channel(std::vector<PlainRegister>& list, unsigned instance) {
  const std::uint64_t modes = ctrl::irq_enable.mask() | ctrl::process_id_valid.mask() | ctrl::privileged.mask() |
                              ctrl::execute.mask() | ctrl::translated.mask() | ctrl::ats.mask() |
                              ctrl::wrong_process.mask() | ctrl::write_after_stop.mask();
  list.push_back({dma::ctrl, modes, 0, instance});
  list.push_back({dma::device_id, dma::device_id_f::id.mask(), 0, instance});
  list.push_back({dma::process_id, dma::process_id_f::id.mask(), 0, instance});
  list.push_back({dma::address_mask, dma::address_mask_f::mask.mask(), 0, instance});
  list.push_back({dma::ring_base, dma::ring_base_f::address.mask(), 0, instance});
  list.push_back({dma::record_base, dma::record_base_f::address.mask(), 0, instance});
  list.push_back({dma::ring_device_id, dma::ring_device_id_f::id.mask(), 0, instance});
  list.push_back({dma::ring_log2, dma::ring_log2_f::log2.mask(), 0, instance});
  list.push_back({dma::tail, dma::tail_f::index.mask(), 0, instance});
}

}  // namespace

std::string PlainRegister::name() const {
  std::string text = reg.bar == 0 ? "iommu" : offset() < dma::kBlock.base ? "card" : fmt::format("dma{}", instance);
  text += fmt::format(".{}", reg.name);
  if (reg.count > 1) text += fmt::format("[{}]", index);
  return text;
}

std::vector<PlainRegister> plain_registers(Bench& bench) {
  std::vector<PlainRegister> list;
  queue(bench, list, iommu::cqb, iommu::cqt);
  queue(bench, list, iommu::fqb, iommu::fqh);
  if (bench.has(caps::ats)) queue(bench, list, iommu::pqb, iommu::pqh);
  list.push_back({iommu::cqcsr, iommu::cqcsr_f::cie.mask()});
  list.push_back({iommu::fqcsr, iommu::fqcsr_f::fie.mask()});
  if (bench.has(caps::ats)) list.push_back({iommu::pqcsr, iommu::pqcsr_f::pie.mask()});
  if (bench.has(caps::hpm)) counters(bench, list);
  if (bench.has(caps::dbg)) {
    list.push_back({iommu::tr_req_iova, iommu::tr_req_iova_f::vpn.mask()});
    namespace ctl = iommu::tr_req_ctl_f;
    list.push_back({iommu::tr_req_ctl, ctl::priv.mask() | ctl::exe.mask() | ctl::nw.mask() | ctl::pid.mask() |
                                           ctl::pv.mask() | ctl::did.mask()});
  }
  if (caps::igs.get(bench.capabilities()) != static_cast<std::uint64_t>(regs::Igs::kWsi)) messages(bench, list);
  list.push_back({regs::card::isolation_timeout, regs::card::isolation_timeout_f::cycles.mask()});
  list.push_back({regs::card::irq_enable, (std::uint64_t{1} << bench.identity().vectors) - 1});
  for (unsigned i = 0; i < bench.identity().channels; ++i) channel(list, i);
  return list;
}

std::vector<PlainRegister> constant_registers(Bench& bench) {
  std::vector<PlainRegister> list;
  for (const regs::Register& reg :
       {iommu::capabilities, iommu::cqh, iommu::fqt, iommu::pqt, iommu::iocountovf, iommu::tr_response, regs::card::id,
        regs::card::version, regs::card::build, regs::card::parameters, regs::card::clock_hz, regs::card::translations,
        regs::card::tlb_hits, regs::card::tlb_misses, regs::card::walk_reads, regs::card::faults,
        regs::card::read_bytes, regs::card::write_bytes, regs::card::irq_pending})
    list.push_back({reg, ~std::uint64_t{0}});
  for (unsigned i = 0; i < bench.identity().channels; ++i)
    for (const regs::Register& reg : {dma::head, dma::bytes_read, dma::bytes_written, dma::read_bursts,
                                      dma::read_latency, dma::write_bursts, dma::write_latency, dma::busy_cycles})
      list.push_back({reg, ~std::uint64_t{0}, 0, i});
  return list;
}

}  // namespace aperture::sw::selftest
