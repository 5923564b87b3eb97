// SPDX-License-Identifier: Apache-2.0
//
// Everything that passes between IOMMU and devices beside AXI: translation requests, page requests, messages and their
// completions (ats_pkg), with the page-request queue. Structure, and the watch over ports that do not take what they are sent.
// What port 1 sends passes a register (which keeps the logic behind it off clk_i of the shell); it has entered when it leaves that.
`default_nettype none
module iommu_streams (
  input  wire                           clk_i,
  input  wire                           rst_ni,
  input  wire                           there_i,            /// capabilities.ATS
  input  wire  [5:0]                    pas_i,              /// physical address width
  input  wire                           be_i,               /// fctl.BE
  input  wire  [4:0]                    queue_log2_max_i,
  input  wire  [31:0]                   ats_timeout_i,      /// clocks that a device has for an invalidation completion
  input  wire  [31:0]                   isolation_timeout_i,/// clocks that a port has to take what it is sent, 0: any number
  input  wire  [1:0]                    isolated_i,
  output logic [1:0]                    expired_o,          /// per port: it has not
  input  wire  [2*24-1:0]               id_base_i,          /// device_ids a port may use: (id & mask) == base
  input  wire  [2*24-1:0]               id_mask_i,

  // streams, per port
  input  wire  [1:0]                    req_valid_i,
  input  wire  [2*ats_pkg::REQ_W-1:0]   req_i,
  output logic [1:0]                    req_ready_o,
  output logic [1:0]                    rsp_valid_o,
  output logic [2*ats_pkg::RSP_W-1:0]   rsp_o,
  input  wire  [1:0]                    rsp_ready_i,
  input  wire  [1:0]                    page_valid_i,
  input  wire  [2*ats_pkg::PAGE_W-1:0]  page_i,
  output logic [1:0]                    page_ready_o,
  output logic [1:0]                    msg_valid_o,
  output logic [2*ats_pkg::MSG_W-1:0]   msg_o,
  input  wire  [1:0]                    msg_ready_i,
  output logic [23:0]                   route_did_o,        /// device of the next message ...
  input  wire                           route_port_i,       /// ... and the port behind which it is
  input  wire  [1:0]                    cpl_valid_i,
  input  wire  [2*ats_pkg::CPL_W-1:0]   cpl_i,
  output logic [1:0]                    cpl_ready_o,

  // walks: 0 translation requests, 1 page requests
  output logic [1:0]                    side_valid_o,
  output logic [2*iommu_pkg::REQ_W-1:0] side_req_o,
  input  wire  [1:0]                    side_accept_i,
  input  wire  [1:0]                    side_done_i,
  input  wire  [iommu_pkg::SIDE_W-1:0]  side_res_i,
  output logic                          ev_ats_o,           /// a translation request entered, one clock
  output logic [ats_pkg::REQ_W-1:0]     ev_ats_req_o,

  // commands and fences
  input  wire                           cmd_valid_i,
  input  wire  [127:0]                  cmd_i,              /// ATS.INVAL or ATS.PRGR
  output logic                          cmd_taken_o,
  output logic                          pending_o,          /// a message is on its way, or an invalidation neither complete nor out of time
  output logic                          waiting_o,
  output logic                          timed_out_o,
  input  wire                           timed_out_clear_i,
  input  wire                           inval_i,
  input  wire                           fence_taken_i,
  output logic                          old_none_o,

  // page-request queue
  input  wire                           reg_we_i,
  input  wire                           reg_re_i,
  input  wire  [11:0]                   reg_addr_i,
  input  wire  [63:0]                   reg_wdata_i,
  input  wire  [7:0]                    reg_wstrb_i,
  output logic [63:0]                   reg_rdata_o,
  output logic                          pq_used_o,          /// on, or to be on
  output logic                          pq_level_o,
  output logic                          pq_event_o,
  output logic                          wr_valid_o,
  output logic [63:0]                   wr_addr_o,
  output logic [127:0]                  wr_record_o,
  input  wire                           wr_done_i,
  input  wire                           wr_error_i,

  output logic                          offered_o,          /// a device offers something: the clock is needed
  output logic                          idle_o
);
  logic ats_none, ats_idle, stale, pri_none, pri_idle, msg_none, msg_idle, inval_pending, pq_idle, rec_full;
  logic rec_valid, rec_done, rec_lost, sent;
  logic [127:0] rec;
  logic [1:0]   in_valid, in_ready;
  logic [2*ats_pkg::MSG_W-1:0] in;
  logic [ats_pkg::MSG_W-1:0]   sent_msg;

  logic                       req_valid, page_valid, cpl_valid;
  logic [ats_pkg::REQ_W-1:0]  req;
  logic [ats_pkg::PAGE_W-1:0] page;
  logic [ats_pkg::CPL_W-1:0]  cpl;
  logic [1:0]                 req_ready, page_ready, cpl_ready;
  skid #(.W(ats_pkg::REQ_W)) req_in (
    .clk_i, .rst_ni, .in_valid_i(req_valid_i[1]), .in_ready_o(req_ready_o[1]), .in_data_i(req_i[ats_pkg::REQ_W +: ats_pkg::REQ_W]),
    .out_valid_o(req_valid), .out_ready_i(req_ready[1]), .out_data_o(req));
  skid #(.W(ats_pkg::PAGE_W)) page_in (
    .clk_i, .rst_ni, .in_valid_i(page_valid_i[1]), .in_ready_o(page_ready_o[1]), .in_data_i(page_i[ats_pkg::PAGE_W +: ats_pkg::PAGE_W]),
    .out_valid_o(page_valid), .out_ready_i(page_ready[1]), .out_data_o(page));
  skid #(.W(ats_pkg::CPL_W)) cpl_in (
    .clk_i, .rst_ni, .in_valid_i(cpl_valid_i[1]), .in_ready_o(cpl_ready_o[1]), .in_data_i(cpl_i[ats_pkg::CPL_W +: ats_pkg::CPL_W]),
    .out_valid_o(cpl_valid), .out_ready_i(cpl_ready[1]), .out_data_o(cpl));
  assign req_ready_o[0] = req_ready[0];
  assign page_ready_o[0] = page_ready[0];
  assign cpl_ready_o[0] = cpl_ready[0];

  iommu_ats ats (
    .clk_i, .rst_ni, .isolated_i, .id_base_i, .id_mask_i, .req_valid_i({req_valid, req_valid_i[0]}), .req_i({req, req_i[0 +: ats_pkg::REQ_W]}),
    .req_ready_o(req_ready), .rsp_valid_o, .rsp_o, .rsp_ready_i,
    .side_valid_o(side_valid_o[0]), .side_req_o(side_req_o[0 +: iommu_pkg::REQ_W]), .side_accept_i(side_accept_i[0]),
    .side_done_i(side_done_i[0]), .side_res_i, .fence_taken_i, .old_none_o(ats_none), .inval_i, .stale_o(stale),
    .entered_o(ev_ats_o), .entered_req_o(ev_ats_req_o), .idle_o(ats_idle));

  iommu_pri pri (
    .clk_i, .rst_ni, .isolated_i, .id_base_i, .id_mask_i, .req_valid_i({page_valid, page_valid_i[0]}), .req_i({page, page_i[0 +: ats_pkg::PAGE_W]}),
    .req_ready_o(page_ready),
    .side_valid_o(side_valid_o[1]), .side_req_o(side_req_o[iommu_pkg::REQ_W +: iommu_pkg::REQ_W]), .side_accept_i(side_accept_i[1]),
    .side_done_i(side_done_i[1]), .side_res_i, .rec_valid_o(rec_valid), .rec_o(rec), .rec_done_i(rec_done), .rec_lost_i(rec_lost),
    .rec_code_i(rec_full ? ats_pkg::RESPONSE_SUCCESS : ats_pkg::RESPONSE_FAILURE), .msg_valid_o(in_valid[1]), .msg_o(in[ats_pkg::MSG_W +: ats_pkg::MSG_W]), .msg_ready_i(in_ready[1]),
    .fence_taken_i, .old_none_o(pri_none), .idle_o(pri_idle));

  // a queue that is off or broken is a failure, one that is full is not
  iommu_queue #(.WORDS(2), .BASE(regs_pkg::IOMMU_PQB), .HEAD(regs_pkg::IOMMU_PQH), .CSR(regs_pkg::IOMMU_PQCSR)) pq (
    .clk_i, .rst_ni, .there_i, .pas_i, .be_i, .queue_log2_max_i, .we_i(reg_we_i), .re_i(reg_re_i), .addr_i(reg_addr_i), .wdata_i(reg_wdata_i),
    .wstrb_i(reg_wstrb_i), .rdata_o(reg_rdata_o), .used_o(pq_used_o), .level_o(pq_level_o), .event_o(pq_event_o),
    .rec_valid_i(rec_valid), .rec_i(rec), .rec_done_o(rec_done), .rec_lost_o(rec_lost), .rec_full_o(rec_full),
    .wr_valid_o, .wr_addr_o, .wr_record_o, .wr_done_i, .wr_error_i, .idle_o(pq_idle));

  iommu_ats_cmd commands (
    .clk_i, .rst_ni, .timeout_i(ats_timeout_i), .stale_i(stale), .cmd_valid_i, .cmd_i, .cmd_taken_o, .msg_valid_o(in_valid[0]),
    .msg_o(in[0 +: ats_pkg::MSG_W]), .msg_ready_i(in_ready[0]), .sent_i(sent), .sent_msg_i(sent_msg), .isolated_i, .id_base_i, .id_mask_i,
    .cpl_valid_i({cpl_valid, cpl_valid_i[0]}), .cpl_i({cpl, cpl_i[0 +: ats_pkg::CPL_W]}), .cpl_ready_o(cpl_ready), .pending_o(inval_pending), .waiting_o, .timed_out_o, .timed_out_clear_i);

  iommu_msg messages (
    .clk_i, .rst_ni, .isolated_i, .in_valid_i(in_valid), .in_i(in), .in_ready_o(in_ready), .route_did_o, .route_port_i,
    .sent_o(sent), .sent_msg_o(sent_msg), .out_valid_o(msg_valid_o), .out_o(msg_o), .out_ready_i(msg_ready_i), .none_o(msg_none),
    .idle_o(msg_idle));

  assign pending_o = inval_pending | ~msg_none;
  assign old_none_o = ats_none & pri_none;
  assign idle_o = ats_idle & pri_idle & pq_idle & msg_idle & ~req_valid & ~page_valid & ~cpl_valid;
  assign offered_o = (|req_valid_i) | (|page_valid_i) | (|cpl_valid_i);

  // ---- ports that take nothing -------------------------------------------------------------------------------------------------
  for (genvar p = 0; p < 2; p++) begin : gen_port
    logic        stuck;
    logic [31:0] stuck_q;
    assign stuck = ((rsp_valid_o[p] & ~rsp_ready_i[p]) | (msg_valid_o[p] & ~msg_ready_i[p])) & ~isolated_i[p];
    assign expired_o[p] = (isolation_timeout_i != 32'd0) & (stuck_q >= isolation_timeout_i);
    always_ff @(posedge clk_i) begin
      if (!rst_ni) stuck_q <= 32'd0;
      else stuck_q <= (stuck && !expired_o[p]) ? stuck_q + 32'd1 : 32'd0;
    end
  end
endmodule
`default_nettype wire
