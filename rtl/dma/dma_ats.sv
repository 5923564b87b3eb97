// SPDX-License-Identifier: Apache-2.0
// Address translation cache of the channels in ATS mode: of each the page it reads and the page it writes. A piece that needs
// another page waits until the channel's pieces are answered; then a translation request goes out. Where the answer lacks the
// permission, a page request follows, and after its group response the translation request again. An invalidation request drops
// what it names and is completed once no piece that may use it is under way.
//
// One translation request or message at a time; a channel that waits for a group response holds up no other, and a page request
// that the IOMMU does not take yet keeps no message waiting. What
// software has to answer takes as long as it takes: the block counts as idle meanwhile, and a channel that is stopped gives up.
// Source: PCIe, "ATS specification", as the RISC-V IOMMU specification has it.
`default_nettype none
module dma_ats (
  input  wire                       clk_i,
  input  wire                       rst_ni,
  /// Something goes on without being told.
  output logic                      busy_o,

  // channels
  /// In ATS mode.
  input  wire  [7:0]                ats_i,
  /// AxUSER and AxPROT of data.
  input  wire  [8*47-1:0]           data_user_i,
  input  wire  [8*3-1:0]            data_prot_i,
  /// Enabled, and not to stop.
  input  wire  [7:0]                enabled_i,
  /// All its pieces are answered.
  input  wire  [7:0]                none_open_i,

  // dma_sched
  /// The channel that is served: it starts; takes a descriptor;
  input  wire  [2:0]                channel_i,
  input  wire                       start_i,
  input  wire                       take_i,
  /// would make a piece that reads and writes these pages.
  input  wire                       piece_i,
  input  wire                       reads_i,
  input  wire                       writes_i,
  input  wire  [51:0]               src_i,
  input  wire  [51:0]               dst_i,
  /// Both pages are here.
  output logic                      hit_o,
  /// They are not: fetch one that is missing.
  input  wire                       ask_i,
  /// Channels that make no piece now; of these those that wait for software.
  output logic [7:0]                wait_o,
  output logic [7:0]                parked_o,
  /// Channels that did not get what the descriptor needs; why, and whether to write it, of the channel that is served.
  output logic [7:0]                denied_o,
  output logic [7:0]                denied_status_o,
  output logic                      denied_write_o,

  // what an AR or AW of a channel becomes
  input  wire  [2:0]                ar_channel_i,
  output logic                      ar_translated_o,
  output logic [51:0]               ar_page_o,
  input  wire  [2:0]                aw_channel_i,
  output logic                      aw_translated_o,
  output logic [51:0]               aw_page_o,

  // streams (ats_pkg)
  output logic                      req_valid_o,
  output logic [ats_pkg::REQ_W-1:0] req_o,
  input  wire                       req_ready_i,
  input  wire                       rsp_valid_i,
  input  wire  [ats_pkg::RSP_W-1:0] rsp_i,
  output logic                      rsp_ready_o,
  output logic                      page_valid_o,
  output logic [ats_pkg::PAGE_W-1:0] page_o,
  input  wire                       page_ready_i,
  input  wire                       msg_valid_i,
  input  wire  [ats_pkg::MSG_W-1:0] msg_i,
  output logic                      msg_ready_o,
  /// Whether a channel in ATS mode has this device_id.
  input  wire  [23:0]               claim_did_i,
  output logic                      claim_o,
  output logic                      cpl_valid_o,
  output logic [ats_pkg::CPL_W-1:0] cpl_o,
  input  wire                       cpl_ready_i
);
  localparam logic [2:0] IDLE = 3'd0;
  localparam logic [2:0] REQUEST = 3'd1;
  localparam logic [2:0] ANSWER = 3'd2;
  localparam logic [2:0] DROP = 3'd3;
  localparam logic [2:0] COMPLETE = 3'd4;
  localparam logic [2:0] TRIES = 3'd7;      // page requests for one page

  // ---- what is cached: entry {channel, write} ---------------------------------------------------------------------------------
  logic [15:0] valid_q, u_q;                // u: only untranslated accesses may use it
  logic [51:0] page_m [0:15];
  logic [51:0] target_m [0:15];
  logic        src_hit, dst_hit;

  always_comb begin
    src_hit = 1'b0;
    dst_hit = 1'b0;
    if (piece_i) begin
      src_hit = !reads_i || (valid_q[{channel_i, 1'b0}] && page_m[{channel_i, 1'b0}] == src_i);
      dst_hit = !writes_i || (valid_q[{channel_i, 1'b1}] && page_m[{channel_i, 1'b1}] == dst_i);
    end
  end
  assign hit_o = src_hit && dst_hit;

  assign ar_translated_o = ats_i[ar_channel_i] && valid_q[{ar_channel_i, 1'b0}] && !u_q[{ar_channel_i, 1'b0}];
  assign aw_translated_o = ats_i[aw_channel_i] && valid_q[{aw_channel_i, 1'b1}] && !u_q[{aw_channel_i, 1'b1}];
  assign ar_page_o       = ar_translated_o ? target_m[{ar_channel_i, 1'b0}] : '0;
  assign aw_page_o       = aw_translated_o ? target_m[{aw_channel_i, 1'b1}] : '0;

  // ---- what channels wait for ---------------------------------------------------------------------------------------------------
  logic [2:0]  state_q, c_q;                // c: channel that is worked on
  logic [7:0]  ask_q, park_q, denied_q, refused_q;
  logic [7:0]  write_q;                     // the page is to be written
  logic [51:0] want_m [0:7];
  logic [2:0]  tries_m [0:7];
  logic [5:0]  group_m [0:7];               // with the channel, the index of its last page request
  logic [7:0]  ready;
  logic        pick_valid, pick, page_valid_q;
  logic [2:0]  pick_channel;
  assign ready = ask_q & ~park_q & none_open_i;
  rr_arb #(.N(8)) u_pick (.clk_i, .rst_ni, .req_i(ready), .accept_i(pick), .valid_o(pick_valid), .index_o(pick_channel));

  assign wait_o          = ask_q | (state_q == DROP ? ats_i : 8'd0);
  assign parked_o        = park_q;
  assign denied_o        = denied_q;
  assign denied_status_o = refused_q[channel_i] ? regs_pkg::DMA_STATUS_TRANSLATION_REFUSED : regs_pkg::DMA_STATUS_PAGE_REFUSED;
  assign denied_write_o  = write_q[channel_i];

  // ---- messages -----------------------------------------------------------------------------------------------------------------
  ats_pkg::msg_t msg, drop;
  logic [ats_pkg::MSG_W-1:0] msg_q;
  logic          respond;
  logic [2:0]    msg_channel;
  assign msg         = msg_i;
  assign drop        = msg_q;
  assign msg_ready_o = state_q == IDLE && msg_valid_i;
  assign respond     = msg_ready_o && msg.response;
  assign msg_channel = msg.payload[regs_pkg::CMD_W1_ATS_PRGI_LSB +: 3];
  always_comb begin
    claim_o = 1'b0;
    for (int unsigned i = 0; i < 8; i++) if (ats_i[i] && data_user_i[i*47 +: 24] == claim_did_i) claim_o = 1'b1;
  end

  // the pages that an invalidation names: bits up to the lowest zero of its address tell the size
  logic [51:0] inval, inval_mask;
  logic        same, hit_src, hit_dst;
  assign inval = drop.payload[regs_pkg::CMD_W1_ATS_ADDR_LSB +: regs_pkg::CMD_W1_ATS_ADDR_W];
  always_comb begin
    inval_mask = '0;
    same       = 1'b0;
    hit_src    = 1'b0;
    hit_dst    = 1'b0;
    if (state_q == DROP) begin
      if (drop.payload[regs_pkg::CMD_W1_ATS_S_LSB]) inval_mask = inval ^ (inval + 52'd1);
      same = data_user_i[c_q*47 +: 24] == drop.did
          && (!drop.pv || drop.payload[regs_pkg::CMD_W1_ATS_G_LSB] || data_user_i[c_q*47 + 24 +: 21] == {1'b1, drop.pid});
      hit_src = same && valid_q[{c_q, 1'b0}] && ((page_m[{c_q, 1'b0}] ^ inval) & ~inval_mask) == '0;
      hit_dst = same && valid_q[{c_q, 1'b1}] && ((page_m[{c_q, 1'b1}] ^ inval) & ~inval_mask) == '0;
    end
  end
  logic drop_now;
  assign drop_now = state_q == DROP && (!(hit_src || hit_dst) || none_open_i[c_q]);

  ats_pkg::cpl_t cpl;
  always_comb begin
    cpl       = '0;
    cpl.did   = drop.did;
    cpl.itags = 32'd1 << drop.itag;
    cpl.cc    = 3'd1;
  end
  assign cpl_o       = cpl;
  assign cpl_valid_o = state_q == COMPLETE;

  // ---- requests -----------------------------------------------------------------------------------------------------------------
  ats_pkg::req_t  req;
  ats_pkg::rsp_t  rsp;
  ats_pkg::page_t page;
  logic [51:0]    want, offset;
  logic           write, execute, granted, answered, fill, give_up, lacks;
  assign want    = want_m[c_q];
  assign write   = write_q[c_q];
  assign execute = data_prot_i[c_q*3 + 2] && !write;
  always_comb begin
    req  = '0;
    page = '0;
    if (state_q == REQUEST) begin
      req.tag = {5'd0, c_q};
      {req.pv, req.pid, req.did} = data_user_i[c_q*47 +: 45];
      req.priv  = req.pv && data_prot_i[c_q*3];
      req.exec  = execute;
      req.write = write;
      req.iova  = {want, 12'd0};
    end
    if (lacks) begin
      {page.pv, page.pid, page.did} = data_user_i[c_q*47 +: 45];
      page.priv = page.pv && data_prot_i[c_q*3];
      page.exec = page.pv && execute;
      page.payload[regs_pkg::PAGE_REQUEST_PAYLOAD_R_LSB] = !write;
      page.payload[regs_pkg::PAGE_REQUEST_PAYLOAD_W_LSB] = write;
      page.payload[regs_pkg::PAGE_REQUEST_PAYLOAD_L_LSB] = 1'b1;
      page.payload[regs_pkg::PAGE_REQUEST_PAYLOAD_PRGI_LSB +: 9] = {group_m[c_q], c_q};
      page.payload[regs_pkg::PAGE_REQUEST_PAYLOAD_ADDRESS_LSB +: 52] = want;
    end
  end
  assign req_o        = req;
  assign req_valid_o  = state_q == REQUEST;
  assign rsp_ready_o  = state_q == ANSWER;
  assign page_valid_o = page_valid_q;

  assign rsp     = rsp_i;
  assign offset  = (52'd1 << rsp.lg) - 52'd1;
  assign granted = rsp.status == ats_pkg::STATUS_SUCCESS && (write ? rsp.w : rsp.r && (!execute || rsp.x));

  assign pick     = state_q == IDLE && !msg_valid_i && pick_valid && !page_valid_q;
  assign answered = state_q == ANSWER && rsp_valid_i;
  assign fill     = answered && granted;
  assign give_up  = answered && !granted && (rsp.status != ats_pkg::STATUS_SUCCESS || tries_m[c_q] == TRIES);
  assign lacks    = answered && !granted && !give_up;

  always_ff @(posedge clk_i) begin
    if (ask_i) begin
      want_m[channel_i]  <= src_hit ? dst_i : src_i;
      tries_m[channel_i] <= '0;
    end
    if (lacks) begin
      tries_m[c_q] <= tries_m[c_q] + 3'd1;
      page_o       <= page;
    end
    if (fill) begin
      page_m[{c_q, write}]   <= want;
      target_m[{c_q, write}] <= rsp.page | (want & offset);
    end
    if (state_q == IDLE && msg_valid_i) msg_q <= msg_i;
    if (!rst_ni) for (int unsigned i = 0; i < 8; i++) group_m[i] <= '0;
    else if (lacks) group_m[c_q] <= group_m[c_q] + 6'd1;
  end

  // ---- states --------------------------------------------------------------------------------------------------------------------
  logic awaited;                            // the response is the one that a channel waits for
  assign awaited = respond && park_q[msg_channel] && data_user_i[msg_channel*47 +: 24] == msg.did
                && msg.payload[regs_pkg::CMD_W1_ATS_PRGI_LSB + 3 +: 6] == group_m[msg_channel] - 6'd1;
  assign busy_o  = state_q != IDLE || msg_valid_i || page_valid_q || |(ask_q & ~park_q) || |(park_q & ~enabled_i);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q   <= IDLE;
      c_q       <= '0;
      valid_q   <= '0;
      u_q       <= '0;
      ask_q     <= '0;
      park_q    <= '0;
      denied_q  <= '0;
      refused_q <= '0;
      write_q   <= '0;
      page_valid_q <= 1'b0;
    end else begin
      case (state_q)
        IDLE: begin
          c_q <= msg_valid_i ? '0 : pick_channel;
          if (msg_valid_i) state_q <= msg.response ? IDLE : DROP;
          else if (pick) state_q <= REQUEST;
        end
        REQUEST: if (req_ready_i) state_q <= ANSWER;
        ANSWER: if (rsp_valid_i) state_q <= IDLE;
        DROP: if (drop_now) begin
          if (hit_src) valid_q[{c_q, 1'b0}] <= 1'b0;
          if (hit_dst) valid_q[{c_q, 1'b1}] <= 1'b0;
          c_q <= c_q + 3'd1;
          if (c_q == 3'd7) state_q <= COMPLETE;
        end
        default: if (cpl_ready_i) state_q <= IDLE;
      endcase

      if (ask_i) begin
        ask_q[channel_i]   <= 1'b1;
        write_q[channel_i] <= src_hit;
      end
      if (fill) begin
        valid_q[{c_q, write}] <= 1'b1;
        u_q[{c_q, write}]     <= rsp.untranslated;
        ask_q[c_q]            <= 1'b0;
      end
      if (give_up) begin
        ask_q[c_q]     <= 1'b0;
        denied_q[c_q]  <= 1'b1;
        refused_q[c_q] <= rsp.status != ats_pkg::STATUS_SUCCESS;
      end
      if (lacks) park_q[c_q] <= 1'b1;
      if (lacks) page_valid_q <= 1'b1;
      else if (page_ready_i) page_valid_q <= 1'b0;
      if (awaited) begin
        park_q[msg_channel] <= 1'b0;
        if (msg.payload[regs_pkg::CMD_W1_ATS_CODE_LSB +: 4] != ats_pkg::RESPONSE_SUCCESS) begin
          ask_q[msg_channel]     <= 1'b0;
          denied_q[msg_channel]  <= 1'b1;
          refused_q[msg_channel] <= 1'b0;
        end
      end
      if (|(park_q & ~enabled_i)) begin
        park_q <= park_q & enabled_i;
        ask_q  <= ask_q & ~(park_q & ~enabled_i);
      end
      if (take_i) denied_q[channel_i] <= 1'b0;
      if (start_i) begin
        valid_q[{channel_i, 1'b0}] <= 1'b0;
        valid_q[{channel_i, 1'b1}] <= 1'b0;
      end
    end
  end
endmodule
`default_nettype wire
