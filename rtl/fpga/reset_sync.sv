// SPDX-License-Identifier: Apache-2.0
// A reset for one clock: falls at once, whether that clock runs or not, and rises with it.
//
// Latency: 2 clocks from the rise of rst_ni to that of rst_no.
`default_nettype none
module reset_sync (
  input  wire  clk_i,
  /// Of any clock, or of none.
  input  wire  rst_ni,
  output logic rst_no
);
  (* ASYNC_REG = "TRUE" *) logic [1:0] sync_q;
  assign rst_no = sync_q[1];

  always_ff @(posedge clk_i or negedge rst_ni)
    if (!rst_ni) sync_q <= 2'b00;
    else         sync_q <= {sync_q[0], 1'b1};
endmodule
`default_nettype wire
