// SPDX-License-Identifier: Apache-2.0
// The firewall of the card as an FPGA has it: between the pins that the bench knows and a model of fpga_top. What a
// bench's cycle is here is a clock of the bus; the card's own clock is slower and runs by itself.

#include <Vfpga.h>
#include <fmt/format.h>
#include <verilated.h>

#include <array>

#include "tb/card/assertions.hpp"
#include "tb/card/coverage.hpp"
#include "tb/card/dut.hpp"

namespace aperture::tb {
namespace {

// In nanoseconds: 125 MHz, and 50 MHz as the model's CLOCK_HZ says.
constexpr std::uint64_t kBusPeriod = 8;
constexpr std::uint64_t kCardHalfPeriod = 10;
/// Bus clocks that the card goes on after it was last busy: what is between the clocks arrives.
constexpr unsigned kLinger = 64;
/// Registers are random until the reset of either clock has reached them.
constexpr unsigned kResetClocks = 32;
constexpr std::uint8_t kIncr = 1;
constexpr std::uint8_t kWholeWord = 3;
constexpr std::uint8_t kHalfWord = 2;
/// log2 of the vectors that a host with room for all of them gives.
constexpr std::uint8_t kVectorsGiven = 5;

class FpgaDut final : public Dut {
 public:
  explicit FpgaDut(std::uint64_t seed) : card_edge_(seed % (2 * kCardHalfPeriod)) {
    context_.threads(1);
    context_.randReset(2);
    context_.randSeed(static_cast<int>(seed % 0x7ffffffe + 1));
    model_ = std::make_unique<Vfpga>(&context_);
    model_->msi_enable_i = 1;
    model_->msi_width_i = kVectorsGiven;
  }
  ~FpgaDut() override { model_->final(); }
  FpgaDut(const FpgaDut&) = delete;
  FpgaDut& operator=(const FpgaDut&) = delete;

  unsigned width() const override { return 64; }
  void straps(const Straps&) override {}

  void edge(Pins& pins, std::uint64_t) override {
    since_reset_ = pins.reset_n ? since_reset_ + 1 : 0;
    context_.assertOn(since_reset_ > kResetClocks);
    // The bus' clock sees the inputs as they were; those of the cycle that starts come behind it.
    model_->bus_clk_i = 1;
    model_->eval();
    model_->bus_rst_ni = pins.reset_n;
    drive_registers(pins[Port::kMmio]);
    drive_memory(pins[Port::kData]);
    model_->msi_grant_i = pins.message_ready && pins.message_valid;
    model_->eval();
    sample_registers(pins[Port::kMmio]);
    sample_memory(pins[Port::kData]);
    sample_message(pins);
    idle_for_ = model_->busy_o || pins[Port::kMmio].aw.valid || pins[Port::kMmio].ar.valid ? 0 : idle_for_ + 1;
    pins.busy = idle_for_ < kLinger;
    pins.wires = 0;
    half_period();
    model_->bus_clk_i = 0;
    model_->eval();
    half_period();
  }

  bool open_waves(const std::filesystem::path&, std::uint64_t) override { return false; }
  void close_waves() override {}
  bool waves_open() const override { return false; }

 private:
  /// The edges of the card's clock in half a period of the bus.
  void half_period() {
    now_ += kBusPeriod / 2;
    for (; card_edge_ < now_; card_edge_ += kCardHalfPeriod) {
      model_->card_clk_i = !model_->card_clk_i;
      model_->eval();
    }
  }

  // A bridge gives an id to what it asks, and narrow transfers where the host's access is narrow.
  static std::uint8_t id_of(const AddressChannel& a) { return static_cast<std::uint8_t>(a.addr >> 3 & 0xf); }

  void drive_registers(const AxiPins& a) {
    Vfpga& m = *model_;
    if (a.aw.valid && a.w.valid) narrow_ = a.w.strb == 0x0f || a.w.strb == 0xf0;
    // How wide it is shows in the strobes.
    m.s_axi_awvalid = a.aw.valid && a.w.valid;
    m.s_axi_awaddr = static_cast<IData>(a.aw.addr);
    m.s_axi_awid = id_of(a.aw);
    m.s_axi_awlen = 0;
    m.s_axi_awsize = narrow_ ? kHalfWord : kWholeWord;
    m.s_axi_awburst = kIncr;
    m.s_axi_wvalid = a.w.valid;
    m.s_axi_wdata = a.w.data[0];
    m.s_axi_wstrb = static_cast<CData>(a.w.strb);
    m.s_axi_wlast = 1;
    m.s_axi_bready = a.b.ready;
    m.s_axi_arvalid = a.ar.valid;
    m.s_axi_araddr = static_cast<IData>(a.ar.addr);
    m.s_axi_arid = id_of(a.ar);
    m.s_axi_arlen = 0;
    m.s_axi_arsize = kWholeWord;
    m.s_axi_arburst = kIncr;
    m.s_axi_rready = a.r.ready;
  }

