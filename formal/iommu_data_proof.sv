// SPDX-License-Identifier: Apache-2.0
//
// iommu_data: write data goes out in the order of the AWs, whole bursts of their length, each from its port, WLAST with the last
// beat; an offered beat holds; none_o tells whose data is through; answers go to the port that their id names, and there alone.
// One burst, whichever the solver picks, is followed from its AW to its last beat.
// Assumes: bursts are announced while there is room, of up to 2 beats; a port holds the beat it shows at its turn.
`default_nettype none
module iommu_data_proof (
  input wire        clk_i,
  input wire        route_i,
  input wire        route_port_i,
  input wire [7:0]  route_len_i,
  input wire [1:0]  w_valid_i,
  input wire [15:0] w_data_i,
  input wire [1:0]  w_strb_i,
  input wire        m_wready_i,
  input wire [4:0]  bid_i,
  input wire        bvalid_i,
  input wire [4:0]  rid_i,
  input wire        rlast_i,
  input wire        rvalid_i,
  input wire [1:0]  b_ready_i,
  input wire [1:0]  r_ready_i,
  input wire        pick_i
);
  logic       room, w_ready, wstrb, wlast, wvalid, bready, rready, b_done, r_done;
  logic [1:0] none, turn, b_valid, r_valid;
  logic [7:0] wdata;
  logic       rst_nq = 1'b0;
  always_ff @(posedge clk_i) rst_nq <= 1'b1;
  iommu_data #(.DATA_W(8), .DEPTH(3)) dut (.clk_i, .rst_ni(rst_nq), .route_i, .route_port_i, .route_len_i, .room_o(room), .none_o(none),
    .turn_o(turn), .w_valid_i, .w_data_i, .w_strb_i, .w_ready_o(w_ready), .m_data_wdata(wdata), .m_data_wstrb(wstrb), .m_data_wlast(wlast),
    .m_data_wvalid(wvalid), .m_data_wready(m_wready_i), .m_data_bid(bid_i), .m_data_bvalid(bvalid_i), .m_data_bready(bready),
    .m_data_rid(rid_i), .m_data_rlast(rlast_i), .m_data_rvalid(rvalid_i), .m_data_rready(rready), .b_valid_o(b_valid), .b_ready_i,
    .r_valid_o(r_valid), .r_ready_i, .b_done_o(b_done), .r_done_o(r_done));

  logic       beat, followed_q, port_q, holds_q, port_now;
  logic [1:0] bursts_q, ahead_q, bursts0_q, bursts1_q;
  logic [7:0] len_q, beats_q;
  logic [1:0] shown_q;
  logic [15:0] shown_data_q;
  logic [1:0] shown_strb_q;
  logic [9:0] offer_q;
  assign beat = wvalid & m_wready_i;
  assign port_now = turn[1];
  always_ff @(posedge clk_i) begin
    holds_q <= rst_nq & wvalid & ~m_wready_i;
    offer_q <= {wdata, wstrb, wlast};
    shown_q <= rst_nq ? w_valid_i & turn & ~{2{m_wready_i}} : 2'b00;
    shown_data_q <= w_data_i;
    shown_strb_q <= w_strb_i;
    if (!rst_nq) begin
      followed_q <= 1'b0;
      {bursts_q, bursts0_q, bursts1_q} <= '0;
    end else begin
      bursts_q <= bursts_q + {1'b0, route_i} - {1'b0, beat & wlast};
      bursts0_q <= bursts0_q + {1'b0, route_i & ~route_port_i} - {1'b0, beat & wlast & ~port_now};
      bursts1_q <= bursts1_q + {1'b0, route_i & route_port_i} - {1'b0, beat & wlast & port_now};
      if (route_i && pick_i && !followed_q) begin
        followed_q <= 1'b1;
        port_q <= route_port_i;
        len_q <= route_len_i;
        beats_q <= 8'd0;
        ahead_q <= bursts_q - {1'b0, beat & wlast};
      end else if (followed_q && beat) begin
        if (ahead_q != 2'd0) ahead_q <= ahead_q - {1'b0, wlast};
        else if (wlast) followed_q <= 1'b0;
        else beats_q <= beats_q + 8'd1;
      end
    end
  end

  logic mine;
  assign mine = followed_q & (ahead_q == 2'd0);
  always_ff @(posedge clk_i) if (rst_nq) begin
    m_room: assume (!route_i || (room && route_len_i < 8'd2));
    m_hold: assume ((!shown_q[0] || (w_valid_i[0] && w_data_i[7:0] == shown_data_q[7:0] && w_strb_i[0] == shown_strb_q[0]))
                    && (!shown_q[1] || (w_valid_i[1] && w_data_i[15:8] == shown_data_q[15:8] && w_strb_i[1] == shown_strb_q[1])));
    a_turn: assert (turn != 2'b11 && (turn != 2'b00) == (bursts_q != 2'd0) && wvalid == ((turn & w_valid_i) != 2'b00));
    a_data: assert (!wvalid || (port_now ? (wdata == w_data_i[15:8] && wstrb == w_strb_i[1]) : (wdata == w_data_i[7:0] && wstrb == w_strb_i[0])));
    a_port: assert (!mine || turn == (port_q ? 2'b10 : 2'b01));
    a_last: assert (!(mine && wvalid) || wlast == (beats_q == len_q));
    a_hold: assert (!holds_q || (wvalid && offer_q == {wdata, wstrb, wlast}));
    a_none: assert (none == {bursts1_q == 2'd0, bursts0_q == 2'd0});
    a_answer: assert (b_valid == ({2{bvalid_i}} & (bid_i[4] ? 2'b10 : 2'b01)) && r_valid == ({2{rvalid_i}} & (rid_i[4] ? 2'b10 : 2'b01)));
    a_taken: assert (b_done == ((b_valid & b_ready_i) != 2'b00) && r_done == (rlast_i && (r_valid & r_ready_i) != 2'b00));
    c_behind: cover (mine && beat && wlast && len_q == 8'd1 && port_q && bursts0_q != 2'd0);
    c_full: cover (!room && followed_q && ahead_q == 2'd2);
  end
endmodule
`default_nettype wire
