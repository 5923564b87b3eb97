// SPDX-License-Identifier: Apache-2.0
// The firewall: what Verilator generates of the card is seen here alone.

#if __has_include(<Vcard128.h>)
#include <Vcard128.h>
#endif
#include <Vcard64.h>
#include <verilated.h>
#include <verilated_fst_c.h>

#include <filesystem>
#include <string>

#include "tb/card/assertions.hpp"
#include "tb/card/coverage.hpp"
#include "tb/card/dut.hpp"
#include "tb/card/verilated_streams.hpp"

namespace aperture::tb {
namespace {

void put_data(QData& to, const std::array<std::uint64_t, 2>& from) { to = from[0]; }
void get_data(std::array<std::uint64_t, 2>& to, QData from) { to = {from, 0}; }
[[maybe_unused]] void put_data(VlWide<4>& to, const std::array<std::uint64_t, 2>& from) {
  for (std::size_t i = 0; i < 4; ++i) to[i] = static_cast<EData>(from[i / 2] >> (32 * (i % 2)));
}
[[maybe_unused]] void get_data(std::array<std::uint64_t, 2>& to, const VlWide<4>& from) {
  to = {from[0] | std::uint64_t{from[1]} << 32, from[2] | std::uint64_t{from[3]} << 32};
}

template <typename Model>
class VerilatedDut final : public Dut {
 public:
  VerilatedDut(unsigned width, std::uint64_t seed) : width_(width) {
    context_.threads(1);
    context_.traceEverOn(true);
    // Flip-flops without reset and memories start with random contents, as they do in hardware.
    context_.randReset(2);
    context_.randSeed(static_cast<int>(seed % 0x7ffffffe + 1));
    model_ = std::make_unique<Model>(&context_);
  }
  ~VerilatedDut() override {
    VerilatedDut::close_waves();
    model_->final();
  }
  VerilatedDut(const VerilatedDut&) = delete;
  VerilatedDut& operator=(const VerilatedDut&) = delete;

  unsigned width() const override { return width_; }

  void straps(const Straps& s) override {
    Model& m = *model_;
    put(m.strap_capabilities_i, s.capabilities);
    put(m.strap_fctl_i, s.fctl);
    put(m.strap_fctl_be_writable_i, s.fctl_be_writable);
    put(m.strap_fctl_gxl_writable_i, s.fctl_gxl_writable);
    put(m.strap_ddt_levels_max_i, s.ddt_levels_max);
    put(m.strap_device_id_mask_i, s.device_id_mask);
    put(m.strap_vectors_log2_i, s.vectors_log2);
    put(m.strap_queue_log2_max_i, s.queue_log2_max);
    put(m.strap_reset_bare_i, s.reset_bare);
    put(m.strap_hpm_counters_i, s.hpm_counters);
    put(m.strap_hpm_counter_bits_i, s.hpm_counter_bits);
    put(m.strap_hpm_event_max_i, s.hpm_event_max);
    put(m.strap_rcid_bits_i, s.rcid_bits);
    put(m.strap_mcid_bits_i, s.mcid_bits);
    put(m.strap_ats_timeout_i, s.ats_timeout);
    put(m.strap_device_id_base_i, s.port_id_base);
    put(m.strap_device_id_port_mask_i, s.port_id_mask);
  }

  void edge(Pins& pins, std::uint64_t cycle) override {
    drive_mmio(pins);
    drive_device(pins);
    drive_data(pins);
    drive_iommu(pins);
    drive_streams(*model_, pins.streams);
    put(model_->message_ready_i, pins.message_ready);
    put(model_->rst_ni, pins.reset_n);
    // Registers are random until reset has reached them: nothing to judge in the cycle that ends.
    context_.assertOn(judged_);
    judged_ = pins.reset_n;
    clock(1, 10 * cycle);
    sample_mmio(pins);
    sample_device(pins);
    sample_data(pins);
    sample_iommu(pins);
    sample_streams(*model_, pins.streams);
    get(pins.wires, model_->wires_o);
    get(pins.message_valid, model_->message_valid_o);
    get(pins.message_vector, model_->message_vector_o);
    get(pins.busy, model_->busy_o);
    clock(0, 10 * cycle + 5);
  }

  bool open_waves(const std::filesystem::path& file, std::uint64_t cycle) override {
    close_waves();
    if (!waves_) {
      waves_ = std::make_unique<VerilatedFstC>();
      model_->trace(waves_.get(), 99);
    }
    waves_->open(file.c_str());
    waves_open_ = waves_->isOpen();
    if (waves_open_) waves_->dump(10 * cycle);
    return waves_open_;
  }
  void close_waves() override {
    if (waves_open_) waves_->close();
    waves_open_ = false;
  }
  bool waves_open() const override { return waves_open_; }

 private:
  void clock(CData level, std::uint64_t time) {
    // The bench is the gate of the clocks that may stand.
    model_->clk_dma_i = level & model_->dma_clock_o;
    model_->clk_ctl_i = level & model_->ctl_clock_o;
    model_->clk_hpm_i = level & model_->hpm_clock_o;
    model_->clk_reg_i =
        level & (model_->reg_clock_o | model_->s_axil_awvalid | model_->s_axil_wvalid | model_->s_axil_arvalid);
    model_->clk_i = level;
    model_->eval();
    if (waves_open_) waves_->dump(time);
    context_.timeInc(5);
  }

