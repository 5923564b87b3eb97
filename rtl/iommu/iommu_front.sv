// SPDX-License-Identifier: Apache-2.0
//
// What every request passes: a port, a lookup in context cache and IOTLB and, unless it hits, a pending table until the walks
// have its page; then m_data. Here are the caches, the counts of what is under way, and fences, which wait for that. Structure only.
// Latency: a hit leaves on m_data 2 clocks after it was offered. Throughput: one read and one write request a clock.
// Outstanding: 16 transactions per id, 8 pending requests per port and direction.
`default_nettype none
module iommu_front #(
  parameter int unsigned DATA_W = 64  /// data width in bits
) (
  input  wire                              clk_i,
  input  wire                              clk_ctl_i,      /// of the walks
  input  wire                              rst_ni,
  input  wire  [iommu_pkg::CONFIG_W-1:0]   config_i,       /// config_t

  // ports, named as in iommu_top
  input  wire  [23:0]                      strap_port0_id_base_i, strap_port0_id_mask_i, strap_port1_id_base_i, strap_port1_id_mask_i,
  input  wire  [3:0]                       s0_awid, s0_arid, s1_awid, s1_arid,
  input  wire  [63:0]                      s0_awaddr, s0_araddr, s1_awaddr, s1_araddr,
  input  wire  [7:0]                       s0_awlen, s0_arlen, s1_awlen, s1_arlen,
  input  wire  [2:0]                       s0_awsize, s0_arsize, s1_awsize, s1_arsize,
  input  wire  [1:0]                       s0_awburst, s0_arburst, s1_awburst, s1_arburst,
  input  wire  [2:0]                       s0_awprot, s0_arprot, s1_awprot, s1_arprot,
  input  wire  [46:0]                      s0_awuser, s0_aruser, s1_awuser, s1_aruser,
  input  wire                              s0_awvalid, s0_arvalid, s1_awvalid, s1_arvalid,
  output logic                             s0_awready, s0_arready, s1_awready, s1_arready,
  input  wire  [DATA_W-1:0]                s0_wdata, s1_wdata,
  input  wire  [DATA_W/8-1:0]              s0_wstrb, s1_wstrb,
  input  wire                              s0_wvalid, s1_wvalid,
  output logic                             s0_wready, s1_wready,
  output logic [3:0]                       s0_bid, s0_rid, s1_bid, s1_rid,
  output logic [1:0]                       s0_bresp, s0_rresp, s1_bresp, s1_rresp,
  output logic                             s0_bvalid, s0_rvalid, s1_bvalid, s1_rvalid,
  input  wire                              s0_bready, s0_rready, s1_bready, s1_rready,
  output logic [DATA_W-1:0]                s0_rdata, s1_rdata,
  output logic                             s0_rlast, s1_rlast,
  input  wire  [31:0]                      isolation_timeout_i,
  input  wire  [1:0]                       isolation_clear_i,
  input  wire  [1:0]                       stream_expired_i,   /// per port: it has not taken what it was sent beside AXI
  output logic [1:0]                       isolated_o,

  // translated traffic
  output logic [4:0]                       m_data_awid, m_data_arid,
  output logic [63:0]                      m_data_awaddr, m_data_araddr,
  output logic [7:0]                       m_data_awlen, m_data_arlen,
  output logic [2:0]                       m_data_awsize, m_data_arsize,
  output logic [1:0]                       m_data_awburst, m_data_arburst,
  output logic [2:0]                       m_data_awprot, m_data_arprot,
  output logic [49:0]                      m_data_awuser, m_data_aruser,
  output logic [23:0]                      m_data_awqosid, m_data_arqosid,
  output logic                             m_data_awvalid, m_data_arvalid,
  input  wire                              m_data_awready, m_data_arready,
  output logic [DATA_W-1:0]                m_data_wdata,
  output logic [DATA_W/8-1:0]              m_data_wstrb,
  output logic                             m_data_wlast, m_data_wvalid,
  input  wire                              m_data_wready,
  input  wire  [4:0]                       m_data_bid, m_data_rid,
  input  wire  [1:0]                       m_data_bresp, m_data_rresp,
  input  wire                              m_data_bvalid, m_data_rvalid,
  output logic                             m_data_bready, m_data_rready,
  input  wire  [DATA_W-1:0]                m_data_rdata,
  input  wire                              m_data_rlast,

  // walks of the pending tables (0 reads, 1 writes) and their results; see iommu_walk
  output logic [1:0]                       walk_wanted_o,  /// some request needs one, or is about to
  output logic [1:0]                       walk_valid_o,
  output logic [2*iommu_pkg::REQ_W-1:0]    walk_req_o,
  input  wire  [1:0]                       walk_accept_i,
  input  wire  [iommu_pkg::SLOT_AW-1:0]    walk_slot_i,
  input  wire                              walk_join_i,
  input  wire                              res_valid_i,
  input  wire  [iommu_pkg::SLOT_AW-1:0]    res_slot_i,
  input  wire                              res_fault_i, res_any_i, res_mrif_i,
  input  wire  [7:0]                       res_perm_i,
  input  wire  [51:0]                      res_page_i,
  input  wire  [26:0]                      res_attr_i,
  input  wire                              fill_i,
  input  wire  [iommu_pkg::TLB_W-1:0]      fill_entry_i,
  input  wire                              fill_fractured_i,

  // context cache, for the walks
  input  wire                              ctx_valid_i,
  input  wire  [iommu_pkg::CTX_KEY_W-1:0]  ctx_key_i,
  output logic                             ctx_hit_o,
  output logic [iommu_pkg::CTX_W-1:0]      ctx_o,
  output logic [iommu_pkg::WALK_CTX_W-1:0] walk_ctx_o,
  input  wire                              ctx_fill_i,
  input  wire  [iommu_pkg::CTX_W-1:0]      ctx_fill_ctx_i,
  input  wire  [iommu_pkg::WALK_CTX_W-1:0] ctx_fill_walk_ctx_i,

  // invalidation, one clock
  input  wire                              inval_ctx_i, inval_tlb_i,
  input  wire  [iommu_pkg::INVAL_W-1:0]    inval_i,        /// inval_t

  // fences; see iommu_fence
  input  wire                              fence_start_i, fence_reads_i, fence_writes_i,
  output logic                             fence_taken_o, fence_done_o,
  input  wire                              ddtp_start_i,
  output logic                             ddtp_taken_o, ddtp_done_o,
  output logic                             begun_o,        /// a fence, or a write to ddtp, begins
  input  wire                              beside_none_i,
  input  wire  [7:0]                       records_in_i, records_out_i,

  // writes to memory-resident interrupt files, per port; see iommu_mrif
  output logic                             mrif_keep_o,    /// the result that is given now is that of the write at mrif_keep_idx_o
  output logic [iommu_pkg::PEND_AW-1:0]    mrif_keep_idx_o,
  output logic [2*iommu_pkg::PEND_AW-1:0]  mrif_idx_o,
  output logic [2*iommu_pkg::REQ_W-1:0]    mrif_req_o,
  output logic [1:0]                       sunk_o,
  output logic [63:0]                      sunk_data_o,
  output logic [7:0]                       sunk_lanes_o,
  output logic [1:0]                       sunk_ok_o,
  input  wire  [1:0]                       sunk_done_i, sunk_bad_i,

  // events, per direction
  output logic [1:0]                       entered_o,      /// a request entered ...
  output logic [1:0]                       translated_o,   /// ... that claims to be translated already ...
  output logic [2*iommu_pkg::EVENT_W-1:0]  entered_who_o,  /// ... from there, event_t
  output logic [1:0]                       hit_o, miss_o, refused_o,
  output logic                             quiet_o,        /// all that left has been answered
  output logic                             idle_o          /// and nothing is on its way
);
  localparam int unsigned RW = iommu_pkg::REQ_W;
  localparam int unsigned KW = iommu_pkg::CTX_KEY_W;
  localparam int unsigned CW = iommu_pkg::CTX_W;

  iommu_pkg::config_t cfg;
  iommu_pkg::inval_t  what;
  logic bare, table_mode;
  assign cfg = config_i;
  assign what = inval_i;
  assign bare = cfg.mode == regs_pkg::IOMMU_MODE_BARE;
  assign table_mode = cfg.mode > regs_pkg::IOMMU_MODE_BARE;

  // ---- ports --------------------------------------------------------------------------------------------------------------------------------
  logic [1:0]      p0_req_valid, p1_req_valid, p0_req_ready, p1_req_ready, p0_err_valid, p1_err_valid, p0_err_done, p1_err_done;
  logic [2*RW-1:0] p0_req, p1_req;
  logic [7:0]      ar_err_id, aw_err_id;
  logic [15:0]     ar_err_len, aw_err_len;
  logic [1:0]      ar_err_valid, aw_err_valid, ar_err_mrif, aw_err_mrif;
  logic [1:0]      turn, w_valid, b_valid, b_ready, r_valid, r_ready, port_empty;
  logic            w_ready;
  logic [2*DATA_W-1:0] w_data;
  logic [DATA_W/4-1:0] w_strb;
  assign p0_err_valid = {aw_err_valid[0], ar_err_valid[0]};
  assign p1_err_valid = {aw_err_valid[1], ar_err_valid[1]};

  iommu_port #(.DATA_W(DATA_W), .PORT(1'b0)) port0 (
    .clk_i, .rst_ni, .id_base_i(strap_port0_id_base_i), .id_mask_i(strap_port0_id_mask_i), .timeout_i(isolation_timeout_i),
    .clear_i(isolation_clear_i[0]), .expired_i(stream_expired_i[0]), .isolated_o(isolated_o[0]),
    .s_awid(s0_awid), .s_awaddr(s0_awaddr), .s_awlen(s0_awlen), .s_awsize(s0_awsize), .s_awburst(s0_awburst), .s_awprot(s0_awprot),
    .s_awuser(s0_awuser), .s_awvalid(s0_awvalid), .s_awready(s0_awready), .s_wdata(s0_wdata), .s_wstrb(s0_wstrb), .s_wvalid(s0_wvalid),
    .s_wready(s0_wready), .s_bid(s0_bid), .s_bresp(s0_bresp), .s_bvalid(s0_bvalid), .s_bready(s0_bready), .s_arid(s0_arid),
    .s_araddr(s0_araddr), .s_arlen(s0_arlen), .s_arsize(s0_arsize), .s_arburst(s0_arburst), .s_arprot(s0_arprot), .s_aruser(s0_aruser),
    .s_arvalid(s0_arvalid), .s_arready(s0_arready), .s_rid(s0_rid), .s_rdata(s0_rdata), .s_rresp(s0_rresp), .s_rlast(s0_rlast),
    .s_rvalid(s0_rvalid), .s_rready(s0_rready),
    .req_valid_o(p0_req_valid), .req_o(p0_req), .req_ready_i(p0_req_ready), .err_valid_i(p0_err_valid),
    .err_id_i({aw_err_id[3:0], ar_err_id[3:0]}), .err_len_i({aw_err_len[7:0], ar_err_len[7:0]}), .err_mrif_i({aw_err_mrif[0], ar_err_mrif[0]}), .err_done_o(p0_err_done),
    .sunk_o(sunk_o[0]), .sunk_data_o(sunk_data_o[31:0]), .sunk_lanes_o(sunk_lanes_o[3:0]), .sunk_ok_o(sunk_ok_o[0]), .sunk_done_i(sunk_done_i[0]), .sunk_bad_i(sunk_bad_i[0]),
    .turn_i(turn[0]), .w_valid_o(w_valid[0]), .w_data_o(w_data[0 +: DATA_W]), .w_strb_o(w_strb[0 +: DATA_W/8]), .w_ready_i(w_ready),
    .b_valid_i(b_valid[0]), .b_id_i(m_data_bid[3:0]), .b_resp_i(m_data_bresp), .b_ready_o(b_ready[0]),
    .r_valid_i(r_valid[0]), .r_id_i(m_data_rid[3:0]), .r_data_i(m_data_rdata), .r_resp_i(m_data_rresp), .r_last_i(m_data_rlast),
    .r_ready_o(r_ready[0]), .empty_o(port_empty[0]));

  iommu_port #(.DATA_W(DATA_W), .PORT(1'b1)) port1 (
    .clk_i, .rst_ni, .id_base_i(strap_port1_id_base_i), .id_mask_i(strap_port1_id_mask_i), .timeout_i(isolation_timeout_i),
    .clear_i(isolation_clear_i[1]), .expired_i(stream_expired_i[1]), .isolated_o(isolated_o[1]),
    .s_awid(s1_awid), .s_awaddr(s1_awaddr), .s_awlen(s1_awlen), .s_awsize(s1_awsize), .s_awburst(s1_awburst), .s_awprot(s1_awprot),
    .s_awuser(s1_awuser), .s_awvalid(s1_awvalid), .s_awready(s1_awready), .s_wdata(s1_wdata), .s_wstrb(s1_wstrb), .s_wvalid(s1_wvalid),
    .s_wready(s1_wready), .s_bid(s1_bid), .s_bresp(s1_bresp), .s_bvalid(s1_bvalid), .s_bready(s1_bready), .s_arid(s1_arid),
    .s_araddr(s1_araddr), .s_arlen(s1_arlen), .s_arsize(s1_arsize), .s_arburst(s1_arburst), .s_arprot(s1_arprot), .s_aruser(s1_aruser),
    .s_arvalid(s1_arvalid), .s_arready(s1_arready), .s_rid(s1_rid), .s_rdata(s1_rdata), .s_rresp(s1_rresp), .s_rlast(s1_rlast),
    .s_rvalid(s1_rvalid), .s_rready(s1_rready),
    .req_valid_o(p1_req_valid), .req_o(p1_req), .req_ready_i(p1_req_ready), .err_valid_i(p1_err_valid),
    .err_id_i({aw_err_id[7:4], ar_err_id[7:4]}), .err_len_i({aw_err_len[15:8], ar_err_len[15:8]}), .err_mrif_i({aw_err_mrif[1], ar_err_mrif[1]}), .err_done_o(p1_err_done),
    .sunk_o(sunk_o[1]), .sunk_data_o(sunk_data_o[63:32]), .sunk_lanes_o(sunk_lanes_o[7:4]), .sunk_ok_o(sunk_ok_o[1]), .sunk_done_i(sunk_done_i[1]), .sunk_bad_i(sunk_bad_i[1]),
    .turn_i(turn[1]), .w_valid_o(w_valid[1]), .w_data_o(w_data[DATA_W +: DATA_W]), .w_strb_o(w_strb[DATA_W/8 +: DATA_W/8]), .w_ready_i(w_ready),
    .b_valid_i(b_valid[1]), .b_id_i(m_data_bid[3:0]), .b_resp_i(m_data_bresp), .b_ready_o(b_ready[1]),
    .r_valid_i(r_valid[1]), .r_id_i(m_data_rid[3:0]), .r_data_i(m_data_rdata), .r_resp_i(m_data_rresp), .r_last_i(m_data_rlast),
    .r_ready_o(r_ready[1]), .empty_o(port_empty[1]));

  // ---- fence and flights --------------------------------------------------------------------------------------------------------------------
  logic       pcol, pipe_empty;
  logic [1:0] fcol, out_go, out_colour, refused_colour, old_none, all_none;
  iommu_fence fence (
    .clk_i, .rst_ni, .cq_start_i(fence_start_i), .cq_reads_i(fence_reads_i), .cq_writes_i(fence_writes_i), .cq_taken_o(fence_taken_o),
    .cq_done_o(fence_done_o), .ddtp_start_i, .ddtp_taken_o, .ddtp_done_o,
    .entered_i(entered_o), .out_i(out_go), .out_colour_i(out_colour), .refused_i(refused_o), .refused_colour_i(refused_colour),
    .pcol_o(pcol), .fcol_o(fcol), .old_none_i(old_none), .taken_o(begun_o), .beside_none_i, .records_in_i, .records_out_i, .pipe_empty_o(pipe_empty));

  logic ar_load, aw_load, r_done, b_done;
  logic [RW-1:0] ar_load_bits, aw_load_bits, ar_out_bits, aw_out_bits;
  iommu_pkg::req_t ar_load_req;
  iommu_pkg::req_t aw_load_req;
  iommu_pkg::req_t ar_out;
  iommu_pkg::req_t aw_out;
  assign ar_load_req = ar_load_bits;
  assign aw_load_req = aw_load_bits;
  assign ar_out = ar_out_bits;
  assign aw_out = aw_out_bits;
  logic [iommu_pkg::IDS-1:0] ar_full, ar_none, aw_full, aw_none;
  iommu_flight ar_flight (.clk_i, .rst_ni, .colour_i(fcol[0]), .inc_i(ar_load), .inc_id_i({ar_load_req.port, ar_load_req.id}),
    .inc_colour_i(ar_load_req.fcol), .dec_i(r_done), .dec_id_i(m_data_rid), .full_o(ar_full), .none_o(ar_none),
    .old_none_o(old_none[0]), .all_none_o(all_none[0]));
  iommu_flight aw_flight (.clk_i, .rst_ni, .colour_i(fcol[1]), .inc_i(aw_load), .inc_id_i({aw_load_req.port, aw_load_req.id}),
    .inc_colour_i(aw_load_req.fcol), .dec_i(b_done), .dec_id_i(m_data_bid), .full_o(aw_full), .none_o(aw_none),
    .old_none_o(old_none[1]), .all_none_o(all_none[1]));

  // ---- caches -----------------------------------------------------------------------------------------------------------------------------------
  logic [KW-1:0] ar_key, aw_key;
  logic [1:0]    ctx_hit;
  logic [2*CW-1:0] ctx;
  iommu_ctx contexts (
    .clk_i(clk_ctl_i), .rst_ni, .key_valid_i({p0_req_valid[1] | p1_req_valid[1], p0_req_valid[0] | p1_req_valid[0]}), .key_i({aw_key, ar_key}), .hit_o(ctx_hit), .ctx_o(ctx),
    .walk_valid_i(ctx_valid_i), .walk_key_i(ctx_key_i),
    .walk_hit_o(ctx_hit_o), .walk_ctx_o(ctx_o), .walk_more_o(walk_ctx_o), .fill_i(ctx_fill_i), .fill_ctx_i(ctx_fill_ctx_i), .fill_more_i(ctx_fill_walk_ctx_i),
    .inval_i(inval_ctx_i), .inval_device_i(what.ctx_device), .inval_process_i(what.ctx_process), .inval_did_i(what.did), .inval_pid_i(what.pid));

  logic [1:0]    tlb_en, tlb_hit, tlb_key_valid;
  logic [46:0]   ar_rd_vpn, aw_rd_vpn;
  logic [63:0]   ar_key_space, ar_key_page, aw_key_space, aw_key_page;
  logic [2*64-1:0] tlb_leaf;
  iommu_tlb tlb (
    .clk_i, .rst_ni, .rd_en_i(tlb_en), .rd_vpn_i({aw_rd_vpn, ar_rd_vpn}), .key_valid_i(tlb_key_valid), .key0_space_i(ar_key_space), .key0_page_i(ar_key_page), .key1_space_i(aw_key_space), .key1_page_i(aw_key_page),
    .hit_o(tlb_hit), .leaf_o(tlb_leaf), .fill_i, .fill_entry_i, .fill_fractured_i,
    .inval_i(inval_tlb_i), .inval_page_i(what.tlb_page), .inval_vpn_i(what.page[46:0]));

  // ---- lookups and pending tables ---------------------------------------------------------------------------------------------------------------
  logic [1:0] push, push_hit, behind, rel_valid, rel_ready;
  logic [RW-1:0] ar_push_req, aw_push_req, ar_rel_req, aw_rel_req;
  logic [51:0] ar_push_page, aw_push_page;
  logic [26:0] ar_push_attr, aw_push_attr;
  logic [4:0] ar_class, aw_class;
  logic [7:0] ar_used, aw_used;
  logic [1:0] ar_ready, aw_ready;
  logic route_room;
  assign p0_req_ready = {aw_ready[0], ar_ready[0]};
  assign p1_req_ready = {aw_ready[1], ar_ready[1]};

  logic aw_primary, unused_primary;
  logic [iommu_pkg::PEND_AW-1:0] unused_primary_idx;
  logic [2*iommu_pkg::PEND_AW-1:0] unused_err_idx;
  logic [2*RW-1:0] unused_err_req;
  logic [1:0] w_none;

  iommu_lookup #(.WRITE(1'b0)) ar_lookup (
    .clk_i, .rst_ni, .req_valid_i({p1_req_valid[0], p0_req_valid[0]}), .req_i({p1_req[0 +: RW], p0_req[0 +: RW]}), .req_ready_o(ar_ready),
    .pcol_i(pcol), .fcol_i(fcol[0]), .entered_o(entered_o[0]), .translated_o(translated_o[0]), .hit_o(hit_o[0]), .miss_o(miss_o[0]), .bare_i(bare), .table_i(table_mode), .qosid_i(cfg.qosid),
    .ctx_key_o(ar_key), .ctx_hit_i(ctx_hit[0]), .ctx_i(ctx[0 +: CW]), .tlb_en_o(tlb_en[0]), .tlb_rd_vpn_o(ar_rd_vpn), 
    .tlb_key_valid_o(tlb_key_valid[0]), .tlb_key_space_o(ar_key_space), .tlb_key_page_o(ar_key_page), .tlb_hit_i(tlb_hit[0]), .tlb_leaf_i(tlb_leaf[0 +: 64]),
    .push_o(push[0]), .push_req_o(ar_push_req), .push_hit_o(push_hit[0]), .push_page_o(ar_push_page), .push_attr_o(ar_push_attr), .class_o(ar_class), .behind_i(behind[0]),
    .used_i(ar_used), .rel_valid_i(rel_valid[0]), .rel_req_i(ar_rel_req), .rel_ready_o(rel_ready[0]), .flight_full_i(ar_full), .out_room_i(1'b1),
    .load_o(ar_load), .load_req_o(ar_load_bits), .out_valid_o(m_data_arvalid), .out_req_o(ar_out_bits), .out_ready_i(m_data_arready));

  iommu_lookup #(.WRITE(1'b1)) aw_lookup (
    .clk_i, .rst_ni, .req_valid_i({p1_req_valid[1], p0_req_valid[1]}), .req_i({p1_req[RW +: RW], p0_req[RW +: RW]}), .req_ready_o(aw_ready),
    .pcol_i(pcol), .fcol_i(fcol[1]), .entered_o(entered_o[1]), .translated_o(translated_o[1]), .hit_o(hit_o[1]), .miss_o(miss_o[1]), .bare_i(bare), .table_i(table_mode), .qosid_i(cfg.qosid),
    .ctx_key_o(aw_key), .ctx_hit_i(ctx_hit[1]), .ctx_i(ctx[CW +: CW]), .tlb_en_o(tlb_en[1]), .tlb_rd_vpn_o(aw_rd_vpn), 
    .tlb_key_valid_o(tlb_key_valid[1]), .tlb_key_space_o(aw_key_space), .tlb_key_page_o(aw_key_page), .tlb_hit_i(tlb_hit[1]), .tlb_leaf_i(tlb_leaf[64 +: 64]),
    .push_o(push[1]), .push_req_o(aw_push_req), .push_hit_o(push_hit[1]), .push_page_o(aw_push_page), .push_attr_o(aw_push_attr), .class_o(aw_class), .behind_i(behind[1]),
    .used_i(aw_used), .rel_valid_i(rel_valid[1]), .rel_req_i(aw_rel_req), .rel_ready_o(rel_ready[1]), .flight_full_i(aw_full), .out_room_i(route_room),
    .load_o(aw_load), .load_req_o(aw_load_bits), .out_valid_o(m_data_awvalid), .out_req_o(aw_out_bits), .out_ready_i(m_data_awready));

  iommu_pend #(.WRITE(1'b0)) ar_pend (
    .clk_i, .clk_ctl_i, .rst_ni, .push_i(push[0]), .push_req_i(ar_push_req), .push_hit_i(push_hit[0]), .push_page_i(ar_push_page), .push_attr_i(ar_push_attr), .class_i(ar_class),
    .behind_o(behind[0]), .used_o(ar_used), .walk_wanted_o(walk_wanted_o[0]), .walk_valid_o(walk_valid_o[0]), .walk_req_o(walk_req_o[0*RW +: RW]), .walk_accept_i(walk_accept_i[0]),
    .walk_slot_i, .walk_join_i, .res_valid_i, .res_slot_i, .res_fault_i, .res_any_i, .res_mrif_i, .res_perm_i, .res_page_i, .res_attr_i,
    .res_primary_o(unused_primary), .res_idx_o(unused_primary_idx), .left_valid_o(refused_o[0]), .left_colour_o(refused_colour[0]), .rel_valid_o(rel_valid[0]),
    .rel_req_o(ar_rel_req), .rel_ready_i(rel_ready[0]), .flight_full_i(ar_full), .flight_none_i(ar_none), .err_hold_i(2'b00),
    .err_valid_o(ar_err_valid), .err_id_o(ar_err_id), .err_len_o(ar_err_len), .err_mrif_o(ar_err_mrif), .err_idx_o(unused_err_idx), .err_req_o(unused_err_req), .err_done_i({p1_err_done[0], p0_err_done[0]}));

  iommu_pend #(.WRITE(1'b1)) aw_pend (
    .clk_i, .clk_ctl_i, .rst_ni, .push_i(push[1]), .push_req_i(aw_push_req), .push_hit_i(push_hit[1]), .push_page_i(aw_push_page), .push_attr_i(aw_push_attr), .class_i(aw_class),
    .behind_o(behind[1]), .used_o(aw_used), .walk_wanted_o(walk_wanted_o[1]), .walk_valid_o(walk_valid_o[1]), .walk_req_o(walk_req_o[1*RW +: RW]), .walk_accept_i(walk_accept_i[1]),
    .walk_slot_i, .walk_join_i, .res_valid_i, .res_slot_i, .res_fault_i, .res_any_i, .res_mrif_i, .res_perm_i, .res_page_i, .res_attr_i,
    .res_primary_o(aw_primary), .res_idx_o(mrif_keep_idx_o), .left_valid_o(refused_o[1]), .left_colour_o(refused_colour[1]), .rel_valid_o(rel_valid[1]),
    .rel_req_o(aw_rel_req), .rel_ready_i(rel_ready[1]), .flight_full_i(aw_full), .flight_none_i(aw_none), .err_hold_i(~w_none),
    .err_valid_o(aw_err_valid), .err_id_o(aw_err_id), .err_len_o(aw_err_len), .err_mrif_o(aw_err_mrif), .err_idx_o(mrif_idx_o), .err_req_o(mrif_req_o), .err_done_i({p1_err_done[1], p0_err_done[1]}));

  // ---- m_data -----------------------------------------------------------------------------------------------------------------------------------
  iommu_data #(.DATA_W(DATA_W)) data_side (
    .clk_i, .rst_ni, .route_i(aw_load), .route_port_i(aw_load_req.port), .route_len_i(aw_load_req.len), .room_o(route_room), .none_o(w_none),
    .turn_o(turn), .w_valid_i(w_valid), .w_data_i(w_data), .w_strb_i(w_strb), .w_ready_o(w_ready), .m_data_wdata, .m_data_wstrb, .m_data_wlast,
    .m_data_wvalid, .m_data_wready, .m_data_bid, .m_data_bvalid, .m_data_bready, .m_data_rid, .m_data_rlast, .m_data_rvalid, .m_data_rready,
    .b_valid_o(b_valid), .b_ready_i(b_ready), .r_valid_o(r_valid), .r_ready_i(r_ready), .b_done_o(b_done), .r_done_o(r_done));

  assign m_data_arid = {ar_out.port, ar_out.id};
  assign m_data_araddr = ar_out.addr;
  assign m_data_arlen = ar_out.len;
  assign m_data_arsize = ar_out.size;
  assign m_data_arburst = ar_out.burst;
  assign m_data_arprot = ar_out.prot;
  assign m_data_arqosid = ar_out.qosid;
  assign m_data_aruser = {ar_out.msi, ar_out.pbmt, ar_out.ttype, ar_out.pv, ar_out.pid, ar_out.did};
  assign m_data_awid = {aw_out.port, aw_out.id};
  assign m_data_awaddr = aw_out.addr;
  assign m_data_awlen = aw_out.len;
  assign m_data_awsize = aw_out.size;
  assign m_data_awburst = aw_out.burst;
  assign m_data_awprot = aw_out.prot;
  assign m_data_awqosid = aw_out.qosid;
  assign m_data_awuser = {aw_out.msi, aw_out.pbmt, aw_out.ttype, aw_out.pv, aw_out.pid, aw_out.did};
  assign out_go = {m_data_awvalid & m_data_awready, m_data_arvalid & m_data_arready};
  assign out_colour = {aw_out.pcol, ar_out.pcol};

  // ---- events and state ------------------------------------------------------------------------------------------------------------------------------
  localparam int unsigned REST = iommu_pkg::EVENT_W - 45;   // of an event: what a lookup does not know
  assign entered_who_o = {aw_key[44:0], {REST{1'b0}}, ar_key[44:0], {REST{1'b0}}};
  assign mrif_keep_o = res_valid_i & res_mrif_i & aw_primary;
  assign quiet_o = (&all_none) & ~m_data_arvalid & ~m_data_awvalid;
  assign idle_o = pipe_empty & (ar_used == 8'd0) & (aw_used == 8'd0) & (&all_none) & (&w_none) & (&port_empty);

  wire unused = &{1'b0, cfg, what, unused_primary, unused_primary_idx, unused_err_idx, unused_err_req};
endmodule
`default_nettype wire
