// SPDX-License-Identifier: Apache-2.0
#include "rtl/support/iommu_bench.hpp"

#include <Viommu.h>
#include <verilated.h>

#include "tb/card/coverage.hpp"

namespace aperture::test {
namespace {

constexpr unsigned kLatency = 20;
constexpr std::uint64_t kCapabilities = 0x38'3000'0e10;  // version 1.0, Sv39 to Sv57, IGS both, PAS 56

template <typename To, typename From>
void copy(To& to, From from) {
  to = static_cast<To>(from);
}

// Pins to the model and back, one function a channel: the arguments are the model's signals of that channel.
void give(const tb::AddressChannel& a, auto& id, auto& addr, auto& len, auto& size, auto& burst, auto& prot, auto& user,
          auto& valid) {
  copy(id, a.id);
  copy(addr, a.addr);
  copy(len, a.len);
  copy(size, a.size);
  copy(burst, a.burst);
  copy(prot, a.prot);
  copy(user, a.user);
  copy(valid, a.valid);
}
void take(tb::AddressChannel& a, const auto& id, const auto& addr, const auto& len, const auto& size, const auto& burst,
          const auto& prot, const auto& user, const auto& valid) {
  copy(a.id, id);
  copy(a.addr, addr);
  copy(a.len, len);
  copy(a.size, size);
  copy(a.burst, burst);
  copy(a.prot, prot);
  copy(a.user, user);
  copy(a.valid, valid);
}
void give(const tb::WriteChannel& w, auto& data, auto& strb, auto& last, auto& valid) {
  copy(data, w.data[0]);
  copy(strb, w.strb);
  copy(last, w.last);
  copy(valid, w.valid);
}
void take(tb::WriteChannel& w, const auto& data, const auto& strb, const auto& last, const auto& valid) {
  copy(w.data[0], data);
  copy(w.strb, strb);
  copy(w.last, last);
  copy(w.valid, valid);
}
void give(const tb::AnswerChannel& b, auto& id, auto& resp, auto& valid) {
  copy(id, b.id);
  copy(resp, b.resp);
  copy(valid, b.valid);
}
void take(tb::AnswerChannel& b, const auto& id, const auto& resp, const auto& valid) {
  copy(b.id, id);
  copy(b.resp, resp);
  copy(b.valid, valid);
}
void give(const tb::ReadChannel& r, auto& id, auto& data, auto& resp, auto& last, auto& valid) {
  copy(id, r.id);
  copy(data, r.data[0]);
  copy(resp, r.resp);
  copy(last, r.last);
  copy(valid, r.valid);
}
void take(tb::ReadChannel& r, const auto& id, const auto& data, const auto& resp, const auto& last, const auto& valid) {
  copy(r.id, id);
  copy(r.data[0], data);
  copy(r.resp, resp);
  copy(r.last, last);
  copy(r.valid, valid);
}
/// READY: of a slave (aw, w, ar), of a master (b, r).
void give_ready(const tb::AxiPins& p, auto& aw, auto& w, auto& ar) {
  copy(aw, p.aw.ready);
  copy(w, p.w.ready);
  copy(ar, p.ar.ready);
}
void take_ready(tb::AxiPins& p, const auto& aw, const auto& w, const auto& ar) {
  copy(p.aw.ready, aw);
  copy(p.w.ready, w);
  copy(p.ar.ready, ar);
}

}  // namespace

IommuBench::IommuBench(std::uint64_t seed, std::uint32_t isolation_timeout)
    : memory(seed),
      context_(std::make_unique<VerilatedContext>()),
      timing_(tb::make_timing(tb::Profile::kIdeal, kLatency, seed)),
      ports_{Device{tb::DeviceMaster(kBytes, *timing_), checker(tb::Port::kDevice, "port 0")},
             Device{tb::DeviceMaster(kBytes, *timing_), checker(tb::Port::kDevice, "port 1")}},
      data_{tb::MemoryPort(tb::Port::kData, kBytes, *timing_, *this, exclusives_, seed + 1),
            checker(tb::Port::kData, "m_data")},
      own_{tb::MemoryPort(tb::Port::kIommu, kBytes, *timing_, *this, exclusives_, seed + 2),
           checker(tb::Port::kIommu, "m_iommu")} {
  context_->threads(1);
  context_->randReset(2);
  context_->randSeed(static_cast<int>(seed & 0x7fffffff) + 1);
  model_ = std::make_unique<Viommu>(context_.get());
  coverage_ = std::make_unique<tb::Coverage>(*context_);
  Viommu& m = *model_;
  m.strap_capabilities_i = kCapabilities;
  copy(m.strap_fctl_i, regs::iommu::fctl_f::wsi.mask());
  m.strap_fctl_be_writable_i = 1;
  m.strap_fctl_gxl_writable_i = 1;
  m.strap_ddt_levels_max_i = 3;
  m.strap_device_id_mask_i = 0xffffff;
  m.strap_vectors_log2_i = 2;
  m.strap_queue_log2_max_i = 15;
  m.strap_reset_bare_i = 0;
  m.strap_hpm_counters_i = 31;
  m.strap_hpm_counter_bits_i = 64;
  m.strap_hpm_event_max_i = 8;
  m.strap_rcid_bits_i = m.strap_mcid_bits_i = 12;
  m.strap_ats_timeout_i = 1'000'000;
  m.strap_port0_id_base_i = m.strap_port0_id_mask_i = 0;
  m.strap_port1_id_base_i = m.strap_port1_id_mask_i = 0;
  m.isolation_timeout_i = isolation_timeout;
  m.strap_ats_timeout_i = 100'000;
  m.ats_req_valid_i = m.pr_req_valid_i = m.inv_cpl_valid_i = 0;
  m.ats_rsp_ready_i = m.msg_out_ready_i = 0;
  m.route_port_i = 0;
  m.isolation_clear_i = 0;
  m.reg_we_i = 0;
  m.rst_ni = 0;
  context_->assertOn(false);  // registers are random until reset has reached them
  tick(4);
  context_->assertOn(true);
  m.rst_ni = 1;
  tick();
}

IommuBench::~IommuBench() { model_->final(); }

tb::Checker IommuBench::checker(tb::Port port, const std::string& name) {
  return {port, kBytes, [this, name](const tb::Violation& v) { violations_.push_back(name + ": " + v.text()); }};
}

void IommuBench::put_inputs() {
  Viommu& m = *model_;
  const tb::AxiPins& a = ports_[0].pins;
  give(a.aw, m.s0_awid, m.s0_awaddr, m.s0_awlen, m.s0_awsize, m.s0_awburst, m.s0_awprot, m.s0_awuser, m.s0_awvalid);
  give(a.ar, m.s0_arid, m.s0_araddr, m.s0_arlen, m.s0_arsize, m.s0_arburst, m.s0_arprot, m.s0_aruser, m.s0_arvalid);
  give(a.w, m.s0_wdata, m.s0_wstrb, m.s0_wlast, m.s0_wvalid);
  copy(m.s0_bready, a.b.ready);
  copy(m.s0_rready, a.r.ready);
  const tb::AxiPins& b = ports_[1].pins;
  give(b.aw, m.s1_awid, m.s1_awaddr, m.s1_awlen, m.s1_awsize, m.s1_awburst, m.s1_awprot, m.s1_awuser, m.s1_awvalid);
  give(b.ar, m.s1_arid, m.s1_araddr, m.s1_arlen, m.s1_arsize, m.s1_arburst, m.s1_arprot, m.s1_aruser, m.s1_arvalid);
  give(b.w, m.s1_wdata, m.s1_wstrb, m.s1_wlast, m.s1_wvalid);
  copy(m.s1_bready, b.b.ready);
  copy(m.s1_rready, b.r.ready);
  const tb::AxiPins& d = data_.pins;
  give_ready(d, m.m_data_awready, m.m_data_wready, m.m_data_arready);
  give(d.b, m.m_data_bid, m.m_data_bresp, m.m_data_bvalid);
  give(d.r, m.m_data_rid, m.m_data_rdata, m.m_data_rresp, m.m_data_rlast, m.m_data_rvalid);
  const tb::AxiPins& i = own_.pins;
  give_ready(i, m.m_iommu_awready, m.m_iommu_wready, m.m_iommu_arready);
  give(i.b, m.m_iommu_bid, m.m_iommu_bresp, m.m_iommu_bvalid);
  give(i.r, m.m_iommu_rid, m.m_iommu_rdata, m.m_iommu_rresp, m.m_iommu_rlast, m.m_iommu_rvalid);
  copy(m.m_iommu_ruser, i.r.poison);
}

void IommuBench::get_outputs() {
  const Viommu& m = *model_;
  tb::AxiPins& a = ports_[0].pins;
  take_ready(a, m.s0_awready, m.s0_wready, m.s0_arready);
  take(a.b, m.s0_bid, m.s0_bresp, m.s0_bvalid);
  take(a.r, m.s0_rid, m.s0_rdata, m.s0_rresp, m.s0_rlast, m.s0_rvalid);
  tb::AxiPins& b = ports_[1].pins;
  take_ready(b, m.s1_awready, m.s1_wready, m.s1_arready);
  take(b.b, m.s1_bid, m.s1_bresp, m.s1_bvalid);
  take(b.r, m.s1_rid, m.s1_rdata, m.s1_rresp, m.s1_rlast, m.s1_rvalid);
  tb::AxiPins& d = data_.pins;
  take(d.aw, m.m_data_awid, m.m_data_awaddr, m.m_data_awlen, m.m_data_awsize, m.m_data_awburst, m.m_data_awprot,
       m.m_data_awuser, m.m_data_awvalid);
  take(d.ar, m.m_data_arid, m.m_data_araddr, m.m_data_arlen, m.m_data_arsize, m.m_data_arburst, m.m_data_arprot,
       m.m_data_aruser, m.m_data_arvalid);
  take(d.w, m.m_data_wdata, m.m_data_wstrb, m.m_data_wlast, m.m_data_wvalid);
  copy(d.b.ready, m.m_data_bready);
  copy(d.r.ready, m.m_data_rready);
  tb::AxiPins& i = own_.pins;
  take(i.aw, m.m_iommu_awid, m.m_iommu_awaddr, m.m_iommu_awlen, m.m_iommu_awsize, m.m_iommu_awburst, m.m_iommu_awprot,
       m.m_iommu_awuser, m.m_iommu_awvalid);
  copy(i.aw.lock, m.m_iommu_awlock);
  take(i.ar, m.m_iommu_arid, m.m_iommu_araddr, m.m_iommu_arlen, m.m_iommu_arsize, m.m_iommu_arburst, m.m_iommu_arprot,
       m.m_iommu_aruser, m.m_iommu_arvalid);
  copy(i.ar.lock, m.m_iommu_arlock);
  take(i.w, m.m_iommu_wdata, m.m_iommu_wstrb, m.m_iommu_wlast, m.m_iommu_wvalid);
  copy(i.b.ready, m.m_iommu_bready);
  copy(i.r.ready, m.m_iommu_rready);
}

void IommuBench::tick(unsigned clocks) {
  for (; clocks != 0; --clocks, ++cycle_) {
    put_inputs();
    model_->clk_i = model_->clk_ctl_i = model_->clk_hpm_i = 0;
    model_->eval();
    get_outputs();
    const bool running = model_->rst_ni != 0;
    for (Device& d : ports_) d.checker.observe(d.pins, running, cycle_);
    for (Target* t : {&data_, &own_}) t->checker.observe(t->pins, running, cycle_);
    if (running) {
      for (Target* t : {&data_, &own_}) t->memory.observe(t->pins, cycle_);
      for (Target* t : {&data_, &own_}) t->memory.perform_writes(cycle_);
      for (Target* t : {&data_, &own_}) t->memory.perform_reads(cycle_);
      for (Device& d : ports_) d.master.observe(d.pins, cycle_);
    }
    // As behind a clock gate: walks, queues and registers get the edge if they need it.
    model_->clk_ctl_i = model_->ctl_clock_o;
    model_->clk_hpm_i = model_->hpm_clock_o;
    model_->clk_i = 1;
    model_->eval();
    model_->reg_we_i = 0;
    model_->isolation_clear_i = 0;
    if (running) {
      for (Target* t : {&data_, &own_}) t->memory.drive(t->pins, cycle_ + 1);
      for (Device& d : ports_) d.master.drive(d.pins, cycle_ + 1);
    }
  }
}

bool IommuBench::run_until(const std::function<bool()>& done, unsigned clocks) {
  for (; clocks != 0 && !done(); --clocks) tick();
  return done();
}

std::uint64_t IommuBench::read(const regs::Register& reg) {
  copy(model_->reg_addr_i, reg.offset & ~std::uint64_t{7});
  model_->reg_re_i = 1;
  model_->eval();
  const std::uint64_t word = model_->reg_rdata_o;
  model_->reg_re_i = 0;
  return reg.size == 8 ? word : (reg.offset & 4) != 0 ? word >> 32 : word & 0xffff'ffff;
}

void IommuBench::write(const regs::Register& reg, std::uint64_t value) {
  const bool high = reg.size == 4 && (reg.offset & 4) != 0;
  copy(model_->reg_addr_i, reg.offset & ~std::uint64_t{7});
  model_->reg_wdata_i = high ? value << 32 : value;
  model_->reg_wstrb_i = reg.size == 8 ? 0xff : high ? 0xf0 : 0x0f;
  model_->reg_we_i = 1;
  tick();
}

unsigned IommuBench::isolated() const { return model_->isolated_o; }

void IommuBench::clear_isolation(unsigned p) {
  copy(model_->isolation_clear_i, 1U << p);
  tick();
}

bool IommuBench::idle() const { return model_->idle_o != 0; }

tb::MemoryAnswer IommuBench::read(tb::Port, std::uint64_t, std::uint64_t, std::uint64_t address,
                                  std::span<std::byte> out) {
  return memory.card_read(address, out);
}

tb::MemoryAnswer IommuBench::write(tb::Port, std::uint64_t, std::uint64_t, std::uint64_t address,
                                   std::span<const std::byte> data, std::uint32_t strobes) {
  return memory.card_write(address, data, strobes);
}

tb::MemoryAnswer IommuBench::exchange(tb::Port, std::uint64_t, std::uint64_t, std::uint64_t address,
                                      std::span<const std::byte> expected, std::span<const std::byte> data,
                                      bool& held) {
  return memory.card_exchange(address, expected, data, held);
}

}  // namespace aperture::test
