// SPDX-License-Identifier: Apache-2.0
//
// Reads of m_data and m_iommu on one AXI4 master, for a bridge that knows plain full-width INCR bursts only.
// Independent response buffering: a burst of m_data starts once the buffer has room for all of its beats, so R is always
// accepted here, and an answer to m_iommu never waits for one that a device behind m_data does not take.
// Ids: 0 m_data, 1 m_iommu. Each side's reads are thereby answered in their order; its own ids are kept here and put back.
// Addresses are aligned to a beat and every beat is a whole one: a bridge need not know narrow transfers.
// Latency: 1 clock to ARVALID; R to m_iommu none, R to m_data 1. The two take turns.
// Outstanding: BEATS beats in READS bursts of m_data, IOMMU_READS of m_iommu.
`default_nettype none
module merge_read #(
  parameter int unsigned DATA_W = 64,       /// 64 or 128
  parameter int unsigned BEATS = 256,       /// buffer of m_data, not less than the longest burst
  parameter int unsigned READS = 32,
  parameter int unsigned IOMMU_READS = 16
) (
  input  wire               clk_i,
  input  wire               rst_ni,

  input  wire  [4:0]        data_arid,
  input  wire  [63:0]       data_araddr,
  input  wire  [7:0]        data_arlen,
  input  wire               data_arvalid,
  output logic              data_arready,
  output logic [4:0]        data_rid,
  output logic [DATA_W-1:0] data_rdata,
  output logic [1:0]        data_rresp,
  output logic              data_rlast,
  output logic              data_rvalid,
  input  wire               data_rready,

  input  wire  [3:0]        iommu_arid,
  input  wire  [63:0]       iommu_araddr,
  input  wire  [7:0]        iommu_arlen,
  input  wire               iommu_arvalid,
  output logic              iommu_arready,
  output logic [3:0]        iommu_rid,
  output logic [DATA_W-1:0] iommu_rdata,
  output logic [1:0]        iommu_rresp,
  output logic              iommu_rlast,
  output logic              iommu_rvalid,   /// always accepted: R of m_iommu has no back-pressure

  output logic              m_arid,
  output logic [63:0]       m_araddr,
  output logic [7:0]        m_arlen,
  output logic              m_arvalid,
  input  wire               m_arready,
  input  wire               m_rid,
  input  wire  [DATA_W-1:0] m_rdata,
  input  wire  [1:0]        m_rresp,
  input  wire               m_rlast,
  input  wire               m_rvalid,
  output logic              m_rready
);
  localparam int unsigned CW = $clog2(BEATS + 1);
  localparam int unsigned OFF = $clog2(DATA_W / 8);
  if (BEATS < 256) $error("merge_read: the buffer must hold the longest burst of AXI4, 256 beats");

  // ---- AR ----------------------------------------------------------------------------------------------------------------------
  logic [CW-1:0] reserved_q;                          // beats of m_data that are asked for or in the buffer
  logic [CW-1:0] beats;
  logic          free, last_iommu_q, take_data, take_iommu, data_ids_room, iommu_ids_room, data_may, iommu_may, r_out;
  assign beats         = CW'(data_arlen) + 1'b1;
  assign free          = !m_arvalid || m_arready;
  assign data_may      = data_arvalid && data_ids_room && (CW + 1)'(reserved_q) + (CW + 1)'(beats) <= (CW + 1)'(BEATS);
  assign iommu_may     = iommu_arvalid && iommu_ids_room;
  assign take_iommu    = free && iommu_may && !(data_may && last_iommu_q);
  assign take_data     = free && data_may && !(iommu_may && !last_iommu_q);
  assign data_arready  = take_data;
  assign iommu_arready = take_iommu;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      m_arvalid    <= 1'b0;
      last_iommu_q <= 1'b0;
      reserved_q   <= '0;
    end else begin
      if (take_data || take_iommu) begin
        m_arvalid    <= 1'b1;
        last_iommu_q <= take_iommu;
      end else if (m_arready) m_arvalid <= 1'b0;
      reserved_q <= reserved_q + (take_data ? beats : '0) - CW'(r_out);
    end
  end
  always_ff @(posedge clk_i) if (free) begin
    m_arid   <= take_iommu;
    m_araddr <= {take_iommu ? iommu_araddr[63:OFF] : data_araddr[63:OFF], OFF'(0)};
    m_arlen  <= take_iommu ? iommu_arlen : data_arlen;
  end

  // ---- R -----------------------------------------------------------------------------------------------------------------------
  logic                         data_room, iommu_id_there, data_id_there, to_data, to_iommu;
  logic [$clog2(BEATS+1)-1:0]       unused_beats;
  logic [$clog2(READS+1)-1:0]       unused_reads;
  logic [$clog2(IOMMU_READS+1)-1:0] unused_iommu_reads;
  assign m_rready = 1'b1;
  assign to_iommu = m_rvalid && m_rid;
  assign to_data  = m_rvalid && !m_rid;

  fifo #(.W(DATA_W + 3), .DEPTH(BEATS)) u_beats (
    .clk_i, .rst_ni, .flush_i(1'b0), .in_valid_i(to_data), .in_ready_o(data_room), .in_data_i({m_rdata, m_rresp, m_rlast}),
    .out_valid_o(data_rvalid), .out_ready_i(data_rready), .out_data_o({data_rdata, data_rresp, data_rlast}), .count_o(unused_beats));
  assign r_out = data_rvalid && data_rready;
  fifo #(.W(5), .DEPTH(READS)) u_data_ids (
    .clk_i, .rst_ni, .flush_i(1'b0), .in_valid_i(take_data), .in_ready_o(data_ids_room), .in_data_i(data_arid),
    .out_valid_o(data_id_there), .out_ready_i(r_out && data_rlast), .out_data_o(data_rid), .count_o(unused_reads));

  assign iommu_rvalid = to_iommu;
  assign iommu_rdata  = m_rdata;
  assign iommu_rresp  = m_rresp;
  assign iommu_rlast  = m_rlast;
  fifo #(.W(4), .DEPTH(IOMMU_READS)) u_iommu_ids (
    .clk_i, .rst_ni, .flush_i(1'b0), .in_valid_i(take_iommu), .in_ready_o(iommu_ids_room), .in_data_i(iommu_arid),
    .out_valid_o(iommu_id_there), .out_ready_i(to_iommu && m_rlast), .out_data_o(iommu_rid), .count_o(unused_iommu_reads));

`ifndef YOSYS
  always_ff @(posedge clk_i) if (rst_ni) begin
    a_room: assert (!to_data || data_room) else $error("merge_read: an answer to m_data has no room");
    a_asked: assert (!m_rvalid || (m_rid ? iommu_id_there : data_id_there)) else $error("merge_read: an answer that nobody waits for");
    a_page: assert (!m_arvalid || 32'(m_araddr[11:OFF]) + 32'(m_arlen) < 4096 / (DATA_W / 8)) else $error("merge_read: a burst crosses 4 KiB");
  end
`else
  wire unused = &{1'b0, data_room, iommu_id_there, data_id_there};
`endif
  wire unused_counts = &{1'b0, unused_beats, unused_reads, unused_iommu_reads, data_araddr[OFF-1:0], iommu_araddr[OFF-1:0]};
endmodule
`default_nettype wire
