// SPDX-License-Identifier: Apache-2.0
// AXI4-Lite slave front end: turns bus accesses into single register accesses.
//
// Latency: 2 clocks from AW+W to BVALID and from AR to RVALID. One write and one read may be held; they are carried out one at
// a time, a complete write first, so that a read that was issued after a write was accepted sees it. Every access is answered
// OKAY in bounded time: a register access never waits. BVALID, RVALID and RDATA hold until taken.
`default_nettype none
module axil_slave #(
  /// Bits of the byte address.
  parameter int unsigned ADDR_W = 17
) (
  input  wire               clk_i,
  input  wire               rst_ni,

  input  wire  [ADDR_W-1:0] s_axil_awaddr,
  input  wire               s_axil_awvalid,
  output logic              s_axil_awready,
  input  wire  [63:0]       s_axil_wdata,
  input  wire  [7:0]        s_axil_wstrb,
  input  wire               s_axil_wvalid,
  output logic              s_axil_wready,
  output logic [1:0]        s_axil_bresp,
  output logic              s_axil_bvalid,
  input  wire               s_axil_bready,
  input  wire  [ADDR_W-1:0] s_axil_araddr,
  input  wire               s_axil_arvalid,
  output logic              s_axil_arready,
  output logic [63:0]       s_axil_rdata,
  output logic [1:0]        s_axil_rresp,
  output logic              s_axil_rvalid,
  input  wire               s_axil_rready,

  /// A write acts at this clock edge.
  output logic              we_o,
  /// rdata_i is taken at this clock edge.
  output logic              re_o,
  /// Address of the access, 8-byte aligned.
  output logic [ADDR_W-1:0] addr_o,
  output logic [63:0]       wdata_o,
  output logic [7:0]        wstrb_o,
  /// Value at addr_o, combinational.
  input  wire  [63:0]       rdata_i,
  /// An access is offered, held or not yet answered.
  output logic              busy_o
);
  logic              aw_q, w_q, ar_q, b_q, r_q;
  logic [ADDR_W-1:3] awaddr_q, araddr_q;
  logic [63:0]       wdata_q, rdata_q;
  logic [7:0]        wstrb_q;
  logic              do_write, do_read;

  assign do_write = aw_q && w_q && (!b_q || s_axil_bready);
  assign do_read  = ar_q && !do_write && (!r_q || s_axil_rready);

  assign s_axil_awready = !aw_q;
  assign s_axil_wready  = !w_q;
  assign s_axil_arready = !ar_q;
  assign s_axil_bresp   = 2'b00;
  assign s_axil_bvalid  = b_q;
  assign s_axil_rdata   = rdata_q;
  assign s_axil_rresp   = 2'b00;
  assign s_axil_rvalid  = r_q;

  assign we_o    = do_write;
  assign re_o    = do_read;
  assign addr_o  = {do_write ? awaddr_q : araddr_q, 3'b000};
  assign wdata_o = wdata_q;
  assign wstrb_o = wstrb_q;
  assign busy_o  = aw_q || w_q || ar_q || b_q || r_q || s_axil_awvalid || s_axil_wvalid || s_axil_arvalid;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      aw_q <= 1'b0;
      w_q  <= 1'b0;
      ar_q <= 1'b0;
      b_q  <= 1'b0;
      r_q  <= 1'b0;
    end else begin
      if (do_write) aw_q <= 1'b0; else if (s_axil_awvalid) aw_q <= 1'b1;
      if (do_write) w_q  <= 1'b0; else if (s_axil_wvalid)  w_q  <= 1'b1;
      if (do_read)  ar_q <= 1'b0; else if (s_axil_arvalid) ar_q <= 1'b1;
      if (do_write) b_q  <= 1'b1; else if (s_axil_bready)  b_q  <= 1'b0;
      if (do_read)  r_q  <= 1'b1; else if (s_axil_rready)  r_q  <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (s_axil_awvalid && s_axil_awready) awaddr_q <= s_axil_awaddr[ADDR_W-1:3];
    if (s_axil_arvalid && s_axil_arready) araddr_q <= s_axil_araddr[ADDR_W-1:3];
    if (s_axil_wvalid && s_axil_wready) begin
      wdata_q <= s_axil_wdata;
      wstrb_q <= s_axil_wstrb;
    end
    if (do_read) rdata_q <= rdata_i;
  end
  // The front end answers for whole 8-byte words; which half of one is meant is in the strobes.
  wire unused = &{1'b0, s_axil_awaddr[2:0], s_axil_araddr[2:0]};
endmodule
`default_nettype wire
