// SPDX-License-Identifier: Apache-2.0
//
// A queue of records in memory, fault queue or page-request queue: its registers, and the store of a record at the tail, which moves
// after the store's B. A record is lost while the queue is off or its mf or of is set; a full queue sets of, a failed store mf.
// Registers as in iommu_regs, which does not know these; without there_i they read 0 and take nothing.
// Latency: a record that is lost one clock, else its store. Outstanding: one store.
// Source: specification, "Fault/Event queue", "Page-Request-Queue", and the CSR of each; "PCIe ATS Page Request handling".
`default_nettype none
module iommu_queue #(
  parameter int unsigned WORDS = 2,          /// 8-byte words of a record, a power of two
  parameter logic [11:0] BASE = regs_pkg::IOMMU_PQB,       /// registers: fqb or pqb,
  parameter logic [11:0] HEAD = regs_pkg::IOMMU_PQH,       /// fqh and the tail behind it,
  parameter logic [11:0] CSR = regs_pkg::IOMMU_PQCSR         /// fqcsr
) (
  input  wire          clk_i,
  input  wire          rst_ni,
  input  wire          there_i,
  input  wire  [5:0]   pas_i,        /// physical address width
  input  wire          be_i,         /// fctl.BE
  input  wire  [4:0]   queue_log2_max_i,
  // register access, as that of iommu_regs
  input  wire          we_i,
  input  wire          re_i,
  input  wire  [11:0]  addr_i,
  input  wire  [63:0]  wdata_i,
  input  wire  [7:0]   wstrb_i,
  output logic [63:0]  rdata_o,      /// 0 for every other register
  output logic         used_o,       /// on, or to be on
  output logic         level_o,      /// interrupt: enabled, and an error
  output logic         event_o,      /// interrupt: enabled, and a record was stored, one clock

  input  wire          rec_valid_i,  /// held until done
  input  wire  [64*WORDS-1:0] rec_i,
  output logic         rec_done_o,   /// one clock
  output logic         rec_lost_o,   /// beside it: the record was not stored ...
  output logic         rec_full_o,   /// ... for want of room; else the queue is off or broken

  output logic         wr_valid_o,
  output logic [63:0]  wr_addr_o,
  output logic [64*WORDS-1:0] wr_record_o,
  input  wire          wr_done_i,
  input  wire          wr_error_i,
  output logic         idle_o
);
  // ---- registers ----------------------------------------------------------------------------------------------------------------
  logic        lo, hi, head_we, base_lo, base_hi, csr_we, en_q, ie_q, on_q, mf_q, of_q, storing_q;
  logic [11:0] at;
  logic [63:0] base_q;
  logic [31:0] head_q, tail_q, mask, next_tail;
  logic [4:0]  size, size_max;
  assign at = {addr_i[11:3], 3'd0};
  assign lo = we_i & there_i & (wstrb_i == 8'h0f || wstrb_i == 8'hff);
  assign hi = we_i & there_i & (wstrb_i == 8'hf0 || wstrb_i == 8'hff);
  assign base_lo = lo & (at == BASE) & ~en_q & ~on_q;
  assign base_hi = hi & (at == BASE) & ~en_q & ~on_q;
  assign head_we = we_i & there_i & (wstrb_i == 8'h0f) & (at == HEAD);
  assign csr_we = we_i & there_i & (wstrb_i == (CSR[2] ? 8'hf0 : 8'h0f)) & (at == {CSR[11:3], 3'd0}) & (en_q == on_q);
  logic [31:0] csr_new;
  assign csr_new = CSR[2] ? wdata_i[63:32] : wdata_i[31:0];

  localparam logic [63:0] QB = iommu_pkg::bits(regs_pkg::IOMMU_PQB_LOG2SZM1_LSB, regs_pkg::IOMMU_PQB_LOG2SZM1_W)
                             | iommu_pkg::bits(regs_pkg::IOMMU_PQB_PPN_LSB, regs_pkg::IOMMU_PQB_PPN_W);
  assign size_max = (queue_log2_max_i == 5'd0) ? 5'd0 : queue_log2_max_i - 5'd1;
  assign size = (wdata_i[4:0] > size_max) ? size_max : wdata_i[4:0];
  assign mask = (32'd2 << base_q[regs_pkg::IOMMU_PQB_LOG2SZM1_LSB +: regs_pkg::IOMMU_PQB_LOG2SZM1_W]) - 32'd1;

  logic [31:0] csr;                                       // fqcsr is laid out as pqcsr is
  always_comb begin
    csr = 32'd0;
    rdata_o = 64'd0;
    if (re_i) begin
      csr[regs_pkg::IOMMU_PQCSR_PQEN_LSB] = en_q;
      csr[regs_pkg::IOMMU_PQCSR_PIE_LSB] = ie_q;
      csr[regs_pkg::IOMMU_PQCSR_PQMF_LSB] = mf_q;
      csr[regs_pkg::IOMMU_PQCSR_PQOF_LSB] = of_q;
      csr[regs_pkg::IOMMU_PQCSR_PQON_LSB] = on_q;
      csr[regs_pkg::IOMMU_PQCSR_BUSY_LSB] = en_q != on_q;
      case (at)
        BASE: rdata_o = base_q;
        HEAD: rdata_o = {tail_q, head_q};
        {CSR[11:3], 3'd0}: rdata_o = CSR[2] ? {csr, 32'd0} : {32'd0, csr};
        default: rdata_o = 64'd0;
      endcase
    end
  end

  // ---- records --------------------------------------------------------------------------------------------------------------------
  logic usable, full, reach, begins;
  assign next_tail = (tail_q + 32'd1) & mask;
  assign usable = on_q & en_q & ~mf_q & ~of_q;
  assign full = next_tail == (head_q & mask);
  assign wr_addr_o = {8'd0, base_q[regs_pkg::IOMMU_PQB_PPN_LSB +: regs_pkg::IOMMU_PQB_PPN_W], 12'd0} + ({32'd0, tail_q} << (3 + $clog2(WORDS)));
  always_comb begin
    wr_record_o = rec_i;
    if (be_i) for (int unsigned i = 0; i < WORDS; i++) wr_record_o[64*i +: 64] = iommu_pkg::swap8(rec_i[64*i +: 64]);
  end
  assign reach = ~iommu_pkg::beyond(wr_addr_o[55:12], pas_i);
  assign begins = rec_valid_i & ~storing_q;
  assign wr_valid_o = storing_q;
  assign rec_done_o = storing_q ? wr_done_i : (rec_valid_i & (~usable | full | ~reach));
  assign rec_lost_o = ~storing_q | wr_error_i;
  assign rec_full_o = ~storing_q & on_q & en_q & ~mf_q & (of_q | full);

  assign used_o = en_q | on_q;
  assign level_o = ie_q & (mf_q | of_q);
  assign event_o = ie_q & storing_q & wr_done_i & ~wr_error_i;
  assign idle_o = ~rec_valid_i & ~storing_q & (en_q == on_q);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      base_q <= 64'd0;
      head_q <= 32'd0;
      tail_q <= 32'd0;
      en_q <= 1'b0;
      ie_q <= 1'b0;
      on_q <= 1'b0;
      mf_q <= 1'b0;
      of_q <= 1'b0;
      storing_q <= 1'b0;
    end else begin
      if (base_lo) base_q[31:0] <= {wdata_i[31:5], size} & QB[31:0];
      if (base_hi) base_q[63:32] <= wdata_i[63:32] & QB[63:32];
      if (base_lo || base_hi) head_q <= 32'd0;
      else if (head_we) head_q <= wdata_i[31:0] & mask;
      if (csr_we) begin
        en_q <= csr_new[regs_pkg::IOMMU_PQCSR_PQEN_LSB];
        ie_q <= csr_new[regs_pkg::IOMMU_PQCSR_PIE_LSB];
        if (csr_new[regs_pkg::IOMMU_PQCSR_PQMF_LSB]) mf_q <= 1'b0;
        if (csr_new[regs_pkg::IOMMU_PQCSR_PQOF_LSB]) of_q <= 1'b0;
      end

      if (storing_q) begin
        if (wr_done_i) begin
          storing_q <= 1'b0;
          if (wr_error_i) mf_q <= 1'b1;
          else tail_q <= next_tail;
        end
      end else if (begins && usable) begin
        if (full) of_q <= 1'b1;
        else if (!reach) mf_q <= 1'b1;
        else storing_q <= 1'b1;
      end

      if (base_lo || base_hi) tail_q <= 32'd0;
      if (en_q && !on_q) begin
        on_q <= 1'b1;
        tail_q <= 32'd0;
        mf_q <= 1'b0;
        of_q <= 1'b0;
      end else if (!en_q && on_q && !storing_q) on_q <= 1'b0;
    end
  end

  wire unused = &{1'b0, addr_i[2:0]};
endmodule
`default_nettype wire
