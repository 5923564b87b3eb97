// SPDX-License-Identifier: Apache-2.0
//
// iommu_port_read: beats of m_data reach the port once and in order; a refused read is answered once, with ARLEN+1 beats of its id
// of which the last alone has RLAST, SLVERR or zeros; what is shown to the port holds, also when it is isolated meanwhile.
// Beats of m_data carry their number, so an order is wrong if a number is.
// Assumes: until it is isolated (then only that shown beats hold is proved) ids of m_data are below 8, those of refused reads
// above, since a port's id is never in both at once; refused reads have a length that the solver picks, up to 3 beats, and hold.
`default_nettype none
module iommu_port_read_proof (
  input wire       clk_i,
  input wire       isolated_i,
  input wire       err_valid_i,
  input wire [3:0] err_id_i,
  input wire       err_zero_i,
  input wire       r_valid_i,
  input wire [3:0] r_id_i,
  input wire [7:0] r_data_i,
  input wire [1:0] r_resp_i,
  input wire       r_last_i,
  input wire       s_rready
);
  (* anyconst *) logic [7:0] len;
  logic       expired, err_done, r_ready, s_rlast, s_rvalid, empty;
  logic [3:0] s_rid;
  logic [7:0] s_rdata;
  logic [1:0] s_rresp;
  logic       rst_nq = 1'b0;
  always_ff @(posedge clk_i) rst_nq <= 1'b1;
  iommu_port_read #(.DATA_W(8)) dut (.clk_i, .rst_ni(rst_nq), .timeout_i(32'd0), .isolated_i, .expired_o(expired),
    .err_valid_i, .err_id_i, .err_len_i(len), .err_zero_i, .err_done_o(err_done), .r_valid_i, .r_id_i, .r_data_i, .r_resp_i, .r_last_i,
    .r_ready_o(r_ready), .s_rid, .s_rdata, .s_rresp, .s_rlast, .s_rvalid, .s_rready, .empty_o(empty));

  logic        calm_q, shown_q, kept_q, taken, error_taken;
  logic [14:0] beat_q;
  logic [5:0]  error_q;
  logic [7:0]  in_q, out_q;              // numbers of beats of m_data
  logic [7:0]  error_beat_q;
  logic [3:0]  asked_q, answered_q;
  assign taken = s_rvalid & s_rready;
  assign error_taken = taken & s_rid[3];
  always_ff @(posedge clk_i) begin
    shown_q <= rst_nq & s_rvalid & ~s_rready;
    beat_q <= {s_rid, s_rdata, s_rresp, s_rlast};
    kept_q <= rst_nq & err_valid_i & ~err_done;
    error_q <= {1'b0, err_id_i, err_zero_i};
    if (!rst_nq) begin
      calm_q <= 1'b1;
      {in_q, out_q, error_beat_q, asked_q, answered_q} <= '0;
    end else begin
      if (isolated_i) calm_q <= 1'b0;
      if (r_valid_i && r_ready) in_q <= in_q + 8'd1;
      if (taken && !s_rid[3]) out_q <= out_q + 8'd1;
      if (error_taken) error_beat_q <= s_rlast ? 8'd0 : error_beat_q + 8'd1;
      if (err_done) asked_q <= asked_q + 4'd1;
      if (error_taken && s_rlast) answered_q <= answered_q + 4'd1;
    end
  end

  logic calm;
  logic [3:0] owed;
  assign calm = calm_q & ~isolated_i;
  assign owed = asked_q - answered_q;
  always_ff @(posedge clk_i) if (rst_nq) begin
    m_ids: assume (!r_id_i[3] && err_id_i[3] && len < 8'd3 && r_data_i == in_q);
    m_kept: assume (!kept_q || (err_valid_i && error_q == {1'b0, err_id_i, err_zero_i}));
    a_order: assert (!(calm && s_rvalid && !s_rid[3]) || s_rdata == out_q);
    a_loss: assert (!calm || 8'(in_q - out_q) <= 8'd2);
    a_error: assert (!(calm && s_rvalid && s_rid[3]) || (s_rdata == 8'd0 && !s_rresp[0] && s_rlast == (error_beat_q == len)));
    a_once: assert (!calm || owed <= 4'd2);
    a_hold: assert (!shown_q || (s_rvalid && beat_q == {s_rid, s_rdata, s_rresp, s_rlast}));
    a_never: assert (!expired && empty == !s_rvalid);
    c_between: cover (calm && error_taken && s_rlast && len == 8'd1 && out_q == 8'd1 && asked_q == 4'd1);
    c_isolated: cover (shown_q && isolated_i && !calm_q && taken);
  end
endmodule
`default_nettype wire
