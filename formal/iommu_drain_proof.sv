// SPDX-License-Identifier: Apache-2.0
//
// The composition in iommu_small.sv: when cqh moves past a fence, a request that entered before the fence was taken is neither under
// way nor offered on m_data, and will not be; its fault record is stored, or dropped; with PR or PW, it has been answered on
// m_data. One request, a read of port 0 or a write of port 1 as the solver picks, is marked and followed.
// Assumes: an entry comes for a walk that waits for one; m_data answers what it took, in order for each id; up to 7 of an id are there at
// a time; the fault queue holds up to 4 records and stores them in order. Of a write, no record is followed (it does not name it).
`default_nettype none
module iommu_drain_proof (
  input wire       clk_i,
  input wire [1:0] valid_i,
  input wire [1:0] id_i,
  input wire [1:0] page_i,
  input wire [1:0] m_ready_i,
  input wire       m_bvalid_i,
  input wire       m_bid_i,
  input wire       m_rvalid_i,
  input wire       m_rid_i,
  input wire       rd_ready_i,
  input wire       data_valid_i,
  input wire       data_slot_i,
  input wire       tail_i,
  input wire       cmd_valid_i,
  input wire [1:0] cmd_kind_i,
  input wire [1:0] cmd_waits_i,
  input wire       rec_ready_i,
  input wire       stored_i,
  input wire       pick_i
);
  (* anyconst *) logic d;            // 0 a read, 1 a write
  logic       rst_nq = 1'b0;
  always_ff @(posedge clk_i) rst_nq <= 1'b1;

  logic       rd_valid, rd_slot, cmd_read, fence_taken, fence_done, rec_valid, rec_mark, rec_ready, m_bready, m_rready;
  logic [1:0] m_valid, m_mark, m_ready, waits, mark;
  logic [3:0] ready, m_id;
  logic [7:0] in_q, stored_q, behind;
  logic [2:0] flights_q [0:3];       // on m_data, of {direction, id}
  logic       seen_q, inside_q, flying_q, recorded_q, older_q, late_q, late_waits_q, id_q, cmd_read_q, out, late;
  logic [1:0] read_q, waits_q;
  logic [2:0] ahead_q;
  logic [7:0] goal_q;
  assign mark = {d, ~d} & {2{pick_i & ~seen_q}};
  assign m_ready[0] = m_ready_i[0] & (flights_q[{1'b0, m_id[0]}] != 3'd7);
  assign m_ready[1] = m_ready_i[1] & (flights_q[{1'b1, m_id[2]}] != 3'd7);
  assign behind = in_q - stored_q;
  assign rec_ready = rec_ready_i & (behind < 8'd4);
  iommu_small dut (.clk_i, .rst_ni(rst_nq), .valid_i({valid_i[1], 2'b00, valid_i[0]}), .id_i({id_i[1], 2'b00, id_i[0]}), .page_i({page_i[1], 2'b00, page_i[0]}),
    .mark_i({mark[1], 2'b00, mark[0]}), .long_i(4'd0), .ready_o(ready), .wvalid_i(2'b11), .wdata_i(2'b00), .bready_i(2'b11), .rready_i(2'b11),
    .m_valid_o(m_valid), .m_id_o(m_id), .m_mark_o(m_mark), .m_ready_i(m_ready), .m_wready_i(1'b1), .m_bvalid_i, .m_bid_i({1'b1, m_bid_i}), .m_bresp_i(2'b00), .m_bready_o(m_bready),
    .m_rvalid_i, .m_rid_i({1'b0, m_rid_i}), .m_rdata_i(1'b0), .m_rlast_i(1'b1), .m_rready_o(m_rready), .rd_valid_o(rd_valid), .rd_slot_o(rd_slot), .rd_ready_i, .data_valid_i,
    .data_slot_i, .data_i(2'b00), .tail_i, .cmd_valid_i, .cmd_kind_i, .cmd_page_i(1'b0), .cmd_waits_i, .cmd_read_o(cmd_read), .fence_taken_o(fence_taken),
    .fence_waits_o(waits), .fence_done_o(fence_done), .rec_valid_o(rec_valid), .rec_mark_o(rec_mark), .rec_ready_i(rec_ready), .records_in_i(in_q), .records_out_i(stored_q));

  logic [1:0] enters, goes;
  logic       r_done, b_done, answered, recorded;
  assign enters = {valid_i[1] & ready[3], valid_i[0] & ready[0]};
  assign goes = m_valid & m_ready;
  assign out = goes[d] & m_mark[d];
  assign r_done = m_rvalid_i & m_rready;
  assign b_done = m_bvalid_i & m_bready;
  assign answered = d ? b_done & (m_bid_i == id_q) : r_done & (m_rid_i == id_q);
  assign recorded = rec_valid & rec_ready & rec_mark;
  assign late = late_q | (fence_done & older_q);
  always_ff @(posedge clk_i) begin
    if (!rst_nq) begin
      {seen_q, inside_q, flying_q, recorded_q, older_q, late_q, late_waits_q, cmd_read_q} <= '0;
      read_q <= 2'b00;
      for (int unsigned i = 0; i < 4; i++) flights_q[i] <= 3'd0;
      in_q <= 8'd0;
      stored_q <= 8'd0;
    end else begin
      cmd_read_q <= cmd_read | (cmd_read_q & ~cmd_valid_i);
      if (data_valid_i) read_q[data_slot_i] <= 1'b0;
      if (rd_valid && rd_ready_i) read_q[rd_slot] <= 1'b1;
      for (int unsigned i = 0; i < 2; i++) begin
        flights_q[i] <= flights_q[i] + {2'd0, goes[0] & (m_id[0] == i[0])} - {2'd0, r_done & (m_rid_i == i[0])};
        flights_q[2 + i] <= flights_q[2 + i] + {2'd0, goes[1] & (m_id[2] == i[0])} - {2'd0, b_done & (m_bid_i == i[0])};
      end
      in_q <= in_q + {7'd0, rec_valid & rec_ready};
      stored_q <= stored_q + {7'd0, stored_i};
      if (enters[d] && mark[d]) begin
        seen_q <= 1'b1;
        inside_q <= 1'b1;
        id_q <= id_i[d];
      end else if (out || recorded) inside_q <= 1'b0;
      if (out) begin
        flying_q <= 1'b1;
        ahead_q <= flights_q[{d, id_q}] - {2'd0, answered};
      end else if (answered) begin
        ahead_q <= ahead_q - 3'd1;
        if (ahead_q == 3'd0) flying_q <= 1'b0;
      end
      if (recorded) begin
        recorded_q <= 1'b1;
        goal_q <= in_q + 8'd1;
      end
      if (fence_taken) begin
        older_q <= seen_q | (enters[d] & mark[d]);
        waits_q <= waits;
      end
      late_q <= late;
      late_waits_q <= late_waits_q | (fence_done & older_q & waits_q[d]);
    end
  end

  always_ff @(posedge clk_i) if (rst_nq) begin
    m_reads: assume (!data_valid_i || (read_q[data_slot_i] && !cmd_valid_i));
    m_command: assume (!cmd_valid_i || cmd_read_q);
    m_answers: assume ((!m_rvalid_i || flights_q[{1'b0, m_rid_i}] != 3'd0) && (!m_bvalid_i || flights_q[{1'b1, m_bid_i}] != 3'd0));
    m_stored: assume (!stored_i || behind != 8'd0);
    a_left: assert (!late || !m_valid[d] || !m_mark[d]);
    a_record: assert (!late || !rec_valid || !rec_mark);
    a_stored: assert (!late || !recorded_q || 8'(goal_q - stored_q) == 8'd0 || 8'(goal_q - stored_q) > 8'd127);
    a_answered: assert (!(late_waits_q || (fence_done && older_q && waits_q[d])) || !flying_q);
    c_flying: cover (fence_done && older_q && flying_q && d);
    c_answered: cover (fence_done && older_q && !flying_q && !inside_q && !recorded_q && waits_q[d] && !d);
    c_recorded: cover (fence_done && older_q && recorded_q);
  end
endmodule
`default_nettype wire
