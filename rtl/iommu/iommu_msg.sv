// SPDX-License-Identifier: Apache-2.0
//
// Messages to devices: invalidation requests and group responses of commands, group responses of the IOMMU's own, in turn. Each
// goes to the port behind which its device is and is held there until the port takes it. A port that is isolated gets none any
// more: they are dropped, so that one which takes nothing holds up no other.
// Latency: two clocks. Outstanding: one message for each port, and one that is not there yet.
`default_nettype none
module iommu_msg (
  input  wire                         clk_i,
  input  wire                         rst_ni,
  input  wire  [1:0]                  isolated_i,
  // 0 of commands, 1 of page requests
  input  wire  [1:0]                  in_valid_i,
  input  wire  [2*ats_pkg::MSG_W-1:0] in_i,
  output logic [1:0]                  in_ready_o,

  output logic [23:0]                 route_did_o,  /// device of the next message ...
  input  wire                         route_port_i, /// ... and the port behind which it is
  output logic                        sent_o,       /// a message is at its port, or dropped, one clock ...
  output logic [ats_pkg::MSG_W-1:0]   sent_msg_o,   /// ... which is this one
  output logic [1:0]                  out_valid_o,  /// per port
  output logic [2*ats_pkg::MSG_W-1:0] out_o,
  input  wire  [1:0]                  out_ready_i,
  output logic                        none_o,       /// none is on its way to a port that is not isolated
  output logic                        idle_o
);
  localparam int unsigned W = ats_pkg::MSG_W;
  logic         valid_q, last_q, choice, take;
  logic [1:0]   out_valid_q, to;
  logic [W-1:0] msg_q, out0_q, out1_q;
  ats_pkg::msg_t msg;
  assign msg = msg_q;
  assign choice = in_valid_i[1] & (~in_valid_i[0] | ~last_q);
  assign take = (|in_valid_i) & ~valid_q;
  assign in_ready_o = ~take ? 2'b00 : choice ? 2'b10 : 2'b01;

  assign route_did_o = msg.did;
  assign to = ~valid_q ? 2'b00 : route_port_i ? 2'b10 : 2'b01;
  assign sent_o = (to & (isolated_i | ~out_valid_q)) != 2'b00;
  assign sent_msg_o = msg_q;
  assign out_valid_o = out_valid_q;
  assign out_o = {out1_q, out0_q};
  assign none_o = ~valid_q & ((out_valid_q & ~isolated_i) == 2'b00);
  assign idle_o = none_o & (in_valid_i == 2'b00);

  logic [1:0] load;
  assign load = to & ~isolated_i & ~out_valid_q;
  always_ff @(posedge clk_i) begin
    if (take) msg_q <= choice ? in_i[W +: W] : in_i[0 +: W];
    if (load[0]) out0_q <= msg_q;
    if (load[1]) out1_q <= msg_q;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
      last_q <= 1'b0;
      out_valid_q <= 2'b00;
    end else begin
      if (take) begin
        valid_q <= 1'b1;
        last_q <= choice;
      end else if (sent_o) valid_q <= 1'b0;
      out_valid_q <= (out_valid_q & ~out_ready_i) | load;
    end
  end
endmodule
`default_nettype wire
