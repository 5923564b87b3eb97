// SPDX-License-Identifier: Apache-2.0
// Fetches descriptors, one ahead for each channel: while one is carried out, the next lies here.
//
// One fetch per channel may be in flight, of all channels together. A fetch starts 2 clocks after the doorbell.
`default_nettype none
module dma_ring #(
  /// 64 or 128.
  parameter int unsigned DATA_W = 64
) (
  input  wire                clk_i,
  input  wire                rst_ni,

  /// Ring of each channel.
  input  wire  [8*64-1:0]    base_i,
  input  wire  [8*4-1:0]     log2_i,
  input  wire  [8*15-1:0]    tail_i,
  /// Channels that may fetch.
  input  wire  [7:0]         run_i,
  /// A channel starts again at index 0; nothing of it is in flight.
  input  wire                start_i,
  input  wire  [2:0]         start_channel_i,

  output logic               fetch_valid_o,
  input  wire                fetch_ready_i,
  output logic [2:0]         fetch_channel_o,
  output logic [63:0]        fetch_address_o,
  input  wire                fetched_i,
  input  wire  [2:0]         fetched_channel_i,
  input  wire  [DATA_W-1:0]  fetched_data_i,
  input  wire                fetched_error_i,
  input  wire                fetched_last_i,

  /// Channels with a fetch wanted, in flight, or failed in this clock.
  output logic [7:0]         wanted_o,
  output logic [7:0]         fetching_o,
  output logic [7:0]         failed_o,
  /// Channels whose next descriptor is here.
  output logic [7:0]         next_o,
  /// Its words, combinational, and its end.
  input  wire  [2:0]         channel_i,
  input  wire                take_i,
  output logic [63:0]        control_o,
  output logic [63:0]        src_o,
  output logic [63:0]        dst_o,
  output logic [63:0]        length_o,
  output logic [63:0]        pattern_o
);
  localparam int unsigned PER_BEAT = DATA_W / 64;
  localparam logic [2:0] CONTROL = 3'(regs_pkg::DESCRIPTOR_CONTROL_WORD);
  localparam logic [2:0] SRC = 3'(regs_pkg::DESCRIPTOR_SRC_WORD);
  localparam logic [2:0] DST = 3'(regs_pkg::DESCRIPTOR_DST_WORD);
  localparam logic [2:0] LENGTH = 3'(regs_pkg::DESCRIPTOR_LENGTH_WORD);
  localparam logic [2:0] PATTERN = 3'(regs_pkg::DESCRIPTOR_PATTERN_WORD);

  logic [8*15-1:0] index_q;         // next to fetch
  logic [8*3-1:0]  word_q;          // of the fetch that is arriving
  logic [7:0]      fetching_q, next_q, error_q;
  logic            pick_valid, pick;
  logic [2:0]      pick_channel;
  logic [14:0]     pick_index, pick_mask;

  // An index is compared with the tail within the ring.
  for (genvar c = 0; c < 8; c++) begin : gen_want
    logic [14:0] ring_mask;
    assign ring_mask   = (15'd1 << log2_i[c*4 +: 4]) - 15'd1;
    assign wanted_o[c] = run_i[c] && !next_q[c] && !fetching_q[c] &&
                         ((index_q[c*15 +: 15] ^ tail_i[c*15 +: 15]) & ring_mask) != 15'd0;
  end

  rr_arb #(.N(8)) u_pick (.clk_i, .rst_ni, .req_i(wanted_o), .accept_i(pick), .valid_o(pick_valid), .index_o(pick_channel));
  assign pick       = pick_valid && (!fetch_valid_o || fetch_ready_i);
  assign pick_mask  = (15'd1 << log2_i[pick_channel*4 +: 4]) - 15'd1;
  assign pick_index = index_q[pick_channel*15 +: 15];
  assign fetching_o = fetching_q;
  assign next_o     = next_q;

  always_ff @(posedge clk_i)
    if (pick) begin
      fetch_channel_o <= pick_channel;
      fetch_address_o <= base_i[pick_channel*64 +: 64] + {43'd0, pick_index & pick_mask, 6'd0};
    end

  // Words of the arriving beat.
  logic [2:0] word;
  logic       good;
  assign word = word_q[fetched_channel_i*3 +: 3];
  assign good = fetched_i && fetched_last_i && !fetched_error_i && !error_q[fetched_channel_i];

  always_comb begin
    failed_o = '0;
    if (fetched_i && fetched_last_i && !good) failed_o[fetched_channel_i] = 1'b1;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      fetch_valid_o <= 1'b0;
      index_q       <= '0;
      word_q        <= '0;
      fetching_q    <= '0;
      next_q        <= '0;
      error_q       <= '0;
    end else begin
      if (pick) begin
        fetch_valid_o             <= 1'b1;
        fetching_q[pick_channel]  <= 1'b1;
        error_q[pick_channel]     <= 1'b0;
      end else if (fetch_ready_i) begin
        fetch_valid_o <= 1'b0;
      end
      if (fetched_i) begin
        word_q[fetched_channel_i*3 +: 3] <= fetched_last_i ? 3'd0 : word + 3'(PER_BEAT);
        if (fetched_error_i) error_q[fetched_channel_i] <= 1'b1;
        if (fetched_last_i) fetching_q[fetched_channel_i] <= 1'b0;
      end
      if (good) begin
        next_q[fetched_channel_i]            <= 1'b1;
        index_q[fetched_channel_i*15 +: 15]  <= index_q[fetched_channel_i*15 +: 15] + 15'd1;
      end
      if (take_i) next_q[channel_i] <= 1'b0;
      if (start_i) begin
        next_q[start_channel_i]           <= 1'b0;
        index_q[start_channel_i*15 +: 15] <= '0;
      end
    end
  end

  logic [63:0] control_m [0:7];
  logic [63:0] src_m [0:7];
  logic [63:0] dst_m [0:7];
  logic [63:0] length_m [0:7];
  logic [63:0] pattern_m [0:7];
  always_ff @(posedge clk_i)
    for (int unsigned i = 0; i < PER_BEAT; i++)
      if (fetched_i) begin
        if (word + 3'(i) == CONTROL) control_m[fetched_channel_i] <= fetched_data_i[i*64 +: 64];
        if (word + 3'(i) == SRC)     src_m[fetched_channel_i]     <= fetched_data_i[i*64 +: 64];
        if (word + 3'(i) == DST)     dst_m[fetched_channel_i]     <= fetched_data_i[i*64 +: 64];
        if (word + 3'(i) == LENGTH)  length_m[fetched_channel_i]  <= fetched_data_i[i*64 +: 64];
        if (word + 3'(i) == PATTERN) pattern_m[fetched_channel_i] <= fetched_data_i[i*64 +: 64];
      end
  assign control_o = control_m[channel_i];
  assign src_o     = src_m[channel_i];
  assign dst_o     = dst_m[channel_i];
  assign length_o  = length_m[channel_i];
  assign pattern_o = pattern_m[channel_i];
endmodule
`default_nettype wire
