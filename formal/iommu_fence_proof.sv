// SPDX-License-Identifier: Apache-2.0
//
// iommu_fence: when a fence is done, no request that entered before it was taken is still in the pipeline; with the directions it
// waits for, none of them is unanswered; the fault records they raised are stored or dropped; what waited beside the pipeline
// is gone. One request, whichever the solver picks, is followed; the others are counted.
// Assumes: at most 8 requests of a direction in the pipeline, each leaving once and under the colour it got when it entered;
// old_none_i is low while the request that is followed is unanswered and of the older colour; records are taken in the clock in
// which a request is refused, stored in order, at most 100 of them waiting; what waits beside the pipeline ends in its own time.
`default_nettype none
module iommu_fence_proof (
  input wire       clk_i,
  input wire       cq_start_i,
  input wire       cq_reads_i,
  input wire       cq_writes_i,
  input wire       ddtp_start_i,
  input wire [1:0] entered_i,
  input wire [1:0] out_i,
  input wire [1:0] out_colour_i,
  input wire [1:0] refused_i,
  input wire [1:0] refused_colour_i,
  input wire [1:0] old_none_i,
  input wire       beside_none_i,
  input wire       stored_i,
  input wire       pick_i,          // follow the request that enters
  input wire       leaves_i,        // the one that leaves, or is refused, is the one that is followed
  input wire       answered_i       // it is answered
);
  (* anyconst *) logic d;           // its direction
  logic       cq_taken, cq_done, ddtp_taken, ddtp_done, pcol, taken, pipe_empty;
  logic [1:0] fcol;
  logic [7:0] records_in_q, records_out_q;
  logic       rst_nq = 1'b0;
  always_ff @(posedge clk_i) rst_nq <= 1'b1;
  iommu_fence dut (.clk_i, .rst_ni(rst_nq), .cq_start_i, .cq_reads_i, .cq_writes_i, .cq_taken_o(cq_taken), .cq_done_o(cq_done),
    .ddtp_start_i, .ddtp_taken_o(ddtp_taken), .ddtp_done_o(ddtp_done), .entered_i, .out_i, .out_colour_i, .refused_i, .refused_colour_i,
    .pcol_o(pcol), .fcol_o(fcol), .old_none_i, .taken_o(taken), .beside_none_i, .records_in_i(records_in_q), .records_out_i(records_out_q),
    .pipe_empty_o(pipe_empty));

  // the request that is followed
  logic inside_q, flying_q, older_q, pcol_q, fcol_q, refused, out;
  logic enters;
  assign enters = pick_i & entered_i[d] & ~inside_q & ~flying_q;
  assign out = leaves_i & out_i[d];
  assign refused = leaves_i & ~out_i[d] & refused_i[d];

  // all that are in the pipeline, {direction, colour}
  logic [3:0] count0_q, count1_q, count2_q, count3_q;
  // this fence
  logic       reads_q, writes_q, beside_q, done;
  logic [7:0] goal_q, behind;
  assign done = cq_done | ddtp_done;
  assign behind = goal_q - records_out_q;

  always_ff @(posedge clk_i) begin
    if (!rst_nq) begin
      inside_q <= 1'b0;
      flying_q <= 1'b0;
      older_q <= 1'b0;
      {count0_q, count1_q, count2_q, count3_q} <= '0;
      records_in_q <= 8'd0;
      records_out_q <= 8'd0;
      goal_q <= 8'd0;
      beside_q <= 1'b0;
    end else begin
      if (enters) begin
        inside_q <= 1'b1;
        pcol_q <= pcol;
        fcol_q <= fcol[d];
        older_q <= taken;
      end else begin
        if (out || refused) inside_q <= 1'b0;
        if (out) flying_q <= 1'b1;
        if (flying_q && answered_i) flying_q <= 1'b0;
        if (taken) older_q <= inside_q | flying_q;
      end
      count0_q <= count0_q + {3'd0, entered_i[0] & ~pcol} - {3'd0, out_i[0] & ~out_colour_i[0]} - {3'd0, refused_i[0] & ~refused_colour_i[0]};
      count1_q <= count1_q + {3'd0, entered_i[0] & pcol} - {3'd0, out_i[0] & out_colour_i[0]} - {3'd0, refused_i[0] & refused_colour_i[0]};
      count2_q <= count2_q + {3'd0, entered_i[1] & ~pcol} - {3'd0, out_i[1] & ~out_colour_i[1]} - {3'd0, refused_i[1] & ~refused_colour_i[1]};
      count3_q <= count3_q + {3'd0, entered_i[1] & pcol} - {3'd0, out_i[1] & out_colour_i[1]} - {3'd0, refused_i[1] & refused_colour_i[1]};
      records_in_q <= records_in_q + {7'd0, |refused_i};
      records_out_q <= records_out_q + {7'd0, stored_i};
      if (taken) {reads_q, writes_q} <= ddtp_taken ? 2'b11 : {cq_reads_i, cq_writes_i};
      if (taken) beside_q <= 1'b1;
      else if (beside_none_i) beside_q <= 1'b0;
      if (taken || (refused && older_q)) goal_q <= records_in_q + {7'd0, |refused_i};
    end
  end

  // what is counted without the one that is followed
  logic [3:0] mine, others0, others1, others2, others3;
  assign mine = inside_q ? 4'd1 << {d, pcol_q} : 4'd0;
  assign others0 = count0_q - {3'd0, mine[0]};
  assign others1 = count1_q - {3'd0, mine[1]};
  assign others2 = count2_q - {3'd0, mine[2]};
  assign others3 = count3_q - {3'd0, mine[3]};
  logic [1:0] other_out, other_refused;
  assign other_out = out_i & ~{d & out, ~d & out};
  assign other_refused = refused_i & ~{d & refused, ~d & refused};

  always_ff @(posedge clk_i) if (rst_nq) begin
    m_mine: assume ((!leaves_i || inside_q) && (!out || out_colour_i[d] == pcol_q) && (!refused || refused_colour_i[d] == pcol_q));
    m_reads: assume (others0 >= {3'd0, other_out[0] & ~out_colour_i[0]} + {3'd0, other_refused[0] & ~refused_colour_i[0]}
                     && others1 >= {3'd0, other_out[0] & out_colour_i[0]} + {3'd0, other_refused[0] & refused_colour_i[0]});
    m_writes: assume (others2 >= {3'd0, other_out[1] & ~out_colour_i[1]} + {3'd0, other_refused[1] & ~refused_colour_i[1]}
                      && others3 >= {3'd0, other_out[1] & out_colour_i[1]} + {3'd0, other_refused[1] & refused_colour_i[1]});
    m_room: assume ((!entered_i[0] || count0_q + count1_q < 4'd8) && (!entered_i[1] || count2_q + count3_q < 4'd8));
    m_answers: assume (!(flying_q && fcol_q != fcol[d]) || !old_none_i[d]);
    m_records: assume ((!stored_i || records_in_q != records_out_q) && 8'(records_in_q - records_out_q) < 8'd100);
    a_pipeline: assert (!(done && older_q) || !inside_q);
    a_answers: assert (!(done && older_q && (d ? writes_q : reads_q)) || !flying_q);
    a_records: assert (!done || behind == 8'd0 || behind > 8'd127);
    a_beside: assert (!done || !beside_q);
    a_once: assert (!(cq_taken && ddtp_taken) && !(cq_done && ddtp_done));
    a_empty: assert (pipe_empty == ({count0_q, count1_q, count2_q, count3_q} == 16'd0));
    c_refused: cover (done && older_q && !inside_q && !flying_q && goal_q != 8'd0 && count1_q != 4'd0);
    c_flying: cover (done && older_q && flying_q);
    c_ddtp: cover (ddtp_done && older_q && goal_q != 8'd0);
  end
endmodule
`default_nettype wire
