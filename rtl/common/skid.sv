// SPDX-License-Identifier: Apache-2.0
// Skid buffer: cuts a valid/ready link so that no combinational path crosses it.
//
// Latency: 1 clock. Throughput: one word a clock. Back-pressure: in_ready_o is a register; out_valid_o and out_data_o are
// registers and hold until out_ready_i. Holds up to 2 words.
`default_nettype none
module skid #(
  /// Bits of a word.
  parameter int unsigned W = 8
) (
  input  wire          clk_i,
  input  wire          rst_ni,
  input  wire          in_valid_i,
  output logic         in_ready_o,
  input  wire  [W-1:0] in_data_i,
  output logic         out_valid_o,
  input  wire          out_ready_i,
  output logic [W-1:0] out_data_o
);
  logic         valid_q, spare_valid_q;
  logic [W-1:0] data_q, spare_q;

  assign in_ready_o  = !spare_valid_q;
  assign out_valid_o = valid_q;
  assign out_data_o  = data_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q       <= 1'b0;
      spare_valid_q <= 1'b0;
    end else if (!valid_q || out_ready_i) begin
      valid_q       <= spare_valid_q || in_valid_i;
      spare_valid_q <= 1'b0;
    end else if (in_valid_i && in_ready_o) begin
      spare_valid_q <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!valid_q || out_ready_i) data_q <= spare_valid_q ? spare_q : in_data_i;
    if (in_ready_o) spare_q <= in_data_i;
  end
endmodule
`default_nettype wire
