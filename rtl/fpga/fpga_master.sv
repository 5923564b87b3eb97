// SPDX-License-Identifier: Apache-2.0
// From the card's two masters to the one AXI4 master that a bridge takes: axi_range before m_data, merge_read and merge_write
// with the card's clock, then the crossing to the bus' clock. All bursts are INCR and of whole beats; ids are 0 (m_data) and 1
// (m_iommu).
//
// Latency and outstanding: of those three. R and B of the bus are always taken in the end: merge_read and merge_write have kept
// room for them.
`default_nettype none
module fpga_master #(
  parameter int unsigned DATA_W = 64,  /// 64 or 128
  parameter int unsigned ADDRESS_BITS = 56,  /// that the bridge reaches, 13 to 56: beyond, m_data is answered DECERR
  parameter int unsigned ID_W = 4      /// bits of the ids of m_axi
) (
  input  wire                 card_clk_i,
  input  wire                 card_rst_ni,
  input  wire                 bus_clk_i,
  input  wire                 bus_rst_ni,

  input  wire  [4:0]          data_awid,
  input  wire  [63:0]         data_awaddr,
  input  wire  [7:0]          data_awlen,
  input  wire                 data_awvalid,
  output logic                data_awready,
  input  wire  [DATA_W-1:0]   data_wdata,
  input  wire  [DATA_W/8-1:0] data_wstrb,
  input  wire                 data_wlast,
  input  wire                 data_wvalid,
  output logic                data_wready,
  output logic [4:0]          data_bid,
  output logic [1:0]          data_bresp,
  output logic                data_bvalid,
  input  wire                 data_bready,
  input  wire  [4:0]          data_arid,
  input  wire  [63:0]         data_araddr,
  input  wire  [7:0]          data_arlen,
  input  wire                 data_arvalid,
  output logic                data_arready,
  output logic [4:0]          data_rid,
  output logic [DATA_W-1:0]   data_rdata,
  output logic [1:0]          data_rresp,
  output logic                data_rlast,
  output logic                data_rvalid,
  input  wire                 data_rready,

  input  wire  [3:0]          iommu_awid,
  input  wire  [63:0]         iommu_awaddr,
  input  wire  [7:0]          iommu_awlen,
  input  wire                 iommu_awvalid,
  output logic                iommu_awready,
  input  wire  [DATA_W-1:0]   iommu_wdata,
  input  wire  [DATA_W/8-1:0] iommu_wstrb,
  input  wire                 iommu_wlast,
  input  wire                 iommu_wvalid,
  output logic                iommu_wready,
  output logic [3:0]          iommu_bid,
  output logic [1:0]          iommu_bresp,
  output logic                iommu_bvalid,
  input  wire  [3:0]          iommu_arid,
  input  wire  [63:0]         iommu_araddr,
  input  wire  [7:0]          iommu_arlen,
  input  wire                 iommu_arvalid,
  output logic                iommu_arready,
  output logic [3:0]          iommu_rid,
  output logic [DATA_W-1:0]   iommu_rdata,
  output logic [1:0]          iommu_rresp,
  output logic                iommu_rlast,
  output logic                iommu_rvalid,

  output logic [ID_W-1:0]     m_axi_awid,
  output logic [63:0]         m_axi_awaddr,
  output logic [7:0]          m_axi_awlen,
  output logic [2:0]          m_axi_awsize,
  output logic [1:0]          m_axi_awburst,
  output logic                m_axi_awvalid,
  input  wire                 m_axi_awready,
  output logic [DATA_W-1:0]   m_axi_wdata,
  output logic [DATA_W/8-1:0] m_axi_wstrb,
  output logic                m_axi_wlast,
  output logic                m_axi_wvalid,
  input  wire                 m_axi_wready,
  input  wire  [ID_W-1:0]     m_axi_bid,
  input  wire  [1:0]          m_axi_bresp,
  input  wire                 m_axi_bvalid,
  output logic                m_axi_bready,
  output logic [ID_W-1:0]     m_axi_arid,
  output logic [63:0]         m_axi_araddr,
  output logic [7:0]          m_axi_arlen,
  output logic [2:0]          m_axi_arsize,
  output logic [1:0]          m_axi_arburst,
  output logic                m_axi_arvalid,
  input  wire                 m_axi_arready,
  input  wire  [ID_W-1:0]     m_axi_rid,
  input  wire  [DATA_W-1:0]   m_axi_rdata,
  input  wire  [1:0]          m_axi_rresp,
  input  wire                 m_axi_rlast,
  input  wire                 m_axi_rvalid,
  output logic                m_axi_rready
);
  localparam logic [2:0] SIZE = 3'($clog2(DATA_W / 8));
  localparam logic [1:0] INCR = 2'b01;
  logic                awid, awvalid, awready, wlast, wvalid, wready, bid, bvalid, bready;
  logic                arid, arvalid, arready, rid, rlast, rvalid, rready, aw_which, ar_which;
  logic [63:0]         awaddr, araddr;
  logic [7:0]          awlen, arlen;
  logic [DATA_W-1:0]   wdata, rdata;
  logic [DATA_W/8-1:0] wstrb;
  logic [1:0]          bresp, rresp;

  logic              in_awvalid, in_awready, in_wvalid, in_wready, in_bvalid, in_bready;
  logic              in_arvalid, in_arready, in_rlast, in_rvalid, in_rready;
  logic [4:0]        in_bid, in_rid;
  logic [1:0]        in_bresp, in_rresp;
  logic [DATA_W-1:0] in_rdata;
  axi_range #(.DATA_W(DATA_W), .ADDRESS_BITS(ADDRESS_BITS)) u_range (
    .clk_i(card_clk_i), .rst_ni(card_rst_ni), .s_awid(data_awid), .s_awaddr(data_awaddr), .s_awvalid(data_awvalid),
    .s_awready(data_awready), .s_wlast(data_wlast), .s_wvalid(data_wvalid), .s_wready(data_wready), .s_bid(data_bid),
    .s_bresp(data_bresp), .s_bvalid(data_bvalid), .s_bready(data_bready), .s_arid(data_arid), .s_araddr(data_araddr),
    .s_arlen(data_arlen), .s_arvalid(data_arvalid), .s_arready(data_arready), .s_rid(data_rid), .s_rdata(data_rdata),
    .s_rresp(data_rresp), .s_rlast(data_rlast), .s_rvalid(data_rvalid), .s_rready(data_rready), .m_awvalid(in_awvalid),
    .m_awready(in_awready), .m_wvalid(in_wvalid), .m_wready(in_wready), .m_bid(in_bid), .m_bresp(in_bresp), .m_bvalid(in_bvalid),
    .m_bready(in_bready), .m_arvalid(in_arvalid), .m_arready(in_arready), .m_rid(in_rid), .m_rdata(in_rdata), .m_rresp(in_rresp),
    .m_rlast(in_rlast), .m_rvalid(in_rvalid), .m_rready(in_rready));

  merge_read #(.DATA_W(DATA_W)) u_read (
    .clk_i(card_clk_i), .rst_ni(card_rst_ni), .data_arid, .data_araddr, .data_arlen, .data_arvalid(in_arvalid),
    .data_arready(in_arready), .data_rid(in_rid), .data_rdata(in_rdata), .data_rresp(in_rresp), .data_rlast(in_rlast),
    .data_rvalid(in_rvalid), .data_rready(in_rready), .iommu_arid, .iommu_araddr, .iommu_arlen, .iommu_arvalid,
    .iommu_arready, .iommu_rid, .iommu_rdata, .iommu_rresp, .iommu_rlast, .iommu_rvalid,
    .m_arid(arid), .m_araddr(araddr), .m_arlen(arlen), .m_arvalid(arvalid), .m_arready(arready), .m_rid(rid), .m_rdata(rdata),
    .m_rresp(rresp), .m_rlast(rlast), .m_rvalid(rvalid), .m_rready(rready));

  merge_write #(.DATA_W(DATA_W)) u_write (
    .clk_i(card_clk_i), .rst_ni(card_rst_ni), .data_awid, .data_awaddr, .data_awlen, .data_awvalid(in_awvalid),
    .data_awready(in_awready), .data_wdata, .data_wstrb, .data_wlast, .data_wvalid(in_wvalid), .data_wready(in_wready),
    .data_bid(in_bid), .data_bresp(in_bresp), .data_bvalid(in_bvalid), .data_bready(in_bready), .iommu_awid,
    .iommu_awaddr, .iommu_awlen, .iommu_awvalid, .iommu_awready, .iommu_wdata, .iommu_wstrb, .iommu_wlast, .iommu_wvalid,
    .iommu_wready, .iommu_bid, .iommu_bresp, .iommu_bvalid,
    .m_awid(awid), .m_awaddr(awaddr), .m_awlen(awlen), .m_awvalid(awvalid), .m_awready(awready), .m_wdata(wdata), .m_wstrb(wstrb),
    .m_wlast(wlast), .m_wvalid(wvalid), .m_wready(wready), .m_bid(bid), .m_bresp(bresp), .m_bvalid(bvalid), .m_bready(bready));

  axi_cross #(.A_W(73), .W_W(DATA_W + DATA_W/8 + 1), .B_W(3), .R_W(DATA_W + 4), .ANSWER_DEPTH(16), .DATA_DEPTH(16)) u_cross (
    .s_clk_i(card_clk_i), .s_rst_ni(card_rst_ni), .s_aw_i({awid, awaddr, awlen}), .s_aw_valid_i(awvalid), .s_aw_ready_o(awready),
    .s_w_i({wdata, wstrb, wlast}), .s_w_valid_i(wvalid), .s_w_ready_o(wready), .s_b_o({bid, bresp}), .s_b_valid_o(bvalid),
    .s_b_ready_i(bready), .s_ar_i({arid, araddr, arlen}), .s_ar_valid_i(arvalid), .s_ar_ready_o(arready),
    .s_r_o({rid, rdata, rresp, rlast}), .s_r_valid_o(rvalid), .s_r_ready_i(rready),
    .m_clk_i(bus_clk_i), .m_rst_ni(bus_rst_ni), .m_aw_o({aw_which, m_axi_awaddr, m_axi_awlen}), .m_aw_valid_o(m_axi_awvalid),
    .m_aw_ready_i(m_axi_awready), .m_w_o({m_axi_wdata, m_axi_wstrb, m_axi_wlast}), .m_w_valid_o(m_axi_wvalid),
    .m_w_ready_i(m_axi_wready), .m_b_i({m_axi_bid[0], m_axi_bresp}), .m_b_valid_i(m_axi_bvalid), .m_b_ready_o(m_axi_bready),
    .m_ar_o({ar_which, m_axi_araddr, m_axi_arlen}), .m_ar_valid_o(m_axi_arvalid), .m_ar_ready_i(m_axi_arready),
    .m_r_i({m_axi_rid[0], m_axi_rdata, m_axi_rresp, m_axi_rlast}), .m_r_valid_i(m_axi_rvalid), .m_r_ready_o(m_axi_rready));

  assign m_axi_awid    = ID_W'(aw_which);
  assign m_axi_arid    = ID_W'(ar_which);
  assign m_axi_awsize  = SIZE;
  assign m_axi_arsize  = SIZE;
  assign m_axi_awburst = INCR;
  assign m_axi_arburst = INCR;

  wire unused = &{1'b0, m_axi_bid, m_axi_rid};
endmodule
`default_nettype wire
