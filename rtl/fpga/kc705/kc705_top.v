// SPDX-License-Identifier: Apache-2.0
// The card on AMD's KC705 (Kintex-7 325T): fpga_top, the vendor's bridge axi_pcie, which build.tcl makes as axi_pcie_0, and an
// MMCM for the card's clock. NOT RUN ON A BOARD: checked for its connections alone (tests/lint/kc705_test.py).
//
// Clocks: the bridge makes 125 MHz for its AXI ports; the card has 1000 MHz / CARD_DIVIDE, 25 MHz as it is.
// Reset: PERST# or the loss of a clock reset card and bridge alike. The loss of the link does not: the bridge's ports remember what
// is under way, and answer what they cannot do with SLVERR; software that finds the link again writes RESET.
// Lamps: 0 link, 1 the card's clock, 2 MSI on, 3 the card has work.
`default_nettype none
module kc705_top #(
  parameter CARD_DIVIDE = 40,                 // of 1000 MHz, 8 to 128
  parameter [63:0] BUILD_HASH = 64'd0
) (
  input  wire       pcie_refclk_p,
  input  wire       pcie_refclk_n,
  input  wire       pcie_perst_n,
  output wire [3:0] pcie_txp,
  output wire [3:0] pcie_txn,
  input  wire [3:0] pcie_rxp,
  input  wire [3:0] pcie_rxn,
  output wire [3:0] led
);
  wire refclk, perst_n, bus_clk, bus_locked, link_up, card_clk, card_clk_raw, card_locked, feedback;
  IBUFDS_GTE2 u_refclk (.I(pcie_refclk_p), .IB(pcie_refclk_n), .CEB(1'b0), .O(refclk), .ODIV2());
  IBUF u_perst (.I(pcie_perst_n), .O(perst_n));

  MMCME2_BASE #(
    .CLKIN1_PERIOD(8.0), .CLKFBOUT_MULT_F(8.0), .CLKOUT0_DIVIDE_F(CARD_DIVIDE)
  ) u_card_clk (
    .CLKIN1(bus_clk), .CLKFBIN(feedback), .CLKFBOUT(feedback), .CLKFBOUTB(), .CLKOUT0(card_clk_raw), .CLKOUT0B(), .CLKOUT1(),
    .CLKOUT1B(), .CLKOUT2(), .CLKOUT2B(), .CLKOUT3(), .CLKOUT3B(), .CLKOUT4(), .CLKOUT5(), .CLKOUT6(), .LOCKED(card_locked),
    .PWRDWN(1'b0), .RST(!bus_locked));
  BUFG u_card_bufg (.I(card_clk_raw), .O(card_clk));

  // low for 64 clocks at least, which are 3 of the slowest card_clk
  wire released;
  reset_sync u_released (.clk_i(bus_clk), .rst_ni(perst_n & bus_locked & card_locked), .rst_no(released));
  reg [5:0] waited;
  reg       running;
  always @(posedge bus_clk or negedge released) begin
    if (!released) begin
      waited  <= 6'd0;
      running <= 1'b0;
    end else begin
      if (!(&waited)) waited <= waited + 6'd1;
      running <= &waited;
    end
  end

  wire [3:0]  m_awid, m_arid, m_bid, m_rid, unused_bid, unused_rid;
  wire [63:0] m_awaddr, m_araddr, m_wdata, m_rdata, s_wdata, s_rdata;
  wire [31:0] s_awaddr, s_araddr;
  wire [7:0]  m_awlen, m_arlen, m_wstrb, s_awlen, s_arlen, s_wstrb;
  wire [2:0]  m_awsize, m_arsize, s_awsize, s_arsize, msi_width;
  wire [1:0]  m_awburst, m_arburst, m_bresp, m_rresp, s_awburst, s_arburst, s_bresp, s_rresp;
  wire [4:0]  msi_vector;
  wire        m_awvalid, m_awready, m_wlast, m_wvalid, m_wready, m_bvalid, m_bready;
  wire        m_arvalid, m_arready, m_rlast, m_rvalid, m_rready;
  wire        s_awvalid, s_awready, s_wlast, s_wvalid, s_wready, s_bvalid, s_bready;
  wire        s_arvalid, s_arready, s_rlast, s_rvalid, s_rready;
  wire        msi_enable, msi_valid, msi_grant, busy;

  // the bridge wants a pulse for a request, and the vector until it has granted it
  reg asked;
  always @(posedge bus_clk) asked <= msi_valid & !msi_grant;

  fpga_top #(
    .DATA_W(64), .ADDRESS_BITS(32), .BUILD_HASH(BUILD_HASH), .CLOCK_HZ(64'd1_000_000_000 / CARD_DIVIDE)
  ) u_fpga (
    .card_clk_i(card_clk), .bus_clk_i(bus_clk), .bus_rst_ni(running),
    .s_axi_awid(4'd0), .s_axi_awaddr(s_awaddr), .s_axi_awlen(s_awlen), .s_axi_awsize(s_awsize), .s_axi_awburst(s_awburst),
    .s_axi_awvalid(s_awvalid), .s_axi_awready(s_awready), .s_axi_wdata(s_wdata), .s_axi_wstrb(s_wstrb), .s_axi_wlast(s_wlast),
    .s_axi_wvalid(s_wvalid), .s_axi_wready(s_wready), .s_axi_bid(unused_bid), .s_axi_bresp(s_bresp), .s_axi_bvalid(s_bvalid),
    .s_axi_bready(s_bready), .s_axi_arid(4'd0), .s_axi_araddr(s_araddr), .s_axi_arlen(s_arlen), .s_axi_arsize(s_arsize),
    .s_axi_arburst(s_arburst), .s_axi_arvalid(s_arvalid), .s_axi_arready(s_arready), .s_axi_rid(unused_rid), .s_axi_rdata(s_rdata),
    .s_axi_rresp(s_rresp), .s_axi_rlast(s_rlast), .s_axi_rvalid(s_rvalid), .s_axi_rready(s_rready),
    .m_axi_awid(m_awid), .m_axi_awaddr(m_awaddr), .m_axi_awlen(m_awlen), .m_axi_awsize(m_awsize), .m_axi_awburst(m_awburst),
    .m_axi_awvalid(m_awvalid), .m_axi_awready(m_awready), .m_axi_wdata(m_wdata), .m_axi_wstrb(m_wstrb), .m_axi_wlast(m_wlast),
    .m_axi_wvalid(m_wvalid), .m_axi_wready(m_wready), .m_axi_bid(m_bid), .m_axi_bresp(m_bresp), .m_axi_bvalid(m_bvalid),
    .m_axi_bready(m_bready), .m_axi_arid(m_arid), .m_axi_araddr(m_araddr), .m_axi_arlen(m_arlen), .m_axi_arsize(m_arsize),
    .m_axi_arburst(m_arburst), .m_axi_arvalid(m_arvalid), .m_axi_arready(m_arready), .m_axi_rid(m_rid), .m_axi_rdata(m_rdata),
    .m_axi_rresp(m_rresp), .m_axi_rlast(m_rlast), .m_axi_rvalid(m_rvalid), .m_axi_rready(m_rready),
    .msi_enable_i(msi_enable), .msi_width_i(msi_width), .msi_valid_o(msi_valid), .msi_vector_o(msi_vector), .msi_grant_i(msi_grant),
    .busy_o(busy));

  axi_pcie_0 u_pcie (
    .REFCLK(refclk), .axi_aresetn(perst_n), .user_link_up(link_up), .axi_aclk_out(bus_clk), .axi_ctl_aclk_out(), .mmcm_lock(bus_locked),
    .interrupt_out(), .INTX_MSI_Request(msi_valid & !asked), .INTX_MSI_Grant(msi_grant), .MSI_enable(msi_enable),
    .MSI_Vector_Num(msi_vector), .MSI_Vector_Width(msi_width),
    .s_axi_awid(m_awid), .s_axi_awaddr(m_awaddr[31:0]), .s_axi_awregion(4'd0), .s_axi_awlen(m_awlen), .s_axi_awsize(m_awsize),
    .s_axi_awburst(m_awburst), .s_axi_awvalid(m_awvalid), .s_axi_awready(m_awready), .s_axi_wdata(m_wdata), .s_axi_wstrb(m_wstrb),
    .s_axi_wlast(m_wlast), .s_axi_wvalid(m_wvalid), .s_axi_wready(m_wready), .s_axi_bid(m_bid), .s_axi_bresp(m_bresp),
    .s_axi_bvalid(m_bvalid), .s_axi_bready(m_bready), .s_axi_arid(m_arid), .s_axi_araddr(m_araddr[31:0]), .s_axi_arregion(4'd0),
    .s_axi_arlen(m_arlen), .s_axi_arsize(m_arsize), .s_axi_arburst(m_arburst), .s_axi_arvalid(m_arvalid), .s_axi_arready(m_arready),
    .s_axi_rid(m_rid), .s_axi_rdata(m_rdata), .s_axi_rresp(m_rresp), .s_axi_rlast(m_rlast), .s_axi_rvalid(m_rvalid),
    .s_axi_rready(m_rready),
    .m_axi_awaddr(s_awaddr), .m_axi_awlen(s_awlen), .m_axi_awsize(s_awsize), .m_axi_awburst(s_awburst), .m_axi_awprot(),
    .m_axi_awvalid(s_awvalid), .m_axi_awready(s_awready), .m_axi_awlock(), .m_axi_awcache(), .m_axi_wdata(s_wdata),
    .m_axi_wstrb(s_wstrb), .m_axi_wlast(s_wlast), .m_axi_wvalid(s_wvalid), .m_axi_wready(s_wready), .m_axi_bresp(s_bresp),
    .m_axi_bvalid(s_bvalid), .m_axi_bready(s_bready), .m_axi_araddr(s_araddr), .m_axi_arlen(s_arlen), .m_axi_arsize(s_arsize),
    .m_axi_arburst(s_arburst), .m_axi_arprot(), .m_axi_arvalid(s_arvalid), .m_axi_arready(s_arready), .m_axi_arlock(),
    .m_axi_arcache(), .m_axi_rdata(s_rdata), .m_axi_rresp(s_rresp), .m_axi_rlast(s_rlast), .m_axi_rvalid(s_rvalid),
    .m_axi_rready(s_rready),
    .pci_exp_txp(pcie_txp), .pci_exp_txn(pcie_txn), .pci_exp_rxp(pcie_rxp), .pci_exp_rxn(pcie_rxn),
    // its own registers are left as they are
    .s_axi_ctl_awaddr(32'd0), .s_axi_ctl_awvalid(1'b0), .s_axi_ctl_awready(), .s_axi_ctl_wdata(32'd0), .s_axi_ctl_wstrb(4'd0),
    .s_axi_ctl_wvalid(1'b0), .s_axi_ctl_wready(), .s_axi_ctl_bresp(), .s_axi_ctl_bvalid(), .s_axi_ctl_bready(1'b1),
    .s_axi_ctl_araddr(32'd0), .s_axi_ctl_arvalid(1'b0), .s_axi_ctl_arready(), .s_axi_ctl_rdata(), .s_axi_ctl_rresp(),
    .s_axi_ctl_rvalid(), .s_axi_ctl_rready(1'b1));

  assign led = {busy, msi_enable, card_locked, running & link_up};
endmodule
`default_nettype wire
