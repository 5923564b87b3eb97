// SPDX-License-Identifier: Apache-2.0
// Shifts packed beats to the byte lanes of their destination and makes the strobes: the counterpart of dma_align.
//
// Latency 0; a beat a clock, and one more for a piece whose last bytes spill into a further beat. The packed beat is held by
// its producer until ack_i, which comes only while done_o is high.
`default_nettype none
module dma_place #(
  /// Bits of a beat.
  parameter int unsigned DATA_W = 64
) (
  input  wire                         clk_i,
  input  wire                         rst_ni,

  input  wire                         valid_i,
  /// First and last packed beat of the piece.
  input  wire                         first_i,
  input  wire                         last_i,
  /// Offset of the destination in its first beat.
  input  wire  [$clog2(DATA_W/8)-1:0] offset_i,
  input  wire  [DATA_W-1:0]           data_i,
  /// Bytes of the packed beat, all but the last one full.
  input  wire  [$clog2(DATA_W/8):0]   bytes_i,
  /// The packed beat leaves at this clock edge.
  input  wire                         ack_i,
  /// Everything of it has been, or is in this cycle, put out.
  output logic                        done_o,

  output logic                        out_valid_o,
  input  wire                         out_ready_i,
  output logic [DATA_W-1:0]           out_data_o,
  output logic [DATA_W/8-1:0]         out_strb_o
);
  localparam int unsigned B = DATA_W / 8;
  localparam int unsigned OFF_W = $clog2(B);

  logic [DATA_W-1:0] prev_q;
  logic              spill_q;       // the beat itself is out, its spill is not
  logic              all_q;         // everything is out, the producer still holds the beat
  logic              spills, sent;
  logic [OFF_W:0]    end_byte;      // one past the last byte of the piece, from the start of this beat, modulo 2B
  logic [B-1:0]      low, high;

  assign end_byte = {1'b0, offset_i} + bytes_i;
  assign spills   = last_i && end_byte > (OFF_W+1)'(B);
  assign sent     = out_valid_o && out_ready_i;

  assign out_valid_o = valid_i && !all_q;
  assign done_o      = all_q || (out_ready_i && (spill_q || !spills));

  // Lane i of the output is byte i + B - offset of {data, prev}, or of {0, data} for the spill.
  logic [2*DATA_W-1:0] both;
  assign both       = spill_q ? {{DATA_W{1'b0}}, data_i} : {data_i, prev_q};
  assign out_data_o = offset_i == '0 ? data_i : DATA_W'(both >> {(OFF_W+1)'(B) - {1'b0, offset_i}, 3'b000});

  assign low        = first_i && !spill_q ? {B{1'b1}} << offset_i : {B{1'b1}};
  assign high       = !last_i || (spills && !spill_q) || end_byte == (OFF_W+1)'(B) ? {B{1'b1}}
                                                                                  : ~({B{1'b1}} << end_byte[OFF_W-1:0]);
  assign out_strb_o = low & high;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || ack_i) begin
      spill_q <= 1'b0;
      all_q   <= 1'b0;
    end else if (sent) begin
      if (spills && !spill_q) spill_q <= 1'b1;
      else all_q <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) if (ack_i) prev_q <= data_i;
endmodule
`default_nettype wire
