// SPDX-License-Identifier: Apache-2.0
// Turns interrupt wires, which are levels, into messages: one for each vector when its wire is asserted, enabled and armed.
// Sending disarms the vector; software re-arms it after it has looked, and if the wire is still asserted the message is sent
// again. So no event is lost on a transport that knows only edges.
//
// Latency: 1 clock from wire to message_valid_o. One message is offered at a time and held until taken.
`default_nettype none
module card_irq (
  input  wire         clk_i,
  input  wire         rst_ni,
  input  wire  [31:0] wires_i,
  input  wire  [31:0] enable_i,
  /// Vectors to arm, one clock.
  input  wire  [31:0] rearm_i,
  /// Vectors that are armed; all are after reset.
  output logic [31:0] armed_o,
  /// A message is offered or will be.
  output logic        busy_o,
  output logic        message_valid_o,
  output logic [4:0]  message_vector_o,
  input  wire         message_ready_i
);
  logic [31:0] armed_q, due;
  logic        due_valid, load;
  logic [4:0]  due_vector;

  assign due     = wires_i & enable_i & armed_q;
  assign load    = due_valid && (!message_valid_o || message_ready_i);
  assign busy_o  = message_valid_o || due_valid;
  assign armed_o = armed_q;

  rr_arb #(.N(32)) u_due (.clk_i, .rst_ni, .req_i(due), .accept_i(load), .valid_o(due_valid), .index_o(due_vector));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      armed_q         <= '1;
      message_valid_o <= 1'b0;
    end else begin
      armed_q <= (armed_q & ~({31'd0, load} << due_vector)) | rearm_i;
      if (load) message_valid_o <= 1'b1;
      else if (message_ready_i) message_valid_o <= 1'b0;
    end
  end
  always_ff @(posedge clk_i) if (load) message_vector_o <= due_vector;
endmodule
`default_nettype wire
