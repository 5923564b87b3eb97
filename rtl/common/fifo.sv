// SPDX-License-Identifier: Apache-2.0
// First-in first-out queue, first word falls through.
//
// Latency: 1 clock from input to output. Throughput: one word a clock in each direction, also while full or empty on the
// other side. Back-pressure: in_ready_o is high whenever a place is free, whatever the output does; out_valid_o and
// out_data_o hold until out_ready_i. Holds DEPTH words.
`default_nettype none
module fifo #(
  /// Bits of a word.
  parameter int unsigned W = 8,
  /// Words held, 1 or more; need not be a power of two.
  parameter int unsigned DEPTH = 4
) (
  input  wire                        clk_i,
  input  wire                        rst_ni,
  /// Empties the queue at the clock edge; a word offered in that cycle is lost.
  input  wire                        flush_i,
  input  wire                        in_valid_i,
  output logic                       in_ready_o,
  input  wire  [W-1:0]               in_data_i,
  output logic                       out_valid_o,
  input  wire                        out_ready_i,
  output logic [W-1:0]               out_data_o,
  /// Words in the queue now.
  output logic [$clog2(DEPTH+1)-1:0] count_o
);
  localparam int unsigned CNT_W = $clog2(DEPTH + 1);
  localparam int unsigned PTR_W = DEPTH > 1 ? $clog2(DEPTH) : 1;
  localparam logic [PTR_W-1:0] LAST = PTR_W'(DEPTH - 1);

  logic [W-1:0]     mem [0:DEPTH-1];
  logic [PTR_W-1:0] head_q, tail_q;
  logic [CNT_W-1:0] count_q;
  logic             push, pop;

  assign in_ready_o  = count_q != CNT_W'(DEPTH);
  assign out_valid_o = count_q != '0;
  assign out_data_o  = mem[head_q];
  assign count_o     = count_q;
  assign push        = in_valid_i && in_ready_o;
  assign pop         = out_valid_o && out_ready_i;

  always_ff @(posedge clk_i) if (push) mem[tail_q] <= in_data_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      head_q  <= '0;
      tail_q  <= '0;
      count_q <= '0;
    end else begin
      if (push) tail_q <= tail_q == LAST ? '0 : tail_q + 1'b1;
      if (pop)  head_q <= head_q == LAST ? '0 : head_q + 1'b1;
      if (push && !pop) count_q <= count_q + 1'b1;
      if (pop && !push) count_q <= count_q - 1'b1;
    end
  end
endmodule
`default_nettype wire
