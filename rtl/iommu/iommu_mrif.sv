// SPDX-License-Identifier: Apache-2.0
//
// Memory-resident interrupt files: a device's write of an interrupt identity sets its pending bit in memory, then the notice
// MSI goes out. One write at a time; who asks holds its request until done_o was answered by its error-answer path.
// Exclusive accesses where the card has them (capabilities.AMO_MRIF), else a plain read and write.
// What is written: 4 aligned bytes at offset 0 with an identity below 2048 act; other aligned 4 bytes are granted and dropped, but
// for offset 4 (the big-endian port, which is not there); the rest is refused.
// Source: Advanced Interrupt Architecture, "Memory-resident interrupt files"; specification, "Process to translate addresses
// of MSIs", causes 264, 271, 273.
`default_nettype none
module iommu_mrif #(
  parameter int unsigned DATA_W = 64  /// data width of the ports: 64 or 128
) (
  input  wire                             clk_i,
  input  wire                             rst_ni,
  input  wire  [5:0]                      pas_i,
  input  wire                             exclusive_i,   /// capabilities.AMO_MRIF

  // where a pending write goes
  input  wire                             keep_i,
  input  wire  [iommu_pkg::PEND_AW-1:0]   keep_idx_i,
  input  wire  [iommu_pkg::MRIF_W-1:0]    keep_what_i,   /// mrif_t

  // per port: a write whose data is here
  input  wire  [1:0]                      valid_i,
  input  wire  [2*iommu_pkg::PEND_AW-1:0] idx_i,
  input  wire  [2*iommu_pkg::REQ_W-1:0]   req_i,         /// req_t
  input  wire  [2*32-1:0]                 data_i,
  input  wire  [2*4-1:0]                  lanes_i,
  input  wire  [1:0]                      ok_i,
  output logic [1:0]                      done_o,        /// held until valid_i falls
  output logic [1:0]                      bad_o,

  // memory
  output logic                            rd_valid_o,
  output logic [63:0]                     rd_addr_o,
  output logic                            excl_o,
  output logic [23:0]                     qosid_o,
  input  wire                             rd_ready_i,
  input  wire                             data_valid_i,
  input  wire  [63:0]                     rdata_i,
  input  wire                             error_i,
  input  wire                             poison_i,
  input  wire                             exokay_i,
  output logic [1:0]                      wr_valid_o,    /// 0 the file, 1 the notice; held until done
  output logic [63:0]                     wr_addr_o,     /// of either
  output logic [63:0]                     wr_data_o,
  input  wire  [1:0]                      wr_done_i,
  input  wire                             wr_error_i,
  input  wire                             wr_exokay_i,

  output logic                            rec_valid_o,   /// fault record
  output logic [255:0]                    rec_o,
  input  wire                             rec_ready_i,
  output logic                            idle_o
);
  localparam logic [2:0] IDLE = 3'd0;
  localparam logic [2:0] READ = 3'd1;
  localparam logic [2:0] WAIT = 3'd2;
  localparam logic [2:0] WRITE = 3'd3;
  localparam logic [2:0] NOTICE = 3'd4;
  localparam logic [2:0] RECORD = 3'd5;
  localparam logic [2:0] DONE = 3'd6;

  logic [2:0]  state_q;
  logic        port_q, bad_q, own_q;                     // own: the fault is the notice's
  logic [11:0] cause_q;
  logic [63:0] word_q;
  logic [iommu_pkg::MRIF_W-1:0] kept_q [0:iommu_pkg::PENDS-1];
  iommu_pkg::mrif_t m;
  iommu_pkg::req_t rq;
  logic [31:0] data;
  logic [3:0]  lanes;
  logic        choice, update;
  logic [iommu_pkg::MRIF_W-1:0] what_q;
  logic [iommu_pkg::REQ_W-1:0]  req_q;
  assign choice = ~valid_i[0];
  assign m = what_q;
  assign rq = req_q;
  always_ff @(posedge clk_i) if (state_q == IDLE && |valid_i) begin
    what_q <= kept_q[choice ? idx_i[iommu_pkg::PEND_AW +: iommu_pkg::PEND_AW] : idx_i[0 +: iommu_pkg::PEND_AW]];
    req_q <= choice ? req_i[iommu_pkg::REQ_W +: iommu_pkg::REQ_W] : req_i[0 +: iommu_pkg::REQ_W];
    data <= choice ? data_i[63:32] : data_i[31:0];
    lanes <= choice ? lanes_i[7:4] : lanes_i[3:0];
  end

  logic [11:0] offset;                                   // of the four bytes in the page
  assign offset = {rq.addr[11:4], (DATA_W == 64) ? rq.addr[3] : |lanes[3:2], lanes[1] | lanes[3], 2'd0};
  assign update = (offset == 12'd0) & (data[31:11] == 21'd0);

  logic reach, notice_reach;
  assign rd_addr_o = {8'd0, m.addr, 9'd0} | {55'd0, data[10:6], 4'd0};
  assign reach = ~iommu_pkg::beyond(rd_addr_o[55:12], pas_i);
  assign notice_reach = ~iommu_pkg::beyond(m.notice, pas_i);
  assign rd_valid_o = (state_q == READ) & reach;
  assign excl_o = exclusive_i;
  assign qosid_o = m.qosid;
  assign wr_valid_o = {(state_q == NOTICE) & notice_reach, state_q == WRITE};
  assign wr_addr_o = (state_q == NOTICE) ? {8'd0, m.notice, 12'd0} : rd_addr_o;
  assign wr_data_o = (state_q == NOTICE) ? {53'd0, m.nid} : word_q;

  assign done_o = {(state_q == DONE) & port_q, (state_q == DONE) & ~port_q};
  assign bad_o = {2{bad_q}};
  assign idle_o = state_q == IDLE;

  logic [63:0] rec0;
  always_comb begin
    rec0 = 64'd0;
    if (rec_valid_o) begin
      rec0[regs_pkg::FAULT_W0_CAUSE_LSB +: regs_pkg::FAULT_W0_CAUSE_W] = cause_q;
      if (!own_q) begin
        rec0[regs_pkg::FAULT_W0_PID_LSB +: regs_pkg::FAULT_W0_PID_W] = rq.pv ? rq.pid : 20'd0;
        rec0[regs_pkg::FAULT_W0_PV_LSB] = rq.pv;
        rec0[regs_pkg::FAULT_W0_PRIV_LSB] = rq.pv & rq.prot[0];
        rec0[regs_pkg::FAULT_W0_TTYP_LSB +: regs_pkg::FAULT_W0_TTYP_W] =
            (rq.ttype == iommu_pkg::TTYPE_UNTRANSLATED) ? regs_pkg::TTYP_UNTRANSLATED_WRITE : regs_pkg::TTYP_TRANSLATED_WRITE;
        rec0[regs_pkg::FAULT_W0_DID_LSB +: regs_pkg::FAULT_W0_DID_W] = rq.did;
      end
    end
  end
  assign rec_valid_o = state_q == RECORD;
  assign rec_o = {64'd0, own_q ? {8'd0, m.notice, 12'd0} : rq.addr, 64'd0, rec0};

  always_ff @(posedge clk_i) if (keep_i) kept_q[keep_idx_i] <= keep_what_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= IDLE;
      port_q <= 1'b0;
      bad_q <= 1'b0;
      own_q <= 1'b0;
      cause_q <= 12'd0;
      word_q <= 64'd0;
    end else begin
      case (state_q)
        IDLE: if (|valid_i) begin
          port_q <= choice;
          bad_q <= ~ok_i[choice];
          own_q <= 1'b0;
          state_q <= ok_i[choice] ? READ : DONE;
        end
        READ: begin
          if (offset == 12'd4) begin
            bad_q <= 1'b1;
            state_q <= DONE;
          end else if (!update) state_q <= DONE;
          else if (!reach) begin
            cause_q <= regs_pkg::CAUSE_MRIF_ACCESS_FAULT;
            bad_q <= 1'b1;
            state_q <= m.dtf ? DONE : RECORD;
          end else if (rd_ready_i) state_q <= WAIT;
        end
        WAIT: if (data_valid_i) begin
          word_q <= rdata_i | (64'd1 << data[5:0]);
          cause_q <= (error_i | (exclusive_i & ~exokay_i & ~poison_i)) ? regs_pkg::CAUSE_MRIF_ACCESS_FAULT : regs_pkg::CAUSE_MRIF_CORRUPTION;
          if (error_i | poison_i | (exclusive_i & ~exokay_i)) begin
            bad_q <= 1'b1;
            state_q <= m.dtf ? DONE : RECORD;
          end else state_q <= WRITE;
        end
        WRITE: if (wr_done_i[0]) begin
          cause_q <= regs_pkg::CAUSE_MRIF_ACCESS_FAULT;
          if (wr_error_i) begin
            bad_q <= 1'b1;
            state_q <= m.dtf ? DONE : RECORD;
          end else state_q <= (exclusive_i & ~wr_exokay_i) ? READ : NOTICE;
        end
        NOTICE: if (wr_done_i[1] | ~notice_reach) begin
          own_q <= 1'b1;
          cause_q <= regs_pkg::CAUSE_MSI_WRITE_ACCESS_FAULT;
          state_q <= (~notice_reach | wr_error_i) ? RECORD : DONE;
        end
        RECORD: if (rec_ready_i) state_q <= DONE;
        default: if (!valid_i[port_q]) state_q <= IDLE;  // DONE
      endcase
    end
  end
endmodule
`default_nettype wire
