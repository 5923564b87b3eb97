// SPDX-License-Identifier: Apache-2.0
//
// When the clock of walks, queues, interrupts and registers is needed: while one of them works or is given work, and some clocks
// longer, in which what they have done reaches the interrupt registers. They have settled only then.
// Latency: none; the clock that gives the work is needed too.
`default_nettype none
module iommu_clock (
  input  wire  clk_i,
  input  wire  rst_ni,
  input  wire  work_i,       /// there is work, or new work is offered
  input  wire  waits_i,      /// time is to pass, but nobody works
  output logic needed_o,     /// the edge that ends this clock is needed
  output logic settled_o     /// no work, and none to come of what was done
);
  logic [2:0] left_q;
  assign settled_o = ~work_i & (left_q == 3'd0);
  assign needed_o = ~settled_o | waits_i | ~rst_ni;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || work_i) left_q <= '1;
    else if (left_q != 3'd0) left_q <= left_q - 3'd1;
  end
endmodule
`default_nettype wire
