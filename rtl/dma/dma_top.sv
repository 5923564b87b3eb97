// SPDX-License-Identifier: Apache-2.0
// DMA block: descriptor rings of up to 8 channels, one data mover that serves them in turn.
//
//   dma_regs -- dma_ring (fetch) --+
//      |                           v
//      +------------------ dma_sched: pieces of up to 256 bytes, records
//                            |            |
//                        dma_read --> dma_engine --> dma_write
//                            |                           |
//                            +--------- dma_ats ---------+   of channels in ATS mode
//
// Throughput: a copy between aligned buffers moves a beat a clock in each direction; up to 8 bursts are in flight each way.
// Bursts are INCR, of up to 256 data bytes, and do not cross 4 KiB. R and B are always accepted, W follows AW without waiting.
`default_nettype none
module dma_top #(
  /// Data width in bits: 64 or 128.
  parameter int unsigned DATA_W = 64,
  /// Channels, 1 to 8.
  parameter int unsigned CHANNELS = 4
) (
  input  wire                 clk_i,
  input  wire                 rst_ni,
  /// No new burst; what has begun is completed.
  input  wire                 stop_i,
  /// The clock is needed.
  output logic                busy_o,
  /// Every burst has been answered.
  output logic                quiet_o,

  /// Register access: offset from the first channel's page, 8-byte aligned; strobes 0x0f, 0xf0 or 0xff, others write nothing.
  input  wire                 reg_we_i,
  /// reg_rdata_o is 0 otherwise.
  input  wire                 reg_re_i,
  input  wire  [14:0]         reg_addr_i,
  input  wire  [63:0]         reg_wdata_i,
  input  wire  [7:0]          reg_wstrb_i,
  output logic [63:0]         reg_rdata_o,

  /// Interrupt wire of each channel, level.
  output logic [CHANNELS-1:0] irq_o,

  /// Streams beside AXI (ats_pkg).
  output logic                ats_req_valid_o,
  output logic [ats_pkg::REQ_W-1:0] ats_req_o,
  input  wire                 ats_req_ready_i,
  input  wire                 ats_rsp_valid_i,
  input  wire  [ats_pkg::RSP_W-1:0] ats_rsp_i,
  output logic                ats_rsp_ready_o,
  output logic                pr_req_valid_o,
  output logic [ats_pkg::PAGE_W-1:0] pr_req_o,
  input  wire                 pr_req_ready_i,
  input  wire                 msg_valid_i,
  input  wire  [ats_pkg::MSG_W-1:0] msg_i,
  output logic                msg_ready_o,
  /// Whether a channel in ATS mode has this device_id.
  input  wire  [23:0]         claim_did_i,
  output logic                claim_o,
  output logic                inv_cpl_valid_o,
  output logic [ats_pkg::CPL_W-1:0] inv_cpl_o,
  input  wire                 inv_cpl_ready_i,

  output logic [3:0]          m_awid,
  output logic [63:0]         m_awaddr,
  output logic [7:0]          m_awlen,
  output logic [2:0]          m_awsize,
  output logic [1:0]          m_awburst,
  output logic [2:0]          m_awprot,
  output logic [46:0]         m_awuser,
  output logic                m_awvalid,
  input  wire                 m_awready,
  output logic [DATA_W-1:0]   m_wdata,
  output logic [DATA_W/8-1:0] m_wstrb,
  output logic                m_wlast,
  output logic                m_wvalid,
  input  wire                 m_wready,
  input  wire  [3:0]          m_bid,
  input  wire  [1:0]          m_bresp,
  input  wire                 m_bvalid,
  output logic                m_bready,
  output logic [3:0]          m_arid,
  output logic [63:0]         m_araddr,
  output logic [7:0]          m_arlen,
  output logic [2:0]          m_arsize,
  output logic [1:0]          m_arburst,
  output logic [2:0]          m_arprot,
  output logic [46:0]         m_aruser,
  output logic                m_arvalid,
  input  wire                 m_arready,
  input  wire  [3:0]          m_rid,
  input  wire  [DATA_W-1:0]   m_rdata,
  input  wire  [1:0]          m_rresp,
  input  wire                 m_rlast,
  input  wire                 m_rvalid,
  output logic                m_rready
);
  if (DATA_W != 64 && DATA_W != 128) $error("dma_top: DATA_W must be 64 or 128");
  if (CHANNELS < 1 || CHANNELS > 8) $error("dma_top: CHANNELS must be 1 to 8");

  logic [7:0]                  enable, after_stop, running, irq, irq_wires, ring_error;
  logic [8*64-1:0]             mask, ring_base, record_base;
  logic [8*4-1:0]              log2;
  logic [8*15-1:0]             tail, head;
  logic [8*47-1:0]             data_user, ring_user;
  logic [8*3-1:0]              read_prot, write_prot;
  logic [2:0]                  reg_channel, channel;
  logic [63:0]                 n_bytes_read, n_bytes_written, n_read_bursts, n_read_latency, n_write_bursts, n_write_latency;
  logic [63:0]                 n_busy_done, n_busy_now;
  logic [7:0]                  fetch_run, fetching, fetch_wanted, fetch_failed, next;
  logic                        start, take, finished;
  logic [63:0]                 finished_cycles;
  logic [63:0]                 control, src, dst, length, pattern;
  logic                        fetch_valid, fetch_ready, fetched;
  logic [2:0]                  fetch_channel, fetched_channel;
  logic [63:0]                 fetch_address;
  logic                        chunk_valid, chunk_ready, chunk_read, engine_ready, read_ready;
  logic [dma_pkg::CHUNK_W-1:0] chunk_bits, end_bits;
  dma_pkg::chunk_t             chunk, ended;
  logic [255:0]                record;
  logic                        record_taken;
  logic [7:0]                  failed;
  logic [31:0]                 crc;
  logic                        end_valid, end_ready, end_drop, end_read_error, end_second, end_mismatch;
  logic [39:0]                 end_difference;
  logic                        beat_valid, beat_ready, beat_error, beat_last;
  logic [DATA_W-1:0]           beat_data, fill_data;
  logic [DATA_W/8-1:0]         fill_strb;
  logic                        fill_valid, fill_ready;
  logic                        read_done, write_done, write_error, recorded, recorded_error;
  logic [2:0]                  read_done_channel, write_channel, recorded_channel;
  logic [31:0]                 read_cycles, write_cycles;
  logic [63:0]                 write_address;
  logic [39:0]                 write_offset;
  logic [8:0]                  write_bytes;
  logic                        sched_busy, read_busy, write_busy, ats_busy;
  logic [7:0]                  ats, ats_enabled, ats_none_open, ats_wait, ats_parked, ats_denied, ats_denied_status;
  logic                        ats_piece, ats_reads, ats_writes, ats_hit, ats_ask, ats_denied_write, ar_translated, aw_translated;
  logic [51:0]                 ats_src, ats_dst, ar_page, aw_page;
  logic [2:0]                  ar_channel, aw_channel;

  assign chunk       = chunk_bits;
  assign ended       = end_bits;
  assign chunk_ready = engine_ready && read_ready;
  assign chunk_read  = chunk_valid && chunk.read;
  assign irq_o       = irq_wires[CHANNELS-1:0];
  assign quiet_o     = !read_busy && !write_busy;
  assign busy_o      = sched_busy || ats_busy || read_busy || write_busy || |fetch_wanted || |fetching;

  dma_regs #(.CHANNELS(CHANNELS)) u_regs (
    .clk_i, .rst_ni,
    .we_i(reg_we_i), .re_i(reg_re_i), .addr_i(reg_addr_i), .wdata_i(reg_wdata_i), .wstrb_i(reg_wstrb_i), .rdata_o(reg_rdata_o),
    .enable_o(enable), .after_stop_o(after_stop), .ats_o(ats), .mask_o(mask), .ring_base_o(ring_base), .record_base_o(record_base),
    .log2_o(log2), .tail_o(tail), .data_user_o(data_user), .ring_user_o(ring_user), .read_prot_o(read_prot),
    .write_prot_o(write_prot),
    .running_i(running), .head_i(head), .irq_i(irq), .ring_error_i(ring_error), .irq_o(irq_wires),
    .channel_o(reg_channel), .bytes_read_i(n_bytes_read), .bytes_written_i(n_bytes_written), .read_bursts_i(n_read_bursts),
    .read_latency_i(n_read_latency), .write_bursts_i(n_write_bursts), .write_latency_i(n_write_latency),
    .busy_cycles_i(n_busy_done + n_busy_now));

  dma_ring #(.DATA_W(DATA_W)) u_ring (
    .clk_i, .rst_ni, .base_i(ring_base), .log2_i(log2), .tail_i(tail), .run_i(fetch_run),
    .start_i(start), .start_channel_i(channel),
    .fetch_valid_o(fetch_valid), .fetch_ready_i(fetch_ready), .fetch_channel_o(fetch_channel), .fetch_address_o(fetch_address),
    .fetched_i(fetched), .fetched_channel_i(fetched_channel), .fetched_data_i(m_rdata), .fetched_error_i(m_rresp[1]),
    .fetched_last_i(m_rlast),
    .wanted_o(fetch_wanted), .fetching_o(fetching), .failed_o(fetch_failed), .next_o(next),
    .channel_i(channel), .take_i(take), .control_o(control), .src_o(src), .dst_o(dst), .length_o(length), .pattern_o(pattern));

  dma_sched u_sched (
    .clk_i, .rst_ni, .busy_o(sched_busy),
    .enable_i(enable), .after_stop_i(after_stop), .mask_i(mask), .record_base_i(record_base), .log2_i(log2), .head_o(head),
    .running_o(running), .irq_o(irq), .ring_error_o(ring_error),
    .ats_i(ats), .ats_enabled_o(ats_enabled), .ats_none_open_o(ats_none_open), .ats_piece_o(ats_piece), .ats_reads_o(ats_reads),
    .ats_writes_o(ats_writes), .ats_src_o(ats_src), .ats_dst_o(ats_dst), .ats_hit_i(ats_hit), .ats_ask_o(ats_ask), .ats_wait_i(ats_wait),
    .ats_parked_i(ats_parked), .ats_denied_i(ats_denied), .ats_denied_status_i(ats_denied_status), .ats_denied_write_i(ats_denied_write),
    .fetch_run_o(fetch_run), .start_o(start), .channel_o(channel), .fetching_i(fetching), .fetch_failed_i(fetch_failed),
    .next_i(next), .take_o(take), .control_i(control), .src_i(src), .dst_i(dst), .length_i(length),
    .chunk_valid_o(chunk_valid), .chunk_ready_i(chunk_ready), .chunk_o(chunk_bits), .record_o(record),
    .record_taken_i(record_taken), .failed_o(failed), .crc_i(crc),
    .end_i(end_valid), .end_chunk_i(end_bits), .end_drop_i(end_drop), .end_read_error_i(end_read_error),
    .end_second_i(end_second), .end_mismatch_i(end_mismatch), .end_difference_i(end_difference),
    .written_i(write_done), .written_channel_i(write_channel), .written_error_i(write_error),
    .written_address_i(write_address), .written_offset_i(write_offset),
    .recorded_i(recorded), .recorded_channel_i(recorded_channel), .recorded_error_i(recorded_error),
    .finished_o(finished), .finished_cycles_o(finished_cycles), .status_channel_i(reg_channel), .status_cycles_o(n_busy_now));

  dma_read #(.DATA_W(DATA_W)) u_read (
    .clk_i, .rst_ni, .stop_i, .busy_o(read_busy),
    .cmd_valid_i(chunk_read), .cmd_ready_o(read_ready), .cmd_channel_i(chunk.channel), .cmd_address_i(chunk.src),
    .cmd_length_i(chunk.length),
    .fetch_valid_i(fetch_valid), .fetch_ready_o(fetch_ready), .fetch_channel_i(fetch_channel), .fetch_address_i(fetch_address),
    .data_user_i(data_user), .data_prot_i(read_prot), .ring_user_i(ring_user), .mask_i(mask),
    .ats_channel_o(ar_channel), .ats_translated_i(ar_translated), .ats_page_i(ar_page),
    .m_arid, .m_araddr, .m_arlen, .m_arsize, .m_arburst, .m_arprot, .m_aruser, .m_arvalid, .m_arready,
    .m_rid, .m_rdata, .m_rresp, .m_rlast, .m_rvalid, .m_rready,
    .beat_valid_o(beat_valid), .beat_ready_i(beat_ready), .beat_data_o(beat_data), .beat_error_o(beat_error),
    .beat_last_o(beat_last), .fetched_o(fetched), .fetched_channel_o(fetched_channel),
    .done_o(read_done), .done_channel_o(read_done_channel), .done_cycles_o(read_cycles));

  dma_engine #(.DATA_W(DATA_W)) u_engine (
    .clk_i, .rst_ni, .chunk_valid_i(chunk_valid), .chunk_ready_o(engine_ready), .chunk_i(chunk_bits),
    .begin_i(take), .begin_channel_i(channel), .begin_pattern_i(pattern), .record_i(record), .record_taken_o(record_taken),
    .failed_i(failed),
    .beat_valid_i(beat_valid), .beat_ready_o(beat_ready), .beat_data_i(beat_data), .beat_error_i(beat_error),
    .beat_last_i(beat_last),
    .out_valid_o(fill_valid), .out_ready_i(fill_ready), .out_data_o(fill_data), .out_strb_o(fill_strb),
    .end_o(end_valid), .end_ready_i(end_ready), .end_chunk_o(end_bits), .end_drop_o(end_drop),
    .end_read_error_o(end_read_error), .end_second_o(end_second), .end_mismatch_o(end_mismatch),
    .end_difference_o(end_difference), .crc_channel_i(channel), .crc_o(crc));

  dma_write #(.DATA_W(DATA_W)) u_write (
    .clk_i, .rst_ni, .stop_i, .busy_o(write_busy),
    .in_valid_i(fill_valid), .in_ready_o(fill_ready), .in_data_i(fill_data), .in_strb_i(fill_strb),
    .end_i(end_valid), .end_ready_o(end_ready), .end_drop_i(end_drop || !ended.write), .end_chunk_i(end_bits),
    .data_user_i(data_user), .data_prot_i(write_prot), .ring_user_i(ring_user), .mask_i(mask),
    .ats_channel_o(aw_channel), .ats_translated_i(aw_translated), .ats_page_i(aw_page),
    .m_awid, .m_awaddr, .m_awlen, .m_awsize, .m_awburst, .m_awprot, .m_awuser, .m_awvalid, .m_awready,
    .m_wdata, .m_wstrb, .m_wlast, .m_wvalid, .m_wready, .m_bid, .m_bresp, .m_bvalid, .m_bready,
    .done_o(write_done), .done_channel_o(write_channel), .done_error_o(write_error), .done_address_o(write_address),
    .done_offset_o(write_offset), .done_bytes_o(write_bytes), .done_cycles_o(write_cycles),
    .recorded_o(recorded), .recorded_channel_o(recorded_channel), .recorded_error_o(recorded_error));

  dma_ats u_ats (
    .clk_i, .rst_ni, .busy_o(ats_busy), .ats_i(ats), .data_user_i(data_user), .data_prot_i(read_prot), .enabled_i(ats_enabled),
    .none_open_i(ats_none_open), .channel_i(channel), .start_i(start), .take_i(take), .piece_i(ats_piece), .reads_i(ats_reads),
    .writes_i(ats_writes), .src_i(ats_src), .dst_i(ats_dst), .hit_o(ats_hit), .ask_i(ats_ask), .wait_o(ats_wait), .parked_o(ats_parked),
    .denied_o(ats_denied), .denied_status_o(ats_denied_status), .denied_write_o(ats_denied_write), .ar_channel_i(ar_channel),
    .ar_translated_o(ar_translated), .ar_page_o(ar_page), .aw_channel_i(aw_channel), .aw_translated_o(aw_translated), .aw_page_o(aw_page),
    .req_valid_o(ats_req_valid_o), .req_o(ats_req_o), .req_ready_i(ats_req_ready_i), .rsp_valid_i(ats_rsp_valid_i), .rsp_i(ats_rsp_i),
    .rsp_ready_o(ats_rsp_ready_o), .page_valid_o(pr_req_valid_o), .page_o(pr_req_o), .page_ready_i(pr_req_ready_i), .msg_valid_i, .msg_i,
    .msg_ready_o, .claim_did_i, .claim_o, .cpl_valid_o(inv_cpl_valid_o), .cpl_o(inv_cpl_o), .cpl_ready_i(inv_cpl_ready_i));

  dma_stats u_stats (
    .clk_i, .rst_ni, .start_i(start), .start_channel_i(channel),
    .read_i(end_valid && ended.read && !end_drop), .read_channel_i(ended.channel), .read_bytes_i(ended.length),
    .read_burst_i(read_done), .read_burst_channel_i(read_done_channel), .read_burst_cycles_i(read_cycles),
    .write_burst_i(write_done), .write_burst_channel_i(write_channel), .write_burst_cycles_i(write_cycles),
    .write_burst_bytes_i(write_error ? 9'd0 : write_bytes),
    .busy_i(finished), .busy_channel_i(channel), .busy_cycles_i(finished_cycles),
    .re_i(reg_re_i), .channel_i(reg_channel), .bytes_read_o(n_bytes_read), .bytes_written_o(n_bytes_written), .read_bursts_o(n_read_bursts),
    .read_latency_o(n_read_latency), .write_bursts_o(n_write_bursts), .write_latency_o(n_write_latency),
    .busy_cycles_o(n_busy_done));

  wire unused = &{1'b0, irq_wires, chunk, ended};
endmodule
`default_nettype wire
