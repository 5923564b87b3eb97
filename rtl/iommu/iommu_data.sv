// SPDX-License-Identifier: Apache-2.0
//
// The data side of m_data: write data in the order of the AWs, whole bursts, from the port whose burst is next; answers back
// to the port named by the top bit of their id.
// Latency: none. Back-pressure: passed through. Outstanding: DEPTH write bursts whose data is not yet through.
`default_nettype none
module iommu_data #(
  parameter int unsigned DATA_W = 64,  /// data width in bits
  parameter int unsigned DEPTH = 32    /// write bursts
) (
  input  wire                   clk_i,
  input  wire                   rst_ni,
  input  wire                   route_i,       /// a write burst was put into the output register
  input  wire                   route_port_i,
  input  wire  [7:0]            route_len_i,
  output logic                  room_o,        /// another burst can be put there
  output logic [1:0]            none_o,        /// per port: the data of all its bursts is through

  output logic [1:0]            turn_o,        /// the next beat is this port's
  input  wire  [1:0]            w_valid_i,
  input  wire  [2*DATA_W-1:0]   w_data_i,
  input  wire  [DATA_W/4-1:0]   w_strb_i,
  output logic                  w_ready_o,
  output logic [DATA_W-1:0]     m_data_wdata,
  output logic [DATA_W/8-1:0]   m_data_wstrb,
  output logic                  m_data_wlast,
  output logic                  m_data_wvalid,
  input  wire                   m_data_wready,

  input  wire  [4:0]            m_data_bid,
  input  wire                   m_data_bvalid,
  output logic                  m_data_bready,
  input  wire  [4:0]            m_data_rid,
  input  wire                   m_data_rlast,
  input  wire                   m_data_rvalid,
  output logic                  m_data_rready,
  output logic [1:0]            b_valid_o,
  input  wire  [1:0]            b_ready_i,
  output logic [1:0]            r_valid_o,
  input  wire  [1:0]            r_ready_i,
  output logic                  b_done_o,      /// a write was answered
  output logic                  r_done_o       /// a read was answered to its last beat
);
  localparam int unsigned CW = $clog2(DEPTH + 1);
  logic          have, pop, port;
  logic [7:0]    len, beat_q;
  logic [CW-1:0] unused_count;
  logic [CW-1:0] count_q [0:1];

  fifo #(.W(9), .DEPTH(DEPTH)) order (
    .clk_i, .rst_ni, .flush_i(1'b0), .in_valid_i(route_i), .in_ready_o(room_o), .in_data_i({route_port_i, route_len_i}),
    .out_valid_o(have), .out_ready_i(pop), .out_data_o({port, len}), .count_o(unused_count));

  assign turn_o = {have & port, have & ~port};
  assign m_data_wvalid = have & w_valid_i[port];
  assign m_data_wdata = port ? w_data_i[DATA_W +: DATA_W] : w_data_i[0 +: DATA_W];
  assign m_data_wstrb = port ? w_strb_i[DATA_W/8 +: DATA_W/8] : w_strb_i[0 +: DATA_W/8];
  assign m_data_wlast = beat_q == len;
  assign w_ready_o = m_data_wready;
  assign pop = m_data_wvalid & m_data_wready & m_data_wlast;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      beat_q <= 8'd0;
      for (int unsigned p = 0; p < 2; p++) count_q[p] <= '0;
    end else begin
      if (m_data_wvalid && m_data_wready) beat_q <= m_data_wlast ? 8'd0 : beat_q + 8'd1;
      for (int unsigned p = 0; p < 2; p++) count_q[p] <= count_q[p] + {{(CW-1){1'b0}}, route_i & (route_port_i == p[0])} - {{(CW-1){1'b0}}, pop & (port == p[0])};
    end
  end
  assign none_o = {count_q[1] == '0, count_q[0] == '0};

  assign b_valid_o = {m_data_bvalid & m_data_bid[4], m_data_bvalid & ~m_data_bid[4]};
  assign m_data_bready = b_ready_i[m_data_bid[4]];
  assign r_valid_o = {m_data_rvalid & m_data_rid[4], m_data_rvalid & ~m_data_rid[4]};
  assign m_data_rready = r_ready_i[m_data_rid[4]];
  assign b_done_o = m_data_bvalid & m_data_bready;
  assign r_done_o = m_data_rvalid & m_data_rready & m_data_rlast;

  wire unused = &{1'b0, m_data_bid[3:0], m_data_rid[3:0], unused_count};
endmodule
`default_nettype wire
