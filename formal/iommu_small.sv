// SPDX-License-Identifier: Apache-2.0
//
// The composition that iommu_stale, iommu_drain and iommu_order are about: ports, lookups, caches, pending tables, walks, fences and
// command queue (iommu_front, iommu_walk, iommu_cq), wired as in iommu_top, at the sizes in proofs.json.
// Left out: registers (the directory has one level, the command queue is on), ATS, debug and page requests, interrupt files, updates of
// A and D, isolation, stopping clocks. Memory and fault queue are the harness. A command is an IOTINVAL.VMA for everything or for one
// page, an IODIR.INVAL_DDT for everything, or an IOFENCE.C.
// A request is one bit of each: id, page (IOVA bit 12), mark (AxPROT[2], which fault records name and m_data repeats), length; all have
// one device_id and one context with a first stage. Vectors of requests are {port 1 write, port 1 read, port 0 write, port 0 read}.
//
// iommu_step, the walk's steps, is another: a walk reads a device context unless it is cached, then the entry of a table above the leaf
// unless that is cached, then the leaf. It may wait a clock at its start and fault at every step, with a record or without;
// a leaf grants writes or not, and is of 4 KiB or 2 MiB. What is read is a bit, data_i[0] of page-table entries, data_i[1] of device
// contexts: a result has the OR of those of its page-table entries in bit 32 of the address, that of its context in bit 0 of the RCID.
`default_nettype none
module iommu_step (
  input  wire                          active_i,
  input  wire  [iommu_pkg::SLOT_W-1:0] slot_i,
  input  wire  [511:0]                 data_i,
  input  wire                          error_i,
  input  wire                          poison_i,
  input  wire                          exokay_i,
  input  wire                          ctx_hit_i,
  input  wire  [iommu_pkg::CTX_W-1:0]  ctx_i,
  input  wire  [iommu_pkg::WALK_CTX_W-1:0] walk_ctx_i,
  input  wire                          first_hit_i,
  input  wire  [43:0]                  first_page_i,
  input  wire                          first_g_i,
  input  wire                          guest_hit_i,
  input  wire  [43:0]                  guest_page_i,
  input  wire  [iommu_pkg::CONFIG_W-1:0] config_i,
  output logic [iommu_pkg::SLOT_W-1:0] slot_o,
  output logic                         read_o,
  output logic                         write_o,
  output logic                         again_o,
  output logic                         ctx_fill_o,
  output logic                         first_fill_o,
  output logic                         guest_fill_o
);
  (* anyseq *) logic pause, fails, logged, writable, large;
  iommu_pkg::slot_t s;
  iommu_pkg::slot_t n;
  iommu_pkg::ctx_t  c;
  assign s = slot_i;
  assign c = ctx_i;
  assign slot_o = n;
  assign write_o = 1'b0;
  assign guest_fill_o = 1'b0;

  always_comb begin
    n = '0;
    {read_o, again_o, ctx_fill_o, first_fill_o} = '0;
    if (active_i) begin
      n.iova[12] = s.iova[12];
      n.write = s.write;
      n.exec = s.exec;
      n.s1 = 1'b1;
      n.ctx.s1_on = 1'b1;
      n.ctx.s1_top = 3'd2;
      n.ctx.qosid[0] = s.ctx.qosid[0];
      n.located = s.located;
      n.addr[32] = s.addr[32];
      if (s.kind == iommu_pkg::WALK_START && pause) again_o = 1'b1;
      else if (fails) begin
        n.fault = 1'b1;
        n.logged = logged;
      end else if (s.kind == iommu_pkg::WALK_START && !ctx_hit_i) begin
        n.kind = iommu_pkg::WALK_DC;
        read_o = 1'b1;
      end else if (s.kind == iommu_pkg::WALK_START || s.kind == iommu_pkg::WALK_DC) begin
        n.located = 1'b1;
        n.ctx.qosid[0] = (s.kind == iommu_pkg::WALK_DC) ? data_i[1] : c.qosid[0];
        ctx_fill_o = s.kind == iommu_pkg::WALK_DC;
        n.kind = iommu_pkg::WALK_S1;
        n.level[0] = ~first_hit_i;
        n.addr[32] = first_hit_i & first_page_i[20];
        read_o = 1'b1;
      end else if (s.level[0]) begin
        n.kind = iommu_pkg::WALK_S1;
        n.addr[32] = data_i[0];
        read_o = 1'b1;
      end else begin
        first_fill_o = 1'b1;
        n.addr[32] = s.addr[32] | data_i[0];
        n.fill = 1'b1;
        {n.leaf.d, n.leaf.u, n.leaf.x, n.leaf.r} = '1;
        n.leaf.w = writable | s.write;
        n.leaf.lg = large ? 6'd9 : 6'd0;
      end
    end
  end

  wire unused = &{1'b0, data_i, error_i, poison_i, exokay_i, walk_ctx_i, first_g_i, guest_hit_i, guest_page_i, config_i};
endmodule

module iommu_small (
  input  wire         clk_i,
  input  wire         rst_ni,
  // ports
  input  wire  [3:0]  valid_i,
  input  wire  [3:0]  id_i,
  input  wire  [3:0]  page_i,
  input  wire  [3:0]  mark_i,
  input  wire  [3:0]  long_i,        // 2 beats, else 1
  output logic [3:0]  ready_o,
  input  wire  [1:0]  wvalid_i,      // per port
  input  wire  [1:0]  wdata_i,
  output logic [1:0]  wready_o,
  output logic [1:0]  bvalid_o,
  output logic [1:0]  bid_o,
  output logic [3:0]  bresp_o,
  input  wire  [1:0]  bready_i,
  output logic [1:0]  rvalid_o,
  output logic [1:0]  rid_o,
  output logic [1:0]  rdata_o,
  output logic [3:0]  rresp_o,
  output logic [1:0]  rlast_o,
  input  wire  [1:0]  rready_i,
  // m_data: {AW, AR}
  output logic [1:0]  m_valid_o,
  output logic [3:0]  m_id_o,        // {port, id} of each
  output logic [1:0]  m_page_o,
  output logic [1:0]  m_mark_o,
  output logic [1:0]  m_long_o,
  output logic [1:0]  m_entry_o,     // bit 32 of the address
  output logic [1:0]  m_context_o,   // bit 0 of the RCID
  input  wire  [1:0]  m_ready_i,
  output logic        m_wvalid_o,
  output logic        m_wdata_o,
  output logic        m_wlast_o,
  input  wire         m_wready_i,
  input  wire         m_bvalid_i,
  input  wire  [1:0]  m_bid_i,
  input  wire  [1:0]  m_bresp_i,
  output logic        m_bready_o,
  input  wire         m_rvalid_i,
  input  wire  [1:0]  m_rid_i,
  input  wire         m_rdata_i,
  input  wire         m_rlast_i,
  output logic        m_rready_o,
  // entries of the walks
  output logic        rd_valid_o,
  output logic        rd_slot_o,
  input  wire         rd_ready_i,
  input  wire         data_valid_i,
  input  wire         data_slot_i,
  input  wire  [1:0]  data_i,
  // commands
  input  wire         tail_i,
  input  wire         cmd_valid_i,   // the command that was asked for is there
  input  wire  [1:0]  cmd_kind_i,    // 0 all pages, 1 one page, 2 contexts, 3 fence
  input  wire         cmd_page_i,
  input  wire  [1:0]  cmd_waits_i,   // fence: {PW, PR}
  output logic        cmd_read_o,
  output logic        inval_tlb_o,
  output logic        inval_ctx_o,
  output logic        inval_page_o,
  output logic        fence_taken_o,
  output logic [1:0]  fence_waits_o,
  output logic        fence_done_o,  // cqh moves past a fence
  // fault records
  output logic        rec_valid_o,
  output logic        rec_mark_o,
  input  wire         rec_ready_i,
  input  wire  [7:0]  records_in_i,
  input  wire  [7:0]  records_out_i
);
  localparam int unsigned RW = iommu_pkg::REQ_W;
  iommu_pkg::config_t cfg;
  iommu_pkg::inval_t  what;
  logic [iommu_pkg::INVAL_W-1:0] what_bits;
  logic [127:0] cmd;
  logic [511:0] data;
  logic [31:0]  head, head_q;
  logic         inval, fence_start, fence_reads, fence_writes, fence_taken, fence_done, cq_rd_valid;
  assign what = what_bits;
  always_comb begin
    cfg = '0;
    cfg.mode = regs_pkg::IOMMU_MODE_BARE + 4'd1;
    cmd = '0;
    if (cmd_kind_i == 2'd3) begin
      cmd[regs_pkg::CMD_W0_OPCODE_LSB +: regs_pkg::CMD_W0_OPCODE_W] = regs_pkg::OPCODE_IOFENCE;
      cmd[regs_pkg::CMD_W0_FUNC3_LSB +: regs_pkg::CMD_W0_FUNC3_W] = regs_pkg::FUNC3_IOFENCE_C;
      cmd[regs_pkg::CMD_W0_IOFENCE_PR_LSB] = cmd_waits_i[0];
      cmd[regs_pkg::CMD_W0_IOFENCE_PW_LSB] = cmd_waits_i[1];
    end else if (cmd_kind_i == 2'd2) begin
      cmd[regs_pkg::CMD_W0_OPCODE_LSB +: regs_pkg::CMD_W0_OPCODE_W] = regs_pkg::OPCODE_IODIR;
      cmd[regs_pkg::CMD_W0_FUNC3_LSB +: regs_pkg::CMD_W0_FUNC3_W] = regs_pkg::FUNC3_IODIR_INVAL_DDT;
    end else begin
      cmd[regs_pkg::CMD_W0_OPCODE_LSB +: regs_pkg::CMD_W0_OPCODE_W] = regs_pkg::OPCODE_IOTINVAL;
      cmd[regs_pkg::CMD_W0_FUNC3_LSB +: regs_pkg::CMD_W0_FUNC3_W] = regs_pkg::FUNC3_IOTINVAL_VMA;
      cmd[regs_pkg::CMD_W0_IOTINVAL_AV_LSB] = cmd_kind_i[0];
      cmd[64 + regs_pkg::CMD_W1_IOTINVAL_ADDR_LSB] = cmd_kind_i[0] & cmd_page_i;
    end
    data = '0;
    if (cmd_valid_i) data[127:0] = cmd;
    else data[1:0] = data_i;
  end
  assign inval_tlb_o = inval & what.tlb;
  assign inval_ctx_o = inval & what.ctx;
  assign inval_page_o = what.tlb_page;
  assign cmd_read_o = cq_rd_valid;
  assign fence_taken_o = fence_taken;
  assign fence_waits_o = {fence_writes, fence_reads};
  logic fencing_q;
  always_ff @(posedge clk_i) begin
    head_q <= rst_ni ? head : 32'd0;
    fencing_q <= rst_ni & (fence_taken | (fencing_q & (head == head_q)));
  end
  assign fence_done_o = fencing_q & (head != head_q);

  iommu_cq cq (.clk_i, .rst_ni, .pas_i(6'd56), .nl_i(1'b0), .s_i(1'b0), .pd_there_i(3'd0), .ats_i(1'b0), .wsi_i(1'b0), .be_i(1'b0),
    .device_id_mask_i(24'hffffff), .ppn_i(44'd0), .tail_i({31'd0, tail_i}), .head_o(head), .log2szm1_i(5'd0), .en_i(1'b1), .mf_clear_i(1'b0), .to_clear_i(1'b0),
    .ill_clear_i(1'b0), .fence_w_ip_clear_i(1'b0), .rd_valid_o(cq_rd_valid), .rd_ready_i(1'b1), .data_valid_i(cmd_valid_i), .data_i(data[127:0]),
    .data_error_i(1'b0), .wr_done_i(1'b0), .wr_error_i(1'b0), .inval_o(inval), .inval_what_o(what_bits), .fence_start_o(fence_start),
    .fence_reads_o(fence_reads), .fence_writes_o(fence_writes), .fence_taken_i(fence_taken), .fence_done_i(fence_done), .ats_taken_i(1'b0),
    .ats_pending_i(1'b0), .ats_waiting_i(1'b0), .ats_timed_out_i(1'b0));

  logic [1:0] walk_valid, walk_accept;
  logic [2*RW-1:0] walk_req;
  logic walk_join, res_valid, res_fault, res_any, res_mrif, fill, fill_fractured, key_valid, ctx_hit, ctx_fill;
  logic [iommu_pkg::SLOT_AW-1:0] walk_slot, res_slot;
  logic [7:0]  res_perm;
  logic [51:0] res_page;
  logic [26:0] res_attr;
  logic [255:0] rec;
  logic [iommu_pkg::TLB_W-1:0] fill_entry;
  logic [iommu_pkg::CTX_KEY_W-1:0] key;
  logic [iommu_pkg::CTX_W-1:0] ctx, ctx_fill_ctx;
  logic [iommu_pkg::WALK_CTX_W-1:0] walk_ctx, ctx_fill_walk_ctx;
  logic [4:0]  awid, arid;
  logic [63:0] awaddr, araddr;
  logic [7:0]  awlen, arlen, wdata, r0, r1;
  logic [2:0]  awprot, arprot;
  logic [23:0] awqosid, arqosid;
  logic [3:0]  b0, b1, rid0, rid1;
  assign m_id_o = {awid[4], awid[0], arid[4], arid[0]};
  assign m_page_o = {awaddr[12], araddr[12]};
  assign m_mark_o = {awprot[2], arprot[2]};
  assign m_long_o = {awlen[0], arlen[0]};
  assign m_entry_o = {awaddr[32], araddr[32]};
  assign m_context_o = {awqosid[0], arqosid[0]};
  assign m_wdata_o = wdata[0];
  assign bid_o = {b1[0], b0[0]};
  assign rid_o = {rid1[0], rid0[0]};
  assign rdata_o = {r1[0], r0[0]};
  iommu_front #(.DATA_W(8)) front (
    .clk_i, .clk_ctl_i(clk_i), .rst_ni, .config_i(cfg), .strap_port0_id_base_i(24'd0), .strap_port0_id_mask_i(24'd0), .strap_port1_id_base_i(24'd0), .strap_port1_id_mask_i(24'd0),
    .s0_arid({3'd0, id_i[0]}), .s0_awid({3'd0, id_i[1]}), .s1_arid({3'd0, id_i[2]}), .s1_awid({3'd0, id_i[3]}),
    .s0_araddr({51'd0, page_i[0], 12'd0}), .s0_awaddr({51'd0, page_i[1], 12'd0}), .s1_araddr({51'd0, page_i[2], 12'd0}), .s1_awaddr({51'd0, page_i[3], 12'd0}),
    .s0_arlen({7'd0, long_i[0]}), .s0_awlen({7'd0, long_i[1]}), .s1_arlen({7'd0, long_i[2]}), .s1_awlen({7'd0, long_i[3]}),
    .s0_arsize(3'd0), .s0_awsize(3'd0), .s1_arsize(3'd0), .s1_awsize(3'd0), .s0_arburst(2'd1), .s0_awburst(2'd1), .s1_arburst(2'd1), .s1_awburst(2'd1),
    .s0_arprot({mark_i[0], 2'd0}), .s0_awprot({mark_i[1], 2'd0}), .s1_arprot({mark_i[2], 2'd0}), .s1_awprot({mark_i[3], 2'd0}),
    .s0_aruser(47'd0), .s0_awuser(47'd0), .s1_aruser(47'd0), .s1_awuser(47'd0),
    .s0_arvalid(valid_i[0]), .s0_awvalid(valid_i[1]), .s1_arvalid(valid_i[2]), .s1_awvalid(valid_i[3]),
    .s0_arready(ready_o[0]), .s0_awready(ready_o[1]), .s1_arready(ready_o[2]), .s1_awready(ready_o[3]),
    .s0_wdata({7'd0, wdata_i[0]}), .s1_wdata({7'd0, wdata_i[1]}), .s0_wstrb(1'b1), .s1_wstrb(1'b1), .s0_wvalid(wvalid_i[0]), .s1_wvalid(wvalid_i[1]),
    .s0_wready(wready_o[0]), .s1_wready(wready_o[1]), .s0_bid(b0), .s1_bid(b1), .s0_bresp(bresp_o[1:0]), .s1_bresp(bresp_o[3:2]),
    .s0_bvalid(bvalid_o[0]), .s1_bvalid(bvalid_o[1]), .s0_bready(bready_i[0]), .s1_bready(bready_i[1]), .s0_rid(rid0), .s1_rid(rid1),
    .s0_rdata(r0), .s1_rdata(r1), .s0_rresp(rresp_o[1:0]), .s1_rresp(rresp_o[3:2]), .s0_rlast(rlast_o[0]), .s1_rlast(rlast_o[1]),
    .s0_rvalid(rvalid_o[0]), .s1_rvalid(rvalid_o[1]), .s0_rready(rready_i[0]), .s1_rready(rready_i[1]),
    .isolation_timeout_i(32'd0), .isolation_clear_i(2'b00), .stream_expired_i(2'b00),
    .m_data_awid(awid), .m_data_arid(arid), .m_data_awaddr(awaddr), .m_data_araddr(araddr), .m_data_awlen(awlen), .m_data_arlen(arlen),
    .m_data_awprot(awprot), .m_data_arprot(arprot), .m_data_awqosid(awqosid), .m_data_arqosid(arqosid), .m_data_awvalid(m_valid_o[1]), .m_data_arvalid(m_valid_o[0]),
    .m_data_awready(m_ready_i[1]), .m_data_arready(m_ready_i[0]), .m_data_wdata(wdata), .m_data_wlast(m_wlast_o), .m_data_wvalid(m_wvalid_o), .m_data_wready(m_wready_i),
    .m_data_bid({m_bid_i[1], 3'd0, m_bid_i[0]}), .m_data_bresp(m_bresp_i), .m_data_bvalid(m_bvalid_i), .m_data_bready(m_bready_o),
    .m_data_rid({m_rid_i[1], 3'd0, m_rid_i[0]}), .m_data_rresp(2'd0), .m_data_rvalid(m_rvalid_i), .m_data_rready(m_rready_o), .m_data_rdata({7'd0, m_rdata_i}), .m_data_rlast(m_rlast_i),
    .walk_valid_o(walk_valid), .walk_req_o(walk_req), .walk_accept_i(walk_accept), .walk_slot_i(walk_slot), .walk_join_i(walk_join),
    .res_valid_i(res_valid), .res_slot_i(res_slot), .res_fault_i(res_fault), .res_any_i(res_any), .res_mrif_i(res_mrif), .res_perm_i(res_perm), .res_page_i(res_page), .res_attr_i(res_attr),
    .fill_i(fill), .fill_entry_i(fill_entry), .fill_fractured_i(fill_fractured), .ctx_valid_i(key_valid), .ctx_key_i(key), .ctx_hit_o(ctx_hit), .ctx_o(ctx), .walk_ctx_o(walk_ctx),
    .ctx_fill_i(ctx_fill), .ctx_fill_ctx_i(ctx_fill_ctx), .ctx_fill_walk_ctx_i(ctx_fill_walk_ctx), .inval_ctx_i(inval_ctx_o), .inval_tlb_i(inval_tlb_o), .inval_i(what_bits),
    .fence_start_i(fence_start), .fence_reads_i(fence_reads), .fence_writes_i(fence_writes), .fence_taken_o(fence_taken), .fence_done_o(fence_done),
    .ddtp_start_i(1'b0), .beside_none_i(1'b1), .records_in_i, .records_out_i, .sunk_done_i(2'b00), .sunk_bad_i(2'b00));

  iommu_walk walk (
    .clk_i, .rst_ni, .config_i(cfg), .req_valid_i(walk_valid), .req_i(walk_req), .req_accept_o(walk_accept), .req_slot_o(walk_slot), .req_join_o(walk_join),
    .side_valid_i(3'b000), .side_req_i({(3*RW){1'b0}}), .ctx_valid_o(key_valid), .ctx_key_o(key), .ctx_hit_i(ctx_hit), .ctx_i(ctx), .walk_ctx_i(walk_ctx),
    .ctx_fill_o(ctx_fill), .ctx_fill_ctx_o(ctx_fill_ctx), .ctx_fill_walk_ctx_o(ctx_fill_walk_ctx), .rd_valid_o, .rd_slot_o, .rd_ready_i,
    .data_valid_i, .data_slot_i, .data_i(data), .data_error_i(1'b0), .data_poison_i(1'b0), .data_exokay_i(1'b0), .wr_done_i(1'b0), .wr_error_i(1'b0), .wr_exokay_i(1'b0),
    .res_valid_o(res_valid), .res_slot_o(res_slot), .res_fault_o(res_fault), .res_any_o(res_any), .res_mrif_o(res_mrif), .res_perm_o(res_perm), .res_page_o(res_page), .res_attr_o(res_attr),
    .fill_o(fill), .fill_entry_o(fill_entry), .fill_fractured_o(fill_fractured), .rec_valid_o, .rec_o(rec), .rec_ready_i,
    .inval_i(inval), .inval_tlb_i(inval_tlb_o), .inval_page_i(what.tlb_page), .inval_vpn_i(what.page[46:0]));
  assign rec_mark_o = rec[regs_pkg::FAULT_W0_TTYP_LSB +: regs_pkg::FAULT_W0_TTYP_W] == regs_pkg::TTYP_UNTRANSLATED_EXEC;
endmodule
`default_nettype wire
