// SPDX-License-Identifier: Apache-2.0
// Holds the straps as they were when power-on reset ended: they are settings of a board, not signals.
//
// Latency: follows its input while rst_ni is low, one clock later.
`default_nettype none
module card_straps #(
  /// Bits of all straps together.
  parameter int unsigned W = 8
) (
  input  wire          clk_i,
  input  wire          rst_ni,
  input  wire  [W-1:0] straps_i,
  output logic [W-1:0] straps_o
);
  always_ff @(posedge clk_i) if (!rst_ni) straps_o <= straps_i;
endmodule
`default_nettype wire
