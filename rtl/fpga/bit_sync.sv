// SPDX-License-Identifier: Apache-2.0
// Brings bits into another clock. Each for itself: only what changes one bit at a time, such as a Gray code, stays one number.
//
// Latency: 2 clocks. data_i comes from flip-flops.
`default_nettype none
module bit_sync #(
  parameter int unsigned W = 1  /// bits
) (
  input  wire          clk_i,
  input  wire          rst_ni,
  input  wire  [W-1:0] data_i,
  output logic [W-1:0] data_o
);
  (* ASYNC_REG = "TRUE" *) logic [W-1:0] first_q, second_q;
  assign data_o = second_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      first_q  <= '0;
      second_q <= '0;
    end else begin
      first_q  <= data_i;
      second_q <= first_q;
    end
  end
endmodule
`default_nettype wire
