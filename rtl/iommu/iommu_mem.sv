// SPDX-License-Identifier: Apache-2.0
//
// The IOMMU's own memory port, m_iommu. Reads: walks (id = slot) and commands, in turn; the beats of an entry are gathered
// and handed over whole, so several reads may be answered interleaved. Writes: fault records, completion stores and MSIs, one
// at a time, in turn.
// R and B are always accepted: every read has its buffer before its AR is sent.
// Latency: AR and AW one clock after the request was taken; an entry is handed over with its last beat, combinationally.
// Outstanding: one read per id (slots and command queue), one write.
`default_nettype none
module iommu_mem #(
  parameter int unsigned DATA_W = 64  /// 64 or 128
) (
  input  wire                            clk_i,
  input  wire                            rst_ni,

  // reads of the walks: 8 bytes, or 32 with wide, naturally aligned
  input  wire                            walk_valid_i,
  input  wire  [iommu_pkg::SLOT_AW-1:0]  walk_slot_i,
  input  wire  [63:0]                    walk_addr_i,
  input  wire                            walk_wide_i,
  output logic                           walk_ready_o,
  // reads of the command queue: 16 bytes, naturally aligned
  input  wire                            cq_valid_i,
  input  wire  [63:0]                    cq_addr_i,
  output logic                           cq_ready_o,
  // an entry is there
  output logic                           walk_data_valid_o,
  output logic                           cq_data_valid_o,
  output logic [iommu_pkg::SLOT_AW-1:0]  data_slot_o,
  output logic [255:0]                   data_o,
  output logic                           data_error_o,
  output logic                           data_poison_o,

  // writes: 0 fault records, 32 bytes; 1 completion stores and 2 MSIs, 4 bytes; held until done
  input  wire  [2:0]                     wr_valid_i,
  input  wire  [3*64-1:0]                wr_addr_i,
  input  wire  [255:0]                   wr_record_i,
  input  wire  [2*32-1:0]                wr_store_i,     /// of 1 and 2
  output logic [2:0]                     wr_done_o,      /// answered, one clock
  output logic                           wr_error_o,     /// with wr_done_o

  output logic [3:0]                     m_iommu_awid,
  output logic [63:0]                    m_iommu_awaddr,
  output logic [7:0]                     m_iommu_awlen,
  output logic [2:0]                     m_iommu_awsize,
  output logic [1:0]                     m_iommu_awburst,
  output logic [2:0]                     m_iommu_awprot,
  output logic [2:0]                     m_iommu_awuser,
  output logic                           m_iommu_awvalid,
  input  wire                            m_iommu_awready,
  output logic [DATA_W-1:0]              m_iommu_wdata,
  output logic [DATA_W/8-1:0]            m_iommu_wstrb,
  output logic                           m_iommu_wlast,
  output logic                           m_iommu_wvalid,
  input  wire                            m_iommu_wready,
  input  wire  [3:0]                     m_iommu_bid,
  input  wire  [1:0]                     m_iommu_bresp,
  input  wire                            m_iommu_bvalid,
  output logic                           m_iommu_bready,
  output logic [3:0]                     m_iommu_arid,
  output logic [63:0]                    m_iommu_araddr,
  output logic [7:0]                     m_iommu_arlen,
  output logic [2:0]                     m_iommu_arsize,
  output logic [1:0]                     m_iommu_arburst,
  output logic [2:0]                     m_iommu_arprot,
  output logic [2:0]                     m_iommu_aruser,
  output logic                           m_iommu_arvalid,
  input  wire                            m_iommu_arready,
  input  wire  [3:0]                     m_iommu_rid,
  input  wire  [DATA_W-1:0]              m_iommu_rdata,
  input  wire  [1:0]                     m_iommu_rresp,
  input  wire                            m_iommu_ruser,
  input  wire                            m_iommu_rlast,
  input  wire                            m_iommu_rvalid,
  output logic                           m_iommu_rready,

  output logic                           quiet_o         /// nothing is unanswered
);
  localparam int unsigned IDS = iommu_pkg::MEM_IDS;
  localparam int unsigned BYTES = DATA_W / 8;
  localparam logic [2:0]  FULL = 3'($clog2(BYTES));       // AxSIZE of a whole beat
  localparam int unsigned WIDE_BEATS = 32 / BYTES;
  localparam int unsigned CMD_BEATS = 16 / BYTES;

  // ---- AR --------------------------------------------------------------------------------------------------------------------------------
  logic ar_free, last_cq_q, cq_turn, take;
  assign ar_free = ~m_iommu_arvalid | m_iommu_arready;
  assign cq_turn = cq_valid_i & (~walk_valid_i | ~last_cq_q);
  assign cq_ready_o = ar_free & cq_turn;
  assign walk_ready_o = ar_free & walk_valid_i & ~cq_turn;
  assign take = cq_ready_o | walk_ready_o;
  assign m_iommu_arburst = 2'b01;
  assign m_iommu_arprot = 3'b001;

  always_ff @(posedge clk_i) if (take) begin
    m_iommu_arid <= cq_turn ? iommu_pkg::MEM_ID_CQ : {1'b0, walk_slot_i};
    m_iommu_araddr <= cq_turn ? cq_addr_i : walk_addr_i;
    m_iommu_arlen <= cq_turn ? 8'(CMD_BEATS - 1) : walk_wide_i ? 8'(WIDE_BEATS - 1) : 8'd0;
    m_iommu_arsize <= (cq_turn | walk_wide_i) ? FULL : 3'd3;
    m_iommu_aruser <= cq_turn ? iommu_pkg::KIND_CQ : iommu_pkg::KIND_WALK;
  end

  // ---- R: gather ---------------------------------------------------------------------------------------------------------------------------
  logic [IDS-1:0]  out_q;                                 // reads unanswered
  logic [IDS-1:0]  high_q, error_q, poison_q;             // high: an 8-byte entry in the upper half of a 128-bit beat
  logic [255:0]    gather_q [0:IDS-1];
  logic [1:0]      beat_q [0:IDS-1];
  logic [255:0]    whole;
  logic            last, bad;
  assign m_iommu_rready = 1'b1;
  assign last = m_iommu_rvalid & m_iommu_rlast;
  assign bad = m_iommu_rresp != 2'b00;

  if (DATA_W == 64) begin : gen_whole
    always_comb begin
      whole = '0;
      if (m_iommu_rvalid) whole = gather_q[m_iommu_rid];
      if (m_iommu_rvalid) whole[beat_q[m_iommu_rid]*64 +: 64] = m_iommu_rdata;
    end
    wire unused = &{1'b0, high_q};
  end else begin : gen_whole
    always_comb begin
      whole = '0;
      if (m_iommu_rvalid) whole = gather_q[m_iommu_rid];
      if (beat_q[m_iommu_rid][0]) whole[255:128] = m_iommu_rdata;
      else whole[127:0] = high_q[m_iommu_rid] ? {64'd0, m_iommu_rdata[127:64]} : m_iommu_rdata;
    end
  end

  assign walk_data_valid_o = last & (m_iommu_rid != iommu_pkg::MEM_ID_CQ);
  assign cq_data_valid_o = last & (m_iommu_rid == iommu_pkg::MEM_ID_CQ);
  assign data_slot_o = m_iommu_rid[iommu_pkg::SLOT_AW-1:0];
  assign data_o = whole;
  assign data_error_o = bad | error_q[m_iommu_rid];
  assign data_poison_o = m_iommu_ruser | poison_q[m_iommu_rid];

  always_ff @(posedge clk_i) if (m_iommu_rvalid) gather_q[m_iommu_rid] <= whole;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      m_iommu_arvalid <= 1'b0;
      last_cq_q <= 1'b0;
      out_q <= '0;
      high_q <= '0;
      error_q <= '0;
      poison_q <= '0;
      for (int unsigned i = 0; i < IDS; i++) beat_q[i] <= 2'd0;
    end else begin
      if (take) begin
        m_iommu_arvalid <= 1'b1;
        last_cq_q <= cq_turn;
      end else if (m_iommu_arready) m_iommu_arvalid <= 1'b0;
      if (m_iommu_rvalid) begin
        beat_q[m_iommu_rid] <= m_iommu_rlast ? 2'd0 : beat_q[m_iommu_rid] + 2'd1;
        error_q[m_iommu_rid] <= ~m_iommu_rlast & (error_q[m_iommu_rid] | bad);
        poison_q[m_iommu_rid] <= ~m_iommu_rlast & (poison_q[m_iommu_rid] | m_iommu_ruser);
        if (m_iommu_rlast) out_q[m_iommu_rid] <= 1'b0;
      end
      if (cq_ready_o) begin
        out_q[iommu_pkg::MEM_ID_CQ] <= 1'b1;
        high_q[iommu_pkg::MEM_ID_CQ] <= 1'b0;
      end
      if (walk_ready_o) begin
        out_q[{1'b0, walk_slot_i}] <= 1'b1;
        high_q[{1'b0, walk_slot_i}] <= walk_addr_i[3] & ~walk_wide_i;
      end
    end
  end

  // ---- AW, W, B: one write at a time ----------------------------------------------------------------------------------------------------------
  logic        wr_busy_q;
  logic [1:0]  wr_which_q, wr_which;                      // last, next
  logic [1:0]  wr_beat_q;
  logic        w_more_q, wr_small;
  logic [63:0] wr_addr;
  logic [31:0] wr_store;
  always_comb begin                                       // the one after the last comes first
    case (wr_which_q)
      2'd0:    wr_which = wr_valid_i[1] ? 2'd1 : wr_valid_i[2] ? 2'd2 : 2'd0;
      2'd1:    wr_which = wr_valid_i[2] ? 2'd2 : wr_valid_i[0] ? 2'd0 : 2'd1;
      default: wr_which = wr_valid_i[0] ? 2'd0 : wr_valid_i[1] ? 2'd1 : 2'd2;
    endcase
  end
  assign wr_small = wr_which_q != 2'd0;
  assign wr_addr = (wr_which_q == 2'd2) ? wr_addr_i[191:128] : (wr_which_q == 2'd1) ? wr_addr_i[127:64] : wr_addr_i[63:0];
  assign wr_store = (wr_which_q == 2'd2) ? wr_store_i[63:32] : wr_store_i[31:0];

  assign m_iommu_awid = iommu_pkg::MEM_ID_STORE;
  assign m_iommu_awaddr = wr_addr;
  assign m_iommu_awlen = wr_small ? 8'd0 : 8'(WIDE_BEATS - 1);
  assign m_iommu_awsize = wr_small ? 3'd2 : FULL;
  assign m_iommu_awburst = 2'b01;
  assign m_iommu_awprot = 3'b001;
  assign m_iommu_awuser = (wr_which_q == 2'd2) ? iommu_pkg::KIND_MSI : (wr_which_q == 2'd1) ? iommu_pkg::KIND_STORE : iommu_pkg::KIND_FQ;
  assign m_iommu_wvalid = w_more_q;
  assign m_iommu_wlast = wr_small | (wr_beat_q == 2'(WIDE_BEATS - 1));
  assign m_iommu_bready = 1'b1;

  logic [3:0] store_lane;                                 // first byte of the store in the beat
  assign store_lane = (DATA_W == 128) ? {wr_addr[3:2], 2'b00} : {1'b0, wr_addr[2], 2'b00};
  always_comb begin
    m_iommu_wdata = '0;
    m_iommu_wstrb = '1;
    if (wr_small) begin
      m_iommu_wdata = {(DATA_W/32){wr_store}};
      m_iommu_wstrb = BYTES'(15) << store_lane;
    end else if (w_more_q) m_iommu_wdata = wr_record_i[32'(wr_beat_q)*DATA_W +: DATA_W];
  end

  always_comb begin
    wr_done_o = 3'b000;
    wr_done_o[wr_which_q] = m_iommu_bvalid & wr_busy_q;
  end
  assign wr_error_o = m_iommu_bresp != 2'b00;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_busy_q <= 1'b0;
      wr_which_q <= 2'd0;
      wr_beat_q <= 2'd0;
      w_more_q <= 1'b0;
      m_iommu_awvalid <= 1'b0;
    end else if (!wr_busy_q) begin
      if (|wr_valid_i) begin
        wr_busy_q <= 1'b1;
        wr_which_q <= wr_which;
        wr_beat_q <= 2'd0;
        w_more_q <= 1'b1;
        m_iommu_awvalid <= 1'b1;
      end
    end else begin
      if (m_iommu_awready) m_iommu_awvalid <= 1'b0;
      if (w_more_q && m_iommu_wready) begin
        wr_beat_q <= wr_beat_q + 2'd1;
        w_more_q <= ~m_iommu_wlast;
      end
      if (m_iommu_bvalid) wr_busy_q <= 1'b0;
    end
  end

  assign quiet_o = (out_q == '0) & ~wr_busy_q;

`ifndef YOSYS
  always_ff @(posedge clk_i) if (rst_ni) begin
    a_asked: assert (!m_iommu_rvalid || (m_iommu_rid < 4'(IDS) && out_q[m_iommu_rid]))
      else $error("iommu_mem: an answer to id %0d, which asked for nothing", m_iommu_rid);
    a_write: assert (!m_iommu_bvalid || (wr_busy_q && m_iommu_bid == iommu_pkg::MEM_ID_STORE)) else $error("iommu_mem: B without a write");
  end
`else
  wire unused = &{1'b0, m_iommu_bid};
`endif
endmodule
`default_nettype wire
