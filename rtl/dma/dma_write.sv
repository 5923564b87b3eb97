// SPDX-License-Identifier: Apache-2.0
// Write side of the data mover: a buffer that is filled piece by piece, and a burst for each piece that was committed.
//
// Latency: 1 clock from commit to AWVALID, 1 from AW's handshake to WVALID. All data of a burst is in the buffer before its
// AWVALID rises, so W follows AW at a beat a clock and waits for nothing. Outstanding: 8 data bursts, ids 0 to 7, and one
// record for each channel, ids 8 + channel. B is always accepted, in any order of the ids.
`default_nettype none
module dma_write #(
  /// 64 or 128.
  parameter int unsigned DATA_W = 64
) (
  input  wire                         clk_i,
  input  wire                         rst_ni,
  /// No new burst; what has begun is completed.
  input  wire                         stop_i,
  /// Something is outstanding.
  output logic                        busy_o,

  /// Beats of the piece that is being filled.
  input  wire                         in_valid_i,
  output logic                        in_ready_o,
  input  wire  [DATA_W-1:0]           in_data_i,
  input  wire  [DATA_W/8-1:0]         in_strb_i,
  /// The piece is complete, with the beat of this cycle if there is one: it becomes a burst, or is dropped.
  /// For a piece that writes nothing only `drop` is legal. Needs end_ready_o.
  input  wire                         end_i,
  output logic                        end_ready_o,
  input  wire                         end_drop_i,
  /// The dma_pkg::chunk_t.
  input  wire  [dma_pkg::CHUNK_W-1:0] end_chunk_i,

  /// Identity of each channel: AxUSER and AxPROT of data, AxUSER of records, address mask.
  input  wire  [8*47-1:0]             data_user_i,
  input  wire  [8*3-1:0]              data_prot_i,
  input  wire  [8*47-1:0]             ring_user_i,
  input  wire  [8*64-1:0]             mask_i,
  /// Whether data of ats_channel_o was translated beforehand, and to which page.
  output logic [2:0]                  ats_channel_o,
  input  wire                         ats_translated_i,
  input  wire  [51:0]                 ats_page_i,

  output logic [3:0]                  m_awid,
  output logic [63:0]                 m_awaddr,
  output logic [7:0]                  m_awlen,
  output logic [2:0]                  m_awsize,
  output logic [1:0]                  m_awburst,
  output logic [2:0]                  m_awprot,
  output logic [46:0]                 m_awuser,
  output logic                        m_awvalid,
  input  wire                         m_awready,
  output logic [DATA_W-1:0]           m_wdata,
  output logic [DATA_W/8-1:0]         m_wstrb,
  output logic                        m_wlast,
  output logic                        m_wvalid,
  input  wire                         m_wready,
  input  wire  [3:0]                  m_bid,
  input  wire  [1:0]                  m_bresp,
  input  wire                         m_bvalid,
  output logic                        m_bready,

  /// A data burst was answered, with its place in the descriptor and the cycles since its AWVALID.
  output logic                        done_o,
  output logic [2:0]                  done_channel_o,
  output logic                        done_error_o,
  output logic [63:0]                 done_address_o,
  output logic [39:0]                 done_offset_o,
  output logic [8:0]                  done_bytes_o,
  output logic [31:0]                 done_cycles_o,

  /// A record was answered.
  output logic                        recorded_o,
  output logic [2:0]                  recorded_channel_o,
  output logic                        recorded_error_o
);
  localparam int unsigned B = DATA_W / 8;
  localparam int unsigned OFF_W = $clog2(B);
  localparam int unsigned DEPTH = 1024 / B;                // four pieces
  localparam int unsigned PTR_W = $clog2(DEPTH);
  localparam int unsigned SLOTS = dma_pkg::SLOTS;
  localparam logic [2:0] SIZE = DATA_W == 64 ? dma_pkg::AXI_SIZE_8 : dma_pkg::AXI_SIZE_16;

  // ---- buffer ------------------------------------------------------------------------------------------------------------------
  logic [DATA_W+B-1:0] buffer_m [0:DEPTH-1];               // {strobes, data}
  logic [PTR_W:0]      in_q, in_next, good_q, out_q;       // fill, end of what was committed, drain
  logic                push, pop;

  assign in_ready_o = in_q - out_q != (PTR_W+1)'(DEPTH);
  assign push       = in_valid_i && in_ready_o;
  assign in_next    = in_q + (PTR_W+1)'(push);

  always_ff @(posedge clk_i) if (push) buffer_m[in_q[PTR_W-1:0]] <= {in_strb_i, in_data_i};
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      in_q   <= '0;
      good_q <= '0;
      out_q  <= '0;
    end else begin
      in_q <= end_i && end_drop_i ? good_q : in_next;
      if (end_i && !end_drop_i) good_q <= in_next;
      if (pop) out_q <= out_q + 1'b1;
    end
  end

  // ---- committed pieces ----------------------------------------------------------------------------------------------------------
  dma_pkg::chunk_t             c;
  logic [dma_pkg::CHUNK_W-1:0] c_bits;
  logic                        c_valid, load;
  logic [2:0]                  unused_count;
  fifo #(.W(dma_pkg::CHUNK_W), .DEPTH(4)) u_committed (
    .clk_i, .rst_ni, .flush_i(1'b0),
    .in_valid_i(end_i && !end_drop_i), .in_ready_o(end_ready_o), .in_data_i(end_chunk_i),
    .out_valid_o(c_valid), .out_ready_i(load), .out_data_o(c_bits), .count_o(unused_count));
  assign c = c_bits;

  // ---- AW ----------------------------------------------------------------------------------------------------------------------------
  logic [SLOTS-1:0] busy_q;
  logic [2:0]       free;
  logic             all_busy;
  logic [8:0]       span;
  logic [63:0]      address;
  logic [2:0]       order_count;
  logic             order_ready;

  always_comb begin
    free = '0;
    for (int unsigned i = 0; i < SLOTS; i++) if (!busy_q[SLOTS-1-i]) free = 3'(SLOTS - 1 - i);
  end
  assign ats_channel_o = c.channel;
  assign all_busy = &busy_q;
  assign span     = 9'(c.dst[OFF_W-1:0]) + c.length - 9'd1;
  assign address  = c.record ? c.dst : c.dst & mask_i[c.channel*64 +: 64];
  // A place in u_order is kept for the burst in the AW register.
  assign load = c_valid && (!m_awvalid || m_awready) && !stop_i && (c.record || !all_busy) && order_count < 3'd3;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) m_awvalid <= 1'b0;
    else if (load) m_awvalid <= 1'b1;
    else if (m_awready) m_awvalid <= 1'b0;
  end
  always_ff @(posedge clk_i)
    if (load) begin
      m_awid   <= c.record ? {1'b1, c.channel} : {1'b0, free};
      m_awaddr <= address;
      m_awlen  <= 8'(span >> OFF_W);
      m_awprot <= c.record ? 3'b000 : data_prot_i[c.channel*3 +: 3];
      m_awuser <= c.record ? ring_user_i[c.channel*47 +: 47] : data_user_i[c.channel*47 +: 47];
      if (ats_translated_i && !c.record) begin
        m_awaddr[63:12] <= ats_page_i;
        m_awuser[46:45] <= dma_pkg::TTYPE_TRANSLATED;
      end
    end
  assign m_awsize  = SIZE;
  assign m_awburst = dma_pkg::AXI_BURST_INCR;

  // ---- W: bursts whose AW was accepted, in that order ------------------------------------------------------------------------------
  logic [4:0]          order_last, beat_q;
  logic                order_valid, w_last;
  logic [DATA_W+B-1:0] w_q;
  fifo #(.W(5), .DEPTH(4)) u_order (
    .clk_i, .rst_ni, .flush_i(1'b0),
    .in_valid_i(m_awvalid && m_awready), .in_ready_o(order_ready), .in_data_i(m_awlen[4:0]),
    .out_valid_o(order_valid), .out_ready_i(pop && w_last), .out_data_o(order_last), .count_o(order_count));

  assign w_last = beat_q == order_last;
  assign pop    = order_valid && (!m_wvalid || m_wready);
  always_ff @(posedge clk_i) if (pop) w_q <= buffer_m[out_q[PTR_W-1:0]];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      m_wvalid <= 1'b0;
      m_wlast  <= 1'b0;
      beat_q   <= '0;
    end else if (pop) begin
      m_wvalid <= 1'b1;
      m_wlast  <= w_last;
      beat_q   <= w_last ? '0 : beat_q + 1'b1;
    end else if (m_wready) begin
      m_wvalid <= 1'b0;
    end
  end
  assign {m_wstrb, m_wdata} = w_q;

  // ---- B -----------------------------------------------------------------------------------------------------------------------------------
  localparam int unsigned SLOT_W = 3 + 64 + 40 + 9 + 32;
  logic [SLOT_W-1:0] slot_m [0:SLOTS-1];
  logic [31:0]       now_q, since;
  logic [4:0]        open_q;

  assign m_bready           = 1'b1;
  assign done_o             = m_bvalid && !m_bid[3];
  assign {done_channel_o, done_address_o, done_offset_o, done_bytes_o, since} = slot_m[m_bid[2:0]];
  assign done_error_o       = m_bresp[1];
  assign done_cycles_o      = now_q - since;
  assign recorded_o         = m_bvalid && m_bid[3];
  assign recorded_channel_o = m_bid[2:0];
  assign recorded_error_o   = m_bresp[1];
  assign busy_o             = open_q != '0;

  always_ff @(posedge clk_i)
    if (load && !c.record) slot_m[free] <= {c.channel, address, c.offset, c.length, now_q + 32'd1};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q <= '0;
      now_q  <= '0;
      open_q <= '0;
    end else begin
      now_q  <= now_q + 32'd1;
      open_q <= open_q + 5'(load) - 5'(m_bvalid);
      if (done_o) busy_q[m_bid[2:0]] <= 1'b0;
      if (load && !c.record) busy_q[free] <= 1'b1;
    end
  end
  wire unused = &{1'b0, m_bresp[0], unused_count, order_ready, c.read, c.write, c.generated, c.check, c.ones, c.first, c.src};
endmodule
`default_nettype wire
