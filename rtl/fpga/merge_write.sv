// SPDX-License-Identifier: Apache-2.0
//
// Writes of m_data and m_iommu on one AXI4 master, for a bridge that knows plain full-width INCR bursts only.
// A burst of m_data starts once all of its data is here, and its answer has room here: whoever delivers no W or takes no B
// behind m_data holds up neither the bridge nor m_iommu. B is the bridge's own, never given in advance: what the card does
// after it, such as an interrupt, is behind the write.
// Ids: 0 m_data, 1 m_iommu; the own ids are kept here and put back. Addresses are aligned to a beat, strobes say what is written.
// Latency: 1 clock from AW of m_iommu, or from the last beat of a burst of m_data, to AWVALID. One burst at a time passes W; the two
// take turns by whole bursts.
// Outstanding: WRITES bursts of m_data, and BEATS beats that wait; IOMMU_WRITES of m_iommu.
`default_nettype none
module merge_write #(
  parameter int unsigned DATA_W = 64,       /// 64 or 128
  parameter int unsigned BEATS = 256,       /// buffer of m_data, not less than the longest burst
  parameter int unsigned WRITES = 16,
  parameter int unsigned IOMMU_WRITES = 2
) (
  input  wire                 clk_i,
  input  wire                 rst_ni,

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

  input  wire  [3:0]          iommu_awid,
  input  wire  [63:0]         iommu_awaddr,
  input  wire  [7:0]          iommu_awlen,
  input  wire                 iommu_awvalid,
  output logic                iommu_awready,
  input  wire  [DATA_W-1:0]   iommu_wdata,
  input  wire  [DATA_W/8-1:0] iommu_wstrb,
  input  wire                 iommu_wlast,
  input  wire                 iommu_wvalid,   /// there with AWVALID, or soon
  output logic                iommu_wready,
  output logic [3:0]          iommu_bid,
  output logic [1:0]          iommu_bresp,
  output logic                iommu_bvalid,   /// always accepted: B of m_iommu has no back-pressure

  output logic                m_awid,
  output logic [63:0]         m_awaddr,
  output logic [7:0]          m_awlen,
  output logic                m_awvalid,
  input  wire                 m_awready,
  output logic [DATA_W-1:0]   m_wdata,
  output logic [DATA_W/8-1:0] m_wstrb,
  output logic                m_wlast,
  output logic                m_wvalid,
  input  wire                 m_wready,
  input  wire                 m_bid,
  input  wire  [1:0]          m_bresp,
  input  wire                 m_bvalid,
  output logic                m_bready
);
  localparam int unsigned OFF = $clog2(DATA_W / 8);
  localparam int unsigned CW = $clog2(BEATS + 1);
  if (BEATS < 256) $error("merge_write: the buffer must hold the longest burst of AXI4, 256 beats");

  // ---- m_data: bursts wait until they are whole ----------------------------------------------------------------------------------
  logic                         front, take_data, data_ids_room, beat_there, beat_taken, beat_last;
  logic [4:0]                   front_id;
  logic [63:OFF]                front_addr;
  logic [7:0]                   front_len;
  logic [DATA_W-1:0]            beat_data;
  logic [DATA_W/8-1:0]          beat_strb;
  logic [CW-1:0]                whole_q;              // bursts whose data is here and has not started to leave
  logic [$clog2(WRITES+1)-1:0]  unused_bursts, unused_ids, unused_answers;
  logic [CW-1:0]                unused_beats;
  fifo #(.W(5 + 64 - OFF + 8), .DEPTH(WRITES)) u_bursts (
    .clk_i, .rst_ni, .flush_i(1'b0), .in_valid_i(data_awvalid), .in_ready_o(data_awready),
    .in_data_i({data_awid, data_awaddr[63:OFF], data_awlen}),
    .out_valid_o(front), .out_ready_i(take_data), .out_data_o({front_id, front_addr, front_len}), .count_o(unused_bursts));
  fifo #(.W(DATA_W + DATA_W/8 + 1), .DEPTH(BEATS)) u_beats (
    .clk_i, .rst_ni, .flush_i(1'b0), .in_valid_i(data_wvalid), .in_ready_o(data_wready), .in_data_i({data_wdata, data_wstrb, data_wlast}),
    .out_valid_o(beat_there), .out_ready_i(beat_taken), .out_data_o({beat_data, beat_strb, beat_last}), .count_o(unused_beats));

  // ---- AW and W, a burst at a time -----------------------------------------------------------------------------------------------
  logic active_q, which_q;                            // W of a burst is passing; of m_iommu
  logic last_iommu_q, free, iommu_ids_room, data_may, iommu_may, take_iommu;
  assign free          = !active_q && (!m_awvalid || m_awready);
  assign data_may      = front && whole_q != '0 && data_ids_room;
  assign iommu_may     = iommu_awvalid && iommu_ids_room;
  assign take_iommu    = free && iommu_may && !(data_may && last_iommu_q);
  assign take_data     = free && data_may && !(iommu_may && !last_iommu_q);
  assign iommu_awready = take_iommu;

  assign m_wvalid     = active_q && (which_q ? iommu_wvalid : beat_there);
  assign m_wdata      = which_q ? iommu_wdata : beat_data;
  assign m_wstrb      = which_q ? iommu_wstrb : beat_strb;
  assign m_wlast      = which_q ? iommu_wlast : beat_last;
  assign iommu_wready = active_q && which_q && m_wready;
  assign beat_taken   = active_q && !which_q && m_wready;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      m_awvalid    <= 1'b0;
      active_q     <= 1'b0;
      last_iommu_q <= 1'b0;
      whole_q      <= '0;
    end else begin
      if (take_data || take_iommu) begin
        m_awvalid    <= 1'b1;
        active_q     <= 1'b1;
        last_iommu_q <= take_iommu;
      end else begin
        if (m_awready) m_awvalid <= 1'b0;
        if (m_wvalid && m_wready && m_wlast) active_q <= 1'b0;
      end
      whole_q <= whole_q + CW'(data_wvalid && data_wready && data_wlast) - CW'(take_data);
    end
  end
  always_ff @(posedge clk_i) if (free) begin
    which_q  <= take_iommu;
    m_awid   <= take_iommu;
    m_awaddr <= {take_iommu ? iommu_awaddr[63:OFF] : front_addr, OFF'(0)};
    m_awlen  <= take_iommu ? iommu_awlen : front_len;
  end

  // ---- B: room for it is kept by the queue of ids --------------------------------------------------------------------------------
  logic to_data, to_iommu, answer_room, data_id_there, iommu_id_there;
  logic [$clog2(IOMMU_WRITES+1)-1:0] unused_iommu_ids;
  assign m_bready = 1'b1;
  assign to_iommu = m_bvalid && m_bid;
  assign to_data  = m_bvalid && !m_bid;
  fifo #(.W(2), .DEPTH(WRITES)) u_answers (
    .clk_i, .rst_ni, .flush_i(1'b0), .in_valid_i(to_data), .in_ready_o(answer_room), .in_data_i(m_bresp),
    .out_valid_o(data_bvalid), .out_ready_i(data_bready), .out_data_o(data_bresp), .count_o(unused_answers));
  fifo #(.W(5), .DEPTH(WRITES)) u_data_ids (
    .clk_i, .rst_ni, .flush_i(1'b0), .in_valid_i(take_data), .in_ready_o(data_ids_room), .in_data_i(front_id),
    .out_valid_o(data_id_there), .out_ready_i(data_bvalid && data_bready), .out_data_o(data_bid), .count_o(unused_ids));
  assign iommu_bvalid = to_iommu;
  assign iommu_bresp  = m_bresp;
  fifo #(.W(4), .DEPTH(IOMMU_WRITES)) u_iommu_ids (
    .clk_i, .rst_ni, .flush_i(1'b0), .in_valid_i(take_iommu), .in_ready_o(iommu_ids_room), .in_data_i(iommu_awid),
    .out_valid_o(iommu_id_there), .out_ready_i(to_iommu), .out_data_o(iommu_bid), .count_o(unused_iommu_ids));

`ifndef YOSYS
  always_ff @(posedge clk_i) if (rst_ni) begin
    a_room: assert (!to_data || answer_room) else $error("merge_write: an answer to m_data has no room");
    a_asked: assert (!m_bvalid || (m_bid ? iommu_id_there : data_id_there)) else $error("merge_write: an answer that nobody waits for");
    a_page: assert (!m_awvalid || 32'(m_awaddr[11:OFF]) + 32'(m_awlen) < 4096 / (DATA_W / 8)) else $error("merge_write: a burst crosses 4 KiB");
  end
`else
  wire unused = &{1'b0, answer_room, iommu_id_there, data_id_there};
`endif
  wire unused_counts = &{1'b0, unused_bursts, unused_beats, unused_ids, unused_answers, unused_iommu_ids, data_awaddr[OFF-1:0],
                         iommu_awaddr[OFF-1:0]};
endmodule
`default_nettype wire
