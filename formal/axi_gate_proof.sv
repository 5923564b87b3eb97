// SPDX-License-Identifier: Apache-2.0
//
// axi_gate: what the master hands over is what the slave takes; an offer holds until it is taken, also while the gate closes;
// a gate that was asked to close lets nothing new through; quiet means that nothing is offered or unanswered.
// Assumes: the master holds its offers; answers come only to what was accepted; at most 65535 are outstanding.
`default_nettype none
module axi_gate_proof (
  input wire clk_i,
  input wire close_i,
  input wire s_awvalid,
  input wire m_awready,
  input wire s_arvalid,
  input wire m_arready,
  input wire b_i,
  input wire r_last_i
);
  logic quiet, s_awready, m_awvalid, s_arready, m_arvalid;
  logic rst_nq = 1'b0;
  always_ff @(posedge clk_i) rst_nq <= 1'b1;
  axi_gate dut (.clk_i, .rst_ni(rst_nq), .close_i, .quiet_o(quiet), .s_awvalid, .s_awready, .m_awvalid, .m_awready,
                .s_arvalid, .s_arready, .m_arvalid, .m_arready, .b_i, .r_last_i);

  (* hierconn *) wire [15:0] \dut.writes_q ;
  (* hierconn *) wire [15:0] \dut.reads_q ;

  logic [15:0] writes_q, reads_q;
  logic        waits_aw_q, waits_ar_q, shut_aw_q, shut_ar_q, offered_aw_q, offered_ar_q;
  always_ff @(posedge clk_i) begin
    offered_aw_q <= rst_nq & s_awvalid & ~s_awready;
    offered_ar_q <= rst_nq & s_arvalid & ~s_arready;
    waits_aw_q <= rst_nq & m_awvalid & ~m_awready;
    waits_ar_q <= rst_nq & m_arvalid & ~m_arready;
    shut_aw_q <= ~rst_nq | (close_i & (~m_awvalid | m_awready) & (~s_awvalid | m_awready));
    shut_ar_q <= ~rst_nq | (close_i & (~m_arvalid | m_arready) & (~s_arvalid | m_arready));
    writes_q <= rst_nq ? writes_q + {15'd0, s_awvalid & s_awready} - {15'd0, b_i} : 16'd0;
    reads_q <= rst_nq ? reads_q + {15'd0, s_arvalid & s_arready} - {15'd0, r_last_i} : 16'd0;
  end

  always_ff @(posedge clk_i) if (rst_nq) begin
    m_holds: assume ((!offered_aw_q || s_awvalid) && (!offered_ar_q || s_arvalid));
    m_answers: assume ((!b_i || writes_q != 16'd0) && (!r_last_i || reads_q != 16'd0));
    m_room: assume (writes_q != 16'hffff && reads_q != 16'hffff);
    a_same: assert ((s_awvalid && s_awready) == (m_awvalid && m_awready) && (s_arvalid && s_arready) == (m_arvalid && m_arready));
    a_hold: assert ((!waits_aw_q || m_awvalid) && (!waits_ar_q || m_arvalid));
    a_shut: assert ((!shut_aw_q || !m_awvalid) && (!shut_ar_q || !m_arvalid));
    a_quiet: assert (quiet == (!m_awvalid && !m_arvalid && writes_q == 16'd0 && reads_q == 16'd0));
    a_counts: assert (writes_q == \dut.writes_q && reads_q == \dut.reads_q );
    c_closes: cover (shut_aw_q && s_awvalid && quiet && writes_q == 16'd0 && close_i);
    c_waits: cover (waits_aw_q && close_i && m_awready);
    c_answers: cover (b_i && r_last_i && writes_q == 16'd2);
  end
endmodule
`default_nettype wire
