// SPDX-License-Identifier: Apache-2.0
//
// Waits for everything older than a fence. Requests are coloured when they enter; a fence flips the colour and waits until
// none of the older colour is left in lookup, pending table, walk or output register and every fault record raised by then
// is stored or dropped, and no ATS request or page request is left that was there when it began; with PR or PW also until the reads or writes that had entered are answered. One fence at a time, so
// two colours suffice: one for the pipeline, and one per direction for answers, flipped only by fences that wait for them.
// Latency: done at most 4 clocks after the last event waited for.
// Source: specification, "IOMMU command-queue fence command" (IOFENCE.C).
`default_nettype none
module iommu_fence (
  input  wire         clk_i,
  input  wire         rst_ni,
  // a fence command, held until taken; a write to ddtp, which goes first and waits for reads and writes
  input  wire         cq_start_i,
  input  wire         cq_reads_i,      /// also wait for the answers of earlier reads
  input  wire         cq_writes_i,     /// ... of earlier writes
  output logic        cq_taken_o,
  output logic        cq_done_o,       /// one clock
  input  wire         ddtp_start_i,
  output logic        ddtp_taken_o,
  output logic        ddtp_done_o,     /// one clock

  // pipeline, per direction (0 reads, 1 writes)
  input  wire  [1:0]  entered_i,       /// a request entered, of the current colour
  input  wire  [1:0]  out_i,           /// one left the output register ...
  input  wire  [1:0]  out_colour_i,
  input  wire  [1:0]  refused_i,       /// one was refused, its record taken by the fault queue ...
  input  wire  [1:0]  refused_colour_i,
  output logic        pcol_o,          /// colour of requests that enter now
  output logic [1:0]  fcol_o,
  input  wire  [1:0]  old_none_i,      /// per direction: no answer of the older colour is missing

  output logic        taken_o,         /// a fence begins: what waits beside the pipeline is older
  input  wire         beside_none_i,   /// nothing older waits there

  input  wire  [7:0]  records_in_i,    /// fault records taken so far, modulo 256
  input  wire  [7:0]  records_out_i,   /// fault records stored or dropped so far, modulo 256
  output logic        pipe_empty_o     /// no request anywhere in the pipeline
);
  localparam logic [1:0] IDLE = 2'd0;
  localparam logic [1:0] PIPE = 2'd1;
  localparam logic [1:0] RECORDS = 2'd2;
  localparam logic [1:0] ANSWERS = 2'd3;

  logic [1:0] state_q;
  logic       reads_q, writes_q, pcol_q, ddtp_q, done;
  logic       reads, writes;
  logic [1:0] fcol_q;
  logic [7:0] records_q;
  logic [11:0] count0_q, count1_q;     // requests in the pipeline, 6 bits a direction, for each colour

  logic old_pipe_none;
  assign old_pipe_none = (pcol_q ? count0_q : count1_q) == 12'd0;
  assign pipe_empty_o = (count0_q | count1_q) == 12'd0;
  assign pcol_o = pcol_q;
  assign fcol_o = fcol_q;
  assign ddtp_taken_o = (state_q == IDLE) & ddtp_start_i;
  assign cq_taken_o = (state_q == IDLE) & cq_start_i & ~ddtp_start_i;
  assign taken_o = ddtp_taken_o | cq_taken_o;
  assign reads = ddtp_start_i | cq_reads_i;
  assign writes = ddtp_start_i | cq_writes_i;
  assign ddtp_done_o = done & ddtp_q;
  assign cq_done_o = done & ~ddtp_q;
  assign done = (state_q == ANSWERS) & (~reads_q | old_none_i[0]) & (~writes_q | old_none_i[1]);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= IDLE;
      ddtp_q <= 1'b0;
      reads_q <= 1'b0;
      writes_q <= 1'b0;
      pcol_q <= 1'b0;
      fcol_q <= 2'b00;
      records_q <= 8'd0;
      count0_q <= 12'd0;
      count1_q <= 12'd0;
    end else begin
      for (int unsigned d = 0; d < 2; d++) if (refused_i[d] || entered_i[d] != out_i[d] || pcol_q != out_colour_i[d]) begin
        count0_q[d*6 +: 6] <= count0_q[d*6 +: 6] + {5'd0, entered_i[d] & ~pcol_q} - {5'd0, out_i[d] & ~out_colour_i[d]} - {5'd0, refused_i[d] & ~refused_colour_i[d]};
        count1_q[d*6 +: 6] <= count1_q[d*6 +: 6] + {5'd0, entered_i[d] & pcol_q} - {5'd0, out_i[d] & out_colour_i[d]} - {5'd0, refused_i[d] & refused_colour_i[d]};
      end
      case (state_q)
        IDLE: if (ddtp_taken_o || cq_taken_o) begin
          state_q <= PIPE;
          ddtp_q <= ddtp_start_i;
          reads_q <= reads;
          writes_q <= writes;
          pcol_q <= ~pcol_q;
          fcol_q <= fcol_q ^ {writes, reads};
        end
        PIPE: if (old_pipe_none && beside_none_i) begin
          state_q <= RECORDS;
          records_q <= records_in_i;
        end
        RECORDS: if (8'(records_q - records_out_i) == 8'd0 || 8'(records_q - records_out_i) > 8'd127) state_q <= ANSWERS;
        default: if (done) state_q <= IDLE;
      endcase
    end
  end
endmodule
`default_nettype wire
