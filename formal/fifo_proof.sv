// SPDX-License-Identifier: Apache-2.0
//
// fifo: every word comes out once, in order, unless flushed; what is offered holds; the count is true.
// One word, whichever the solver picks, is followed from its push to its pop. Assumes nothing but a reset in the first clock.
`default_nettype none
module fifo_proof (
  input wire       clk_i,
  input wire       flush_i,
  input wire       in_valid_i,
  input wire [2:0] in_data_i,
  input wire       out_ready_i,
  input wire       pick_i
);
  logic       in_ready, out_valid, push, pop;
  logic [2:0] out_data;
  logic [1:0] count;
  logic       rst_nq = 1'b0;
  always_ff @(posedge clk_i) rst_nq <= 1'b1;
  fifo #(.W(3), .DEPTH(3)) dut (.clk_i, .rst_ni(rst_nq), .flush_i, .in_valid_i, .in_ready_o(in_ready), .in_data_i,
                                .out_valid_o(out_valid), .out_ready_i, .out_data_o(out_data), .count_o(count));
  assign push = in_valid_i & in_ready;
  assign pop = out_valid & out_ready_i;

  // inside of the fifo, for the induction alone
  (* hierconn *) wire [1:0] \dut.head_q ;
  (* hierconn *) wire [1:0] \dut.tail_q ;
  (* hierconn *) wire [2:0] \dut.mem[0] ;
  (* hierconn *) wire [2:0] \dut.mem[1] ;
  (* hierconn *) wire [2:0] \dut.mem[2] ;

  logic       followed_q, held_q;
  logic [1:0] place_q, words_q;
  logic [2:0] word_q, offered_q, at, behind;
  assign at = {1'b0, \dut.head_q } + {1'b0, place_q};
  assign behind = {1'b0, \dut.head_q } + {1'b0, count};
  always_ff @(posedge clk_i) begin
    held_q <= rst_nq & out_valid & ~out_ready_i & ~flush_i;
    offered_q <= out_data;
    if (!rst_nq || flush_i) begin
      followed_q <= 1'b0;
      words_q <= 2'd0;
    end else begin
      words_q <= words_q + {1'b0, push} - {1'b0, pop};
      if (push && pick_i && !followed_q) begin
        followed_q <= 1'b1;
        word_q <= in_data_i;
        place_q <= count - {1'b0, pop};
      end else if (followed_q && pop) begin
        followed_q <= place_q != 2'd0;
        place_q <= place_q - 2'd1;
      end
    end
  end

  always_ff @(posedge clk_i) if (rst_nq) begin
    a_word: assert (!followed_q || !pop || place_q != 2'd0 || out_data == word_q);
    a_there: assert (!followed_q || place_q < count);
    a_count: assert (count == words_q && count <= 2'd3);
    a_offer: assert (out_valid == (words_q != 2'd0) && in_ready == (words_q != 2'd3));
    a_hold: assert (!held_q || (out_valid && out_data == offered_q));
    a_pointers: assert (\dut.head_q < 2'd3 && \dut.tail_q == (behind >= 3'd3 ? behind[1:0] - 2'd3 : behind[1:0]));
    a_inside: assert (!followed_q || word_q == ((at == 3'd0 || at == 3'd3) ? \dut.mem[0] : (at == 3'd1 || at == 3'd4) ? \dut.mem[1] : \dut.mem[2] ));
    c_last: cover (followed_q && pop && place_q == 2'd0 && \dut.head_q == 2'd2 && count == 2'd3);
    c_both: cover (push && pop);
  end
endmodule
`default_nettype wire
