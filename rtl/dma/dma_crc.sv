// SPDX-License-Identifier: Apache-2.0
// CRC-32 (polynomial 0x04c11db7 reflected, as zlib's crc32) over a stream of beats whose bytes lie at the low end.
//
// A full beat takes 1 clock, a partial one log2(DATA_W / 8) + 1. The beat is held by its producer until ack_i, which comes
// only while done_o is high; the value is not inverted at either end.
`default_nettype none
module dma_crc #(
  /// Bits of a beat.
  parameter int unsigned DATA_W = 64
) (
  input  wire                         clk_i,
  input  wire                         rst_ni,
  /// A beat is offered.
  input  wire                         valid_i,
  /// Continue from seed_i instead of from the last value.
  input  wire                         first_i,
  input  wire  [31:0]                 seed_i,
  input  wire  [DATA_W-1:0]           data_i,
  /// Bytes of the beat that count, from the low end: 1 to DATA_W / 8.
  input  wire  [$clog2(DATA_W/8):0]   bytes_i,
  /// The beat leaves at this clock edge.
  input  wire                         ack_i,
  /// value_o includes the beat.
  output logic                        done_o,
  output logic [31:0]                 value_o
);
  localparam int unsigned B = DATA_W / 8;
  localparam int unsigned L = $clog2(B);
  localparam logic [31:0] POLYNOMIAL = 32'hedb88320;

  logic [31:0]       value_q, start, full, part;
  logic [DATA_W-1:0] rest_q, rest, rest_d;
  logic [L-1:0]      step_q;      // of a partial beat: bytes in pieces of B/2, B/4, ... 1
  logic              whole_q;     // all pieces are in value_q
  logic              is_full;

  assign is_full = bytes_i[L];
  assign start   = first_i && step_q == '0 ? seed_i : value_q;
  assign rest    = step_q == '0 ? data_i : rest_q;
  assign done_o  = valid_i && (is_full || whole_q);
  assign value_o = is_full ? full : value_q;

  always_comb begin
    full = start;
    if (valid_i && is_full)
      for (int unsigned i = 0; i < DATA_W; i++) full = (full >> 1) ^ (full[0] ^ data_i[i] ? POLYNOMIAL : 32'd0);
  end

  always_comb begin
    part   = start;
    rest_d = rest;
    if (valid_i && !is_full)
      for (int unsigned s = 0; s < L; s++)
        if (step_q == L'(s) && bytes_i[L-1-s]) begin
          for (int unsigned i = 0; i < (DATA_W >> (s + 1)); i++) part = (part >> 1) ^ (part[0] ^ rest[i] ? POLYNOMIAL : 32'd0);
          rest_d = rest >> (DATA_W >> (s + 1));
        end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || ack_i) begin
      step_q  <= '0;
      whole_q <= 1'b0;
    end else if (valid_i && !is_full && !whole_q) begin
      if (step_q == L'(L - 1)) whole_q <= 1'b1;
      else step_q <= step_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (valid_i && !is_full && !whole_q) begin
      value_q <= part;
      rest_q  <= rest_d;
    end else if (ack_i) begin
      value_q <= value_o;
    end
  end
endmodule
`default_nettype wire
