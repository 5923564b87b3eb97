// SPDX-License-Identifier: Apache-2.0
// The card's messages as requests for MSIs, one at a time. The host may have given fewer vectors than the card has: a message
// then takes the vector of the same number modulo what was given, as PCI lets a function that knows how many it got.
// While MSI is off messages wait, none is lost: a request that is shown when MSI goes off is withdrawn, and made again.
//
// Latency: 1 clock. Back-pressure: message_ready_o is high when nothing waits. msi_valid_o and msi_vector_o hold until
// msi_grant_i, or until MSI is off.
// Order: behind the writes that the card knows answered, which is all that it has a message for (merge_write: B is the
// bridge's own); that the bridge sends an MSI behind the writes it has answered is the bridge's part.
`default_nettype none
module fpga_msi (
  input  wire        clk_i,
  input  wire        rst_ni,
  input  wire        message_valid_i,
  input  wire  [4:0] message_vector_i,
  output logic       message_ready_o,

  /// MSI is on.
  input  wire        msi_enable_i,
  /// Vectors given: 1 << msi_width_i, 1 to 32; does not change while MSI is on.
  input  wire  [2:0] msi_width_i,
  output logic       msi_valid_o,
  output logic [4:0] msi_vector_o,
  /// The request that is shown was taken, one clock.
  input  wire        msi_grant_i
);
  logic       held_q, shown_q;
  logic [4:0] vector_q, given;

  assign message_ready_o = !held_q;
  assign msi_valid_o     = shown_q;
  assign msi_vector_o    = vector_q & given;
  assign given           = ~(5'h1f << msi_width_i);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      held_q  <= 1'b0;
      shown_q <= 1'b0;
    end else begin
      if (message_valid_i && message_ready_o) held_q <= 1'b1;
      else if (shown_q && msi_grant_i)        held_q <= 1'b0;
      if (shown_q) shown_q <= !msi_grant_i && msi_enable_i;
      else         shown_q <= held_q && msi_enable_i;
    end
  end
  always_ff @(posedge clk_i) if (message_ready_o) vector_q <= message_vector_i;
endmodule
`default_nettype wire
