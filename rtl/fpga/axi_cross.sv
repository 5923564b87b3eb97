// SPDX-License-Identifier: Apache-2.0
// An AXI link between two clocks: each of its five channels through a queue of its own. A channel's payload is one word; what is
// in it, AXI4 or AXI4-Lite, is the neighbours' business.
//
// Latency and back-pressure: as async_fifo, in each channel. Outstanding: no limit of its own.
// Order: that within each channel. A write that was accepted may be overtaken by a read: who needs more waits for B.
`default_nettype none
module axi_cross #(
  parameter int unsigned A_W = 8,          /// bits of AW, and of AR
  parameter int unsigned W_W = 8,          /// bits of W
  parameter int unsigned B_W = 8,          /// bits of B
  parameter int unsigned R_W = 8,          /// bits of R
  parameter int unsigned ANSWER_DEPTH = 8, /// words of R
  parameter int unsigned DATA_DEPTH = 8    /// words of W
) (
  // the master's side
  input  wire            s_clk_i,
  input  wire            s_rst_ni,
  input  wire  [A_W-1:0] s_aw_i,
  input  wire            s_aw_valid_i,
  output logic           s_aw_ready_o,
  input  wire  [W_W-1:0] s_w_i,
  input  wire            s_w_valid_i,
  output logic           s_w_ready_o,
  output logic [B_W-1:0] s_b_o,
  output logic           s_b_valid_o,
  input  wire            s_b_ready_i,
  input  wire  [A_W-1:0] s_ar_i,
  input  wire            s_ar_valid_i,
  output logic           s_ar_ready_o,
  output logic [R_W-1:0] s_r_o,
  output logic           s_r_valid_o,
  input  wire            s_r_ready_i,

  // the slave's side
  input  wire            m_clk_i,
  input  wire            m_rst_ni,
  output logic [A_W-1:0] m_aw_o,
  output logic           m_aw_valid_o,
  input  wire            m_aw_ready_i,
  output logic [W_W-1:0] m_w_o,
  output logic           m_w_valid_o,
  input  wire            m_w_ready_i,
  input  wire  [B_W-1:0] m_b_i,
  input  wire            m_b_valid_i,
  output logic           m_b_ready_o,
  output logic [A_W-1:0] m_ar_o,
  output logic           m_ar_valid_o,
  input  wire            m_ar_ready_i,
  input  wire  [R_W-1:0] m_r_i,
  input  wire            m_r_valid_i,
  output logic           m_r_ready_o
);
  async_fifo #(.W(A_W)) u_aw (
    .in_clk_i(s_clk_i), .in_rst_ni(s_rst_ni), .in_valid_i(s_aw_valid_i), .in_ready_o(s_aw_ready_o), .in_data_i(s_aw_i),
    .out_clk_i(m_clk_i), .out_rst_ni(m_rst_ni), .out_valid_o(m_aw_valid_o), .out_ready_i(m_aw_ready_i), .out_data_o(m_aw_o));
  async_fifo #(.W(W_W), .DEPTH(DATA_DEPTH)) u_w (
    .in_clk_i(s_clk_i), .in_rst_ni(s_rst_ni), .in_valid_i(s_w_valid_i), .in_ready_o(s_w_ready_o), .in_data_i(s_w_i),
    .out_clk_i(m_clk_i), .out_rst_ni(m_rst_ni), .out_valid_o(m_w_valid_o), .out_ready_i(m_w_ready_i), .out_data_o(m_w_o));
  async_fifo #(.W(B_W)) u_b (
    .in_clk_i(m_clk_i), .in_rst_ni(m_rst_ni), .in_valid_i(m_b_valid_i), .in_ready_o(m_b_ready_o), .in_data_i(m_b_i),
    .out_clk_i(s_clk_i), .out_rst_ni(s_rst_ni), .out_valid_o(s_b_valid_o), .out_ready_i(s_b_ready_i), .out_data_o(s_b_o));
  async_fifo #(.W(A_W)) u_ar (
    .in_clk_i(s_clk_i), .in_rst_ni(s_rst_ni), .in_valid_i(s_ar_valid_i), .in_ready_o(s_ar_ready_o), .in_data_i(s_ar_i),
    .out_clk_i(m_clk_i), .out_rst_ni(m_rst_ni), .out_valid_o(m_ar_valid_o), .out_ready_i(m_ar_ready_i), .out_data_o(m_ar_o));
  async_fifo #(.W(R_W), .DEPTH(ANSWER_DEPTH)) u_r (
    .in_clk_i(m_clk_i), .in_rst_ni(m_rst_ni), .in_valid_i(m_r_valid_i), .in_ready_o(m_r_ready_o), .in_data_i(m_r_i),
    .out_clk_i(s_clk_i), .out_rst_ni(s_rst_ni), .out_valid_o(s_r_valid_o), .out_ready_i(s_r_ready_i), .out_data_o(s_r_o));
endmodule
`default_nettype wire
