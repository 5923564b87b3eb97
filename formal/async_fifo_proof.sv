// SPDX-License-Identifier: Apache-2.0
//
// async_fifo: between clocks that come in any order, every word comes out once, in order; what is offered holds; no more than
// DEPTH words are held. One word, whichever the solver picks, is followed by its number. The clocks are free, one step for
// each edge; the resets end on either side when they like, once an edge of both has met them. Synchronisers are taken to
// settle in a clock: what a bit that is caught in between becomes is the business of the Gray code, not of this proof.
`default_nettype none
module async_fifo_proof (
  input wire       in_clk_i,
  input wire       out_clk_i,
  input wire       in_valid_i,
  input wire [1:0] in_data_i,
  input wire       out_ready_i,
  input wire       pick_i,
  input wire       in_start_i,
  input wire       out_start_i
);
  logic       in_ready, out_valid, push, pop;
  logic [1:0] out_data;
  logic       in_rst_nq = 1'b0, out_rst_nq = 1'b0;
  logic       in_reset_q = 1'b0, out_reset_q = 1'b0;   // an edge has met the reset
  always_ff @(posedge in_clk_i) begin
    in_reset_q <= 1'b1;
    in_rst_nq <= in_rst_nq | (in_start_i & in_reset_q & out_reset_q);
  end
  always_ff @(posedge out_clk_i) begin
    out_reset_q <= 1'b1;
    out_rst_nq <= out_rst_nq | (out_start_i & in_reset_q & out_reset_q);
  end
  async_fifo #(.W(2), .DEPTH(4)) dut (
    .in_clk_i, .in_rst_ni(in_rst_nq), .in_valid_i, .in_ready_o(in_ready), .in_data_i,
    .out_clk_i, .out_rst_ni(out_rst_nq), .out_valid_o(out_valid), .out_ready_i, .out_data_o(out_data));
  assign push = in_rst_nq & in_valid_i & in_ready;
  assign pop = out_rst_nq & out_valid & out_ready_i;

  // words pushed and popped, modulo 8; the followed one's number and content
  logic [2:0] pushed_q = 3'd0, popped_q = 3'd0, number_q = 3'd0;
  logic [1:0] word_q = 2'd0, offered_q = 2'd0;
  logic       followed_q = 1'b0, held_q = 1'b0, there;
  logic [2:0] inside;
  assign inside = pushed_q - popped_q;
  assign there = followed_q && popped_q == number_q;
  always_ff @(posedge in_clk_i) begin
    if (push) pushed_q <= pushed_q + 3'd1;
    if (push && pick_i && !followed_q) begin
      followed_q <= 1'b1;
      number_q <= pushed_q;
      word_q <= in_data_i;
    end
  end
  logic seen_q = 1'b0;                               // it came out: its number may come again
  always_ff @(posedge out_clk_i) begin
    if (pop) popped_q <= popped_q + 3'd1;
    if (pop && there) seen_q <= 1'b1;
    held_q <= out_rst_nq & out_valid & ~out_ready_i;
    offered_q <= out_data;
  end

  always_ff @(posedge out_clk_i) if (out_rst_nq) begin
    a_word: assert (!pop || !there || seen_q || out_data == word_q);
    a_there: assert (!pop || inside != 3'd0);
    a_hold: assert (!held_q || (out_valid && out_data == offered_q));
    c_word: cover (pop && there && !seen_q && popped_q == 3'd1);
  end
  always_ff @(posedge in_clk_i) if (in_rst_nq) begin
    a_room: assert (!push || inside < 3'd4);
    c_full: cover (inside == 3'd4 && !in_ready);
  end
endmodule
`default_nettype wire