  // A payload matters, and is passed on, only beside its VALID.
  void drive_mmio(const Pins& pins) {
    Model& m = *model_;
    const AxiPins& a = pins[Port::kMmio];
    put(m.s_axil_awaddr, a.aw.addr);
    put(m.s_axil_awprot, a.aw.prot);
    put(m.s_axil_awvalid, a.aw.valid);
    put(m.s_axil_araddr, a.ar.addr);
    put(m.s_axil_arprot, a.ar.prot);
    put(m.s_axil_arvalid, a.ar.valid);
    put(m.s_axil_wdata, a.w.data[0]);
    put(m.s_axil_wstrb, a.w.strb);
    put(m.s_axil_wvalid, a.w.valid);
    put(m.s_axil_bready, a.b.ready);
    put(m.s_axil_rready, a.r.ready);
  }

  void drive_device(const Pins& pins) {
    Model& m = *model_;
    const AxiPins& a = pins[Port::kDevice];
    put(m.s_dev_awvalid, a.aw.valid);
    if (a.aw.valid) {
      put(m.s_dev_awaddr, a.aw.addr);
      put(m.s_dev_awid, a.aw.id);
      put(m.s_dev_awlen, a.aw.len);
      put(m.s_dev_awsize, a.aw.size);
      put(m.s_dev_awburst, a.aw.burst);
      put(m.s_dev_awprot, a.aw.prot);
      put(m.s_dev_awuser, a.aw.user);
    }
    put(m.s_dev_arvalid, a.ar.valid);
    if (a.ar.valid) {
      put(m.s_dev_araddr, a.ar.addr);
      put(m.s_dev_arid, a.ar.id);
      put(m.s_dev_arlen, a.ar.len);
      put(m.s_dev_arsize, a.ar.size);
      put(m.s_dev_arburst, a.ar.burst);
      put(m.s_dev_arprot, a.ar.prot);
      put(m.s_dev_aruser, a.ar.user);
    }
    put(m.s_dev_wvalid, a.w.valid);
    if (a.w.valid) {
      put_data(m.s_dev_wdata, a.w.data);
      put(m.s_dev_wstrb, a.w.strb);
      put(m.s_dev_wlast, a.w.last);
    }
    put(m.s_dev_bready, a.b.ready);
    put(m.s_dev_rready, a.r.ready);
  }

  void drive_data(const Pins& pins) {
    Model& m = *model_;
    const AxiPins& a = pins[Port::kData];
    put(m.m_data_awready, a.aw.ready);
    put(m.m_data_arready, a.ar.ready);
    put(m.m_data_wready, a.w.ready);
    put(m.m_data_bvalid, a.b.valid);
    if (a.b.valid) {
      put(m.m_data_bid, a.b.id);
      put(m.m_data_bresp, a.b.resp);
    }
    put(m.m_data_rvalid, a.r.valid);
    if (a.r.valid) {
      put(m.m_data_rid, a.r.id);
      put(m.m_data_rresp, a.r.resp);
      put(m.m_data_rlast, a.r.last);
      put_data(m.m_data_rdata, a.r.data);
    }
  }

  void drive_iommu(const Pins& pins) {
    Model& m = *model_;
    const AxiPins& a = pins[Port::kIommu];
    put(m.m_iommu_awready, a.aw.ready);
    put(m.m_iommu_arready, a.ar.ready);
    put(m.m_iommu_wready, a.w.ready);
    put(m.m_iommu_bvalid, a.b.valid);
    if (a.b.valid) {
      put(m.m_iommu_bid, a.b.id);
      put(m.m_iommu_bresp, a.b.resp);
    }
    put(m.m_iommu_rvalid, a.r.valid);
    if (a.r.valid) {
      put(m.m_iommu_rid, a.r.id);
      put(m.m_iommu_rresp, a.r.resp);
      put(m.m_iommu_rlast, a.r.last);
      put(m.m_iommu_ruser, a.r.poison);
      put_data(m.m_iommu_rdata, a.r.data);
    }
  }

  void sample_mmio(Pins& pins) const {
    const Model& m = *model_;
    AxiPins& a = pins[Port::kMmio];
    get(a.aw.ready, m.s_axil_awready);
    get(a.w.ready, m.s_axil_wready);
    get(a.ar.ready, m.s_axil_arready);
    get(a.b.resp, m.s_axil_bresp);
    get(a.b.valid, m.s_axil_bvalid);
    get(a.r.data[0], m.s_axil_rdata);
    get(a.r.resp, m.s_axil_rresp);
    get(a.r.valid, m.s_axil_rvalid);
    a.r.last = a.r.valid;
  }

