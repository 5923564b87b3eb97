// SPDX-License-Identifier: Apache-2.0
// The host's accesses as a bridge's AXI4 master makes them, as AXI4-Lite accesses of the register port, a beat at a time.
//
// Order: one burst at a time, a write first when both are offered. A read that is offered after a write was accepted sees it,
// whatever lies behind m_axil: PCIe promises the host no less.
// Errors: DECERR above the 17 bits of the card's address (BAR 0, then BAR 2), SLVERR for WRAP bursts; in both cases nothing is
// accessed. A burst of writes is answered by the worst of its beats. FIXED and INCR bursts, narrow ones too.
// Latency: 2 clocks and what m_axil takes, for each beat. Outstanding: one.
`default_nettype none
module axi_to_lite #(
  parameter int unsigned ID_W = 4  /// bits of the ids of s_axi
) (
  input  wire             clk_i,
  input  wire             rst_ni,

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

  output logic [16:0]     m_axil_awaddr,
  output logic            m_axil_awvalid,
  input  wire             m_axil_awready,
  output logic [63:0]     m_axil_wdata,
  output logic [7:0]      m_axil_wstrb,
  output logic            m_axil_wvalid,
  input  wire             m_axil_wready,
  input  wire  [1:0]      m_axil_bresp,
  input  wire             m_axil_bvalid,
  output logic            m_axil_bready,
  output logic [16:0]     m_axil_araddr,
  output logic            m_axil_arvalid,
  input  wire             m_axil_arready,
  input  wire  [63:0]     m_axil_rdata,
  input  wire  [1:0]      m_axil_rresp,
  input  wire             m_axil_rvalid,
  output logic            m_axil_rready,

  /// A burst is under way.
  output logic            busy_o
);
  localparam logic [1:0] OKAY = 2'b00, SLVERR = 2'b10, DECERR = 2'b11, INCR = 2'b01, WRAP = 2'b10;
  localparam logic [2:0] IDLE = 3'd0, DATA = 3'd1, WRITE = 3'd2, WRITTEN = 3'd3, ANSWER = 3'd4, READ = 3'd5, ARRIVE = 3'd6, GIVE = 3'd7;
  logic [2:0]      state_q;
  logic [ID_W-1:0] id_q;
  logic [16:0]     addr_q, addr_next;
  logic [7:0]      left_q;                            // beats after this one
  logic [2:0]      size_q;
  logic            incr_q, last_q, aw_done_q, w_done_q;
  logic [1:0]      resp_q, refuse_q;                  // answer so far; why nothing is accessed, or OKAY
  logic [63:0]     data_q;
  logic [7:0]      strb_q;
  logic            take_write, take_read;
  logic [31:0]     start;
  logic [1:0]      burst;

  assign take_write    = state_q == IDLE && s_axi_awvalid;
  assign take_read     = state_q == IDLE && s_axi_arvalid && !s_axi_awvalid;
  assign s_axi_awready = state_q == IDLE;
  assign s_axi_arready = state_q == IDLE && !s_axi_awvalid;
  assign busy_o        = state_q != IDLE;
  assign start         = s_axi_awvalid ? s_axi_awaddr : s_axi_araddr;
  assign burst         = s_axi_awvalid ? s_axi_awburst : s_axi_arburst;
  // the next beat of an INCR burst starts at a multiple of its size
  assign addr_next     = incr_q ? ((addr_q >> size_q) + 17'd1) << size_q : addr_q;

  assign s_axi_wready   = state_q == DATA;
  assign s_axi_bid      = id_q;
  assign s_axi_bresp    = resp_q;
  assign s_axi_bvalid   = state_q == ANSWER;
  assign s_axi_rid      = id_q;
  assign s_axi_rdata    = data_q;
  assign s_axi_rresp    = resp_q;
  assign s_axi_rlast    = left_q == 8'd0;
  assign s_axi_rvalid   = state_q == GIVE;
  assign m_axil_awaddr  = addr_q;
  assign m_axil_awvalid = state_q == WRITE && !aw_done_q;
  assign m_axil_wdata   = data_q;
  assign m_axil_wstrb   = strb_q;
  assign m_axil_wvalid  = state_q == WRITE && !w_done_q;
  assign m_axil_bready  = state_q == WRITTEN;
  assign m_axil_araddr  = addr_q;
  assign m_axil_arvalid = state_q == READ;
  assign m_axil_rready  = state_q == ARRIVE;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q   <= IDLE;
      aw_done_q <= 1'b0;
      w_done_q  <= 1'b0;
    end else case (state_q)
      IDLE:    if (take_write) state_q <= DATA;
               else if (take_read) state_q <= start[31:17] != '0 || burst == WRAP ? GIVE : READ;
      DATA:    if (s_axi_wvalid) begin
                 if (refuse_q == OKAY) state_q <= WRITE;
                 else if (s_axi_wlast) state_q <= ANSWER;
               end
      WRITE:   begin
                 if (m_axil_awready) aw_done_q <= 1'b1;
                 if (m_axil_wready)  w_done_q  <= 1'b1;
                 if ((aw_done_q || m_axil_awready) && (w_done_q || m_axil_wready)) begin
                   state_q   <= WRITTEN;
                   aw_done_q <= 1'b0;
                   w_done_q  <= 1'b0;
                 end
               end
      WRITTEN: if (m_axil_bvalid) state_q <= last_q ? ANSWER : DATA;
      ANSWER:  if (s_axi_bready) state_q <= IDLE;
      READ:    if (m_axil_arready) state_q <= ARRIVE;
      ARRIVE:  if (m_axil_rvalid) state_q <= GIVE;
      default: if (s_axi_rready) state_q <= left_q == 8'd0 ? IDLE : refuse_q == OKAY ? READ : GIVE;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (state_q == IDLE) begin
      id_q     <= s_axi_awvalid ? s_axi_awid : s_axi_arid;
      addr_q   <= start[16:0];
      left_q   <= s_axi_arlen;
      size_q   <= s_axi_awvalid ? s_axi_awsize : s_axi_arsize;
      incr_q   <= burst == INCR;
      refuse_q <= start[31:17] != '0 ? DECERR : burst == WRAP ? SLVERR : OKAY;
      resp_q   <= start[31:17] != '0 ? DECERR : burst == WRAP ? SLVERR : OKAY;
      data_q   <= '1;                                 // what a read that is refused gives
    end
    if (s_axi_wvalid && s_axi_wready) begin
      data_q <= s_axi_wdata;
      strb_q <= s_axi_wstrb;
      last_q <= s_axi_wlast;
    end
    if (m_axil_bvalid && m_axil_bready) begin
      addr_q <= addr_next;
      if (m_axil_bresp > resp_q) resp_q <= m_axil_bresp;
    end
    if (m_axil_rvalid && m_axil_rready) begin
      addr_q <= addr_next;
      data_q <= m_axil_rdata;
      resp_q <= m_axil_rresp;
    end
    if (s_axi_rvalid && s_axi_rready) left_q <= left_q - 8'd1;
  end

  wire unused = &{1'b0, s_axi_awlen};                 // WLAST says it
endmodule
`default_nettype wire
