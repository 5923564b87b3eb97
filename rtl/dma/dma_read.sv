// SPDX-License-Identifier: Apache-2.0
// Read side of the data mover: turns pieces and descriptor fetches into AR bursts and gives the data back in order.
//
// Latency: 1 clock from a command to ARVALID, 2 from R to beat_valid_o. A piece that crosses 4 KiB becomes two bursts.
// Outstanding: 8 data bursts, ids 0 to 7, each with room of its own in the reorder buffer, and a descriptor fetch for each
// channel, ids 8 + channel. R is therefore always accepted, and answers of different ids may come in any order.
`default_nettype none
module dma_read #(
  /// 64 or 128.
  parameter int unsigned DATA_W = 64
) (
  input  wire                clk_i,
  input  wire                rst_ni,
  /// No new burst; ARVALID that is up stays up.
  input  wire                stop_i,
  /// Something is outstanding.
  output logic               busy_o,

  input  wire                cmd_valid_i,
  output logic               cmd_ready_o,
  input  wire  [2:0]         cmd_channel_i,
  input  wire  [63:0]        cmd_address_i,
  /// Bytes, 1 to 256.
  input  wire  [8:0]         cmd_length_i,

  /// Fetch of 64 bytes, 64-byte aligned; goes before data.
  input  wire                fetch_valid_i,
  output logic               fetch_ready_o,
  input  wire  [2:0]         fetch_channel_i,
  input  wire  [63:0]        fetch_address_i,

  /// Identity of each channel: AxUSER and AxPROT of data, AxUSER of fetches, address mask.
  input  wire  [8*47-1:0]    data_user_i,
  input  wire  [8*3-1:0]     data_prot_i,
  input  wire  [8*47-1:0]    ring_user_i,
  input  wire  [8*64-1:0]    mask_i,
  /// Whether data of ats_channel_o was translated beforehand, and to which page.
  output logic [2:0]         ats_channel_o,
  input  wire                ats_translated_i,
  input  wire  [51:0]        ats_page_i,

  output logic [3:0]         m_arid,
  output logic [63:0]        m_araddr,
  output logic [7:0]         m_arlen,
  output logic [2:0]         m_arsize,
  output logic [1:0]         m_arburst,
  output logic [2:0]         m_arprot,
  output logic [46:0]        m_aruser,
  output logic               m_arvalid,
  input  wire                m_arready,
  input  wire  [3:0]         m_rid,
  input  wire  [DATA_W-1:0]  m_rdata,
  input  wire  [1:0]         m_rresp,
  input  wire                m_rlast,
  input  wire                m_rvalid,
  output logic               m_rready,

  /// Data beats, in the order of the commands.
  output logic               beat_valid_o,
  input  wire                beat_ready_i,
  output logic [DATA_W-1:0]  beat_data_o,
  output logic               beat_error_o,
  output logic               beat_last_o,

  /// A beat of a fetch: data is m_rdata. Always taken.
  output logic               fetched_o,
  output logic [2:0]         fetched_channel_o,

  /// A data burst's last beat has come, and the cycles since its ARVALID.
  output logic               done_o,
  output logic [2:0]         done_channel_o,
  output logic [31:0]        done_cycles_o
);
  localparam int unsigned B = DATA_W / 8;
  localparam int unsigned OFF_W = $clog2(B);
  localparam int unsigned BEAT_W = DATA_W == 64 ? 6 : 5;   // 256 bytes at any offset: B = 8: 33 beats, B = 16: 17
  localparam int unsigned SLOTS = dma_pkg::SLOTS;
  localparam logic [2:0] SIZE = DATA_W == 64 ? dma_pkg::AXI_SIZE_8 : dma_pkg::AXI_SIZE_16;

  // ---- commands ------------------------------------------------------------------------------------------------------------
  localparam int unsigned CMD_W = 3 + 64 + 9;
  logic             cmd_valid, cmd_pop;
  logic [CMD_W-1:0] cmd;
  logic [2:0]       unused_count;
  logic [2:0]       channel;
  logic [63:0]      address;
  logic [8:0]       length;
  fifo #(.W(CMD_W), .DEPTH(4)) u_cmd (
    .clk_i, .rst_ni, .flush_i(1'b0),
    .in_valid_i(cmd_valid_i), .in_ready_o(cmd_ready_o), .in_data_i({cmd_channel_i, cmd_address_i, cmd_length_i}),
    .out_valid_o(cmd_valid), .out_ready_i(cmd_pop), .out_data_o(cmd), .count_o(unused_count));
  assign {channel, address, length} = cmd;

  // ---- AR: at most two bursts for a command ----------------------------------------------------------------------------------
  logic [SLOTS-1:0] busy_q, complete_q;  // slot is in use; its last beat has come
  logic [2:0]       alloc_q;
  logic             second_q;            // the command's first burst is issued
  logic [12:0]      room;                // bytes up to the next 4 KiB boundary
  logic             crosses, load, load_fetch, load_data;
  logic [63:0]      start;
  logic [8:0]       bytes;
  logic [8:0]       span;                // bytes from the start of the first beat, less 1

  assign ats_channel_o = channel;
  assign room    = 13'h1000 - {1'b0, address[11:0]};
  assign crosses = 13'(length) > room;
  assign start   = second_q ? {address[63:12] + 52'd1, 12'd0} : address;
  assign bytes   = second_q ? length - room[8:0] : crosses ? room[8:0] : length;
  assign span    = 9'(start[OFF_W-1:0]) + bytes - 9'd1;

  assign load          = (!m_arvalid || m_arready) && !stop_i;
  assign load_fetch    = load && fetch_valid_i;
  assign load_data     = load && !fetch_valid_i && cmd_valid && !busy_q[alloc_q];
  assign fetch_ready_o = load;
  assign cmd_pop       = load_data && (second_q || !crosses);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      m_arvalid <= 1'b0;
      second_q  <= 1'b0;
      alloc_q   <= '0;
    end else begin
      if (load_fetch || load_data) m_arvalid <= 1'b1;
      else if (m_arready) m_arvalid <= 1'b0;
      if (load_data) begin
        alloc_q  <= alloc_q + 1'b1;
        second_q <= !second_q && crosses;
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (load_fetch) begin
      m_arid   <= {1'b1, fetch_channel_i};
      m_araddr <= fetch_address_i;
      m_arlen  <= 8'(regs_pkg::DESCRIPTOR_SIZE / B - 1);
      m_arprot <= 3'b000;
      m_aruser <= ring_user_i[fetch_channel_i*47 +: 47];
    end else if (load_data) begin
      m_arid   <= {1'b0, alloc_q};
      m_araddr <= start & mask_i[channel*64 +: 64];
      if (ats_translated_i) m_araddr[63:12] <= ats_page_i;
      m_arlen  <= 8'(span >> OFF_W);
      m_arprot <= data_prot_i[channel*3 +: 3];
      m_aruser <= data_user_i[channel*47 +: 47];
      if (ats_translated_i) m_aruser[46:45] <= dma_pkg::TTYPE_TRANSLATED;
    end
  end
  assign m_arsize  = SIZE;
  assign m_arburst = dma_pkg::AXI_BURST_INCR;

  // ---- R: into the slot's place in the buffer ----------------------------------------------------------------------------------
  logic [DATA_W:0]         buffer_m [0:SLOTS*(1<<BEAT_W)-1];   // {error, data}
  logic [SLOTS*BEAT_W-1:0] got_q;        // beats that each slot has received
  logic [31:0]             now_q;
  logic [31:0]             start_m [0:SLOTS-1];
  logic [2:0]              channel_m [0:SLOTS-1];
  logic                    data_beat;
  logic [4:0]              open_q;       // bursts from loading of AR to RLAST
  logic                    close;

  assign m_rready          = 1'b1;
  assign data_beat         = m_rvalid && !m_rid[3];
  assign fetched_o         = m_rvalid && m_rid[3];
  assign fetched_channel_o = m_rid[2:0];
  assign done_o            = data_beat && m_rlast;
  assign done_channel_o    = channel_m[m_rid[2:0]];
  assign done_cycles_o     = now_q - start_m[m_rid[2:0]];
  assign close             = m_rvalid && m_rlast;
  assign busy_o            = open_q != '0;

  always_ff @(posedge clk_i) begin
    if (data_beat) buffer_m[{m_rid[2:0], got_q[m_rid[2:0]*BEAT_W +: BEAT_W]}] <= {m_rresp[1], m_rdata};
    if (load_data) begin
      start_m[alloc_q]   <= now_q + 32'd1;
      channel_m[alloc_q] <= channel;
    end
  end

  // ---- beats out, slot by slot -----------------------------------------------------------------------------------------------------
  logic [2:0]        head_q;
  logic [BEAT_W-1:0] beat_q, head_got;
  logic              read, read_last;
  logic [DATA_W:0]   out_q;

  assign head_got  = got_q[head_q*BEAT_W +: BEAT_W];
  assign read      = busy_q[head_q] && beat_q != head_got && (!beat_valid_o || beat_ready_i);
  assign read_last = complete_q[head_q] && beat_q + 1'b1 == head_got;

  always_ff @(posedge clk_i) if (read) out_q <= buffer_m[{head_q, beat_q}];
  assign {beat_error_o, beat_data_o} = out_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q       <= '0;
      complete_q   <= '0;
      got_q        <= '0;
      now_q        <= '0;
      open_q       <= '0;
      head_q       <= '0;
      beat_q       <= '0;
      beat_valid_o <= 1'b0;
      beat_last_o  <= 1'b0;
    end else begin
      now_q  <= now_q + 32'd1;
      open_q <= open_q + 5'(load_fetch || load_data) - 5'(close);
      if (data_beat) begin
        got_q[m_rid[2:0]*BEAT_W +: BEAT_W] <= got_q[m_rid[2:0]*BEAT_W +: BEAT_W] + 1'b1;
        if (m_rlast) complete_q[m_rid[2:0]] <= 1'b1;
      end
      if (load_data) begin
        busy_q[alloc_q]                    <= 1'b1;
        complete_q[alloc_q]                <= 1'b0;
        got_q[alloc_q*BEAT_W +: BEAT_W]    <= '0;
      end
      if (read) begin
        beat_valid_o <= 1'b1;
        beat_last_o  <= read_last;
        beat_q       <= read_last ? '0 : beat_q + 1'b1;
        if (read_last) begin
          busy_q[head_q] <= 1'b0;
          head_q         <= head_q + 1'b1;
        end
      end else if (beat_ready_i) begin
        beat_valid_o <= 1'b0;
      end
    end
  end
  wire unused = &{1'b0, m_rresp[0], unused_count};
endmodule
`default_nettype wire
