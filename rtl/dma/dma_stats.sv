// SPDX-License-Identifier: Apache-2.0
// Counters of each channel since it was enabled. Every event counts in the clock in which it is given; nothing is lost.
`default_nettype none
module dma_stats (
  input  wire         clk_i,
  input  wire         rst_ni,

  /// A channel starts: its counters read 0 from the next clock. It gives no event in this clock.
  input  wire         start_i,
  input  wire  [2:0]  start_channel_i,

  /// Data bytes were read and used.
  input  wire         read_i,
  input  wire  [2:0]  read_channel_i,
  input  wire  [8:0]  read_bytes_i,
  /// A data read burst ended, and its latency.
  input  wire         read_burst_i,
  input  wire  [2:0]  read_burst_channel_i,
  input  wire  [31:0] read_burst_cycles_i,
  /// A data write burst was answered: its latency, its bytes (0 if it failed).
  input  wire         write_burst_i,
  input  wire  [2:0]  write_burst_channel_i,
  input  wire  [31:0] write_burst_cycles_i,
  input  wire  [8:0]  write_burst_bytes_i,
  /// A descriptor was finished, and the cycles it took.
  input  wire         busy_i,
  input  wire  [2:0]  busy_channel_i,
  input  wire  [63:0] busy_cycles_i,

  /// Counters of a channel, combinational; 0 while re_i is low.
  input  wire         re_i,
  input  wire  [2:0]  channel_i,
  output logic [63:0] bytes_read_o,
  output logic [63:0] bytes_written_o,
  output logic [63:0] read_bursts_o,
  output logic [63:0] read_latency_o,
  output logic [63:0] write_bursts_o,
  output logic [63:0] write_latency_o,
  output logic [63:0] busy_cycles_o
);
  logic [63:0]  read_m [0:7];      // bytes
  logic [127:0] rburst_m [0:7];    // {bursts, latency}
  logic [191:0] wburst_m [0:7];    // {bytes, bursts, latency}
  logic [63:0]  busy_m [0:7];
  logic [7:0]   read_z_q, rburst_z_q, wburst_z_q, busy_z_q;  // the row counts as 0

  logic [63:0]  read_old, busy_old;
  logic [127:0] rburst_old;
  logic [191:0] wburst_old;
  assign read_old   = read_z_q[read_channel_i] ? '0 : read_m[read_channel_i];
  assign busy_old   = busy_z_q[busy_channel_i] ? '0 : busy_m[busy_channel_i];
  assign rburst_old = rburst_z_q[read_burst_channel_i] ? '0 : rburst_m[read_burst_channel_i];
  assign wburst_old = wburst_z_q[write_burst_channel_i] ? '0 : wburst_m[write_burst_channel_i];

  always_ff @(posedge clk_i) begin
    if (read_i) read_m[read_channel_i] <= read_old + 64'(read_bytes_i);
    if (busy_i) busy_m[busy_channel_i] <= busy_old + busy_cycles_i;
    if (read_burst_i)
      rburst_m[read_burst_channel_i] <= {rburst_old[127:64] + 64'd1, rburst_old[63:0] + 64'(read_burst_cycles_i)};
    if (write_burst_i)
      wburst_m[write_burst_channel_i] <= {wburst_old[191:128] + 64'(write_burst_bytes_i), wburst_old[127:64] + 64'd1,
                                          wburst_old[63:0] + 64'(write_burst_cycles_i)};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      read_z_q   <= '1;
      rburst_z_q <= '1;
      wburst_z_q <= '1;
      busy_z_q   <= '1;
    end else begin
      if (read_i)        read_z_q[read_channel_i]          <= 1'b0;
      if (busy_i)        busy_z_q[busy_channel_i]          <= 1'b0;
      if (read_burst_i)  rburst_z_q[read_burst_channel_i]  <= 1'b0;
      if (write_burst_i) wburst_z_q[write_burst_channel_i] <= 1'b0;
      if (start_i) begin
        read_z_q[start_channel_i]   <= 1'b1;
        rburst_z_q[start_channel_i] <= 1'b1;
        wburst_z_q[start_channel_i] <= 1'b1;
        busy_z_q[start_channel_i]   <= 1'b1;
      end
    end
  end

  always_comb begin
    bytes_read_o = '0;
    busy_cycles_o = '0;
    {read_bursts_o, read_latency_o} = '0;
    {bytes_written_o, write_bursts_o, write_latency_o} = '0;
    if (re_i) begin
      if (!read_z_q[channel_i]) bytes_read_o = read_m[channel_i];
      if (!busy_z_q[channel_i]) busy_cycles_o = busy_m[channel_i];
      if (!rburst_z_q[channel_i]) {read_bursts_o, read_latency_o} = rburst_m[channel_i];
      if (!wburst_z_q[channel_i]) {bytes_written_o, write_bursts_o, write_latency_o} = wburst_m[channel_i];
    end
  end
endmodule
`default_nettype wire
