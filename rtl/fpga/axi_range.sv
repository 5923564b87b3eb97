// SPDX-License-Identifier: Apache-2.0
// Keeps bursts at addresses that the bridge cannot reach from it, which would take their lower bits for an address: they are
// answered DECERR, writes without effect. The IOMMU bounds its own accesses by PAS, but not what leaves translated or bare:
// that is left to the IO bridge, which stands between it and memory (specification, "Placement and data flow").
//
// Order: such a burst waits until all earlier ones of its direction are answered, so that order holds within every id; those
// after it wait for it. A W is never ahead of its AW.
// Latency: none for bursts that pass. Outstanding: 255 of each direction.
`default_nettype none
module axi_range #(
  parameter int unsigned DATA_W = 64,        /// 64 or 128
  parameter int unsigned ADDRESS_BITS = 56   /// that can be reached, 13 to 63
) (
  input  wire               clk_i,
  input  wire               rst_ni,

  input  wire  [4:0]        s_awid,
  input  wire  [63:0]       s_awaddr,
  input  wire               s_awvalid,
  output logic              s_awready,
  input  wire               s_wlast,
  input  wire               s_wvalid,
  output logic              s_wready,
  output logic [4:0]        s_bid,
  output logic [1:0]        s_bresp,
  output logic              s_bvalid,
  input  wire               s_bready,
  input  wire  [4:0]        s_arid,
  input  wire  [63:0]       s_araddr,
  input  wire  [7:0]        s_arlen,
  input  wire               s_arvalid,
  output logic              s_arready,
  output logic [4:0]        s_rid,
  output logic [DATA_W-1:0] s_rdata,
  output logic [1:0]        s_rresp,
  output logic              s_rlast,
  output logic              s_rvalid,
  input  wire               s_rready,

  // what else belongs to AW, W and AR goes beside this module
  output logic              m_awvalid,
  input  wire               m_awready,
  output logic              m_wvalid,
  input  wire               m_wready,
  input  wire  [4:0]        m_bid,
  input  wire  [1:0]        m_bresp,
  input  wire               m_bvalid,
  output logic              m_bready,
  output logic              m_arvalid,
  input  wire               m_arready,
  input  wire  [4:0]        m_rid,
  input  wire  [DATA_W-1:0] m_rdata,
  input  wire  [1:0]        m_rresp,
  input  wire               m_rlast,
  input  wire               m_rvalid,
  output logic              m_rready
);
  localparam logic [1:0] DECERR = 2'b11;

  // ---- reads -------------------------------------------------------------------------------------------------------------------
  logic       ar_beyond, ar_passes, refuse_read, refusing_r_q;
  logic [7:0] reads_q, left_q;                        // bursts without their last R; beats after this one
  logic [4:0] rid_q;
  assign ar_beyond   = |s_araddr[63:ADDRESS_BITS];
  assign m_arvalid   = s_arvalid && !ar_beyond && !refusing_r_q && !(&reads_q);
  assign ar_passes   = m_arvalid && m_arready;
  assign refuse_read = s_arvalid && ar_beyond && !refusing_r_q && reads_q == '0;
  assign s_arready   = ar_passes || refuse_read;

  assign s_rvalid = refusing_r_q || m_rvalid;
  assign s_rid    = refusing_r_q ? rid_q : m_rid;
  assign s_rdata  = refusing_r_q ? '1 : m_rdata;
  assign s_rresp  = refusing_r_q ? DECERR : m_rresp;
  assign s_rlast  = refusing_r_q ? left_q == '0 : m_rlast;
  assign m_rready = !refusing_r_q && s_rready;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      reads_q      <= '0;
      refusing_r_q <= 1'b0;
    end else begin
      reads_q <= reads_q + 8'(ar_passes) - 8'(m_rvalid && m_rready && m_rlast);
      if (refuse_read) refusing_r_q <= 1'b1;
      else if (s_rready && left_q == '0) refusing_r_q <= 1'b0;
    end
  end
  always_ff @(posedge clk_i) begin
    if (refuse_read) begin
      rid_q  <= s_arid;
      left_q <= s_arlen;
    end else if (s_rready) left_q <= left_q - 8'd1;
  end

  // ---- writes ------------------------------------------------------------------------------------------------------------------
  logic       aw_beyond, aw_passes, refuse_write, sinking_q, refusing_b_q, w_ends;
  logic [7:0] writes_q, data_q;                       // bursts without their B; without their last W
  logic [4:0] bid_q;
  assign aw_beyond    = |s_awaddr[63:ADDRESS_BITS];
  assign m_awvalid    = s_awvalid && !aw_beyond && !sinking_q && !refusing_b_q && !(&writes_q);
  assign aw_passes    = m_awvalid && m_awready;
  assign refuse_write = s_awvalid && aw_beyond && !sinking_q && !refusing_b_q && writes_q == '0;
  assign s_awready    = aw_passes || refuse_write;

  assign m_wvalid = s_wvalid && !sinking_q && (data_q != '0 || aw_passes);
  assign s_wready = sinking_q || (m_wready && (data_q != '0 || aw_passes));
  assign w_ends   = m_wvalid && m_wready && s_wlast;

  assign s_bvalid = refusing_b_q || m_bvalid;
  assign s_bid    = refusing_b_q ? bid_q : m_bid;
  assign s_bresp  = refusing_b_q ? DECERR : m_bresp;
  assign m_bready = !refusing_b_q && s_bready;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      writes_q     <= '0;
      data_q       <= '0;
      sinking_q    <= 1'b0;
      refusing_b_q <= 1'b0;
    end else begin
      writes_q <= writes_q + 8'(aw_passes) - 8'(m_bvalid && m_bready);
      data_q   <= data_q + 8'(aw_passes) - 8'(w_ends);
      if (refuse_write) sinking_q <= 1'b1;
      else if (s_wvalid && s_wlast) sinking_q <= 1'b0;
      if (sinking_q && s_wvalid && s_wlast) refusing_b_q <= 1'b1;
      else if (s_bready) refusing_b_q <= 1'b0;
    end
  end
  always_ff @(posedge clk_i) if (refuse_write) bid_q <= s_awid;

  wire unused = &{1'b0, s_araddr[ADDRESS_BITS-1:0], s_awaddr[ADDRESS_BITS-1:0]};
endmodule
`default_nettype wire
