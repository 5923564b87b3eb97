// SPDX-License-Identifier: Apache-2.0
// Round-robin arbiter, combinational: the first request after the one that was last accepted wins.
//
// Latency: 0 clocks. A request that stays raised is granted after at most N - 1 others. The grant may move while it has not
// been accepted; who needs it to hold keeps it in a register.
`default_nettype none
module rr_arb #(
  /// Requesters, 2 or more.
  parameter int unsigned N = 2
) (
  input  wire                   clk_i,
  input  wire                   rst_ni,
  input  wire  [N-1:0]          req_i,
  /// The grant is used in this cycle: the next search starts behind it.
  input  wire                   accept_i,
  /// Some request is raised.
  output logic                  valid_o,
  /// Its number; 0 if none.
  output logic [$clog2(N)-1:0]  index_o
);
  localparam int unsigned IDX_W = $clog2(N);
  logic [N-1:0]     mask_q;     // requesters behind the one last accepted
  logic [N-1:0]     high;
  logic [IDX_W-1:0] index_high, index_low;

  assign high    = req_i & mask_q;
  assign valid_o = |req_i;
  assign index_o = |high ? index_high : index_low;

  always_comb begin
    index_high = '0;
    index_low  = '0;
    if (valid_o) for (int unsigned i = 0; i < N; i++) begin
      if (high[N-1-i])  index_high = IDX_W'(N - 1 - i);
      if (req_i[N-1-i]) index_low  = IDX_W'(N - 1 - i);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) mask_q <= '1;
    else if (accept_i && valid_o) mask_q <= ~N'(1) << index_o;
  end
endmodule
`default_nettype wire
