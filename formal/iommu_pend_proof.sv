// SPDX-License-Identifier: Apache-2.0
//
// iommu_pend, of reads and of writes: every request that was pushed leaves once, in the order of its class; granted with the page that it
// was pushed with or that its walk found, or answered here because it was refused or its own walk says so. A walk is asked for while
// it needs one, and asked for until it is accepted; one that joined a walk that does not serve it walks itself. Nothing leaves
// above the limit of its id, nor is answered here before all of its id that left was answered. What a fence counts is told once, at
// once or, of a write to an interrupt file, at the latest when nothing else is to be told. One request, whichever the solver picks,
// is followed; the others are counted.
// Assumes: pushes have room; results are those of walks that are under way, which nobody joins in the clock of their result; an answer is
// done when it was shown; a write to an interrupt file is not done before the last one of its port was told.
// Narrowed: 2 entries for each port, one bit of id and page, a walk serves all that joined or none, no execute and no privilege.
`default_nettype none
module iommu_pend_table #(
  parameter bit WRITE = 1'b0
) (
  input wire       clk_i,
  input wire       rst_ni,
  input wire       push_i,
  input wire       push_port_i,
  input wire       push_id_i,
  input wire       push_hit_i,
  input wire       push_refused_i,
  input wire       push_page_i,
  input wire       accept_i,
  input wire       accept_slot_i,
  input wire       join_i,
  input wire       other_i,          // the other direction's table begins a walk
  input wire       res_i,
  input wire       res_slot_i,
  input wire       res_fault_i,
  input wire       res_mrif_i,
  input wire       res_grants_i,     // to those that joined
  input wire       res_page_i,
  input wire       rel_ready_i,
  input wire [3:0] full_i,           // of {port, id}
  input wire [3:0] none_i,
  input wire [1:0] hold_i,
  input wire [1:0] done_i,
  input wire       pick_i
);
  localparam int unsigned RW = iommu_pkg::REQ_W;
  localparam logic [1:0] NEED = 2'd0, WAIT = 2'd1, GRANTED = 2'd2, REFUSED = 2'd3;
  (* anyconst *) logic p;            // port of the request that is followed; its id is 0
  localparam logic id = 1'b0;

  iommu_pkg::req_t in;
  iommu_pkg::req_t asked;
  iommu_pkg::req_t rel;
  iommu_pkg::req_t e0;
  iommu_pkg::req_t e1;
  logic [RW-1:0]   asked_bits, rel_bits;
  logic [2*RW-1:0] err_bits;
  logic            follow, behind, walk_valid, left_valid, left_colour, rel_valid, res_primary;
  logic [7:0]      used, err_id;
  logic [1:0]      err_valid, err_mrif;
  logic            seen_q, in_q;
  assign asked = asked_bits;
  assign rel = rel_bits;
  assign e0 = err_bits[RW-1:0];
  assign e1 = err_bits[2*RW-1:RW];
  assign follow = push_i & pick_i & ~seen_q & (push_port_i == p) & (push_id_i == id);
  always_comb begin
    in = '0;
    in.port = push_port_i;
    in.id[0] = push_id_i;
    in.refused = push_refused_i;
    in.size = 3'd2;
    in.pcol = follow;
  end
  iommu_pend #(.WRITE(WRITE)) dut (.clk_i, .clk_ctl_i(clk_i), .rst_ni, .push_i, .push_req_i(in), .push_hit_i, .push_page_i({51'd0, push_page_i}), .push_attr_i(27'd0),
    .class_i({push_port_i, 3'd0, push_id_i}), .behind_o(behind), .used_o(used), .walk_valid_o(walk_valid), .walk_req_o(asked_bits), .walk_accept_i(accept_i),
    .walk_slot_i(accept_slot_i), .walk_join_i(join_i), .res_valid_i(res_i), .res_slot_i, .res_fault_i, .res_any_i(res_grants_i), .res_mrif_i, .res_perm_i(8'h80),
    .res_page_i({51'd0, res_page_i}), .res_attr_i(27'd0), .res_primary_o(res_primary), .left_valid_o(left_valid), .left_colour_o(left_colour), .rel_valid_o(rel_valid),
    .rel_req_o(rel_bits), .rel_ready_i, .flight_full_i({14'd0, full_i[3:2], 14'd0, full_i[1:0]}), .flight_none_i({14'd0, none_i[3:2], 14'd0, none_i[1:0]}), .err_hold_i(hold_i),
    .err_valid_o(err_valid), .err_id_o(err_id), .err_mrif_o(err_mrif), .err_req_o(err_bits), .err_done_i(done_i));

  // the request that is followed
  logic [1:0] state_q, ahead_q, ahead;
  logic       slot_q, primary_q, page_q, mrif_q, walked_q, mine, gone;
  // the others of its class, of its port; walks under way; what is to be told of writes to interrupt files
  logic [2:0] class_q;
  logic [1:0] used0_q, used1_q, busy_q, tell_q, late;
  logic       owed_q, shown_q, asked_mark_q;
  logic [1:0] busy_err_q, hold_q;
  logic [3:0] none_q;
  logic       same_push, leaves_rel, leaves_err, told_now;
  assign same_push = push_i & (push_port_i == p) & (WRITE | (push_id_i == id));
  assign leaves_rel = rel_valid & rel_ready_i & (rel.port == p) & (WRITE | (rel.id[0] == id));
  assign leaves_err = done_i[p] & (WRITE | ((p ? e1.id[0] : e0.id[0]) == id));
  assign mine = res_i & in_q & (state_q == WAIT) & (slot_q == res_slot_i);
  assign gone = (leaves_rel & rel.pcol) | (leaves_err & (p ? e1.pcol : e0.pcol));
  assign ahead = ahead_q - {1'b0, leaves_rel} - {1'b0, leaves_err};
  assign told_now = res_primary & (res_fault_i | (res_mrif_i & ~WRITE));
  assign late = {2{WRITE}} & done_i & err_mrif;
  always_ff @(posedge clk_i) begin
    asked_mark_q <= asked.pcol;
    shown_q <= rst_ni & walk_valid & ~accept_i;
    busy_err_q <= err_valid & {2{rst_ni}};
    hold_q <= hold_i;
    none_q <= none_i;
    if (!rst_ni) begin
      {seen_q, in_q, owed_q, class_q, used0_q, used1_q, tell_q} <= '0;
      busy_q <= 2'b00;
      {state_q, ahead_q, walked_q} <= '0;
    end else begin
      class_q <= class_q + {2'd0, same_push} - {2'd0, leaves_rel} - {2'd0, leaves_err};
      used0_q <= used0_q + {1'b0, push_i & ~push_port_i} - {1'b0, rel_valid & rel_ready_i & ~rel.port} - {1'b0, done_i[0]};
      used1_q <= used1_q + {1'b0, push_i & push_port_i} - {1'b0, rel_valid & rel_ready_i & rel.port} - {1'b0, done_i[1]};
      if (accept_i && !join_i) busy_q[accept_slot_i] <= 1'b1;
      if (other_i) busy_q[~accept_slot_i] <= 1'b1;
      if (res_i) busy_q[res_slot_i] <= 1'b0;
      tell_q <= late | (tell_q & {told_now | tell_q[0], told_now});

      if (follow) begin
        {seen_q, in_q} <= 2'b11;
        ahead_q <= 2'(class_q - {2'd0, leaves_rel} - {2'd0, leaves_err});
        state_q <= push_refused_i ? REFUSED : push_hit_i ? GRANTED : NEED;
        page_q <= push_page_i;
        mrif_q <= 1'b0;
      end else if (in_q) begin
        if (gone) in_q <= 1'b0;
        else ahead_q <= ahead;
        if (accept_i && asked.pcol) begin
          state_q <= WAIT;
          slot_q <= accept_slot_i;
          primary_q <= ~join_i;
        end
        if (mine) begin
          page_q <= res_page_i;
          mrif_q <= res_mrif_i & ~res_fault_i;
          walked_q <= walked_q | ~primary_q;
          state_q <= (primary_q ? ~res_fault_i & ~res_mrif_i : ~res_fault_i & ~res_mrif_i & res_grants_i) ? GRANTED : primary_q ? REFUSED : NEED;
        end
      end
      owed_q <= (WRITE & done_i[p] & err_mrif[p] & (p ? e1.pcol : e0.pcol)) | (owed_q & ~(left_valid & left_colour));
    end
  end

  always_ff @(posedge clk_i) if (rst_ni) begin
    m_room: assume (!push_i || (push_port_i ? used1_q : used0_q) != 2'd2);
    m_accept: assume (!accept_i || (walk_valid && (join_i ? busy_q[accept_slot_i] && !(res_i && res_slot_i == accept_slot_i) : !busy_q[accept_slot_i])));
    m_other: assume (!other_i || !busy_q[~accept_slot_i]);
    m_result: assume (!res_i || busy_q[res_slot_i]);
    m_done: assume ((done_i & ~err_valid) == 2'b00 && (late & tell_q) == 2'b00);
    a_used: assert (used == {2'd0, used1_q, 2'd0, used0_q});
    a_behind: assert (push_port_i != p || (!WRITE && push_id_i != id) || behind == (class_q != 3'd0));
    a_order: assert ((!leaves_rel || rel.pcol == (in_q && ahead_q == 2'd0)) && (!leaves_err || (p ? e1.pcol : e0.pcol) == (in_q && ahead_q == 2'd0)));
    a_either: assert (!leaves_rel || !leaves_err);
    a_granted: assert (!rel_valid || !rel.pcol || (in_q && state_q == GRANTED && rel.addr[12] == page_q && rel.port == p && rel.id[0] == id));
    a_answered: assert (!err_valid[p] || !(p ? e1.pcol : e0.pcol) || (in_q && state_q == REFUSED && err_mrif[p] == mrif_q && err_id[4*p +: 4] == {3'd0, id}));
    a_walk: assert (!walk_valid || !asked.pcol || (in_q && state_q == NEED));
    a_holds: assert (!shown_q || (walk_valid && asked.pcol == asked_mark_q));
    a_full: assert (!rel_valid || !full_i[{rel.port, rel.id[0]}]);
    a_none: assert (!(err_valid[p] && !busy_err_q[p]) || (none_q[{p, err_id[4*p]}] && !hold_q[p]));
    a_told: assert ((left_valid && left_colour) == ((mine && primary_q && (res_fault_i || (res_mrif_i && !WRITE))) || (owed_q && !told_now && (!p || !tell_q[0]))));
    a_tells: assert (!owed_q || left_valid);
    c_again: cover (leaves_rel && rel.pcol && walked_q && primary_q && class_q == 3'd2);
    c_refused: cover (leaves_err && err_valid[p] && in_q && state_q == REFUSED && ahead_q == 2'd0 && class_q == 3'd2 && walked_q && !mrif_q);
    c_file: cover (leaves_err && in_q && ahead_q == 2'd0 && mrif_q && class_q == 3'd2);
  end
endmodule

module iommu_pend_proof (
  input wire        clk_i,
  input wire [27:0] reads_i,
  input wire [27:0] writes_i
);
  logic rst_nq = 1'b0;
  always_ff @(posedge clk_i) rst_nq <= 1'b1;
  iommu_pend_table #(.WRITE(1'b0)) reads (.clk_i, .rst_ni(rst_nq), .push_i(reads_i[0]), .push_port_i(reads_i[1]), .push_id_i(reads_i[2]), .push_hit_i(reads_i[3]),
    .push_refused_i(reads_i[4]), .push_page_i(reads_i[5]), .accept_i(reads_i[6]), .accept_slot_i(reads_i[7]), .join_i(reads_i[8]), .other_i(reads_i[9]), .res_i(reads_i[10]),
    .res_slot_i(reads_i[11]), .res_fault_i(reads_i[12]), .res_mrif_i(reads_i[13]), .res_grants_i(reads_i[14]), .res_page_i(reads_i[15]), .rel_ready_i(reads_i[16]),
    .full_i(reads_i[20:17]), .none_i(reads_i[24:21]), .hold_i(2'b00), .done_i(reads_i[26:25]), .pick_i(reads_i[27]));
  iommu_pend_table #(.WRITE(1'b1)) writes (.clk_i, .rst_ni(rst_nq), .push_i(writes_i[0]), .push_port_i(writes_i[1]), .push_id_i(writes_i[2]), .push_hit_i(writes_i[3]),
    .push_refused_i(writes_i[4]), .push_page_i(writes_i[5]), .accept_i(writes_i[6]), .accept_slot_i(writes_i[7]), .join_i(writes_i[8]), .other_i(writes_i[9]), .res_i(writes_i[10]),
    .res_slot_i(writes_i[11]), .res_fault_i(writes_i[12]), .res_mrif_i(writes_i[13]), .res_grants_i(writes_i[14]), .res_page_i(writes_i[15]), .rel_ready_i(writes_i[16]),
    .full_i(writes_i[20:17]), .none_i(writes_i[24:21]), .hold_i(writes_i[22:21]), .done_i(writes_i[26:25]), .pick_i(writes_i[27]));
endmodule
`default_nettype wire
