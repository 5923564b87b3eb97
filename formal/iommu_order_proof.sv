// SPDX-License-Identifier: Apache-2.0
//
// The composition in iommu_small.sv: every request is answered once, in the order of its port and id, and by the answer to it, or by an
// error if it was refused; then it was never on m_data, else once. Write data goes out in the order of the AWs, each burst that of
// its AW. What is offered on m_data or to a port holds. One request of any port and direction, whichever the solver picks,
// is marked and followed: its answer and its data are 1, all others 0.
// Assumes: an entry comes for a walk that waits for one; m_data answers what it took, in order for each id, and has up to 3 of an id;
// ports offer write data once its AW was taken, and hold it; all writes have one length, of 1 or 2 beats. No commands.
`default_nettype none
module iommu_order_proof (
  input wire       clk_i,
  input wire [3:0] valid_i,
  input wire [3:0] id_i,
  input wire [3:0] page_i,
  input wire [1:0] wvalid_i,
  input wire [1:0] bready_i,
  input wire [1:0] rready_i,
  input wire [1:0] m_ready_i,
  input wire       m_wready_i,
  input wire       m_bvalid_i,
  input wire [1:0] m_bid_i,
  input wire       m_rvalid_i,
  input wire [1:0] m_rid_i,
  input wire       m_rlast_i,
  input wire       rd_ready_i,
  input wire       data_valid_i,
  input wire       data_slot_i,
  input wire       rec_ready_i,
  input wire       pick_i
);
  (* anyconst *) logic d, p, id, long;  // of the one that is followed: direction, port, id; all writes have two beats
  logic       rst_nq = 1'b0;
  always_ff @(posedge clk_i) rst_nq <= 1'b1;

  logic [3:0] mark, ready, bresp, rresp, m_id, enters;
  logic [1:0] wvalid, wdata, wready, bvalid, bid, rvalid, rid, rdata, rlast, m_valid, m_mark, m_page, m_long, m_entry, m_context, m_ready, goes;
  logic       m_wvalid, m_wdata, m_wlast, m_bready, m_rready, rd_valid, rd_slot, m_tag, r_done, b_done;
  logic [1:0] flights_q [0:7];          // on m_data, of {direction, port, id}
  logic [1:0] owed0_q, owed1_q;         // per port: bursts whose data is to come
  logic       beat0_q, beat1_q;
  logic       seen_q, live_q, gone_q, flying_q, refused_q, data_q;
  logic [2:0] asked_q, ahead_q;
  logic [1:0] m_ahead_q, data_ahead_q;
  assign mark = 4'd1 << {p, d} & {4{pick_i & ~seen_q}};
  assign enters = valid_i & ready;
  assign wvalid = wvalid_i & {owed1_q != 2'd0, owed0_q != 2'd0};
  assign wdata = {p, ~p} & {2{data_q & (data_ahead_q == 2'd0)}};
  assign m_ready[0] = m_ready_i[0] & (flights_q[{1'b0, m_id[1:0]}] != 2'd3);
  assign m_ready[1] = m_ready_i[1] & (flights_q[{1'b1, m_id[3:2]}] != 2'd3);
  assign goes = m_valid & m_ready;
  assign m_tag = flying_q & (m_ahead_q == 2'd0);
  assign r_done = m_rvalid_i & m_rready & m_rlast_i;
  assign b_done = m_bvalid_i & m_bready;
  iommu_small dut (.clk_i, .rst_ni(rst_nq), .valid_i(valid_i & {owed1_q != 2'd3, 1'b1, owed0_q != 2'd3, 1'b1}), .id_i, .page_i, .mark_i(mark), .long_i({long, 1'b0, long, 1'b0}), .ready_o(ready),
    .wvalid_i(wvalid), .wdata_i(wdata), .wready_o(wready), .bvalid_o(bvalid), .bid_o(bid), .bresp_o(bresp), .bready_i, .rvalid_o(rvalid), .rid_o(rid), .rdata_o(rdata),
    .rresp_o(rresp), .rlast_o(rlast), .rready_i, .m_valid_o(m_valid), .m_id_o(m_id), .m_page_o(m_page), .m_mark_o(m_mark), .m_long_o(m_long), .m_entry_o(m_entry), .m_context_o(m_context),
    .m_ready_i(m_ready), .m_wvalid_o(m_wvalid), .m_wdata_o(m_wdata), .m_wlast_o(m_wlast), .m_wready_i, .m_bvalid_i, .m_bid_i, .m_bresp_i({2{m_tag & d & (m_bid_i == {p, id})}}),
    .m_bready_o(m_bready), .m_rvalid_i, .m_rid_i, .m_rdata_i(m_tag & ~d & (m_rid_i == {p, id})), .m_rlast_i, .m_rready_o(m_rready), .rd_valid_o(rd_valid), .rd_slot_o(rd_slot), .rd_ready_i,
    .data_valid_i, .data_slot_i, .data_i(2'b00), .tail_i(1'b0), .cmd_valid_i(1'b0), .cmd_kind_i(2'd0), .cmd_page_i(1'b0), .cmd_waits_i(2'b00),
    .rec_ready_i, .records_in_i(8'd0), .records_out_i(8'd0));

  // what the port and m_data do with the id that is followed
  logic asks, beat, last, error, tag, m_done, out, burst0, burst1, m_beat;
  logic [1:0] read_q, w_ahead;
  logic [3:0] aws_q, ws_q, aw_mark_q, w_mark_q;   // bursts on m_data so far, modulo 16, and which of them is marked
  logic       w_beat_q, w_marked_q;
  logic [1:0] held_q, answers_q, wheld_q;
  logic [6:0] ar_q, aw_q;
  logic [4:0] r_q;
  logic [2:0] b_q;
  assign asks = enters[{p, d}] & (id_i[{p, d}] == id);
  assign beat = d ? bvalid[p] & bready_i[p] & (bid[p] == id) : rvalid[p] & rready_i[p] & (rid[p] == id);
  assign last = beat & (d | rlast[p]);
  assign error = (d ? (p ? bresp[3:2] : bresp[1:0]) : (p ? rresp[3:2] : rresp[1:0])) == iommu_pkg::RESP_SLVERR;
  assign tag = d ? (p ? bresp[3:2] : bresp[1:0]) == 2'b11 : rdata[p];
  assign m_done = d ? b_done & (m_bid_i == {p, id}) : r_done & (m_rid_i == {p, id});
  assign out = goes[d] & m_mark[d];
  assign burst0 = wvalid[0] & wready[0] & (beat0_q | ~long);
  assign burst1 = wvalid[1] & wready[1] & (beat1_q | ~long);
  assign w_ahead = p ? owed1_q - {1'b0, burst1} : owed0_q - {1'b0, burst0};
  assign m_beat = m_wvalid & m_wready_i;
  always_ff @(posedge clk_i) begin
    held_q <= {2{rst_nq}} & m_valid & ~m_ready;
    ar_q <= {m_id[1:0], m_page[0], m_mark[0], m_long[0], m_entry[0], m_context[0]};
    aw_q <= {m_id[3:2], m_page[1], m_mark[1], m_long[1], m_entry[1], m_context[1]};
    answers_q <= {rst_nq & bvalid[p] & ~bready_i[p], rst_nq & rvalid[p] & ~rready_i[p]};
    r_q <= {rid[p], rdata[p], p ? rresp[3:2] : rresp[1:0], rlast[p]};
    b_q <= {bid[p], p ? bresp[3:2] : bresp[1:0]};
    wheld_q <= {2{rst_nq}} & wvalid & ~wready;
    if (!rst_nq) begin
      for (int unsigned i = 0; i < 8; i++) flights_q[i] <= 2'd0;
      {owed0_q, owed1_q, beat0_q, beat1_q, seen_q, live_q, gone_q, flying_q, refused_q, data_q, asked_q, aws_q, ws_q, w_beat_q, w_marked_q} <= '0;
      read_q <= 2'b00;
    end else begin
      if (data_valid_i) read_q[data_slot_i] <= 1'b0;
      if (rd_valid && rd_ready_i) read_q[rd_slot] <= 1'b1;
      for (int unsigned i = 0; i < 4; i++) begin
        flights_q[i] <= flights_q[i] + {1'b0, goes[0] & (m_id[1:0] == i[1:0])} - {1'b0, r_done & (m_rid_i == i[1:0])};
        flights_q[4 + i] <= flights_q[4 + i] + {1'b0, goes[1] & (m_id[3:2] == i[1:0])} - {1'b0, b_done & (m_bid_i == i[1:0])};
      end
      owed0_q <= owed0_q + {1'b0, enters[1] & (owed0_q != 2'd3)} - {1'b0, burst0};
      owed1_q <= owed1_q + {1'b0, enters[3] & (owed1_q != 2'd3)} - {1'b0, burst1};
      if (wvalid[0] && wready[0]) beat0_q <= long & ~beat0_q;
      if (wvalid[1] && wready[1]) beat1_q <= long & ~beat1_q;
      asked_q <= asked_q + {2'd0, asks} - {2'd0, last};
      if (asks && mark[{p, d}]) begin
        seen_q <= 1'b1;
        live_q <= 1'b1;
        ahead_q <= asked_q - {2'd0, last};
        data_q <= d;
        data_ahead_q <= w_ahead;
      end else begin
        if (live_q && last) begin
          ahead_q <= ahead_q - 3'd1;
          if (ahead_q == 3'd0) begin
            live_q <= 1'b0;
            refused_q <= error;
          end
        end
        if (data_q && (p ? burst1 : burst0)) begin
          data_ahead_q <= data_ahead_q - 2'd1;
          if (data_ahead_q == 2'd0) data_q <= 1'b0;
        end
      end
      if (out) begin
        gone_q <= 1'b1;
        flying_q <= 1'b1;
        m_ahead_q <= flights_q[{d, p, id}] - {1'b0, m_done};
        aw_mark_q <= aws_q;
      end else if (flying_q && m_done) begin
        m_ahead_q <= m_ahead_q - 2'd1;
        if (m_ahead_q == 2'd0) flying_q <= 1'b0;
      end
      aws_q <= aws_q + {3'd0, goes[1]};
      if (m_beat) begin
        ws_q <= ws_q + {3'd0, m_wlast};
        w_beat_q <= ~m_wlast;
        if (m_wdata) begin
          w_marked_q <= 1'b1;
          w_mark_q <= ws_q;
        end
      end
    end
  end

  logic head;
  assign head = live_q & (ahead_q == 3'd0);
  always_ff @(posedge clk_i) if (rst_nq) begin
    m_reads: assume (!data_valid_i || read_q[data_slot_i]);
    m_answers: assume ((!m_rvalid_i || flights_q[{1'b0, m_rid_i}] != 2'd0) && (!m_bvalid_i || flights_q[{1'b1, m_bid_i}] != 2'd0));
    m_few: assume (asked_q != 3'd7 && (!mark[{p, d}] || !valid_i[{p, d}] || id_i[{p, d}] == id));
    m_room: assume ((!valid_i[1] || owed0_q != 2'd3) && (!valid_i[3] || owed1_q != 2'd3));
    m_data_holds: assume ((wheld_q & ~wvalid) == 2'b00);
    a_asked: assert (!beat || asked_q != 3'd0);
    a_answer: assert (!beat || error || tag == head);
    a_refused: assert (!(beat && error && head) || (!gone_q && !w_marked_q && !(m_valid[d] && m_mark[d])));
    a_once: assert (!(m_valid[d] && m_mark[d]) || !(gone_q || refused_q));
    a_burst: assert (!(d && m_beat) || ((!gone_q || m_wdata == (ws_q == aw_mark_q)) && (!w_marked_q || m_wdata == (ws_q == w_mark_q))));
    a_address: assert (!(d && out) || (w_marked_q ? aws_q == w_mark_q : 4'(aws_q - ws_q) < 4'd8));
    a_last: assert (!m_beat || m_wlast == (w_beat_q | ~long));
    a_hold: assert ((!held_q[0] || (m_valid[0] && ar_q == {m_id[1:0], m_page[0], m_mark[0], m_long[0], m_entry[0], m_context[0]}))
                    && (!held_q[1] || (m_valid[1] && aw_q == {m_id[3:2], m_page[1], m_mark[1], m_long[1], m_entry[1], m_context[1]})));
    a_show: assert ((!answers_q[0] || (rvalid[p] && r_q == {rid[p], rdata[p], p ? rresp[3:2] : rresp[1:0], rlast[p]}))
                    && (!answers_q[1] || (bvalid[p] && b_q == {bid[p], p ? bresp[3:2] : bresp[1:0]})));
    c_read: cover (!d && beat && head && tag && gone_q && asked_q == 3'd2);
    c_refused: cover (!d && beat && head && error && asked_q == 3'd2);
    c_write: cover (d && beat && head && tag && w_marked_q && long && w_mark_q == 4'd1);
    c_sunk: cover (d && beat && head && error);
  end
endmodule
`default_nettype wire
