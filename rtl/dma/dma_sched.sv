// SPDX-License-Identifier: Apache-2.0
// Runs the channels: takes their descriptors, cuts them into pieces of up to 256 bytes in turn with the other channels, and
// when the last piece has been answered stores the record, moves the head and raises the interrupt.
//
// One channel is served every 2 clocks, round-robin. A piece ends at a multiple of 256 bytes of its destination, or of its
// source if nothing is written. The first failure stops a descriptor; pieces under way are waited for. Order at the end of a
// descriptor: every B, the record, the record's B, head and interrupt.
`default_nettype none
module dma_sched (
  input  wire                         clk_i,
  input  wire                         rst_ni,
  /// Channels do something or will without being told.
  output logic                        busy_o,

  // configuration and status of each channel
  input  wire  [7:0]                  enable_i,
  input  wire  [7:0]                  after_stop_i,
  input  wire  [8*64-1:0]             mask_i,
  input  wire  [8*64-1:0]             record_base_i,
  input  wire  [8*4-1:0]              log2_i,
  output logic [8*15-1:0]             head_o,
  output logic [7:0]                  running_o,
  /// A record with its irq bit was stored; the ring failed.
  output logic [7:0]                  irq_o,
  output logic [7:0]                  ring_error_o,

  // dma_ats
  input  wire  [7:0]                  ats_i,
  output logic [7:0]                  ats_enabled_o,
  output logic [7:0]                  ats_none_open_o,
  output logic                        ats_piece_o,
  output logic                        ats_reads_o,
  output logic                        ats_writes_o,
  output logic [51:0]                 ats_src_o,
  output logic [51:0]                 ats_dst_o,
  input  wire                         ats_hit_i,
  output logic                        ats_ask_o,
  input  wire  [7:0]                  ats_wait_i,
  input  wire  [7:0]                  ats_parked_i,
  input  wire  [7:0]                  ats_denied_i,
  input  wire  [7:0]                  ats_denied_status_i,
  input  wire                         ats_denied_write_i,

  // dma_ring
  output logic [7:0]                  fetch_run_o,
  output logic                        start_o,
  /// Channel of start_o, take_o, finished_o.
  output logic [2:0]                  channel_o,
  input  wire  [7:0]                  fetching_i,
  input  wire  [7:0]                  fetch_failed_i,
  input  wire  [7:0]                  next_i,
  output logic                        take_o,
  input  wire  [63:0]                 control_i,
  input  wire  [63:0]                 src_i,
  input  wire  [63:0]                 dst_i,
  input  wire  [63:0]                 length_i,

  // pieces, and the record of one of them
  output logic                        chunk_valid_o,
  input  wire                         chunk_ready_i,
  output logic [dma_pkg::CHUNK_W-1:0] chunk_o,
  output logic [255:0]                record_o,
  input  wire                         record_taken_i,
  output logic [7:0]                  failed_o,
  /// CRC register of channel_o.
  input  wire  [31:0]                 crc_i,

  // events of dma_engine: a piece ended
  input  wire                         end_i,
  input  wire  [dma_pkg::CHUNK_W-1:0] end_chunk_i,
  input  wire                         end_drop_i,
  input  wire                         end_read_error_i,
  input  wire                         end_second_i,
  input  wire                         end_mismatch_i,
  input  wire  [39:0]                 end_difference_i,

  // events of dma_write: a data burst, a record was answered
  input  wire                         written_i,
  input  wire  [2:0]                  written_channel_i,
  input  wire                         written_error_i,
  input  wire  [63:0]                 written_address_i,
  input  wire  [39:0]                 written_offset_i,
  input  wire                         recorded_i,
  input  wire  [2:0]                  recorded_channel_i,
  input  wire                         recorded_error_i,

  /// A descriptor of channel_o is finished, after so many cycles.
  output logic                        finished_o,
  output logic [63:0]                 finished_cycles_o,
  /// Cycles that the unfinished descriptor of a channel has taken, combinational.
  input  wire  [2:0]                  status_channel_i,
  output logic [63:0]                 status_cycles_o
);
  localparam logic [11:0] AFTER_STOP_CYCLES = 12'hfff;

  // ---- a channel is off or in one of these states -------------------------------------------------------------------------------
  logic [7:0] idle_q;     // waits for a descriptor
  logic [7:0] run_q;      // pieces are to be made
  logic [7:0] drain_q;    // all are made, some not answered
  logic [7:0] record_q;   // the record is on its way
  logic [7:0] after_q;    // write_after_stop: waits, then writes once more
  logic [7:0] off;
  assign off = ~(idle_q | run_q | drain_q | record_q | after_q);

  logic [7:0]      stop_q, enabled;       // enable has been 0 since the start
  logic [7:0]      halt_q;                // the ring failed
  logic [7:0]      read_failed_q, write_failed_q;
  logic [7:0]      recorded_q, record_bad_q;
  logic [7:0]      sent_q;                // the write after stop is made
  logic [7:0]      has_dst_q;             // something was written since the start
  logic [7:0]      phase_q;
  logic [7:0]      any_end_q, any_written_q;
  logic [8*15-1:0] head_q;
  logic [8*5-1:0]  open_q;                // pieces made and not answered
  logic [7:0]      none_open;
  logic            record_busy_q;         // record_o is in use
  logic [11:0]     timer_q;
  logic [63:0]     now_q;

  assign enabled = enable_i & ~stop_q;
  for (genvar g = 0; g < 8; g++) begin : gen_open
    assign none_open[g] = open_q[g*5 +: 5] == 5'd0;
  end

  // ---- choice of a channel ------------------------------------------------------------------------------------------------------------
  logic [7:0] request;
  logic       pick_valid, x_q, act;
  logic [2:0] pick, c;                    // c: the channel that is served in this clock, if x_q

  assign request = (off & enable_i)
                 | (idle_q & ~enabled & ~fetching_i)
                 | (idle_q & enabled & ~halt_q & next_i)
                 | (run_q & ~ats_wait_i & ({8{chunk_ready_i}} | read_failed_q | write_failed_q | ats_denied_i | ~enabled))
                 | (drain_q & none_open & {8{chunk_ready_i && !record_busy_q}})
                 | (record_q & recorded_q)
                 | (after_q & ~sent_q & {8{chunk_ready_i && timer_q == AFTER_STOP_CYCLES}})
                 | (after_q & sent_q & none_open);

  rr_arb #(.N(8)) u_pick (.clk_i, .rst_ni, .req_i(request), .accept_i(!x_q), .valid_o(pick_valid), .index_o(pick));
  always_ff @(posedge clk_i) begin
    if (!rst_ni) x_q <= 1'b0;
    else x_q <= !x_q && pick_valid;
  end
  always_ff @(posedge clk_i) if (!x_q) c <= pick;
  assign act       = x_q && request[c];
  assign channel_o = c;

  logic do_start, do_off, do_take, do_chunk, do_give_up, do_record, do_finish, do_after, do_after_end;
  assign do_start     = act && off[c];
  assign do_off       = act && idle_q[c] && !enabled[c];
  assign do_take      = act && idle_q[c] && enabled[c];
  assign do_give_up   = act && run_q[c] && (read_failed_q[c] || write_failed_q[c] || ats_denied_i[c] || !enabled[c]);
  assign do_chunk     = act && run_q[c] && !do_give_up && (!ats_i[c] || ats_hit_i);
  assign do_record    = act && drain_q[c];
  assign do_finish    = act && record_q[c];
  assign do_after     = act && after_q[c] && !sent_q[c];
  assign do_after_end = act && after_q[c] && sent_q[c];

  // ---- what a new descriptor asks for -----------------------------------------------------------------------------------------------------
  logic [7:0]  op;
  logic        stray_read, bad, reads, writes, generates, checks, run;
  logic [39:0] length;
  assign op         = control_i[regs_pkg::DESCRIPTOR_CONTROL_OP_LSB +: regs_pkg::DESCRIPTOR_CONTROL_OP_W];
  assign stray_read = control_i[regs_pkg::DESCRIPTOR_CONTROL_STRAY_READ_LSB];
  assign length     = length_i[regs_pkg::DESCRIPTOR_LENGTH_BYTES_LSB +: regs_pkg::DESCRIPTOR_LENGTH_BYTES_W];
  always_comb begin
    bad       = 1'b0;
    reads     = 1'b0;
    writes    = 1'b0;
    generates = 1'b0;
    checks    = 1'b0;
    case (op)
      regs_pkg::DMA_OP_NOP: ;
      regs_pkg::DMA_OP_COPY: begin
        reads  = 1'b1;
        writes = 1'b1;
      end
      regs_pkg::DMA_OP_CRC: reads = 1'b1;
      regs_pkg::DMA_OP_FILL: writes = 1'b1;
      regs_pkg::DMA_OP_GENERATE: begin
        writes    = 1'b1;
        generates = 1'b1;
      end
      regs_pkg::DMA_OP_CHECK: begin
        reads     = 1'b1;
        generates = 1'b1;
        checks    = 1'b1;
      end
      regs_pkg::DMA_OP_STRAY: begin
        reads  = stray_read;
        writes = !stray_read;
      end
      default: bad = 1'b1;
    endcase
    if (|(length_i >> (regs_pkg::DESCRIPTOR_LENGTH_BYTES_LSB + regs_pkg::DESCRIPTOR_LENGTH_BYTES_W))) bad = 1'b1;
  end

  assign run = !bad && (reads || writes) && length != '0;

  // ---- state of each channel's descriptor ---------------------------------------------------------------------------------------------------
  localparam int unsigned INFO_W = 22;
  logic [63:0]       src_m [0:7];
  logic [63:0]       dst_m [0:7];
  logic [79:0]       progress_m [0:7];    // {bytes left, bytes made}
  logic [INFO_W-1:0] info_m [0:7];
  logic [63:0]       begin_m [0:7];       // cycle of its start,
  logic [63:0]       end_m [0:7];         // of the last piece that dma_engine ended,
  logic [63:0]       written_m [0:7];     // of the last B
  logic [72:0]       last_m [0:7];        // last piece written: {dst, length}
  logic [104:0]      read_failure_m [0:7];   // first of its kind: {mismatch, offset, address}
  logic [103:0]      write_failure_m [0:7];  // with the lowest offset: {offset, address}

  logic [63:0] src, dst;
  logic [39:0] left, made;
  logic        i_bad, i_reads, i_writes, i_generates, i_checks, i_irq;
  logic [15:0] cookie;
  assign src          = src_m[c];
  assign dst          = dst_m[c];
  assign {left, made} = progress_m[c];
  assign {i_bad, i_reads, i_writes, i_generates, i_checks, i_irq, cookie} = info_m[c];

  // ---- the next piece --------------------------------------------------------------------------------------------------------------------------
  dma_pkg::chunk_t chunk;
  logic [8:0]      room, bytes;
  logic            last;
  always_comb begin
    room = 9'd256 - {1'b0, i_writes ? dst[7:0] : src[7:0]};
    // a translation is that of one page
    if (ats_i[c] && i_reads && src[11:8] == 4'hf && src[7:0] > dst[7:0]) room = 9'd256 - {1'b0, src[7:0]};
  end
  assign last  = left <= 40'(room);
  assign bytes = last ? left[8:0] : room;

  always_comb begin
    chunk           = '0;
    chunk.channel   = c;
    chunk.read      = do_chunk && i_reads;
    chunk.write     = !do_chunk || i_writes;
    chunk.generated = do_chunk && i_generates;
    chunk.check     = do_chunk && i_checks;
    chunk.record    = do_record;
    chunk.ones      = do_after;
    chunk.first     = made == '0;
    chunk.src       = src;
    chunk.dst       = do_record ? record_base_i[c*64 +: 64] + {44'd0, head_q[c*15 +: 15], 5'd0} : do_after ? last_m[c][72:9] : dst;
    chunk.length    = do_record ? 9'(regs_pkg::RECORD_SIZE) : do_after ? last_m[c][8:0] : bytes;
    chunk.offset    = made;
  end
  logic [63:0] src_masked, dst_masked;
  assign ats_piece_o = act && run_q[c] && ats_i[c];
  assign ats_ask_o   = ats_piece_o && !do_give_up && !ats_hit_i;
  always_comb begin
    src_masked = '0;
    dst_masked = '0;
    if (ats_piece_o) begin
      src_masked = src & mask_i[c*64 +: 64];
      dst_masked = dst & mask_i[c*64 +: 64];
    end
  end
  assign ats_src_o    = src_masked[63:12];
  assign ats_dst_o    = dst_masked[63:12];
  assign ats_reads_o  = i_reads;
  assign ats_writes_o = i_writes;
  assign chunk_valid_o = do_chunk || do_record || do_after;
  assign chunk_o       = chunk;

  // ---- the record ----------------------------------------------------------------------------------------------------------------------------------
  logic [63:0]  ended, address;
  logic [39:0]  completed;
  logic [7:0]   status;
  logic [255:0] record;

  always_comb begin
    ended = begin_m[c];
    if (any_end_q[c]) ended = end_m[c];
    if (any_written_q[c] && written_m[c] > ended) ended = written_m[c];

    completed = made;
    address   = '0;
    if (i_bad) status = regs_pkg::DMA_STATUS_BAD_DESCRIPTOR;
    else if (write_failed_q[c]) begin
      status               = regs_pkg::DMA_STATUS_WRITE_ERROR;
      {completed, address} = write_failure_m[c];
    end else if (read_failed_q[c]) begin
      status               = read_failure_m[c][104] ? regs_pkg::DMA_STATUS_MISMATCH : regs_pkg::DMA_STATUS_READ_ERROR;
      {completed, address} = read_failure_m[c][103:0];
    end else if (ats_denied_i[c]) begin
      status  = ats_denied_status_i;
      address = ats_denied_write_i ? dst : src;
    end else if (left != '0) status = regs_pkg::DMA_STATUS_STOPPED;
    else status = regs_pkg::DMA_STATUS_OK;

    record = '0;
    record[regs_pkg::RECORD_BYTES_WORD*64 +: 64]   = 64'(completed);
    record[regs_pkg::RECORD_CYCLES_WORD*64 +: 64]  = ended - begin_m[c];
    record[regs_pkg::RECORD_ADDRESS_WORD*64 +: 64] = address & mask_i[c*64 +: 64];
    record[regs_pkg::RECORD_STATUS_WORD*64 + regs_pkg::RECORD_STATUS_CRC_LSB +: 32]   = any_end_q[c] ? ~crc_i : 32'd0;
    record[regs_pkg::RECORD_STATUS_WORD*64 + regs_pkg::RECORD_STATUS_COOKIE_LSB +: 16] = cookie;
    record[regs_pkg::RECORD_STATUS_WORD*64 + regs_pkg::RECORD_STATUS_STATUS_LSB +: 8] = status;
    record[regs_pkg::RECORD_STATUS_WORD*64 + regs_pkg::RECORD_STATUS_PHASE_LSB]       = phase_q[c];
  end
  always_ff @(posedge clk_i) if (do_record) record_o <= record;

  // ---- memories ----------------------------------------------------------------------------------------------------------------------------------------
  dma_pkg::chunk_t e;
  logic            end_data, end_failed;
  assign e          = end_chunk_i;
  assign end_data   = end_i && !e.record;
  assign end_failed = end_data && (end_read_error_i || end_mismatch_i) && !read_failed_q[e.channel];

  always_ff @(posedge clk_i) begin
    if (do_take) begin
      src_m[c]      <= src_i;
      dst_m[c]      <= dst_i;
      progress_m[c] <= {run ? length : 40'd0, 40'd0};
      begin_m[c]    <= now_q;
      info_m[c]     <= {bad, reads, writes, generates, checks, control_i[regs_pkg::DESCRIPTOR_CONTROL_IRQ_LSB],
                        control_i[regs_pkg::DESCRIPTOR_CONTROL_COOKIE_LSB +: 16]};
    end else if (do_chunk) begin
      src_m[c]      <= src + 64'(bytes);
      dst_m[c]      <= dst + 64'(bytes);
      progress_m[c] <= {left - 40'(bytes), made + 40'(bytes)};
    end
    if (do_chunk && i_writes) last_m[c] <= {dst, bytes};
    if (end_data) end_m[e.channel] <= now_q;
    if (end_failed)
      read_failure_m[e.channel] <= end_read_error_i
        ? {1'b0, e.offset, end_second_i ? {e.src[63:12] + 52'd1, 12'd0} : e.src}
        : {1'b1, end_difference_i, e.src};
    if (written_i) written_m[written_channel_i] <= now_q;
    if (written_i && written_error_i
        && (!write_failed_q[written_channel_i] || written_offset_i < write_failure_m[written_channel_i][103:64]))
      write_failure_m[written_channel_i] <= {written_offset_i, written_address_i};
  end

  // ---- states ----------------------------------------------------------------------------------------------------------------------------------------------
  logic [7:0]  one_c, wrap;               // the channel that is served, as a bit
  logic [14:0] ring_mask;
  logic        record_good;
  assign one_c       = 8'd1 << c;
  assign ring_mask   = (15'd1 << log2_i[c*4 +: 4]) - 15'd1;
  assign wrap        = {8{head_q[c*15 +: 15] == ring_mask}} & one_c;
  assign record_good = do_finish && !record_bad_q[c];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      idle_q         <= '0;
      run_q          <= '0;
      drain_q        <= '0;
      record_q       <= '0;
      after_q        <= '0;
      stop_q         <= '0;
      halt_q         <= '0;
      read_failed_q  <= '0;
      write_failed_q <= '0;
      recorded_q     <= '0;
      record_bad_q   <= '0;
      sent_q         <= '0;
      has_dst_q      <= '0;
      phase_q        <= '0;
      any_end_q      <= '0;
      any_written_q  <= '0;
      head_q         <= '0;
      open_q         <= '0;
      record_busy_q  <= 1'b0;
      timer_q        <= '0;
      now_q          <= '0;
    end else begin
      now_q  <= now_q + 64'd1;
      stop_q <= ~off & (~enable_i | stop_q);
      halt_q <= (halt_q | fetch_failed_i) & ~({8{do_start}} & one_c);

      if (end_data) any_end_q[e.channel] <= 1'b1;
      if (end_failed) read_failed_q[e.channel] <= 1'b1;
      if (written_i) any_written_q[written_channel_i] <= 1'b1;
      if (written_i && written_error_i) write_failed_q[written_channel_i] <= 1'b1;
      if (recorded_i) begin
        recorded_q[recorded_channel_i]   <= 1'b1;
        record_bad_q[recorded_channel_i] <= recorded_error_i;
      end
      if (record_taken_i) record_busy_q <= 1'b0;

      for (int unsigned i = 0; i < 8; i++)
        open_q[i*5 +: 5] <= open_q[i*5 +: 5]
                          + 5'((do_chunk || do_after) && c == 3'(i))
                          - 5'(end_data && (end_drop_i || !e.write) && e.channel == 3'(i))
                          - 5'(written_i && written_channel_i == 3'(i));

      if (|(after_q & ~sent_q)) timer_q <= timer_q == AFTER_STOP_CYCLES ? timer_q : timer_q + 12'd1;

      if (do_start) begin
        idle_q[c]            <= 1'b1;
        head_q[c*15 +: 15]   <= '0;
        phase_q[c]           <= 1'b1;
        has_dst_q[c]         <= 1'b0;
      end
      if (do_off) begin
        idle_q[c]         <= 1'b0;
        after_q[c]        <= after_stop_i[c] && has_dst_q[c];
        write_failed_q[c] <= 1'b0;
        sent_q[c]         <= 1'b0;
        timer_q           <= '0;
      end
      if (do_take) begin
        idle_q[c]         <= 1'b0;
        run_q[c]          <= run;
        drain_q[c]        <= !run;
        read_failed_q[c]  <= 1'b0;
        write_failed_q[c] <= 1'b0;
        any_end_q[c]      <= 1'b0;
        any_written_q[c]  <= 1'b0;
      end
      if (do_chunk && i_writes) has_dst_q[c] <= 1'b1;
      if (do_give_up || (do_chunk && last)) begin
        run_q[c]   <= 1'b0;
        drain_q[c] <= 1'b1;
      end
      if (do_record) begin
        drain_q[c]    <= 1'b0;
        record_q[c]   <= 1'b1;
        recorded_q[c] <= 1'b0;
        record_busy_q <= 1'b1;
      end
      if (do_finish) begin
        record_q[c] <= 1'b0;
        idle_q[c]   <= 1'b1;
        if (record_bad_q[c]) begin
          halt_q[c] <= 1'b1;
        end else begin
          head_q[c*15 +: 15] <= |wrap ? '0 : head_q[c*15 +: 15] + 15'd1;
          phase_q            <= phase_q ^ wrap;
        end
      end
      if (do_after) sent_q[c] <= 1'b1;
      if (do_after_end) after_q[c] <= 1'b0;
    end
  end

  // ---- outputs -----------------------------------------------------------------------------------------------------------------------------------------------
  assign head_o            = head_q;
  assign running_o         = enable_i | ~(off | after_q);
  assign irq_o             = {8{record_good && i_irq}} & one_c;
  assign ring_error_o      = fetch_failed_i | ({8{do_finish && record_bad_q[c]}} & one_c);
  assign fetch_run_o       = ~(off | after_q) & enabled & ~halt_q;
  assign start_o           = do_start;
  assign take_o            = do_take;
  assign failed_o          = read_failed_q | write_failed_q;
  assign finished_o        = do_finish;
  assign finished_cycles_o = now_q - begin_m[c];
  assign status_cycles_o   = run_q[status_channel_i] || drain_q[status_channel_i] || record_q[status_channel_i]
                           ? now_q - begin_m[status_channel_i] : '0;
  assign busy_o            = x_q || |request || |((run_q & ~ats_parked_i) | drain_q | record_q | after_q);
  assign ats_enabled_o     = enabled;
  assign ats_none_open_o   = none_open;
  wire unused = &{1'b0, e.read, e.generated, e.check, e.ones, e.first, e.dst, e.length, src_masked[11:0], dst_masked[11:0]};
endmodule
`default_nettype wire
