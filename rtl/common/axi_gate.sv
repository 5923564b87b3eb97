// SPDX-License-Identifier: Apache-2.0
// Gate in the address channels of an AXI4 link: closes between transactions and knows what is outstanding.
//
// Latency 0. A request that is already offered when the gate is asked to close still passes; then AxVALID is held low towards
// the slave and AxREADY towards the master. It is closed in reset, too. W, B and R do not pass through here: what was accepted is completed.
`default_nettype none
module axi_gate (
  input  wire  clk_i,
  input  wire  rst_ni,
  /// Ask the gate to close; open again once this is low.
  input  wire  close_i,
  /// Nothing is offered through the gate and everything accepted has been answered. At most 65535 may be outstanding.
  output logic quiet_o,

  input  wire  s_awvalid,
  output logic s_awready,
  output logic m_awvalid,
  input  wire  m_awready,
  input  wire  s_arvalid,
  output logic s_arready,
  output logic m_arvalid,
  input  wire  m_arready,

  /// Handshakes of B, and of R with RLAST.
  input  wire  b_i,
  input  wire  r_last_i
);
  logic        aw_shut_q, ar_shut_q;
  logic [15:0] writes_q, reads_q;

  assign m_awvalid = s_awvalid && !aw_shut_q;
  assign s_awready = m_awready && !aw_shut_q;
  assign m_arvalid = s_arvalid && !ar_shut_q;
  assign s_arready = m_arready && !ar_shut_q;
  assign quiet_o   = !m_awvalid && !m_arvalid && writes_q == '0 && reads_q == '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      aw_shut_q <= 1'b1;
      ar_shut_q <= 1'b1;
      writes_q  <= '0;
      reads_q   <= '0;
    end else begin
      if (close_i) begin
        if (!s_awvalid || m_awready) aw_shut_q <= 1'b1;
        if (!s_arvalid || m_arready) ar_shut_q <= 1'b1;
      end else begin
        aw_shut_q <= 1'b0;
        ar_shut_q <= 1'b0;
      end
      if ((m_awvalid && m_awready) != b_i) writes_q <= b_i ? writes_q - 16'd1 : writes_q + 16'd1;
      if ((m_arvalid && m_arready) != r_last_i) reads_q <= r_last_i ? reads_q - 16'd1 : reads_q + 16'd1;
    end
  end
endmodule
`default_nettype wire
