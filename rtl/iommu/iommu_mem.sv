// SPDX-License-Identifier: Apache-2.0
//
// The IOMMU's own memory port, m_iommu. Reads: walks (id = slot), commands and interrupt files, in turn; the beats of an entry
// are gathered and handed over whole, so several reads may be answered interleaved. Writes: one at a time, in turn.
// R and B are always accepted: every read has its buffer before its AR is sent.
// Exclusive pairs (walks that set A and D, interrupt files) have the same id, address and size.
// Latency: AR and AW one clock after the request was taken; an entry is handed over with its last beat, combinationally.
// Outstanding: one read per id (slots, command queue, interrupt files), one write.
`default_nettype none
module iommu_mem #(
  parameter int unsigned DATA_W = 64  /// 64 or 128
) (
  input  wire                            clk_i,
  input  wire                            rst_ni,
  input  wire  [23:0]                    qosid_i,        /// of the IOMMU's own accesses, {MCID, RCID}

  // reads of the walks, naturally aligned
  input  wire                            walk_valid_i,
  input  wire  [iommu_pkg::SLOT_AW-1:0]  walk_slot_i,
  input  wire  [63:0]                    walk_addr_i,
  input  wire  [2:0]                     walk_size_i,    /// log2 of the bytes: 2 to 6
  input  wire                            walk_excl_i,
  input  wire  [23:0]                    walk_qosid_i,
  output logic                           walk_ready_o,
  // reads of the command queue: 16 bytes, naturally aligned
  input  wire                            cq_valid_i,
  input  wire  [63:0]                    cq_addr_i,
  output logic                           cq_ready_o,
  // reads of interrupt files: 8 bytes, naturally aligned
  input  wire                            mrif_valid_i,
  input  wire  [63:0]                    mrif_addr_i,
  input  wire                            mrif_excl_i,
  input  wire  [23:0]                    mrif_qosid_i,
  output logic                           mrif_ready_o,
  // an entry is there
  output logic                           walk_data_valid_o,
  output logic                           cq_data_valid_o,
  output logic                           mrif_data_valid_o,
  output logic [iommu_pkg::SLOT_AW-1:0]  data_slot_o,
  output logic [511:0]                   data_o,         /// in memory order
  output logic                           data_error_o,
  output logic                           data_poison_o,
  output logic                           data_exokay_o,

  // writes, held until done: 0 fault records, 32 bytes; 1 completion stores, 2 MSIs, 3 walks that set A and D,
  // 4 interrupt files, 5 notices, 6 page-request records, 16 bytes
  input  wire  [6:0]                     wr_valid_i,
  input  wire  [7*64-1:0]                wr_addr_i,
  input  wire  [255:0]                   wr_record_i,    /// of 0
  input  wire  [127:0]                   wr_page_i,      /// of 6
  input  wire  [5*64-1:0]                wr_store_i,     /// of 1 to 5
  input  wire  [4:0]                     wr_half_i,      /// 1 to 5: the lower 4 bytes, else 8
  input  wire                            wr_excl_i,      /// 4 writes exclusively; 3 always does
  input  wire  [iommu_pkg::SLOT_AW-1:0]  wr_slot_i,      /// of 3
  input  wire  [2*24-1:0]                wr_qosid_i,     /// of 3 and of 4
  output logic [6:0]                     wr_done_o,      /// answered, one clock
  output logic                           wr_error_o,     /// with wr_done_o
  output logic                           wr_exokay_o,

  output logic [3:0]                     m_iommu_awid, m_iommu_arid,
  output logic [63:0]                    m_iommu_awaddr, m_iommu_araddr,
  output logic [7:0]                     m_iommu_awlen, m_iommu_arlen,
  output logic [2:0]                     m_iommu_awsize, m_iommu_arsize,
  output logic [1:0]                     m_iommu_awburst, m_iommu_arburst,
  output logic [2:0]                     m_iommu_awprot, m_iommu_arprot,
  output logic [2:0]                     m_iommu_awuser, m_iommu_aruser,
  output logic                           m_iommu_awlock, m_iommu_arlock,
  output logic [23:0]                    m_iommu_awqosid, m_iommu_arqosid,
  output logic                           m_iommu_awvalid, m_iommu_arvalid,
  input  wire                            m_iommu_awready, m_iommu_arready,
  output logic [DATA_W-1:0]              m_iommu_wdata,
  output logic [DATA_W/8-1:0]            m_iommu_wstrb,
  output logic                           m_iommu_wlast, m_iommu_wvalid,
  input  wire                            m_iommu_wready,
  input  wire  [3:0]                     m_iommu_bid, m_iommu_rid,
  input  wire  [1:0]                     m_iommu_bresp, m_iommu_rresp,
  input  wire                            m_iommu_bvalid, m_iommu_rvalid,
  output logic                           m_iommu_bready, m_iommu_rready,
  input  wire  [DATA_W-1:0]              m_iommu_rdata,
  input  wire                            m_iommu_ruser, m_iommu_rlast,

  output logic                           quiet_o         /// nothing is unanswered
);
  localparam int unsigned IDS = iommu_pkg::MEM_IDS;
  localparam int unsigned BYTES = DATA_W / 8;
  localparam logic [2:0]  FULL = 3'($clog2(BYTES));       // AxSIZE of a whole beat
  localparam int unsigned REC_BEATS = 32 / BYTES;         // of a fault record, of a page-request record
  localparam int unsigned PAGE_BEATS = 16 / BYTES;
  localparam logic [2:0] SINGLE = FULL + 3'd1;            // sizes from here on take several beats

  // ---- AR: command queue and interrupt files go between walks ---------------------------------------------------------------------------
  logic ar_free, last_walk_q, cq_turn, mrif_turn, take;
  logic [2:0] size;
  assign ar_free = ~m_iommu_arvalid | m_iommu_arready;
  assign cq_turn = cq_valid_i & (~walk_valid_i | last_walk_q);
  assign mrif_turn = mrif_valid_i & ~cq_turn & (~walk_valid_i | last_walk_q);
  assign cq_ready_o = ar_free & cq_turn;
  assign mrif_ready_o = ar_free & mrif_turn;
  assign walk_ready_o = ar_free & walk_valid_i & ~cq_turn & ~mrif_turn;
  assign take = cq_ready_o | mrif_ready_o | walk_ready_o;
  assign size = cq_turn ? 3'd4 : mrif_turn ? 3'd3 : walk_size_i;
  assign m_iommu_arburst = 2'b01;
  assign m_iommu_arprot = 3'b001;

  logic [3:0]  ar_id;
  logic [63:0] ar_addr;
  assign ar_id = cq_turn ? iommu_pkg::MEM_ID_CQ : mrif_turn ? iommu_pkg::MEM_ID_MRIF : {1'b0, walk_slot_i};
  assign ar_addr = cq_turn ? cq_addr_i : mrif_turn ? mrif_addr_i : walk_addr_i;
  always_ff @(posedge clk_i) if (take) begin
    m_iommu_arid <= ar_id;
    m_iommu_araddr <= ar_addr;
    m_iommu_arlen <= (size < SINGLE) ? 8'd0 : (8'd1 << (size - FULL)) - 8'd1;
    m_iommu_arsize <= (size < SINGLE) ? size : FULL;
    m_iommu_aruser <= cq_turn ? iommu_pkg::KIND_CQ : mrif_turn ? iommu_pkg::KIND_MRIF : iommu_pkg::KIND_WALK;
    m_iommu_arlock <= mrif_turn ? mrif_excl_i : walk_excl_i & ~cq_turn;
    m_iommu_arqosid <= cq_turn ? qosid_i : mrif_turn ? mrif_qosid_i : walk_qosid_i;
  end

  // ---- R: gather ---------------------------------------------------------------------------------------------------------------------------
  logic [IDS-1:0]  out_q;                                 // reads unanswered
  logic [IDS-1:0]  error_q, poison_q;
  logic [1:0]      lane_q [0:IDS-1];                      // 4-byte lane of an entry that is smaller than a beat
  logic [511:0]    gather_q [0:IDS-1];
  logic [2:0]      beat_q [0:IDS-1];
  logic [511:0]    whole;
  logic [DATA_W-1:0] beat;
  logic            last, bad;
  assign m_iommu_rready = 1'b1;
  assign last = m_iommu_rvalid & m_iommu_rlast;
  assign bad = m_iommu_rresp[1];
  // slices by constants: a variable one becomes a shifter as wide as the entry
  always_comb begin
    whole = '0;
    beat = '0;
    if (m_iommu_rvalid) begin
      beat = m_iommu_rdata >> {lane_q[m_iommu_rid], 5'd0};
      whole = gather_q[m_iommu_rid];
      for (int unsigned b = 0; b < 512 / DATA_W; b++) begin
        if (beat_q[m_iommu_rid] == 3'(b)) whole[b*DATA_W +: DATA_W] = beat;
      end
    end
  end

  assign walk_data_valid_o = last & ~m_iommu_rid[3];
  assign cq_data_valid_o = last & (m_iommu_rid == iommu_pkg::MEM_ID_CQ);
  assign mrif_data_valid_o = last & (m_iommu_rid == iommu_pkg::MEM_ID_MRIF);
  assign data_slot_o = m_iommu_rid[iommu_pkg::SLOT_AW-1:0];
  assign data_o = whole;
  assign data_error_o = bad | error_q[m_iommu_rid];
  assign data_poison_o = m_iommu_ruser | poison_q[m_iommu_rid];
  assign data_exokay_o = m_iommu_rresp == iommu_pkg::RESP_EXOKAY;

  always_ff @(posedge clk_i) begin
    if (m_iommu_rvalid) gather_q[m_iommu_rid] <= whole;
    if (take) lane_q[ar_id] <= (size == 3'd2) ? {(DATA_W == 128) & ar_addr[3], ar_addr[2]} : {(DATA_W == 128) & (size == 3'd3) & ar_addr[3], 1'b0};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      m_iommu_arvalid <= 1'b0;
      last_walk_q <= 1'b0;
      out_q <= '0;
      error_q <= '0;
      poison_q <= '0;
      for (int unsigned i = 0; i < IDS; i++) beat_q[i] <= 3'd0;
    end else begin
      if (take) begin
        m_iommu_arvalid <= 1'b1;
        last_walk_q <= walk_ready_o;
      end else if (m_iommu_arready) m_iommu_arvalid <= 1'b0;
      if (m_iommu_rvalid) begin
        beat_q[m_iommu_rid] <= m_iommu_rlast ? 3'd0 : beat_q[m_iommu_rid] + 3'd1;
        error_q[m_iommu_rid] <= ~m_iommu_rlast & (error_q[m_iommu_rid] | bad);
        poison_q[m_iommu_rid] <= ~m_iommu_rlast & (poison_q[m_iommu_rid] | m_iommu_ruser);
        if (m_iommu_rlast) out_q[m_iommu_rid] <= 1'b0;
      end
      if (take) out_q[ar_id] <= 1'b1;
    end
  end

  // ---- AW, W, B: one write at a time ----------------------------------------------------------------------------------------------------------
  localparam int unsigned WRITERS = 7;
  logic        wr_busy_q;
  logic [2:0]  wr_which_q, wr_which;                      // last, next
  logic [1:0]  wr_beat_q;
  logic        w_more_q, wr_small, wr_half, wr_page;
  logic [1:0]  wr_last;                                   // its last beat
  logic [63:0] wr_addr, wr_store;
  always_comb begin                                       // the one after the last comes first
    wr_which = wr_which_q;
    if (|wr_valid_i) begin
      for (int unsigned i = WRITERS; i > 0; i--) if (wr_valid_i[i-1]) wr_which = 3'(i - 1);
      for (int unsigned i = WRITERS; i > 0; i--) if (wr_valid_i[i-1] && 3'(i - 1) > wr_which_q) wr_which = 3'(i - 1);
    end
  end
  assign wr_page = wr_which_q == 3'd6;
  assign wr_small = (wr_which_q != 3'd0) & ~wr_page;
  assign wr_last = wr_small ? 2'd0 : wr_page ? 2'(PAGE_BEATS - 1) : 2'(REC_BEATS - 1);
  always_comb begin
    wr_addr = '0;
    wr_store = '0;
    wr_half = 1'b0;
    if (wr_busy_q) begin
      for (int unsigned i = 0; i < WRITERS; i++) if (wr_which_q == 3'(i)) wr_addr = wr_addr_i[i*64 +: 64];
      for (int unsigned i = 1; i < WRITERS - 1; i++) if (wr_which_q == 3'(i)) begin
        wr_half = wr_half_i[i-1];
        wr_store = wr_store_i[(i-1)*64 +: 64];
      end
      if (wr_half) wr_store[63:32] = wr_store[31:0];
    end
  end

  assign m_iommu_awid = (wr_which_q == 3'd3) ? {1'b0, wr_slot_i} : iommu_pkg::MEM_ID_STORE;
  assign m_iommu_awaddr = wr_addr;
  assign m_iommu_awlen = {6'd0, wr_last};
  assign m_iommu_awsize = wr_half ? 3'd2 : wr_small ? 3'd3 : FULL;
  assign m_iommu_awburst = 2'b01;
  assign m_iommu_awprot = 3'b001;
  assign m_iommu_awlock = (wr_which_q == 3'd3) | ((wr_which_q == 3'd4) & wr_excl_i);
  always_comb begin
    m_iommu_awqosid = qosid_i;
    case (wr_which_q)
      3'd0:    m_iommu_awuser = iommu_pkg::KIND_FQ;
      3'd1:    m_iommu_awuser = iommu_pkg::KIND_STORE;
      3'd2:    m_iommu_awuser = iommu_pkg::KIND_MSI;
      3'd3:    m_iommu_awuser = iommu_pkg::KIND_WALK;
      3'd4:    m_iommu_awuser = iommu_pkg::KIND_MRIF;
      3'd5:    m_iommu_awuser = iommu_pkg::KIND_NOTICE;
      default: m_iommu_awuser = iommu_pkg::KIND_PQ;
    endcase
    if (wr_which_q == 3'd3) m_iommu_awqosid = wr_qosid_i[23:0];
    if (wr_which_q == 3'd4 || wr_which_q == 3'd5) m_iommu_awqosid = wr_qosid_i[47:24];
  end
  assign m_iommu_wvalid = w_more_q;
  assign m_iommu_wlast = wr_beat_q == wr_last;
  assign m_iommu_bready = 1'b1;

  logic [3:0] store_lane;                                 // first byte of the store in the beat
  assign store_lane = {(DATA_W == 128) & wr_addr[3], wr_half & wr_addr[2], 2'b00};
  always_comb begin
    m_iommu_wdata = '0;
    m_iommu_wstrb = '1;
    if (wr_small) begin
      m_iommu_wdata = {(DATA_W/64){wr_store}};
      m_iommu_wstrb = BYTES'(wr_half ? 16'h000f : 16'h00ff) << store_lane;
    end else if (w_more_q) begin
      if (wr_page) begin
        for (int unsigned b = 0; b < PAGE_BEATS; b++) if (wr_beat_q == 2'(b)) m_iommu_wdata = wr_page_i[b*DATA_W +: DATA_W];
      end else begin
        for (int unsigned b = 0; b < REC_BEATS; b++) if (wr_beat_q == 2'(b)) m_iommu_wdata = wr_record_i[b*DATA_W +: DATA_W];
      end
    end
  end

  always_comb begin
    wr_done_o = '0;
    wr_done_o[wr_which_q] = m_iommu_bvalid & wr_busy_q;
  end
  assign wr_error_o = m_iommu_bresp[1];
  assign wr_exokay_o = m_iommu_bresp == iommu_pkg::RESP_EXOKAY;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_busy_q <= 1'b0;
      wr_which_q <= 3'd0;
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
    a_write: assert (!m_iommu_bvalid || (wr_busy_q && m_iommu_bid == m_iommu_awid)) else $error("iommu_mem: B without a write");
  end
`else
  wire unused = &{1'b0, m_iommu_bid};
`endif
endmodule
`default_nettype wire
