// SPDX-License-Identifier: Apache-2.0
//
// Write data and write answers of one port. Data goes to m_data when it is the port's turn there, or is swallowed for a
// refused write, which is then answered with SLVERR. Bursts are told apart by counting beats, so a wrong WLAST cannot shift
// one burst's data into another's.
// A port that withholds data, or does not take an answer, for timeout_i clocks is reported. While it is isolated its bursts on
// m_data are finished with strobes off, their answers are dropped (the device may not have sent the data yet), and the data it
// still owes is swallowed whenever it comes.
// Latency: data none, answers one clock. Back-pressure: data waits for the turn; two answers are held.
`default_nettype none
module iommu_port_write #(
  parameter int unsigned DATA_W = 64  /// data width in bits
) (
  input  wire                 clk_i,
  input  wire                 rst_ni,
  input  wire  [31:0]         timeout_i,    /// clocks, 0: never
  input  wire                 isolated_i,
  input  wire                 clear_i,      /// the device was reset: it owes nothing any more
  output logic                expired_o,    /// the port gave or took nothing for too long

  input  wire                 err_valid_i,  /// a refused write, held until err_done_o
  input  wire  [3:0]          err_id_i,
  input  wire  [7:0]          err_len_i,
  input  wire                 err_mrif_i,   /// it goes to an interrupt file
  output logic                sunk_o,       /// that write's data is here: ...
  output logic [31:0]         sunk_data_o,
  output logic [3:0]          sunk_lanes_o, /// ... 4-byte lanes of the beat that hold it, ...
  output logic                sunk_ok_o,    /// ... one of them, in a single beat
  input  wire                 sunk_done_i,  /// it is dealt with; held until err_done_o
  input  wire                 sunk_bad_i,   /// ... and refused
  output logic                err_done_o,

  input  wire                 turn_i,       /// the next beat on m_data is this port's
  output logic                w_valid_o,
  output logic [DATA_W-1:0]   w_data_o,
  output logic [DATA_W/8-1:0] w_strb_o,
  input  wire                 w_ready_i,
  input  wire                 b_valid_i,    /// from m_data
  input  wire  [3:0]          b_id_i,
  input  wire  [1:0]          b_resp_i,
  output logic                b_ready_o,

  input  wire  [DATA_W-1:0]   s_wdata,
  input  wire  [DATA_W/8-1:0] s_wstrb,
  input  wire                 s_wvalid,
  output logic                s_wready,
  output logic [3:0]          s_bid,
  output logic [1:0]          s_bresp,
  output logic                s_bvalid,
  input  wire                 s_bready,
  output logic                empty_o       /// no answer is held
);
  // ---- data ------------------------------------------------------------------------------------------------------------------------
  logic        sunk_q, owing, sinking, sink_end, cut;
  logic [7:0]  beat_q;
  logic [15:0] owed_q, owed_more;
  logic [31:0] stuck_w_q, stuck_b_q;

  assign owing = owed_q != 16'd0;
  assign sinking = err_valid_i & ~sunk_q;
  // a beat that m_data has seen goes through as it is, the device's or an empty one, whatever happens to the port meanwhile
  logic shown_q, empty_q, cut_off;
  assign cut_off = (isolated_i & ~shown_q) | empty_q;
  assign w_valid_o = turn_i & (cut_off | (s_wvalid & ~owing));
  assign w_data_o = cut_off ? '0 : s_wdata;
  assign w_strb_o = cut_off ? '0 : s_wstrb;
  assign s_wready = owing | (turn_i & ~cut_off & w_ready_i) | sinking;

  logic sink_beat, sink_expired;
  assign sink_beat = sinking & s_wvalid & ~owing;
  assign sink_expired = (timeout_i != 32'd0) & (stuck_w_q >= timeout_i);
  assign cut = sinking & sink_expired & ~sink_beat;        // the rest of a refused burst is owed
  assign sink_end = (sink_beat & (beat_q == err_len_i)) | cut;
  assign owed_more = (turn_i && cut_off && isolated_i && w_ready_i) ? 16'd1 : cut ? {8'd0, err_len_i - beat_q} + 16'd1 : 16'd0;

  logic waiting;
  assign waiting = (sinking | (turn_i & ~cut_off)) & (~s_wvalid | owing);

  // the four bytes of a write to an interrupt file
  logic [3:0]   lanes, full_lanes;
  logic [127:0] wide_data;
  logic [15:0]  wide_strb;
  assign wide_data = 128'(s_wdata);
  assign wide_strb = 16'(s_wstrb);
  always_comb begin
    lanes = '0;
    full_lanes = '0;
    for (int unsigned i = 0; i < 4; i++) begin
      lanes[i] = |wide_strb[i*4 +: 4];
      full_lanes[i] = &wide_strb[i*4 +: 4];
    end
  end
  always_ff @(posedge clk_i) if (sink_beat && err_mrif_i) begin
    sunk_lanes_o <= lanes;
    sunk_ok_o <= (err_len_i == 8'd0) & (lanes == full_lanes) & (lanes != 4'd0) & ((lanes & (lanes - 4'd1)) == 4'd0);
    sunk_data_o <= lanes[0] ? wide_data[31:0] : lanes[1] ? wide_data[63:32] : lanes[2] ? wide_data[95:64] : wide_data[127:96];
  end
  assign sunk_o = err_valid_i & err_mrif_i & sunk_q & ~cut_q;

  // ---- answers ---------------------------------------------------------------------------------------------------------------------
  logic in_valid, in_ready, cut_q, ended, error;
  assign ended = err_valid_i & sunk_q;
  assign error = ended & ~cut_q & (~err_mrif_i | sunk_done_i);  // no answer to a burst whose data did not come
  assign in_valid = error | (b_valid_i & ~isolated_i);
  assign b_ready_o = isolated_i | (in_ready & ~error);
  assign err_done_o = ended & (cut_q | ((~err_mrif_i | sunk_done_i) & (in_ready | isolated_i)));
  assign empty_o = ~s_bvalid;
  skid #(.W(6)) held (.clk_i, .rst_ni, .in_valid_i(in_valid), .in_ready_o(in_ready),
                      .in_data_i(error ? {err_id_i, (err_mrif_i & ~sunk_bad_i) ? 2'b00 : iommu_pkg::RESP_SLVERR} : {b_id_i, b_resp_i}),
                      .out_valid_o(s_bvalid), .out_ready_i(s_bready), .out_data_o({s_bid, s_bresp}));

  assign expired_o = (timeout_i != 32'd0) & ((stuck_w_q >= timeout_i) | (stuck_b_q >= timeout_i));
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      shown_q <= 1'b0;
      empty_q <= 1'b0;
      sunk_q <= 1'b0;
      cut_q <= 1'b0;
      beat_q <= 8'd0;
      owed_q <= 16'd0;
      stuck_w_q <= 32'd0;
      stuck_b_q <= 32'd0;
    end else begin
      shown_q <= w_valid_o & ~w_ready_i & ~cut_off;
      empty_q <= w_valid_o & ~w_ready_i & cut_off;
      if (sink_end) sunk_q <= 1'b1;
      else if (err_done_o) sunk_q <= 1'b0;
      if (sink_end) cut_q <= cut;
      if (sink_end) beat_q <= 8'd0;
      else if (sink_beat) beat_q <= beat_q + 8'd1;
      owed_q <= clear_i ? 16'd0 : owed_q + owed_more - {15'd0, owing & s_wvalid};
      stuck_w_q <= (waiting && !sink_expired) ? stuck_w_q + 32'd1 : 32'd0;
      stuck_b_q <= (s_bvalid && !s_bready && !isolated_i && !expired_o) ? stuck_b_q + 32'd1 : 32'd0;
    end
  end
endmodule
`default_nettype wire
