// SPDX-License-Identifier: Apache-2.0
//
// iommu_flight: while a transaction is out, its id is not said to be without one, nor its colour, once that is the older, to be
// done; when nothing is out, everything says so; full means that the limit of an id is reached. One transaction and one id, whichever the
// solver picks, are followed.
// Assumes: answers come to what is out, in order for each id; nothing leaves of an id that is full; transactions of an id leave in the order
// of their colours; the colour changes only when none of the older one is out.
`default_nettype none
module iommu_flight_proof (
  input wire       clk_i,
  input wire       flip_i,
  input wire       inc_i,
  input wire       inc_id_i,
  input wire       inc_colour_i,
  input wire       dec_i,
  input wire       dec_id_i,
  input wire       pick_i
);
  (* anyconst *) logic id;
  logic       old_none, all_none, colour_q;
  logic [1:0] full, none;
  logic       rst_nq = 1'b0;
  always_ff @(posedge clk_i) rst_nq <= 1'b1;
  iommu_flight #(.IDS(2), .LIMIT(3)) dut (.clk_i, .rst_ni(rst_nq), .colour_i(colour_q), .inc_i, .inc_id_i, .inc_colour_i, .dec_i, .dec_id_i,
    .full_o(full), .none_o(none), .old_none_o(old_none), .all_none_o(all_none));

  logic [1:0] count_q [0:1];
  logic [1:0] newer_q [0:1];         // of these: under the newer colour
  logic [2:0] older;                 // of all: under the older one
  logic       followed_q, mine_q;
  logic [1:0] ahead_q;
  logic       flip;
  assign flip = flip_i & (older == 3'd0);
  always_comb begin
    older = 3'd0;
    for (int unsigned i = 0; i < 2; i++) if (count_q[i] != newer_q[i]) older = 3'd1;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_nq) begin
      colour_q <= 1'b0;
      followed_q <= 1'b0;
      for (int unsigned i = 0; i < 2; i++) begin
        count_q[i] <= 2'd0;
        newer_q[i] <= 2'd0;
      end
    end else begin
      if (flip) colour_q <= ~colour_q;
      for (int unsigned i = 0; i < 2; i++) begin
        count_q[i] <= count_q[i] + {1'b0, inc_i & (inc_id_i == i[0])} - {1'b0, dec_i & (dec_id_i == i[0])};
        newer_q[i] <= flip ? 2'd0
                    : newer_q[i] + {1'b0, inc_i & (inc_id_i == i[0]) & (inc_colour_i == colour_q)} - {1'b0, dec_i & (dec_id_i == i[0]) & (newer_q[i] == count_q[i])};
      end
      if (inc_i && pick_i && !followed_q && inc_id_i == id) begin
        followed_q <= 1'b1;
        mine_q <= inc_colour_i;
        ahead_q <= count_q[id] - {1'b0, dec_i & (dec_id_i == id)};
      end else if (followed_q && dec_i && dec_id_i == id) begin
        if (ahead_q == 2'd0) followed_q <= 1'b0;
        ahead_q <= ahead_q - 2'd1;
      end
    end
  end

  logic [1:0] there;
  always_comb for (int unsigned i = 0; i < 2; i++) there[i] = count_q[i] != 2'd0;
  always_ff @(posedge clk_i) if (rst_nq) begin
    m_answer: assume (!dec_i || there[dec_id_i]);
    m_full: assume (!inc_i || !full[inc_id_i]);
    m_order: assume (!inc_i || inc_colour_i == colour_q || newer_q[inc_id_i] == 2'd0);
    m_flip: assume (!flip || !inc_i || inc_colour_i == colour_q);
    a_none: assert (none == ~there && all_none == (there == 2'd0));
    a_full: assert (full[id] == (count_q[id] == 2'd3));
    a_older: assert (!(followed_q && mine_q != colour_q) || !old_none);
    a_done: assert (old_none == (older == 3'd0));
    c_older: cover (followed_q && mine_q != colour_q && ahead_q == 2'd0 && count_q[id] == 2'd3 && newer_q[id] == 2'd2);
    c_full: cover (full[id] && inc_i && dec_i && dec_id_i == id);
  end
endmodule
`default_nettype wire