  void sample_registers(AxiPins& a) {
    const Vfpga& m = *model_;
    a.aw.ready = m.s_axi_awready && m.s_axi_awvalid;
    a.w.ready = m.s_axi_wready;
    a.ar.ready = m.s_axi_arready;
    if (a.aw.valid) write_id_ = id_of(a.aw);
    if (a.ar.valid) read_id_ = id_of(a.ar);
    a.b.valid = m.s_axi_bvalid;
    a.b.resp = m.s_axi_bresp;
    if (a.b.valid) check(m.s_axi_bid == write_id_, "B of the registers has another id than its AW");
    a.r.valid = m.s_axi_rvalid;
    a.r.resp = m.s_axi_rresp;
    a.r.data = {m.s_axi_rdata, 0};
    a.r.last = a.r.valid;
    if (a.r.valid) {
      check(m.s_axi_rid == read_id_, "R of the registers has another id than its AR");
      check(m.s_axi_rlast, "a single beat of R of the registers is not the last");
    }
  }

  void drive_memory(const AxiPins& a) {
    Vfpga& m = *model_;
    m.m_axi_awready = a.aw.ready;
    m.m_axi_wready = a.w.ready;
    m.m_axi_arready = a.ar.ready;
    m.m_axi_bvalid = a.b.valid;
    m.m_axi_bid = a.b.id;
    m.m_axi_bresp = a.b.resp;
    m.m_axi_rvalid = a.r.valid;
    m.m_axi_rid = a.r.id;
    m.m_axi_rresp = a.r.resp;
    m.m_axi_rlast = a.r.last;
    m.m_axi_rdata = a.r.data[0];
  }

  void sample_memory(AxiPins& a) {
    const Vfpga& m = *model_;
    a.aw.valid = m.m_axi_awvalid;
    a.aw.addr = m.m_axi_awaddr;
    a.aw.id = m.m_axi_awid;
    a.aw.len = m.m_axi_awlen;
    a.aw.size = m.m_axi_awsize;
    a.aw.burst = m.m_axi_awburst;
    a.w.valid = m.m_axi_wvalid;
    a.w.data = {m.m_axi_wdata, 0};
    a.w.strb = m.m_axi_wstrb;
    a.w.last = m.m_axi_wlast;
    a.b.ready = m.m_axi_bready;
    a.ar.valid = m.m_axi_arvalid;
    a.ar.addr = m.m_axi_araddr;
    a.ar.id = m.m_axi_arid;
    a.ar.len = m.m_axi_arlen;
    a.ar.size = m.m_axi_arsize;
    a.ar.burst = m.m_axi_arburst;
    a.r.ready = m.m_axi_rready;
    plain(a.aw);
    plain(a.ar);
    strobes(a.w);
  }
  /// What a bridge takes, and nothing else.
  void plain(const AddressChannel& a) const {
    if (!a.valid) return;
    check(a.size == kWholeWord && a.addr % 8 == 0 && a.burst == kIncr, "not an INCR burst of whole words");
    check(a.addr >> 32 == 0, "an address beyond what the bridge reaches");
  }
  /// The bytes of a burst that are written are consecutive: PCIe knows partial words at its ends only.
  void strobes(const WriteChannel& w) {
    if (!w.valid || !w.ready) return;
    for (unsigned lane = 0; lane < 8; ++lane) {
      const bool on = (w.strb >> lane & 1U) != 0;
      check(!on || !gap_, "the bytes that a burst writes have a gap");
      gap_ |= begun_ && !on;
      begun_ |= on;
    }
    if (w.last) begun_ = gap_ = false;
  }

  void sample_message(Pins& pins) {
    pins.message_valid = model_->msi_valid_o;
    pins.message_vector = model_->msi_vector_o;
  }

  void check(bool good, const char* what) const {
    if (!good && since_reset_ > kResetClocks) report_assertion(fmt::format("at the bridge: {}", what));
  }

  VerilatedContext context_;
  std::unique_ptr<Vfpga> model_;
  Coverage coverage_{context_};
  std::uint64_t now_ = 0;
  std::uint64_t card_edge_;  ///< when the card's clock changes next
  unsigned idle_for_ = 0;
  unsigned since_reset_ = 0;
  bool narrow_ = false;
  bool begun_ = false, gap_ = false;
  std::uint8_t write_id_ = 0, read_id_ = 0;
};

}  // namespace

std::unique_ptr<Dut> make_fpga_dut(std::uint64_t seed) { return std::make_unique<FpgaDut>(seed); }

}  // namespace aperture::tb
