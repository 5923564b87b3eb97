// SPDX-License-Identifier: Apache-2.0
//
// Fault queue: takes records, stores them at fqt and moves fqt after the store's B. A record is dropped while the queue is
// off or fqmf or fqof is set; a full queue sets fqof, a failed store fqmf.
// Latency: a record is taken in one clock while the buffer has room; stores follow one at a time.
// Outstanding: one store; 4 records wait.
// Source: specification, "Fault/Event queue" and "Fault queue CSR".
`default_nettype none
module iommu_fq (
  input  wire          clk_i,
  input  wire          rst_ni,
  input  wire  [5:0]   pas_i,        /// physical address width
  input  wire          be_i,         /// fctl.BE
  // registers
  input  wire  [43:0]  ppn_i,
  input  wire  [4:0]   log2szm1_i,
  input  wire  [31:0]  head_i,
  output logic [31:0]  tail_o,
  input  wire          base_we_i,    /// fqb is written: indices restart
  input  wire          en_i,         /// fqcsr.fqen
  output logic         on_o,
  output logic         busy_o,
  output logic         mf_o,
  output logic         of_o,
  input  wire          mf_clear_i,
  input  wire          of_clear_i,
  output logic         event_o,      /// a record was stored, one clock

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
  logic         have;
  logic [255:0] rec;
  logic         pop;
  logic [2:0]   unused_count;
  fifo #(.W(256), .DEPTH(4)) buffer (
    .clk_i, .rst_ni, .flush_i(1'b0), .in_valid_i(rec_valid_i), .in_ready_o(rec_ready_o), .in_data_i(rec_i),
    .out_valid_o(have), .out_ready_i(pop), .out_data_o(rec), .count_o(unused_count));

  logic        storing_q, on_q, mf_q, of_q;
  logic [31:0] tail_q, mask, next_tail;
  logic [7:0]  in_q, out_q;
  assign mask = (32'd2 << log2szm1_i) - 32'd1;
  assign next_tail = (tail_q + 32'd1) & mask;

  logic usable, full, reach;
  assign usable = on_q & ~mf_q & ~of_q;
  assign full = next_tail == (head_i & mask);
  assign wr_addr_o = {8'd0, ppn_i, 12'd0} + {27'd0, tail_q, 5'd0};
  always_comb begin
    wr_record_o = rec;
    if (be_i) for (int unsigned i = 0; i < 4; i++) wr_record_o[64*i +: 64] = iommu_pkg::swap8(rec[64*i +: 64]);
  end
  assign reach = ~iommu_pkg::beyond(wr_addr_o[55:12], pas_i);
  assign wr_valid_o = storing_q;
  assign pop = have & (storing_q ? wr_done_i : (~usable | full | ~reach));
  assign event_o = storing_q & wr_done_i & ~wr_error_i;

  assign tail_o = tail_q;
  assign on_o = on_q;
  assign busy_o = on_q != en_i;
  assign mf_o = mf_q;
  assign of_o = of_q;
  assign records_in_o = in_q;
  assign records_out_o = out_q;
  assign idle_o = ~have & ~busy_o;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      storing_q <= 1'b0;
      on_q <= 1'b0;
      mf_q <= 1'b0;
      of_q <= 1'b0;
      tail_q <= 32'd0;
      in_q <= 8'd0;
      out_q <= 8'd0;
    end else begin
      if (rec_valid_i && rec_ready_o) in_q <= in_q + 8'd1;
      if (pop) out_q <= out_q + 8'd1;
      if (mf_clear_i) mf_q <= 1'b0;
      if (of_clear_i) of_q <= 1'b0;

      if (!storing_q) begin
        if (have && usable) begin
          if (full) of_q <= 1'b1;
          else if (!reach) mf_q <= 1'b1;
          else storing_q <= 1'b1;
        end
      end else if (wr_done_i) begin
        storing_q <= 1'b0;
        if (wr_error_i) mf_q <= 1'b1;
        else tail_q <= next_tail;
      end

      if (base_we_i) tail_q <= 32'd0;
      if (en_i && !on_q) begin
        on_q <= 1'b1;
        tail_q <= 32'd0;
        mf_q <= 1'b0;
        of_q <= 1'b0;
      end else if (!en_i && on_q && !storing_q) on_q <= 1'b0;
    end
  end

  wire unused = &{1'b0, unused_count};
endmodule
`default_nettype wire
