// SPDX-License-Identifier: Apache-2.0
// From the bridge to the card's registers, and from the card's messages to the bridge's MSIs: the host's side of fpga_top.
//
// Latency of a register access: axi_to_lite, two crossings, axil_slave; some 6 clocks of the bus and 8 of the card.
`default_nettype none
module fpga_host #(
  parameter int unsigned ID_W = 4  /// bits of the ids of s_axi
) (
  input  wire             bus_clk_i,
  input  wire             bus_rst_ni,
  input  wire             card_clk_i,
  input  wire             card_rst_ni,

  input  wire  [ID_W-1:0] s_axi_awid,
  input  wire  [31:0]     s_axi_awaddr,
  input  wire  [7:0]      s_axi_awlen,
  input  wire  [2:0]      s_axi_awsize,
  input  wire  [1:0]      s_axi_awburst,
  input  wire             s_axi_awvalid,
  output logic            s_axi_awready,
  input  wire  [63:0]     s_axi_wdata,
  input  wire  [7:0]      s_axi_wstrb,
  input  wire             s_axi_wlast,
  input  wire             s_axi_wvalid,
  output logic            s_axi_wready,
  output logic [ID_W-1:0] s_axi_bid,
  output logic [1:0]      s_axi_bresp,
  output logic            s_axi_bvalid,
  input  wire             s_axi_bready,
  input  wire  [ID_W-1:0] s_axi_arid,
  input  wire  [31:0]     s_axi_araddr,
  input  wire  [7:0]      s_axi_arlen,
  input  wire  [2:0]      s_axi_arsize,
  input  wire  [1:0]      s_axi_arburst,
  input  wire             s_axi_arvalid,
  output logic            s_axi_arready,
  output logic [ID_W-1:0] s_axi_rid,
  output logic [63:0]     s_axi_rdata,
  output logic [1:0]      s_axi_rresp,
  output logic            s_axi_rlast,
  output logic            s_axi_rvalid,
  input  wire             s_axi_rready,

  input  wire             msi_enable_i,
  input  wire  [2:0]      msi_width_i,
  output logic            msi_valid_o,
  output logic [4:0]      msi_vector_o,
  input  wire             msi_grant_i,

  // towards the card, with card_clk_i
  output logic [16:0]     card_awaddr,
  output logic            card_awvalid,
  input  wire             card_awready,
  output logic [63:0]     card_wdata,
  output logic [7:0]      card_wstrb,
  output logic            card_wvalid,
  input  wire             card_wready,
  input  wire  [1:0]      card_bresp,
  input  wire             card_bvalid,
  output logic            card_bready,
  output logic [16:0]     card_araddr,
  output logic            card_arvalid,
  input  wire             card_arready,
  input  wire  [63:0]     card_rdata,
  input  wire  [1:0]      card_rresp,
  input  wire             card_rvalid,
  output logic            card_rready,
  input  wire             message_valid_i,
  input  wire  [4:0]      message_vector_i,
  output logic            message_ready_o,

  /// An access or a message is under way on the bus' side.
  output logic            busy_o
);
  logic [16:0] awaddr, araddr;
  logic [63:0] wdata, rdata;
  logic [7:0]  wstrb;
  logic [1:0]  bresp, rresp;
  logic        awvalid, awready, wvalid, wready, bvalid, bready, arvalid, arready, rvalid, rready, access;

  axi_to_lite #(.ID_W(ID_W)) u_lite (
    .clk_i(bus_clk_i), .rst_ni(bus_rst_ni), .s_axi_awid, .s_axi_awaddr, .s_axi_awlen, .s_axi_awsize, .s_axi_awburst, .s_axi_awvalid,
    .s_axi_awready, .s_axi_wdata, .s_axi_wstrb, .s_axi_wlast, .s_axi_wvalid, .s_axi_wready, .s_axi_bid, .s_axi_bresp, .s_axi_bvalid,
    .s_axi_bready, .s_axi_arid, .s_axi_araddr, .s_axi_arlen, .s_axi_arsize, .s_axi_arburst, .s_axi_arvalid, .s_axi_arready,
    .s_axi_rid, .s_axi_rdata, .s_axi_rresp, .s_axi_rlast, .s_axi_rvalid, .s_axi_rready,
    .m_axil_awaddr(awaddr), .m_axil_awvalid(awvalid), .m_axil_awready(awready), .m_axil_wdata(wdata), .m_axil_wstrb(wstrb),
    .m_axil_wvalid(wvalid), .m_axil_wready(wready), .m_axil_bresp(bresp), .m_axil_bvalid(bvalid), .m_axil_bready(bready),
    .m_axil_araddr(araddr), .m_axil_arvalid(arvalid), .m_axil_arready(arready), .m_axil_rdata(rdata), .m_axil_rresp(rresp),
    .m_axil_rvalid(rvalid), .m_axil_rready(rready), .busy_o(access));

  axi_cross #(.A_W(17), .W_W(72), .B_W(2), .R_W(66), .ANSWER_DEPTH(4), .DATA_DEPTH(4)) u_cross (
    .s_clk_i(bus_clk_i), .s_rst_ni(bus_rst_ni), .s_aw_i(awaddr), .s_aw_valid_i(awvalid), .s_aw_ready_o(awready),
    .s_w_i({wdata, wstrb}), .s_w_valid_i(wvalid), .s_w_ready_o(wready), .s_b_o(bresp), .s_b_valid_o(bvalid), .s_b_ready_i(bready),
    .s_ar_i(araddr), .s_ar_valid_i(arvalid), .s_ar_ready_o(arready), .s_r_o({rdata, rresp}), .s_r_valid_o(rvalid),
    .s_r_ready_i(rready),
    .m_clk_i(card_clk_i), .m_rst_ni(card_rst_ni), .m_aw_o(card_awaddr), .m_aw_valid_o(card_awvalid), .m_aw_ready_i(card_awready),
    .m_w_o({card_wdata, card_wstrb}), .m_w_valid_o(card_wvalid), .m_w_ready_i(card_wready), .m_b_i(card_bresp),
    .m_b_valid_i(card_bvalid), .m_b_ready_o(card_bready), .m_ar_o(card_araddr), .m_ar_valid_o(card_arvalid),
    .m_ar_ready_i(card_arready), .m_r_i({card_rdata, card_rresp}), .m_r_valid_i(card_rvalid), .m_r_ready_o(card_rready));

  logic       message_valid, message_ready;
  logic [4:0] message_vector;
  async_fifo #(.W(5), .DEPTH(4)) u_messages (
    .in_clk_i(card_clk_i), .in_rst_ni(card_rst_ni), .in_valid_i(message_valid_i), .in_ready_o(message_ready_o),
    .in_data_i(message_vector_i), .out_clk_i(bus_clk_i), .out_rst_ni(bus_rst_ni), .out_valid_o(message_valid),
    .out_ready_i(message_ready), .out_data_o(message_vector));
  fpga_msi u_msi (
    .clk_i(bus_clk_i), .rst_ni(bus_rst_ni), .message_valid_i(message_valid), .message_vector_i(message_vector),
    .message_ready_o(message_ready), .msi_enable_i, .msi_width_i, .msi_valid_o, .msi_vector_o, .msi_grant_i);

  assign busy_o = access || message_valid || msi_valid_o;
endmodule
`default_nettype wire
