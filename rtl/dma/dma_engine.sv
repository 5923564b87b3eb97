// SPDX-License-Identifier: Apache-2.0
// Carries out pieces of descriptors, in order: packs or makes their bytes, computes CRC-32, compares, and fills the write
// buffer. CRC and pseudo-random state are kept for each channel between its pieces.
//
// Two stages, a beat a clock in each: A packs or generates a beat into a register, B runs CRC, comparison and placement on
// it. Holds up to QUEUE pieces. Back-pressure: stalls when no read data is there or the write buffer is full.
`default_nettype none
module dma_engine #(
  /// Bits of a beat.
  parameter int unsigned DATA_W = 64,
  /// Pieces that may wait.
  parameter int unsigned QUEUE = 8
) (
  input  wire                         clk_i,
  input  wire                         rst_ni,

  /// A dma_pkg::chunk_t.
  input  wire                         chunk_valid_i,
  output logic                        chunk_ready_o,
  input  wire  [dma_pkg::CHUNK_W-1:0] chunk_i,

  /// A descriptor begins: its pattern or seed.
  input  wire                         begin_i,
  input  wire  [2:0]                  begin_channel_i,
  input  wire  [63:0]                 begin_pattern_i,
  /// The words of the record, first one lowest; held until record_taken_o.
  input  wire  [255:0]                record_i,
  output logic                        record_taken_o,
  /// Channels whose descriptor has failed already: its further pieces are read but not written.
  input  wire  [7:0]                  failed_i,

  /// Beats of the pieces that read, in their order.
  input  wire                         beat_valid_i,
  output logic                        beat_ready_o,
  input  wire  [DATA_W-1:0]           beat_data_i,
  input  wire                         beat_error_i,
  input  wire                         beat_last_i,

  /// Beats for the write buffer; end_o is their commit.
  output logic                        out_valid_o,
  input  wire                         out_ready_i,
  output logic [DATA_W-1:0]           out_data_o,
  output logic [DATA_W/8-1:0]         out_strb_o,

  /// A piece has ended, in or after the cycle of its last output beat. Needs end_ready_i.
  output logic                        end_o,
  input  wire                         end_ready_i,
  output logic [dma_pkg::CHUNK_W-1:0] end_chunk_o,
  /// With end_o: the piece failed or follows one that did. Its beats are to be dropped.
  output logic                        end_drop_o,
  /// With end_o: this piece failed itself: not all it read was good,
  output logic                        end_read_error_o,
  /// in its second burst,
  output logic                        end_second_o,
  /// or it differs from what was expected, first at this offset in the descriptor.
  output logic                        end_mismatch_o,
  output logic [39:0]                 end_difference_o,

  /// CRC register of a channel, combinational.
  input  wire  [2:0]                  crc_channel_i,
  output logic [31:0]                 crc_o
);
  localparam int unsigned B = DATA_W / 8;
  localparam int unsigned OFF_W = $clog2(B);
  localparam logic [39:0] TOP_BYTE = 40'(B) - 40'd1;

  // ---- A: the piece at the head of the queue ---------------------------------------------------------------------------
  dma_pkg::chunk_t             a;
  logic [dma_pkg::CHUNK_W-1:0] a_bits;
  logic                        a_valid, a_go, a_last, a_first, a_beat_valid;
  logic [$clog2(QUEUE+1)-1:0]  unused_count;
  logic [8:0]                  left_q, left;
  logic                        started_q;
  logic [OFF_W:0]              a_bytes;
  logic [DATA_W-1:0]           packed_data, made_data, a_data;
  logic                        packed_valid, packed_error, packed_second;
  logic                        b_valid_q, b_ack;

  fifo #(.W(dma_pkg::CHUNK_W), .DEPTH(QUEUE)) u_queue (
    .clk_i, .rst_ni, .flush_i(1'b0),
    .in_valid_i(chunk_valid_i), .in_ready_o(chunk_ready_o), .in_data_i(chunk_i),
    .out_valid_o(a_valid), .out_ready_i(a_go && a_last), .out_data_o(a_bits), .count_o(unused_count));

  assign a       = a_bits;
  assign a_first = !started_q;
  assign left    = started_q ? left_q : a.length;
  assign a_last  = left <= 9'(B);
  assign a_bytes = a_last ? left[OFF_W:0] : (OFF_W+1)'(B);
  assign a_beat_valid = a_valid && (!a.read || packed_valid);
  assign a_go    = a_beat_valid && (!b_valid_q || b_ack);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) started_q <= 1'b0;
    else if (a_go) started_q <= !a_last;
  end
  always_ff @(posedge clk_i) if (a_go) left_q <= left - 9'(B);

  dma_align #(.DATA_W(DATA_W)) u_align (
    .clk_i, .rst_ni, .valid_i(a_valid && a.read), .offset_i(a.src[OFF_W-1:0]), .left_i(left),
    .in_valid_i(beat_valid_i), .in_ready_o(beat_ready_o), .in_data_i(beat_data_i), .in_error_i(beat_error_i),
    .in_last_i(beat_last_i),
    .out_valid_o(packed_valid), .out_ready_i(!b_valid_q || b_ack), .out_data_o(packed_data), .out_error_o(packed_error),
    .out_second_o(packed_second));

  wire unused = &{1'b0, a.write, a.dst, unused_count};

  // ---- A: generated bytes -----------------------------------------------------------------------------------------------
  logic [63:0] pattern_m [0:7];
  logic [63:0] word_m [0:7];      // of a channel whose descriptor is under way
  logic [63:0] word_q, word, next_word, pattern, seed;
  logic [2:0]  phase_q, phase, next_phase;

  assign pattern = a.ones ? {64{1'b1}} : pattern_m[a.channel];
  assign seed    = pattern == 64'd0 ? 64'd1 : pattern;
  assign phase   = started_q ? phase_q : a.offset[2:0];

  always_comb begin
    word = pattern;
    if (a.generated) begin
      if (started_q)    word = word_q;
      else if (a.first) word = dma_pkg::prbs_next(seed);
      else              word = word_m[a.channel];
    end
  end

  dma_gen #(.DATA_W(DATA_W)) u_gen (
    .random_i(a.generated), .word_i(word), .phase_i(phase), .bytes_i(a_bytes),
    .data_o(made_data), .word_o(next_word), .phase_o(next_phase));

  always_ff @(posedge clk_i) begin
    if (begin_i) pattern_m[begin_channel_i] <= begin_pattern_i;
    if (a_go && a_last && a.generated) word_m[a.channel] <= next_word;
    if (a_go) begin
      word_q  <= next_word;
      phase_q <= next_phase;
    end
  end

  // ---- A: the record -------------------------------------------------------------------------------------------------------
  logic [DATA_W-1:0] record;
  assign record         = DATA_W'(record_i >> {9'd32 - left, 3'b000});
  assign a_data         = a.read ? packed_data : a.record ? record : made_data;
  assign record_taken_o = a_go && a_last && a.record;

  // ---- B ---------------------------------------------------------------------------------------------------------------------
  dma_pkg::chunk_t   b_q;
  logic              b_first_q, b_last_q, b_error_q, b_second_q;
  logic [DATA_W-1:0] b_data_q;
  logic [B-1:0]      differs, b_differs_q;
  logic [OFF_W:0]    b_bytes_q;

  always_comb
    for (int unsigned i = 0; i < B; i++)
      differs[i] = a.check && (OFF_W+1)'(i) < a_bytes && packed_data[i*8 +: 8] != made_data[i*8 +: 8];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) b_valid_q <= 1'b0;
    else if (a_go) b_valid_q <= 1'b1;
    else if (b_ack) b_valid_q <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (a_go) begin
      if (a_first) b_q <= a_bits;
      b_first_q   <= a_first;
      b_last_q    <= a_last;
      b_bytes_q   <= a_bytes;
      b_data_q    <= a_data;
      b_differs_q <= differs;
      b_error_q   <= a.read && packed_error;
      b_second_q  <= packed_second;
    end
  end

  logic        crc_done, place_done;
  logic [31:0] crc_value;
  logic [31:0] crc_m [0:7];

  dma_crc #(.DATA_W(DATA_W)) u_crc (
    .clk_i, .rst_ni, .valid_i(b_valid_q && !b_q.record), .first_i(b_first_q),
    .seed_i(b_q.first ? 32'hffff_ffff : crc_m[b_q.channel]),
    .data_i(b_data_q), .bytes_i(b_bytes_q), .ack_i(b_ack), .done_o(crc_done), .value_o(crc_value));

  dma_place #(.DATA_W(DATA_W)) u_place (
    .clk_i, .rst_ni, .valid_i(b_valid_q && b_q.write), .first_i(b_first_q), .last_i(b_last_q), .offset_i(b_q.dst[OFF_W-1:0]),
    .data_i(b_data_q), .bytes_i(b_bytes_q), .ack_i(b_ack), .done_o(place_done),
    .out_valid_o, .out_ready_i, .out_data_o, .out_strb_o);

  assign b_ack = b_valid_q && (b_q.record || crc_done) && (!b_q.write || place_done) && (!b_last_q || end_ready_i);

  always_ff @(posedge clk_i) if (b_ack && b_last_q && !b_q.record) crc_m[b_q.channel] <= crc_value;
  assign crc_o = crc_m[crc_channel_i];

  // ---- B: first difference of the piece ------------------------------------------------------------------------------------
  logic        mismatch_q, mismatch;
  logic [8:0]  done_q, done;              // bytes of the piece before this beat
  logic [39:0] difference_q, difference;

  assign done = b_first_q ? 9'd0 : done_q;
  always_comb begin
    difference = difference_q;
    if (!mismatch_q)
      for (int unsigned i = 0; i < B; i++)
        if (b_differs_q[B-1-i]) difference = b_q.offset + 40'(done) + TOP_BYTE - 40'(i);
  end
  assign mismatch = mismatch_q || |b_differs_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) mismatch_q <= 1'b0;
    else if (b_ack) mismatch_q <= mismatch && !b_last_q;
  end
  always_ff @(posedge clk_i)
    if (b_ack) begin
      difference_q <= difference;
      done_q       <= done + 9'(B);
    end

  assign end_o            = b_ack && b_last_q;
  assign end_chunk_o      = b_q;
  assign end_read_error_o = b_error_q;
  assign end_second_o     = b_second_q;
  assign end_mismatch_o   = mismatch && !b_error_q;
  assign end_difference_o = difference;
  assign end_drop_o       = !b_q.record && !b_q.ones && (b_error_q || mismatch || failed_i[b_q.channel]);
endmodule
`default_nettype wire
