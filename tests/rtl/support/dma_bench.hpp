// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>

#include <verilated.h>

#include "regs/registers.hpp"
#include "rtl/support/axi_memory.hpp"
#include "tb/card/coverage.hpp"

namespace aperture::test {

struct Descriptor {
  regs::DmaOp op{};
  std::uint64_t src{}, dst{}, length{}, pattern{};
  bool irq{}, stray_read{};
  std::uint16_t cookie{};
};

struct Record {
  std::uint64_t bytes{}, cycles{}, address{};
  std::uint32_t crc{};
  std::uint16_t cookie{};
  regs::DmaStatus status{};
  bool phase{};
};

/// dma_top alone, with an AXI memory behind it. Ring and records of channel c lie at ring(c) and records(c).
template <typename Model, unsigned kDataWidth>
class DmaBench {
 public:
  static constexpr unsigned kBeat = kDataWidth / 8;
  static constexpr unsigned kRingLog2 = 4;
  static std::uint64_t ring(unsigned channel) { return 0x4000'0000 + channel * 0x10000ULL; }
  static std::uint64_t records(unsigned channel) { return ring(channel) + 0x8000; }

  explicit DmaBench(std::uint64_t seed) : memory(kBeat, seed), context_(std::make_unique<VerilatedContext>()) {
    context_->threads(1);
    context_->randSeed(static_cast<int>(seed & 0x7fffffff) + 1);
    context_->randReset(2);
    model_ = std::make_unique<Model>(context_.get());
    model_->rst_ni = 0;
    model_->stop_i = 0;
    model_->ats_req_ready_i = model_->pr_req_ready_i = model_->inv_cpl_ready_i = 0;
    model_->ats_rsp_valid_i = model_->msg_valid_i = 0;
    for (int i = 0; i < 4; ++i) tick();
    model_->rst_ni = 1;
    tick();
  }
  ~DmaBench() { model_->final(); }

  AxiMemory memory;
  /// Called after each clock, e.g. to check something always.
  std::function<void()> watch;

  void stop(bool on) { model_->stop_i = on; }
  bool quiet() const { return model_->quiet_o; }
  bool busy() const { return model_->busy_o; }
  bool irq(unsigned channel) const { return model_->irq_o >> channel & 1; }

  void tick() {
    const AxiSlave& s = memory.drive();
    model_->m_arready = s.arready;
    model_->m_awready = s.awready;
    model_->m_wready = s.wready;
    model_->m_rvalid = s.rvalid;
    model_->m_rid = static_cast<CData>(s.rid);
    model_->m_rresp = static_cast<CData>(s.rresp);
    model_->m_rlast = s.rlast;
    std::memcpy(&model_->m_rdata, s.rdata.data(), kBeat);
    model_->m_bvalid = s.bvalid;
    model_->m_bid = static_cast<CData>(s.bid);
    model_->m_bresp = static_cast<CData>(s.bresp);
    model_->clk_i = 0;
    model_->eval();
    AxiMaster m;
    m.ar = {model_->m_arid,    model_->m_araddr, model_->m_arlen, model_->m_arsize,
            model_->m_arburst, model_->m_arprot, model_->m_aruser};
    m.aw = {model_->m_awid,    model_->m_awaddr, model_->m_awlen, model_->m_awsize,
            model_->m_awburst, model_->m_awprot, model_->m_awuser};
    m.arvalid = model_->m_arvalid;
    m.awvalid = model_->m_awvalid;
    m.wvalid = model_->m_wvalid;
    m.wlast = model_->m_wlast;
    std::memcpy(m.wdata.data(), &model_->m_wdata, kBeat);
    m.wstrb = model_->m_wstrb;
    m.rready = model_->m_rready;
    m.bready = model_->m_bready;
    if (model_->rst_ni) memory.clock(m);
    model_->clk_i = 1;
    model_->eval();
    model_->reg_we_i = 0;
    if (watch) watch();
  }

  /// False if it did not come true within `cycles`.
  bool run_until(const std::function<bool()>& done, unsigned cycles) {
    for (unsigned i = 0; i < cycles; ++i) {
      if (done()) return true;
      tick();
    }
    return done();
  }

  std::uint64_t read(unsigned channel, const regs::Register& reg) {
    const std::uint64_t word = read_word(channel, reg);
    return reg.size == 8 ? word : (reg.offset & 4) ? word >> 32 : word & 0xffffffff;
  }
  void write(unsigned channel, const regs::Register& reg, std::uint64_t value) {
    const bool high = reg.size == 4 && (reg.offset & 4);
    access(channel, reg, high ? value << 32 : value, reg.size == 8 ? 0xff : high ? 0xf0 : 0x0f);
  }
  /// One access with any data and strobes; takes a clock.
  void access(unsigned channel, const regs::Register& reg, std::uint64_t word, unsigned strobes) {
    model_->reg_addr_i = address(channel, reg);
    model_->reg_wdata_i = word;
    model_->reg_wstrb_i = static_cast<CData>(strobes);
    model_->reg_we_i = 1;
    tick();
  }

  /// Sets up identity and ring, and enables the channel with further bits of ctrl.
  void start(unsigned channel, std::uint64_t ctrl = 0) {
    write(channel, regs::dma::device_id, 0x100 + channel);
    write(channel, regs::dma::ring_device_id, 0x200 + channel);
    write(channel, regs::dma::ring_base, ring(channel));
    write(channel, regs::dma::record_base, records(channel));
    write(channel, regs::dma::ring_log2, kRingLog2);
    write(channel, regs::dma::tail, 0);
    tail_[channel] = 0;
    write(channel, regs::dma::ctrl, regs::dma::ctrl_f::enable.set(ctrl, 1));
  }
  void disable(unsigned channel) {
    write(channel, regs::dma::ctrl, read(channel, regs::dma::ctrl) & ~regs::dma::ctrl_f::enable.mask());
  }

  /// Puts a descriptor into the ring and rings the doorbell. Returns its index.
  unsigned push(unsigned channel, const Descriptor& d) {
    using namespace regs::descriptor;
    const unsigned index = tail_[channel];
    const std::uint64_t at = ring(channel) + index * kSize;
    std::uint64_t word = control::op.set(0, static_cast<std::uint64_t>(d.op));
    word = control::irq.set(word, d.irq);
    word = control::stray_read.set(word, d.stray_read);
    word = control::cookie.set(word, d.cookie);
    memory.store64(at + 8 * control::kWord, word);
    memory.store64(at + 8 * src::kWord, d.src);
    memory.store64(at + 8 * dst::kWord, d.dst);
    memory.store64(at + 8 * length::kWord, d.length);
    memory.store64(at + 8 * pattern::kWord, d.pattern);
    tail_[channel] = (index + 1) % (1U << kRingLog2);
    write(channel, regs::dma::tail, tail_[channel]);
    return index;
  }
  Record record(unsigned channel, unsigned index) const {
    using namespace regs::record;
    const std::uint64_t at = records(channel) + index * kSize;
    const std::uint64_t word = memory.load64(at + 8 * status::kWord);
    return {memory.load64(at + 8 * regs::record::bytes::kWord),
            memory.load64(at + 8 * cycles::kWord),
            memory.load64(at + 8 * regs::record::address::kWord),
            static_cast<std::uint32_t>(status::crc.get(word)),
            static_cast<std::uint16_t>(status::cookie.get(word)),
            static_cast<regs::DmaStatus>(status::status.get(word)),
            status::phase.get(word) != 0};
  }
  unsigned head(unsigned channel) { return static_cast<unsigned>(read(channel, regs::dma::head)); }
  /// Waits until the channel has completed what it was given.
  bool finish(unsigned channel, unsigned cycles = 200000) {
    return run_until([&] { return head(channel) == tail_[channel]; }, cycles);
  }
  bool done(unsigned channel) { return head(channel) == tail_[channel]; }
  /// Pushes one descriptor and waits for its record.
  Record run(unsigned channel, const Descriptor& d) {
    const unsigned index = push(channel, d);
    finished_ = finish(channel);
    return record(channel, index);
  }
  bool finished() const { return finished_; }

 private:
  static std::uint16_t address(unsigned channel, const regs::Register& reg) {
    return static_cast<std::uint16_t>(((reg.offset - regs::dma::kBlock.base) & ~7ULL) +
                                      channel * regs::dma::kBlock.instance_stride);
  }
  std::uint64_t read_word(unsigned channel, const regs::Register& reg) {
    model_->reg_we_i = 0;
    model_->reg_re_i = 1;
    model_->reg_addr_i = address(channel, reg);
    model_->eval();
    model_->reg_re_i = 0;
    return model_->reg_rdata_o;
  }

  std::unique_ptr<VerilatedContext> context_;
  std::unique_ptr<Model> model_;
  tb::Coverage coverage_{*context_};
  unsigned tail_[8] = {};
  bool finished_ = false;
};

}  // namespace aperture::test
