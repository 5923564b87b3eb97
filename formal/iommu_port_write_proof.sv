// SPDX-License-Identifier: Apache-2.0
//
// iommu_port_write: a refused write swallows AWLEN+1 beats, no more and no less, and is answered once, with its id and SLVERR;
// answers of m_data reach the port once and in order; an answer that is shown to the port holds; a beat that was shown to m_data
// stays as it is until it is taken, also when isolation begins or ends meanwhile.
// Assumes: no time limit and, but for the two last properties, no isolation; no refused write while data of the port goes to m_data
// (iommu_pend starts none); ids of m_data are below 8 and carry their number, those of refused writes are above; a refused write has
// up to 3 beats and holds; the device holds what it shows.
`default_nettype none
module iommu_port_write_proof (
  input wire       clk_i,
  input wire       isolated_i,
  input wire       err_valid_i,
  input wire [3:0] err_id_i,
  input wire [7:0] err_len_i,
  input wire       turn_i,
  input wire       w_ready_i,
  input wire       b_valid_i,
  input wire [3:0] b_id_i,
  input wire [1:0] b_resp_i,
  input wire [7:0] s_wdata,
  input wire       s_wstrb,
  input wire       s_wvalid,
  input wire       s_bready
);
  logic        expired, sunk, sunk_ok, err_done, w_valid, w_strb, b_ready, s_wready, s_bvalid, empty;
  logic [31:0] sunk_data;
  logic [3:0]  sunk_lanes, s_bid;
  logic [7:0]  w_data;
  logic [1:0]  s_bresp;
  logic        rst_nq = 1'b0;
  always_ff @(posedge clk_i) rst_nq <= 1'b1;
  iommu_port_write #(.DATA_W(8)) dut (.clk_i, .rst_ni(rst_nq), .timeout_i(32'd0), .isolated_i, .clear_i(1'b0), .expired_o(expired),
    .err_valid_i, .err_id_i, .err_len_i, .err_mrif_i(1'b0), .sunk_o(sunk), .sunk_data_o(sunk_data), .sunk_lanes_o(sunk_lanes),
    .sunk_ok_o(sunk_ok), .sunk_done_i(1'b0), .sunk_bad_i(1'b0), .err_done_o(err_done), .turn_i, .w_valid_o(w_valid), .w_data_o(w_data),
    .w_strb_o(w_strb), .w_ready_i, .b_valid_i, .b_id_i, .b_resp_i, .b_ready_o(b_ready), .s_wdata, .s_wstrb, .s_wvalid, .s_wready,
    .s_bid, .s_bresp, .s_bvalid, .s_bready, .empty_o(empty));

  logic        calm_q, calm, kept_q, device_q, offer_q, shown_q, taken;
  logic [11:0] error_q;
  logic [8:0]  beat_q, offered_q;
  logic [5:0]  answer_q;
  logic [7:0]  swallowed_q;
  logic [2:0]  in_q, out_q, asked_q, answered_q;
  logic [2:0]  number, owed;
  assign calm = calm_q & ~isolated_i;
  assign taken = s_bvalid & s_bready;
  assign number = in_q - out_q;
  assign owed = asked_q - answered_q;
  always_ff @(posedge clk_i) begin
    kept_q <= rst_nq & err_valid_i & ~err_done;
    error_q <= {err_id_i, err_len_i};
    device_q <= rst_nq & s_wvalid & ~s_wready;
    beat_q <= {s_wdata, s_wstrb};
    offer_q <= rst_nq & w_valid & ~w_ready_i;
    offered_q <= {w_data, w_strb};
    shown_q <= rst_nq & s_bvalid & ~s_bready;
    answer_q <= {s_bid, s_bresp};
    if (!rst_nq) begin
      calm_q <= 1'b1;
      {swallowed_q, in_q, out_q, asked_q, answered_q} <= '0;
    end else begin
      if (isolated_i) calm_q <= 1'b0;
      swallowed_q <= err_done ? 8'd0 : swallowed_q + {7'd0, err_valid_i & s_wvalid & s_wready};
      if (b_valid_i && b_ready) in_q <= in_q + 3'd1;
      if (err_done) asked_q <= asked_q + 3'd1;
      if (taken && !s_bid[3]) out_q <= out_q + 3'd1;
      if (taken && s_bid[3]) answered_q <= answered_q + 3'd1;
    end
  end

  always_ff @(posedge clk_i) if (rst_nq) begin
    m_kept: assume (!kept_q || (err_valid_i && error_q == {err_id_i, err_len_i}));
    m_device: assume (!device_q || (s_wvalid && beat_q == {s_wdata, s_wstrb}));
    m_turn: assume (!(turn_i && err_valid_i) && (!offer_q || turn_i));
    m_ids: assume (err_id_i[3] && err_len_i < 8'd3 && b_id_i == {1'b0, in_q});
    a_swallow: assert (!calm || (err_done ? swallowed_q == err_len_i + 8'd1 : swallowed_q <= err_len_i + 8'd1 || !err_valid_i));
    a_only: assert (!(calm && s_wvalid && s_wready) || (err_valid_i ^ (turn_i && w_valid && w_ready_i)));
    a_through: assert (!(calm && w_valid) || (turn_i && {w_data, w_strb} == {s_wdata, s_wstrb}));
    a_order: assert (!(calm && s_bvalid && !s_bid[3]) || s_bid[2:0] == out_q);
    a_error: assert (!(calm && s_bvalid && s_bid[3]) || (s_bresp == 2'b10 && owed != 3'd0));
    a_loss: assert (!calm || (number <= 3'd2 && owed <= 3'd2));
    a_hold: assert (!shown_q || (s_bvalid && answer_q == {s_bid, s_bresp}));
    a_offer: assert (!offer_q || (w_valid && offered_q == {w_data, w_strb}));
    a_never: assert (!expired && !sunk && empty == !s_bvalid);
    c_refused: cover (calm && taken && s_bid[3] && out_q == 3'd1 && error_q[1:0] == 2'd1);
    c_isolated: cover (offer_q && isolated_i && w_ready_i && w_strb);
  end
endmodule
`default_nettype wire