  void sample_device(Pins& pins) const {
    const Model& m = *model_;
    AxiPins& a = pins[Port::kDevice];
    get(a.aw.ready, m.s_dev_awready);
    get(a.ar.ready, m.s_dev_arready);
    get(a.w.ready, m.s_dev_wready);
    get(a.b.valid, m.s_dev_bvalid);
    if (a.b.valid) {
      get(a.b.id, m.s_dev_bid);
      get(a.b.resp, m.s_dev_bresp);
    }
    get(a.r.valid, m.s_dev_rvalid);
    if (a.r.valid) {
      get(a.r.id, m.s_dev_rid);
      get(a.r.resp, m.s_dev_rresp);
      get(a.r.last, m.s_dev_rlast);
      get_data(a.r.data, m.s_dev_rdata);
    }
  }

  void sample_data(Pins& pins) const {
    const Model& m = *model_;
    AxiPins& a = pins[Port::kData];
    get(a.aw.valid, m.m_data_awvalid);
    if (a.aw.valid) {
      get(a.aw.addr, m.m_data_awaddr);
      get(a.aw.id, m.m_data_awid);
      get(a.aw.len, m.m_data_awlen);
      get(a.aw.size, m.m_data_awsize);
      get(a.aw.burst, m.m_data_awburst);
      get(a.aw.prot, m.m_data_awprot);
      get(a.aw.user, m.m_data_awuser);
      get(a.aw.qosid, m.m_data_awqosid);
    }
    get(a.ar.valid, m.m_data_arvalid);
    if (a.ar.valid) {
      get(a.ar.addr, m.m_data_araddr);
      get(a.ar.id, m.m_data_arid);
      get(a.ar.len, m.m_data_arlen);
      get(a.ar.size, m.m_data_arsize);
      get(a.ar.burst, m.m_data_arburst);
      get(a.ar.prot, m.m_data_arprot);
      get(a.ar.user, m.m_data_aruser);
      get(a.ar.qosid, m.m_data_arqosid);
    }
    get(a.w.valid, m.m_data_wvalid);
    if (a.w.valid) {
      get_data(a.w.data, m.m_data_wdata);
      get(a.w.strb, m.m_data_wstrb);
      get(a.w.last, m.m_data_wlast);
    }
    get(a.b.ready, m.m_data_bready);
    get(a.r.ready, m.m_data_rready);
  }

  void sample_iommu(Pins& pins) const {
    const Model& m = *model_;
    AxiPins& a = pins[Port::kIommu];
    get(a.aw.valid, m.m_iommu_awvalid);
    if (a.aw.valid) {
      get(a.aw.addr, m.m_iommu_awaddr);
      get(a.aw.id, m.m_iommu_awid);
      get(a.aw.len, m.m_iommu_awlen);
      get(a.aw.size, m.m_iommu_awsize);
      get(a.aw.burst, m.m_iommu_awburst);
      get(a.aw.prot, m.m_iommu_awprot);
      get(a.aw.user, m.m_iommu_awuser);
      get(a.aw.qosid, m.m_iommu_awqosid);
      get(a.aw.lock, m.m_iommu_awlock);
    }
    get(a.ar.valid, m.m_iommu_arvalid);
    if (a.ar.valid) {
      get(a.ar.addr, m.m_iommu_araddr);
      get(a.ar.id, m.m_iommu_arid);
      get(a.ar.len, m.m_iommu_arlen);
      get(a.ar.size, m.m_iommu_arsize);
      get(a.ar.burst, m.m_iommu_arburst);
      get(a.ar.prot, m.m_iommu_arprot);
      get(a.ar.user, m.m_iommu_aruser);
      get(a.ar.qosid, m.m_iommu_arqosid);
      get(a.ar.lock, m.m_iommu_arlock);
    }
    get(a.w.valid, m.m_iommu_wvalid);
    if (a.w.valid) {
      get_data(a.w.data, m.m_iommu_wdata);
      get(a.w.strb, m.m_iommu_wstrb);
      get(a.w.last, m.m_iommu_wlast);
    }
    get(a.b.ready, m.m_iommu_bready);
    get(a.r.ready, m.m_iommu_rready);
  }

  unsigned width_;
  VerilatedContext context_;
  std::unique_ptr<Model> model_;
  Coverage coverage_{context_};
  std::unique_ptr<VerilatedFstC> waves_;
  bool waves_open_ = false;
  bool judged_ = false;
};

}  // namespace

bool has_width(unsigned width) {
#if __has_include(<Vcard128.h>)
  if (width == 128) return true;
#endif
  return width == 64;
}

bool has_fpga() { return APERTURE_FPGA != 0; }

std::unique_ptr<Dut> make_dut(const Options& options, std::function<void(const std::string&)> on_assertion) {
  tell_assertions_to(std::move(on_assertion));
#if APERTURE_FPGA
  if (options.top == Top::kFpga) return make_fpga_dut(options.seed);
#endif
  if (options.width == 64) return std::make_unique<VerilatedDut<Vcard64>>(options.width, options.seed);
#if __has_include(<Vcard128.h>)
  if (options.width == 128) return std::make_unique<VerilatedDut<Vcard128>>(options.width, options.seed);
#endif
  return nullptr;
}

}  // namespace aperture::tb
