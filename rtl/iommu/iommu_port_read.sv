// SPDX-License-Identifier: Apache-2.0
//
// Answers to the reads of one port: those of m_data, and error answers (ARLEN+1 beats of SLVERR) for refused reads, beat by
// beat in turn. A port that does not take a beat for timeout_i clocks is reported; while it is isolated, answers of m_data
// are dropped here, and those error answers that it does not take, so that m_data and fences go on for the others.
// Latency: one clock. Back-pressure: two beats are held. A beat shown to the port stays until it is taken.
`default_nettype none
module iommu_port_read #(
  parameter int unsigned DATA_W = 64  /// data width in bits
) (
  input  wire               clk_i,
  input  wire               rst_ni,
  input  wire  [31:0]       timeout_i,    /// clocks, 0: never
  input  wire               isolated_i,
  output logic              expired_o,    /// the port took nothing for too long

  input  wire               err_valid_i,  /// a refused read, held until err_done_o
  input  wire  [3:0]        err_id_i,
  input  wire  [7:0]        err_len_i,
  input  wire               err_zero_i,   /// it is not refused, but reads zeros
  output logic              err_done_o,

  input  wire               r_valid_i,    /// from m_data
  input  wire  [3:0]        r_id_i,
  input  wire  [DATA_W-1:0] r_data_i,
  input  wire  [1:0]        r_resp_i,
  input  wire               r_last_i,
  output logic              r_ready_o,

  output logic [3:0]        s_rid,
  output logic [DATA_W-1:0] s_rdata,
  output logic [1:0]        s_rresp,
  output logic              s_rlast,
  output logic              s_rvalid,
  input  wire               s_rready,
  output logic              empty_o       /// no beat is held
);
  localparam int unsigned W = 4 + DATA_W + 2 + 1;
  logic         turn_q, error, in_valid, in_ready, take;
  logic [7:0]   beat_q;
  logic [31:0]  stuck_q;
  logic [W-1:0] in;

  assign error = err_valid_i & (isolated_i | ~r_valid_i | turn_q);
  assign in_valid = error | (r_valid_i & ~isolated_i);
  assign take = in_valid & (in_ready | isolated_i);
  assign in = error ? {err_id_i, {DATA_W{1'b0}}, err_zero_i ? 2'b00 : iommu_pkg::RESP_SLVERR, beat_q == err_len_i} : {r_id_i, r_data_i, r_resp_i, r_last_i};
  assign r_ready_o = isolated_i | (in_ready & ~error);
  assign err_done_o = take & error & (beat_q == err_len_i);
  assign empty_o = ~s_rvalid;

  skid #(.W(W)) held (.clk_i, .rst_ni, .in_valid_i(in_valid), .in_ready_o(in_ready), .in_data_i(in),
                      .out_valid_o(s_rvalid), .out_ready_i(s_rready), .out_data_o({s_rid, s_rdata, s_rresp, s_rlast}));

  assign expired_o = (timeout_i != 32'd0) & (stuck_q >= timeout_i);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      turn_q <= 1'b0;
      beat_q <= 8'd0;
      stuck_q <= 32'd0;
    end else begin
      if (take) turn_q <= ~error;
      if (take && error) beat_q <= (beat_q == err_len_i) ? 8'd0 : beat_q + 8'd1;
      stuck_q <= (s_rvalid && !s_rready && !expired_o && !isolated_i) ? stuck_q + 32'd1 : 32'd0;
    end
  end
endmodule
`default_nettype wire
