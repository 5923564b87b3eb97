// SPDX-License-Identifier: Apache-2.0
//
// RISC-V IOMMU: two AXI4 slave ports in front, two AXI4 masters behind: m_data for translated traffic, m_iommu for the
// IOMMU's own accesses. Structure only; docs/microarchitecture.md draws it.
// Latency: a hit leaves on m_data 2 clocks after it was offered. Throughput: one read and one write request a clock.
// Outstanding: 16 transactions per id, 8 pending requests per port and direction, 8 walks.
`default_nettype none
module iommu_top #(
  /// Data width of both masters and both slave ports in bits: 64 or 128.
  parameter int unsigned DATA_W = 64
) (
  input  wire         clk_i,
  input  wire         clk_ctl_i,       // of walks, queues, interrupts, registers: clk_i, which may lack edges that end a clock with
  output logic        ctl_clock_o,     // this low
  input  wire         clk_hpm_i,       // of the performance counters, likewise
  output logic        hpm_clock_o,
  input  wire         rst_ni,

  // register page: one access at a time; a write acts at the clock edge, a read is combinational
  input  wire         reg_we_i,
  input  wire         reg_re_i,        // reg_rdata_o is 0 otherwise
  input  wire  [11:0] reg_addr_i,      // byte address, 8-byte aligned
  input  wire  [63:0] reg_wdata_i,
  input  wire  [7:0]  reg_wstrb_i,     // 0x0f, 0xf0 or 0xff; anything else writes nothing
  output logic [63:0] reg_rdata_o,

  // straps: constants on an FPGA, set per test in the bench; sampled while rst_ni is low
  input  wire  [63:0] strap_capabilities_i,     // value of capabilities; bits the RTL does not implement are masked off
  input  wire  [2:0]  strap_fctl_i,             // reset value of fctl {gxl, wsi, be}
  input  wire         strap_fctl_be_writable_i,
  input  wire         strap_fctl_gxl_writable_i,
  input  wire  [1:0]  strap_ddt_levels_max_i,   // 0 to 3
  input  wire  [23:0] strap_device_id_mask_i,   // device_ids that commands may name
  input  wire  [2:0]  strap_vectors_log2_i,     // 0 to 4
  input  wire  [4:0]  strap_queue_log2_max_i,   // largest log2 of queue entries
  input  wire         strap_reset_bare_i,       // 0: iommu_mode resets to Off, 1: to Bare
  input  wire  [4:0]  strap_hpm_counters_i,     // event counters, 1 to 31
  input  wire  [6:0]  strap_hpm_counter_bits_i, // 32 to 64
  input  wire  [7:0]  strap_hpm_event_max_i,    // largest eventID
  input  wire  [3:0]  strap_rcid_bits_i,        // 0 to 12
  input  wire  [3:0]  strap_mcid_bits_i,        // 0 to 12
  input  wire  [31:0] strap_ats_timeout_i,      // cycles that a device has for an invalidation completion
  input  wire  [23:0] strap_port0_id_base_i,    // device_ids port 0 may use: (id & mask) == base
  input  wire  [23:0] strap_port0_id_mask_i,
  input  wire  [23:0] strap_port1_id_base_i,
  input  wire  [23:0] strap_port1_id_mask_i,

  // port 0: the DMA block, port 1: the external device port; AxUSER = {translation type[1:0], process id valid, process_id[19:0],
  // device_id[23:0]}
  input  wire  [3:0]  s0_awid, s0_arid, s1_awid, s1_arid,
  input  wire  [63:0] s0_awaddr, s0_araddr, s1_awaddr, s1_araddr,
  input  wire  [7:0]  s0_awlen, s0_arlen, s1_awlen, s1_arlen,
  input  wire  [2:0]  s0_awsize, s0_arsize, s1_awsize, s1_arsize,
  input  wire  [1:0]  s0_awburst, s0_arburst, s1_awburst, s1_arburst,
  input  wire  [2:0]  s0_awprot, s0_arprot, s1_awprot, s1_arprot,
  input  wire  [46:0] s0_awuser, s0_aruser, s1_awuser, s1_aruser,
  input  wire         s0_awvalid, s0_arvalid, s1_awvalid, s1_arvalid,
  output logic        s0_awready, s0_arready, s1_awready, s1_arready,
  input  wire  [DATA_W-1:0]   s0_wdata, s1_wdata,
  input  wire  [DATA_W/8-1:0] s0_wstrb, s1_wstrb,
  input  wire         s0_wlast, s1_wlast,       // counted, not believed
  input  wire         s0_wvalid, s1_wvalid,
  output logic        s0_wready, s1_wready,
  output logic [3:0]  s0_bid, s0_rid, s1_bid, s1_rid,
  output logic [1:0]  s0_bresp, s0_rresp, s1_bresp, s1_rresp,
  output logic        s0_bvalid, s0_rvalid, s1_bvalid, s1_rvalid,
  input  wire         s0_bready, s0_rready, s1_bready, s1_rready,
  output logic [DATA_W-1:0]   s0_rdata, s1_rdata,
  output logic        s0_rlast, s1_rlast,

  // streams beside the ports (ats_pkg), port 1 in the upper half
  input  wire  [1:0]  ats_req_valid_i,
  input  wire  [2*ats_pkg::REQ_W-1:0] ats_req_i,
  output logic [1:0]  ats_req_ready_o,
  output logic [1:0]  ats_rsp_valid_o,
  output logic [2*ats_pkg::RSP_W-1:0] ats_rsp_o,
  input  wire  [1:0]  ats_rsp_ready_i,
  input  wire  [1:0]  pr_req_valid_i,
  input  wire  [2*ats_pkg::PAGE_W-1:0] pr_req_i,
  output logic [1:0]  pr_req_ready_o,
  output logic [1:0]  msg_out_valid_o,
  output logic [2*ats_pkg::MSG_W-1:0] msg_out_o,
  input  wire  [1:0]  msg_out_ready_i,
  output logic [23:0] route_did_o,              // device of the next message ...
  input  wire         route_port_i,             // ... and the port behind which it is
  input  wire  [1:0]  inv_cpl_valid_i,
  input  wire  [2*ats_pkg::CPL_W-1:0] inv_cpl_i,
  output logic [1:0]  inv_cpl_ready_o,

  // translated traffic; id = {port, id of the port}, AxUSER = {MSI page table used, PBMT[1:0], AxUSER of the port}, AxQOSID =
  // {MCID, RCID}
  output logic [4:0]  m_data_awid, m_data_arid,
  output logic [63:0] m_data_awaddr, m_data_araddr,
  output logic [7:0]  m_data_awlen, m_data_arlen,
  output logic [2:0]  m_data_awsize, m_data_arsize,
  output logic [1:0]  m_data_awburst, m_data_arburst,
  output logic [2:0]  m_data_awprot, m_data_arprot,
  output logic [49:0] m_data_awuser, m_data_aruser,
  output logic [23:0] m_data_awqosid, m_data_arqosid,
  output logic        m_data_awvalid, m_data_arvalid,
  input  wire         m_data_awready, m_data_arready,
  output logic [DATA_W-1:0]   m_data_wdata,
  output logic [DATA_W/8-1:0] m_data_wstrb,
  output logic        m_data_wlast, m_data_wvalid,
  input  wire         m_data_wready,
  input  wire  [4:0]  m_data_bid, m_data_rid,
  input  wire  [1:0]  m_data_bresp, m_data_rresp,
  input  wire         m_data_bvalid, m_data_rvalid,
  output logic        m_data_bready, m_data_rready,
  input  wire  [DATA_W-1:0]   m_data_rdata,
  input  wire         m_data_rlast,

  // the IOMMU's own accesses; AxUSER names the kind: 0 walk, 1 command queue, 2 fault queue, 3 completion store, 4 MSI,
  // 5 memory-resident interrupt file, 6 its notice MSI, 7 page-request queue; RUSER: poison
  output logic [3:0]  m_iommu_awid, m_iommu_arid,
  output logic [63:0] m_iommu_awaddr, m_iommu_araddr,
  output logic [7:0]  m_iommu_awlen, m_iommu_arlen,
  output logic [2:0]  m_iommu_awsize, m_iommu_arsize,
  output logic [1:0]  m_iommu_awburst, m_iommu_arburst,
  output logic [2:0]  m_iommu_awprot, m_iommu_arprot,
  output logic [2:0]  m_iommu_awuser, m_iommu_aruser,
  output logic        m_iommu_awlock, m_iommu_arlock,
  output logic [23:0] m_iommu_awqosid, m_iommu_arqosid,
  output logic        m_iommu_awvalid, m_iommu_arvalid,
  input  wire         m_iommu_awready, m_iommu_arready,
  output logic [DATA_W-1:0]   m_iommu_wdata,
  output logic [DATA_W/8-1:0] m_iommu_wstrb,
  output logic        m_iommu_wlast, m_iommu_wvalid,
  input  wire         m_iommu_wready,
  input  wire  [3:0]  m_iommu_bid, m_iommu_rid,
  input  wire  [1:0]  m_iommu_bresp, m_iommu_rresp,
  input  wire         m_iommu_bvalid, m_iommu_rvalid,
  output logic        m_iommu_bready, m_iommu_rready,
  input  wire  [DATA_W-1:0]   m_iommu_rdata,
  input  wire         m_iommu_ruser, m_iommu_rlast,

  output logic [15:0] wires_o,              // interrupt wire of each vector, level

  input  wire  [31:0] isolation_timeout_i,  // cycles; 0 never
  input  wire  [1:0]  isolation_clear_i,    // per port, pulse
  output logic [1:0]  isolated_o,           // per port, sticky

  // counter events, one clock each
  output logic [1:0]  ev_translation_o,     // requests that entered lookup in this cycle: 0 to 2
  output logic [1:0]  ev_hit_o,
  output logic [1:0]  ev_miss_o,
  output logic        ev_walk_read_o,
  output logic [1:0]  ev_fault_o,

  output logic        timing_o,             // a device has time left for an invalidation completion: nothing else may be in progress
  output logic        idle_o,               // no request, answer, walk, queue entry or register side effect in progress
  output logic        hpm_running_o,        // the counter of cycles runs: clk_i is wanted though nothing is in progress
  output logic        quiet_o               // every AXI transaction on the masters has been answered
);
  localparam int unsigned RW = iommu_pkg::REQ_W;

  // ---- registers, queues, interrupts ---------------------------------------------------------------------------------------------------
  logic [63:0] caps;
  logic [63:0] regs_rdata, hpm_rdata, dbg_rdata, fq_rdata, pq_rdata;
  assign reg_rdata_o = regs_rdata | hpm_rdata | dbg_rdata | fq_rdata | pq_rdata;
  logic        be, gxl, be_writable, gxl_writable;
  logic [23:0] qosid;
  logic        wsi, ddtp_write, ddtp_start, ddtp_taken, ddtp_done, ddtp_busy;
  logic [3:0]  mode;
  logic [43:0] root;
  logic [5:0]  pas;
  assign pas = caps[regs_pkg::IOMMU_CAPABILITIES_PAS_LSB +: regs_pkg::IOMMU_CAPABILITIES_PAS_W];

  logic [43:0] cq_ppn;
  logic [4:0]  cq_log2szm1;
  logic [31:0] cq_head, cq_tail;
  logic        cq_en, cq_ie, cq_on, cq_busy, cq_mf, cq_to, cq_ill, cq_fence_w_ip, cq_mf_clear, cq_to_clear, cq_ill_clear, cq_fence_w_ip_clear, cq_idle;
  logic        fq_used, fq_level, fq_event, fq_idle, pq_used, pq_level, pq_event;
  logic [3:0]  ipsr, ipsr_clear;
  logic        icvec_we, msi, irq_idle, hpm_overflow;
  logic [7:0]  table_index;
  logic [1:0]  table_we;
  logic [63:0] table_word;
  logic [15:0] icvec;

  iommu_regs regs (
    .clk_i(clk_ctl_i), .rst_ni, .we_i(reg_we_i), .re_i(reg_re_i), .addr_i(reg_addr_i), .wdata_i(reg_wdata_i), .wstrb_i(reg_wstrb_i), .rdata_o(regs_rdata),
    .strap_capabilities_i, .strap_ddt_levels_max_i, .strap_queue_log2_max_i, .strap_reset_bare_i,
    .strap_fctl_i, .strap_be_writable_i(strap_fctl_be_writable_i), .strap_gxl_writable_i(strap_fctl_gxl_writable_i), .strap_rcid_bits_i, .strap_mcid_bits_i,
    .capabilities_o(caps), .wsi_o(wsi), .be_o(be), .gxl_o(gxl), .be_writable_o(be_writable), .gxl_writable_o(gxl_writable), .qosid_o(qosid), .mode_o(mode), .root_o(root), .ddtp_write_o(ddtp_write), .ddtp_start_o(ddtp_start),
    .ddtp_taken_i(ddtp_taken), .ddtp_done_i(ddtp_done), .ddtp_busy_o(ddtp_busy),
    .cq_ppn_o(cq_ppn), .cq_log2szm1_o(cq_log2szm1), .cq_tail_o(cq_tail), .cq_en_o(cq_en), .cq_ie_o(cq_ie), .cq_head_i(cq_head),
    .cq_on_i(cq_on), .cq_busy_i(cq_busy), .cq_mf_i(cq_mf), .cq_to_i(cq_to), .cq_ill_i(cq_ill), .cq_fence_w_ip_i(cq_fence_w_ip),
    .cq_mf_clear_o(cq_mf_clear), .cq_to_clear_o(cq_to_clear), .cq_ill_clear_o(cq_ill_clear), .cq_fence_w_ip_clear_o(cq_fence_w_ip_clear),
    .queue_used_i(fq_used | pq_used), .ipsr_i(ipsr), .ipsr_clear_o(ipsr_clear), .icvec_i(icvec), .icvec_we_o(icvec_we), .msi_o(msi), .table_index_o(table_index), .table_we_o(table_we), .table_i(table_word));

  iommu_pkg::config_t cfg;
  always_comb begin
    cfg = '0;
    cfg.caps = caps;
    cfg.root = root;
    cfg.mode = mode;
    cfg.be = be;
    cfg.be_writable = be_writable;
    cfg.gxl = gxl;
    cfg.gxl_writable = gxl_writable;
    cfg.rcid_bits = strap_rcid_bits_i;
    cfg.mcid_bits = strap_mcid_bits_i;
    cfg.qosid = qosid;
  end

  // ---- invalidation: by command, or all of it by a write to ddtp --------------------------------------------------------------------------
  iommu_pkg::inval_t what;
  logic [iommu_pkg::INVAL_W-1:0] cmd_what;
  logic cmd_inval, inval, inval_tlb, inval_ctx;
  always_comb begin
    what = cmd_what;
    if (ddtp_write) begin
      what.tlb_page = 1'b0;
      what.ctx_device = 1'b0;
    end
  end
  assign inval_tlb = (cmd_inval & what.tlb) | ddtp_write;
  assign inval_ctx = (cmd_inval & what.ctx) | ddtp_write;
  assign inval = inval_tlb | inval_ctx;

  logic fence_start, fence_reads, fence_writes, fence_taken, fence_done;
  logic cq_rd_valid, cq_rd_ready, cq_data_valid, data_error, data_poison;
  logic [63:0] cq_rd_addr;
  logic [511:0] data;
  logic data_exokay;
  logic [6:0] wr_valid, wr_done;
  logic [63:0] fq_wr_addr, cq_wr_addr, msi_wr_addr, pq_wr_addr;
  logic [127:0] pq_wr_record;
  logic ats_cmd_valid, ats_cmd_taken, ats_pending, ats_waiting, ats_timed_out, ats_timed_out_clear;
  logic [127:0] ats_cmd;
  logic [255:0] fq_wr_record;
  logic [31:0] cq_wr_store, msi_wr_store;
  logic wr_error, wr_exokay;

  iommu_cq cq (
    .clk_i(clk_ctl_i), .rst_ni, .pas_i(pas), .nl_i(caps[regs_pkg::IOMMU_CAPABILITIES_NL_LSB]), .s_i(caps[regs_pkg::IOMMU_CAPABILITIES_S_LSB]),
    .pd_there_i({caps[regs_pkg::IOMMU_CAPABILITIES_PD20_LSB], caps[regs_pkg::IOMMU_CAPABILITIES_PD17_LSB], caps[regs_pkg::IOMMU_CAPABILITIES_PD8_LSB]}),
    .ats_i(caps[regs_pkg::IOMMU_CAPABILITIES_ATS_LSB]), .wsi_i(wsi), .be_i(be), .device_id_mask_i(strap_device_id_mask_i), .ppn_i(cq_ppn), .tail_i(cq_tail), .head_o(cq_head), .log2szm1_i(cq_log2szm1),
    .en_i(cq_en), .on_o(cq_on), .busy_o(cq_busy), .mf_o(cq_mf), .to_o(cq_to), .ill_o(cq_ill), .fence_w_ip_o(cq_fence_w_ip),
    .mf_clear_i(cq_mf_clear), .to_clear_i(cq_to_clear), .ill_clear_i(cq_ill_clear), .fence_w_ip_clear_i(cq_fence_w_ip_clear),
    .rd_valid_o(cq_rd_valid), .rd_addr_o(cq_rd_addr), .rd_ready_i(cq_rd_ready), .data_valid_i(cq_data_valid), .data_i(data[127:0]),
    .data_error_i(data_error | data_poison),
    .wr_valid_o(wr_valid[1]), .wr_addr_o(cq_wr_addr), .wr_store_o(cq_wr_store), .wr_done_i(wr_done[1]), .wr_error_i(wr_error),
    .inval_o(cmd_inval), .inval_what_o(cmd_what), .fence_start_o(fence_start), .fence_reads_o(fence_reads),
    .fence_writes_o(fence_writes), .fence_taken_i(fence_taken), .fence_done_i(fence_done),
    .ats_valid_o(ats_cmd_valid), .ats_o(ats_cmd), .ats_taken_i(ats_cmd_taken), .ats_pending_i(ats_pending), .ats_waiting_i(ats_waiting),
    .ats_timed_out_i(ats_timed_out), .ats_timed_out_clear_o(ats_timed_out_clear), .idle_o(cq_idle));

  logic rec_valid, rec_ready, msi_rec_valid, msi_rec_ready, mrif_rec_valid, mrif_rec_ready, fq_rec_ready;
  logic [255:0] rec, msi_rec, mrif_rec;
  iommu_irq irq (
    .clk_i(clk_ctl_i), .rst_ni, .vectors_log2_i(strap_vectors_log2_i), .msi_i(msi), .wsi_i(wsi), .be_i(be), .pas_i(pas), .pm_event_i(hpm_overflow),
    .cq_level_i(cq_ie & (cq_mf | cq_to | cq_ill | cq_fence_w_ip)), .fq_level_i(fq_level), .fq_event_i(fq_event),
    .pq_level_i(pq_level), .pq_event_i(pq_event),
    .ipsr_clear_i(ipsr_clear), .ipsr_o(ipsr), .icvec_we_i(icvec_we), .icvec_i(reg_wdata_i[15:0]), .icvec_o(icvec),
    .table_index_i(table_index), .table_we_i(table_we), .table_i(reg_wdata_i), .table_o(table_word), .wires_o,
    .wr_valid_o(wr_valid[2]), .wr_addr_o(msi_wr_addr), .wr_store_o(msi_wr_store), .wr_done_i(wr_done[2]), .wr_error_i(wr_error),
    .rec_valid_o(msi_rec_valid), .rec_o(msi_rec), .rec_ready_i(msi_rec_ready), .idle_o(irq_idle));

  // records of walks go first: a message waits, no request does
  assign rec_ready = fq_rec_ready;
  assign mrif_rec_ready = fq_rec_ready & ~rec_valid;
  assign msi_rec_ready = fq_rec_ready & ~rec_valid & ~mrif_rec_valid;
  logic [7:0] records_in, records_out;
  iommu_fq fq (
    .clk_i(clk_ctl_i), .rst_ni, .pas_i(pas), .be_i(be), .queue_log2_max_i(strap_queue_log2_max_i), .we_i(reg_we_i), .re_i(reg_re_i), .addr_i(reg_addr_i),
    .wdata_i(reg_wdata_i), .wstrb_i(reg_wstrb_i), .rdata_o(fq_rdata), .used_o(fq_used), .level_o(fq_level), .event_o(fq_event), .rec_valid_i(rec_valid | mrif_rec_valid | msi_rec_valid), .rec_i(rec_valid ? rec : mrif_rec_valid ? mrif_rec : msi_rec),
    .rec_ready_o(fq_rec_ready), .records_in_o(records_in), .records_out_o(records_out),
    .wr_valid_o(wr_valid[0]), .wr_addr_o(fq_wr_addr), .wr_record_o(fq_wr_record), .wr_done_i(wr_done[0]), .wr_error_i(wr_error), .idle_o(fq_idle));

  // ---- requests ------------------------------------------------------------------------------------------------------------------------------
  logic [1:0] walk_wanted, walk_valid, walk_accept, entered, translated, hit, miss, refused, sunk, sunk_ok, sunk_done, sunk_bad, stream_expired;
  logic [2*RW-1:0] walk_req, mrif_req;
  logic [iommu_pkg::SLOT_AW-1:0] walk_slot, res_slot;
  logic walk_join, res_valid, res_fault, res_any, res_mrif, fill, fill_fractured, key_valid, ctx_hit, ctx_fill, mrif_keep;
  logic [7:0]  res_perm, sunk_lanes;
  logic [51:0] res_page;
  logic [26:0] res_attr;
  logic [63:0] sunk_data;
  logic [iommu_pkg::TLB_W-1:0] fill_entry;
  logic [iommu_pkg::CTX_KEY_W-1:0] key;
  logic [iommu_pkg::CTX_W-1:0] ctx, ctx_fill_ctx;
  logic [iommu_pkg::WALK_CTX_W-1:0] walk_ctx, ctx_fill_walk_ctx;
  logic [iommu_pkg::PEND_AW-1:0] mrif_keep_idx;
  logic [2*iommu_pkg::PEND_AW-1:0] mrif_idx;
  logic [2*iommu_pkg::EVENT_W-1:0] entered_who;
  logic fence_begun, beside_none, front_quiet, front_idle;
  iommu_front #(.DATA_W(DATA_W)) front (
    .*, .config_i(cfg), .stream_expired_i(stream_expired), .walk_wanted_o(walk_wanted), .walk_valid_o(walk_valid), .walk_req_o(walk_req),
    .walk_accept_i(walk_accept), .walk_slot_i(walk_slot), .walk_join_i(walk_join), .res_valid_i(res_valid), .res_slot_i(res_slot),
    .res_fault_i(res_fault), .res_any_i(res_any), .res_mrif_i(res_mrif), .res_perm_i(res_perm), .res_page_i(res_page), .res_attr_i(res_attr),
    .fill_i(fill), .fill_entry_i(fill_entry), .fill_fractured_i(fill_fractured), .ctx_valid_i(key_valid), .ctx_key_i(key), .ctx_hit_o(ctx_hit),
    .ctx_o(ctx), .walk_ctx_o(walk_ctx), .ctx_fill_i(ctx_fill), .ctx_fill_ctx_i(ctx_fill_ctx), .ctx_fill_walk_ctx_i(ctx_fill_walk_ctx),
    .inval_ctx_i(inval_ctx), .inval_tlb_i(inval_tlb), .inval_i(what), .fence_start_i(fence_start), .fence_reads_i(fence_reads),
    .fence_writes_i(fence_writes), .fence_taken_o(fence_taken), .fence_done_o(fence_done), .ddtp_start_i(ddtp_start), .ddtp_taken_o(ddtp_taken),
    .ddtp_done_o(ddtp_done), .begun_o(fence_begun), .beside_none_i(beside_none), .records_in_i(records_in), .records_out_i(records_out),
    .mrif_keep_o(mrif_keep), .mrif_keep_idx_o(mrif_keep_idx), .mrif_idx_o(mrif_idx), .mrif_req_o(mrif_req), .sunk_o(sunk), .sunk_data_o(sunk_data),
    .sunk_lanes_o(sunk_lanes), .sunk_ok_o(sunk_ok), .sunk_done_i(sunk_done), .sunk_bad_i(sunk_bad), .entered_o(entered), .translated_o(translated),
    .entered_who_o(entered_who), .hit_o(hit), .miss_o(miss), .refused_o(refused), .quiet_o(front_quiet), .idle_o(front_idle));

  // ---- walks ------------------------------------------------------------------------------------------------------------------------------------
  logic walk_rd_valid, walk_rd_excl, walk_rd_own, walk_rd_ready, walk_data_valid, walk_idle, walk_wr_half, mem_quiet;
  logic [iommu_pkg::SLOT_AW-1:0] walk_rd_slot, walk_wr_slot, data_slot;
  logic [63:0] walk_rd_addr, walk_wr_addr, walk_wr_data;
  logic [2:0]  walk_rd_size;
  logic [23:0] walk_rd_qosid, walk_wr_qosid;
  logic [2:0]  side_valid, side_accept, side_done;
  logic [3*RW-1:0] side_req;
  logic [iommu_pkg::SIDE_W-1:0] side_res;
  logic ev_load, ev_walked;
  logic [iommu_pkg::MRIF_W-1:0] res_mrif_what;
  logic [1:0] ev_load_kind;
  logic [iommu_pkg::EVENT_W-1:0] ev_load_who, ev_walked_who;
  iommu_walk walk (
    .clk_i(clk_ctl_i), .rst_ni, .config_i(cfg), .req_valid_i(walk_valid),
    .req_i(walk_req), .req_accept_o(walk_accept), .req_slot_o(walk_slot), .req_join_o(walk_join),
    .side_valid_i(side_valid), .side_req_i(side_req), .side_accept_o(side_accept), .side_done_o(side_done), .side_res_o(side_res),
    .ctx_valid_o(key_valid), .ctx_key_o(key), .ctx_hit_i(ctx_hit), .ctx_i(ctx), .walk_ctx_i(walk_ctx),
    .ctx_fill_o(ctx_fill), .ctx_fill_ctx_o(ctx_fill_ctx), .ctx_fill_walk_ctx_o(ctx_fill_walk_ctx),
    .rd_valid_o(walk_rd_valid), .rd_slot_o(walk_rd_slot), .rd_addr_o(walk_rd_addr), .rd_size_o(walk_rd_size), .rd_excl_o(walk_rd_excl),
    .rd_own_o(walk_rd_own), .rd_qosid_o(walk_rd_qosid), .rd_ready_i(walk_rd_ready),
    .data_valid_i(walk_data_valid), .data_slot_i(data_slot), .data_i(data), .data_error_i(data_error), .data_poison_i(data_poison), .data_exokay_i(data_exokay),
    .wr_valid_o(wr_valid[3]), .wr_slot_o(walk_wr_slot), .wr_addr_o(walk_wr_addr), .wr_data_o(walk_wr_data), .wr_half_o(walk_wr_half),
    .wr_qosid_o(walk_wr_qosid), .wr_done_i(wr_done[3]), .wr_error_i(wr_error), .wr_exokay_i(wr_exokay),
    .res_valid_o(res_valid), .res_slot_o(res_slot), .res_fault_o(res_fault), .res_any_o(res_any), .res_mrif_o(res_mrif), .res_mrif_what_o(res_mrif_what),
    .res_perm_o(res_perm), .res_page_o(res_page), .res_attr_o(res_attr),
    .fill_o(fill), .fill_entry_o(fill_entry), .fill_fractured_o(fill_fractured), .rec_valid_o(rec_valid), .rec_o(rec), .rec_ready_i(rec_ready),
    .ev_valid_o(ev_load), .ev_kind_o(ev_load_kind), .ev_who_o(ev_load_who), .ev_miss_o(ev_walked), .ev_miss_who_o(ev_walked_who),
    .inval_i(inval), .inval_tlb_i(inval_tlb), .inval_page_i(what.tlb_page), .inval_vpn_i(what.page[46:0]), .idle_o(walk_idle));

  logic mrif_rd_valid, mrif_rd_ready, mrif_data_valid, mrif_excl, mrif_idle;
  logic [63:0] mrif_rd_addr, mrif_wr_addr, mrif_wr_data;
  logic [23:0] mrif_qosid;
  iommu_mrif #(.DATA_W(DATA_W)) mrif (
    .clk_i(clk_ctl_i), .rst_ni, .pas_i(pas), .exclusive_i(caps[regs_pkg::IOMMU_CAPABILITIES_AMO_MRIF_LSB]),
    .keep_i(mrif_keep), .keep_idx_i(mrif_keep_idx), .keep_what_i(res_mrif_what),
    .valid_i(sunk), .idx_i(mrif_idx), .req_i(mrif_req), .data_i(sunk_data), .lanes_i(sunk_lanes), .ok_i(sunk_ok), .done_o(sunk_done), .bad_o(sunk_bad),
    .rd_valid_o(mrif_rd_valid), .rd_addr_o(mrif_rd_addr), .excl_o(mrif_excl), .qosid_o(mrif_qosid), .rd_ready_i(mrif_rd_ready),
    .data_valid_i(mrif_data_valid), .rdata_i(data[63:0]), .error_i(data_error), .poison_i(data_poison), .exokay_i(data_exokay),
    .wr_valid_o(wr_valid[5:4]), .wr_addr_o(mrif_wr_addr), .wr_data_o(mrif_wr_data), .wr_done_i(wr_done[5:4]), .wr_error_i(wr_error), .wr_exokay_i(wr_exokay),
    .rec_valid_o(mrif_rec_valid), .rec_o(mrif_rec), .rec_ready_i(mrif_rec_ready), .idle_o(mrif_idle));

  // ---- beside the ports --------------------------------------------------------------------------------------------------------------------
  logic streams_idle, streams_offered, ev_ats;
  logic [ats_pkg::REQ_W-1:0] ev_ats_req;
  iommu_streams streams (
    .clk_i(clk_ctl_i), .rst_ni, .there_i(caps[regs_pkg::IOMMU_CAPABILITIES_ATS_LSB]), .pas_i(pas), .be_i(be), .queue_log2_max_i(strap_queue_log2_max_i),
    .ats_timeout_i(strap_ats_timeout_i), .isolation_timeout_i, .isolated_i(isolated_o), .expired_o(stream_expired),
    .id_base_i({strap_port1_id_base_i, strap_port0_id_base_i}), .id_mask_i({strap_port1_id_mask_i, strap_port0_id_mask_i}),
    .req_valid_i(ats_req_valid_i), .req_i(ats_req_i), .req_ready_o(ats_req_ready_o), .rsp_valid_o(ats_rsp_valid_o), .rsp_o(ats_rsp_o),
    .rsp_ready_i(ats_rsp_ready_i), .page_valid_i(pr_req_valid_i), .page_i(pr_req_i), .page_ready_o(pr_req_ready_o),
    .msg_valid_o(msg_out_valid_o), .msg_o(msg_out_o), .msg_ready_i(msg_out_ready_i), .route_did_o, .route_port_i,
    .cpl_valid_i(inv_cpl_valid_i), .cpl_i(inv_cpl_i), .cpl_ready_o(inv_cpl_ready_o),
    .side_valid_o(side_valid[2:1]), .side_req_o(side_req[RW +: 2*RW]), .side_accept_i(side_accept[2:1]), .side_done_i(side_done[2:1]), .side_res_i(side_res),
    .ev_ats_o(ev_ats), .ev_ats_req_o(ev_ats_req),
    .cmd_valid_i(ats_cmd_valid), .cmd_i(ats_cmd), .cmd_taken_o(ats_cmd_taken), .pending_o(ats_pending), .waiting_o(ats_waiting),
    .timed_out_o(ats_timed_out), .timed_out_clear_i(ats_timed_out_clear), .inval_i(inval), .fence_taken_i(fence_begun), .old_none_o(beside_none),
    .reg_we_i, .reg_re_i, .reg_addr_i, .reg_wdata_i, .reg_wstrb_i, .reg_rdata_o(pq_rdata), .pq_used_o(pq_used), .pq_level_o(pq_level),
    .pq_event_o(pq_event), .wr_valid_o(wr_valid[6]), .wr_addr_o(pq_wr_addr), .wr_record_o(pq_wr_record), .wr_done_i(wr_done[6]),
    .wr_error_i(wr_error), .offered_o(streams_offered), .idle_o(streams_idle));
  assign timing_o = ats_pending;
  ats_pkg::req_t ats_entered;
  iommu_pkg::event_t ats_who;
  assign ats_entered = ev_ats_req;
  always_comb begin
    ats_who = '0;
    ats_who.did = ats_entered.did;
    ats_who.pv = ats_entered.pv;
    ats_who.pid = ats_entered.pid;
  end

  iommu_mem #(.DATA_W(DATA_W)) mem (
    .clk_i(clk_ctl_i), .rst_ni, .qosid_i(cfg.qosid), .walk_valid_i(walk_rd_valid), .walk_slot_i(walk_rd_slot), .walk_addr_i(walk_rd_addr),
    .walk_size_i(walk_rd_size), .walk_excl_i(walk_rd_excl), .walk_qosid_i(walk_rd_own ? cfg.qosid : walk_rd_qosid),
    .walk_ready_o(walk_rd_ready), .cq_valid_i(cq_rd_valid), .cq_addr_i(cq_rd_addr), .cq_ready_o(cq_rd_ready),
    .mrif_valid_i(mrif_rd_valid), .mrif_addr_i(mrif_rd_addr), .mrif_excl_i(mrif_excl), .mrif_qosid_i(mrif_qosid), .mrif_ready_o(mrif_rd_ready),
    .walk_data_valid_o(walk_data_valid), .cq_data_valid_o(cq_data_valid), .mrif_data_valid_o(mrif_data_valid), .data_slot_o(data_slot), .data_o(data),
    .data_error_o(data_error), .data_poison_o(data_poison), .data_exokay_o(data_exokay),
    .wr_valid_i(wr_valid), .wr_addr_i({pq_wr_addr, mrif_wr_addr, mrif_wr_addr, walk_wr_addr, msi_wr_addr, cq_wr_addr, fq_wr_addr}), .wr_record_i(fq_wr_record), .wr_page_i(pq_wr_record),
    .wr_store_i({mrif_wr_data, mrif_wr_data, walk_wr_data, 32'd0, msi_wr_store, 32'd0, cq_wr_store}), .wr_half_i({1'b1, 1'b0, walk_wr_half, 2'b11}),
    .wr_excl_i(mrif_excl), .wr_slot_i(walk_wr_slot), .wr_qosid_i({mrif_qosid, walk_wr_qosid}),
    .wr_done_o(wr_done), .wr_error_o(wr_error), .wr_exokay_o(wr_exokay),
    .quiet_o(mem_quiet), .*);

  // ---- debug translation, performance counters --------------------------------------------------------------------------------------------
  logic dbg_idle;
  iommu_dbg dbg (
    .clk_i(clk_ctl_i), .rst_ni, .dbg_i(caps[regs_pkg::IOMMU_CAPABILITIES_DBG_LSB]), .we_i(reg_we_i), .re_i(reg_re_i), .addr_i(reg_addr_i),
    .wdata_i(reg_wdata_i), .wstrb_i(reg_wstrb_i), .rdata_o(dbg_rdata), .req_valid_o(side_valid[0]), .req_o(side_req[0 +: RW]),
    .req_accept_i(side_accept[0]), .done_i(side_done[0]), .res_i(side_res), .idle_o(dbg_idle));

  iommu_hpm hpm (
    .clk_i(clk_hpm_i), .rst_ni, .we_i(reg_we_i), .re_i(reg_re_i), .addr_i(reg_addr_i), .wdata_i(reg_wdata_i), .wstrb_i(reg_wstrb_i),
    .rdata_o(hpm_rdata), .hpm_i(caps[regs_pkg::IOMMU_CAPABILITIES_HPM_LSB]), .counters_i(strap_hpm_counters_i), .bits_i(strap_hpm_counter_bits_i),
    .event_max_i(strap_hpm_event_max_i), .entered_i(entered), .translated_i(translated), .entered_who_i(entered_who),
    .ats_i(ev_ats), .ats_who_i(ats_who), .load_i(ev_load), .load_kind_i(ev_load_kind), .load_who_i(ev_load_who), .miss_i(ev_walked),
    .miss_who_i(ev_walked_who), .overflow_o(hpm_overflow), .running_o(hpm_running_o), .clock_o(hpm_clock_o));

  // ---- clock ------------------------------------------------------------------------------------------------------------------------------------
  logic ctl_settled;
  iommu_clock ctl_clock (
    .clk_i, .rst_ni, .waits_i(ats_pending), .needed_o(ctl_clock_o), .settled_o(ctl_settled),
    .work_i(reg_we_i | (|walk_wanted) | (|sunk) | hpm_overflow | streams_offered | ddtp_busy
            | ~(walk_idle & dbg_idle & mrif_idle & mem_quiet & cq_idle & fq_idle & irq_idle & streams_idle)));

  // ---- events and state -----------------------------------------------------------------------------------------------------------------------------
  assign ev_translation_o = {1'b0, entered[0]} + {1'b0, entered[1]};
  assign ev_hit_o = {1'b0, hit[0]} + {1'b0, hit[1]};
  assign ev_miss_o = {1'b0, miss[0]} + {1'b0, miss[1]};
  assign ev_walk_read_o = walk_rd_valid & walk_rd_ready;
  assign ev_fault_o = {1'b0, refused[0]} + {1'b0, refused[1]};

  assign quiet_o = front_quiet & mem_quiet;
  assign idle_o = front_idle & ctl_settled;

  wire unused = &{1'b0, s0_wlast, s1_wlast};
endmodule
`default_nettype wire
