// SPDX-License-Identifier: Apache-2.0
//
// skid: every word comes out once, in order; what is offered holds; both sides' answers are registers.
// One word, whichever the solver picks, is followed from its push to its pop. Assumes nothing but a reset in the first clock.
`default_nettype none
module skid_proof (
  input wire       clk_i,
  input wire       in_valid_i,
  input wire [2:0] in_data_i,
  input wire       out_ready_i,
  input wire       pick_i
);
  logic       in_ready, out_valid, push, pop;
  logic [2:0] out_data;
  logic       rst_nq = 1'b0;
  always_ff @(posedge clk_i) rst_nq <= 1'b1;
  skid #(.W(3)) dut (.clk_i, .rst_ni(rst_nq), .in_valid_i, .in_ready_o(in_ready), .in_data_i, .out_valid_o(out_valid), .out_ready_i, .out_data_o(out_data));
  assign push = in_valid_i & in_ready;
  assign pop = out_valid & out_ready_i;

  (* hierconn *) wire       \dut.spare_valid_q ;
  (* hierconn *) wire [2:0] \dut.spare_q ;

  logic       followed_q, second_q, held_q;
  logic [1:0] words_q;
  logic [2:0] word_q, offered_q;
  always_ff @(posedge clk_i) begin
    held_q <= rst_nq & out_valid & ~out_ready_i;
    offered_q <= out_data;
    if (!rst_nq) begin
      followed_q <= 1'b0;
      words_q <= 2'd0;
    end else begin
      words_q <= words_q + {1'b0, push} - {1'b0, pop};
      if (push && pick_i && !followed_q) begin
        followed_q <= 1'b1;
        word_q <= in_data_i;
        second_q <= (words_q - {1'b0, pop}) == 2'd1;
      end else if (followed_q && pop) begin
        followed_q <= second_q;
        second_q <= 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i) if (rst_nq) begin
    a_word: assert (!followed_q || !pop || second_q || out_data == word_q);
    a_there: assert (!followed_q || words_q > {1'b0, second_q});
    a_offer: assert (out_valid == (words_q != 2'd0) && in_ready == (words_q != 2'd2) && words_q <= 2'd2);
    a_hold: assert (!held_q || (out_valid && out_data == offered_q));
    a_inside: assert (!followed_q || word_q == (second_q ? \dut.spare_q : out_data));
    a_spare: assert (\dut.spare_valid_q == (words_q == 2'd2));
    c_second: cover (followed_q && second_q && pop);
    c_both: cover (followed_q && !second_q && pop && push);
  end
endmodule
`default_nettype wire
