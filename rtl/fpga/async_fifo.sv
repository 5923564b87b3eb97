// SPDX-License-Identifier: Apache-2.0
// First-in first-out queue between two clocks that know nothing of each other, first word falls through. Each side tells the
// other its position as a Gray code, of which one bit changes at a time.
//
// Latency: 1 clock of the writer and 2 of the reader. Throughput: a word a clock of the slower side from DEPTH 8 on. Back-pressure: in_ready_o
// is low while DEPTH words are held, as far as the writer knows; out_valid_o and out_data_o hold until out_ready_i.
// Both resets are to be low together for 3 clocks of either side; they may rise at different times.
// Timing: what leaves for the other clock are write_gray_q, read_gray_q and mem (set_max_delay -datapath_only). A period of the
// faster clock from the codes to bit_sync keeps their bits within one change of each other. A period of the reader's clock
// from mem, through whatever the reader does with a word in its first clock: the word is there two such clocks before it is shown.
`default_nettype none
module async_fifo #(
  parameter int unsigned W = 8,     /// bits of a word
  parameter int unsigned DEPTH = 8  /// words, a power of two from 4 on
) (
  input  wire          in_clk_i,
  input  wire          in_rst_ni,
  input  wire          in_valid_i,
  output logic         in_ready_o,
  input  wire  [W-1:0] in_data_i,

  input  wire          out_clk_i,
  input  wire          out_rst_ni,
  output logic         out_valid_o,
  input  wire          out_ready_i,
  output logic [W-1:0] out_data_o
);
  localparam int unsigned A = $clog2(DEPTH);
  if (DEPTH < 4 || DEPTH != 2 ** A) $error("async_fifo: DEPTH must be a power of two from 4 on");

  logic [W-1:0] mem [0:DEPTH-1];
  // positions have a bit more than addresses: full and empty differ in it
  logic [A:0] write_q, write_gray_q, read_seen;
  logic [A:0] read_q, read_gray_q, write_seen;
  logic [A:0] write_next, read_next;
  logic       push, pop;

  bit_sync #(.W(A + 1)) u_read_seen (.clk_i(in_clk_i), .rst_ni(in_rst_ni), .data_i(read_gray_q), .data_o(read_seen));
  bit_sync #(.W(A + 1)) u_write_seen (.clk_i(out_clk_i), .rst_ni(out_rst_ni), .data_i(write_gray_q), .data_o(write_seen));

  // DEPTH words ahead: the code with its two upper bits inverted
  assign in_ready_o = write_gray_q != {~read_seen[A:A-1], read_seen[A-2:0]};
  assign push       = in_valid_i && in_ready_o;
  assign write_next = write_q + 1'b1;
  always_ff @(posedge in_clk_i) if (push) mem[write_q[A-1:0]] <= in_data_i;
  always_ff @(posedge in_clk_i) begin
    if (!in_rst_ni) begin
      write_q      <= '0;
      write_gray_q <= '0;
    end else if (push) begin
      write_q      <= write_next;
      write_gray_q <= write_next ^ (write_next >> 1);
    end
  end

  assign out_valid_o = read_gray_q != write_seen;
  assign out_data_o  = mem[read_q[A-1:0]];
  assign pop         = out_valid_o && out_ready_i;
  assign read_next   = read_q + 1'b1;
  always_ff @(posedge out_clk_i) begin
    if (!out_rst_ni) begin
      read_q      <= '0;
      read_gray_q <= '0;
    end else if (pop) begin
      read_q      <= read_next;
      read_gray_q <= read_next ^ (read_next >> 1);
    end
  end
endmodule
`default_nettype wire
