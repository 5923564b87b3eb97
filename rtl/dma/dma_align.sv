// SPDX-License-Identifier: Apache-2.0
// Packs what the read bursts of one piece deliver: bytes from any offset become beats that start at byte 0.
//
// Latency 0. An aligned piece passes at a beat a clock; any other one takes one clock more than it has packed beats.
// Back-pressure: takes a beat only when the packed one leaves or the first half of one is stored.
`default_nettype none
module dma_align #(
  /// Bits of a beat.
  parameter int unsigned DATA_W = 64
) (
  input  wire                         clk_i,
  input  wire                         rst_ni,

  /// A piece is being read; the following describe it.
  input  wire                         valid_i,
  /// Offset of its first byte in the first beat.
  input  wire  [$clog2(DATA_W/8)-1:0] offset_i,
  /// Bytes that have not left yet.
  input  wire  [8:0]                  left_i,

  input  wire                         in_valid_i,
  output logic                        in_ready_o,
  input  wire  [DATA_W-1:0]           in_data_i,
  input  wire                         in_error_i,
  /// Last beat of its burst; a piece has one burst or two.
  input  wire                         in_last_i,

  output logic                        out_valid_o,
  input  wire                         out_ready_i,
  /// Bytes behind left_i are undefined.
  output logic [DATA_W-1:0]           out_data_o,
  /// With the piece's last beat: one of its beats was in error,
  output logic                        out_error_o,
  /// and the first such belonged to the second burst.
  output logic                        out_second_o
);
  localparam int unsigned B = DATA_W / 8;
  localparam int unsigned OFF_W = $clog2(B);

  logic [DATA_W-1:0]   resid_q;
  logic                primed_q;             // resid_q holds the beat before
  logic                error_q, second_q, bursts_q;
  logic [OFF_W:0]      held;                 // bytes of a beat behind the offset
  logic                need, store, take, last, error_now;
  logic [2*DATA_W-1:0] both;

  assign held  = (OFF_W+1)'(B) - {1'b0, offset_i};
  // The packed beat needs a beat from the input, unless the stored one holds all that is left.
  assign need  = !primed_q || left_i > 9'(held);
  // The first beat of an unaligned piece goes to the store, unless it holds the whole piece.
  assign store = !primed_q && offset_i != '0 && left_i > 9'(held);
  assign last  = left_i <= 9'(B);

  assign out_valid_o = valid_i && !store && (!need || in_valid_i);
  assign in_ready_o  = valid_i && (store || (need && out_ready_i));
  assign take        = in_valid_i && in_ready_o;
  assign both        = primed_q ? {in_data_i, resid_q} : {in_data_i, in_data_i};
  assign out_data_o  = DATA_W'(both >> {offset_i, 3'b000});

  assign error_now    = need && in_valid_i && in_error_i;
  assign out_error_o  = error_q || error_now;
  assign out_second_o = error_q ? second_q : bursts_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || (out_valid_o && out_ready_i && last)) begin
      primed_q <= 1'b0;
      error_q  <= 1'b0;
      second_q <= 1'b0;
      bursts_q <= 1'b0;
    end else if (take) begin
      primed_q <= offset_i != '0;
      if (in_last_i) bursts_q <= 1'b1;
      if (in_error_i && !error_q) begin
        error_q  <= 1'b1;
        second_q <= bursts_q;
      end
    end
  end

  always_ff @(posedge clk_i) if (take) resid_q <= in_data_i;
endmodule
`default_nettype wire
