// SPDX-License-Identifier: Apache-2.0
//
// Fault queue: an iommu_queue, and a buffer before it so that whoever has a record need not wait for its store.
// Latency: a record is taken in one clock while the buffer has room; stores follow one at a time. Outstanding: 4 records wait.
// Source: specification, "Fault/Event queue".
`default_nettype none
module iommu_fq (
  input  wire          clk_i,
  input  wire          rst_ni,
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

  input  wire          rec_valid_i,
  input  wire  [255:0] rec_i,
  output logic         rec_ready_o,
  output logic [7:0]   records_in_o, /// taken so far, modulo 256
  output logic [7:0]   records_out_o,/// stored or dropped so far, modulo 256

  output logic         wr_valid_o,
  output logic [63:0]  wr_addr_o,
  output logic [255:0] wr_record_o,
  input  wire          wr_done_i,
  input  wire          wr_error_i,
  output logic         idle_o
);
  logic         have, pop, unused_lost, unused_full;
  logic [255:0] rec;
  logic [2:0]   unused_count;
  logic [7:0]   in_q, out_q;
  fifo #(.W(256), .DEPTH(4)) buffer (
    .clk_i, .rst_ni, .flush_i(1'b0), .in_valid_i(rec_valid_i), .in_ready_o(rec_ready_o), .in_data_i(rec_i),
    .out_valid_o(have), .out_ready_i(pop), .out_data_o(rec), .count_o(unused_count));

  iommu_queue #(.WORDS(4), .BASE(regs_pkg::IOMMU_FQB), .HEAD(regs_pkg::IOMMU_FQH), .CSR(regs_pkg::IOMMU_FQCSR)) queue (
    .clk_i, .rst_ni, .there_i(1'b1), .pas_i, .be_i, .queue_log2_max_i, .we_i, .re_i, .addr_i, .wdata_i, .wstrb_i, .rdata_o, .used_o, .level_o,
    .event_o, .rec_valid_i(have), .rec_i(rec), .rec_done_o(pop), .rec_lost_o(unused_lost), .rec_full_o(unused_full), .wr_valid_o, .wr_addr_o,
    .wr_record_o, .wr_done_i, .wr_error_i, .idle_o);

  assign records_in_o = in_q;
  assign records_out_o = out_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      in_q <= 8'd0;
      out_q <= 8'd0;
    end else begin
      if (rec_valid_i && rec_ready_o) in_q <= in_q + 8'd1;
      if (pop) out_q <= out_q + 8'd1;
    end
  end

  wire unused = &{1'b0, unused_count, unused_lost, unused_full};
endmodule
`default_nettype wire
