// SPDX-License-Identifier: Apache-2.0
// The card: what the FPGA and the bench both instantiate. Structure only.
//
//   host -- axil_slave -- card_decode --+-- card_info -- card_irq -- messages
//                                       +-- dma_top ---(port 0)--+
//                                       +----------------------- iommu_top -- axi_gate -- m_data, m_iommu
//   device port ----------- axi_gate -----------------(port 1)--+
//
// Register accesses never wait for memory and stay alive while card_reset drains and resets IOMMU and DMA block. A device
// behind the device port is reset together with the card: its answers are lost.
`default_nettype none
module card_top #(
  parameter int unsigned DATA_W = 64,               // 64 or 128
  parameter int unsigned CHANNELS = 4,              // DMA channels, 1 to 8
  parameter logic [63:0] BUILD_HASH = 64'd0,
  parameter logic [63:0] CLOCK_HZ = 64'd100_000_000,
  parameter int unsigned DRAIN_CYCLES = 65536       // for which RESET waits for the masters' answers
) (
  input  wire         clk_i,
  input  wire         clk_dma_i,            // clock of the DMA block: clk_i, which may lack edges that end a clock with dma_clock_o low
  output logic        dma_clock_o,
  input  wire         clk_ctl_i,            // clock of the IOMMU's walks, queues, interrupts and registers: as clk_dma_i, with ctl_clock_o
  output logic        ctl_clock_o,
  input  wire         clk_hpm_i,            // clock of the IOMMU's performance counters, with hpm_clock_o
  output logic        hpm_clock_o,
  input  wire         clk_reg_i,            // clock of the host's register accesses, with reg_clock_o and whenever s_axil offers something
  output logic        reg_clock_o,
  input  wire         rst_ni,

  // host: AXI4-Lite slave; 0x00000 BAR 0 (IOMMU), 0x10000 BAR 2 (card, channels)
  input  wire  [16:0] s_axil_awaddr,
  input  wire  [2:0]  s_axil_awprot,
  input  wire         s_axil_awvalid,
  output logic        s_axil_awready,
  input  wire  [63:0] s_axil_wdata,
  input  wire  [7:0]  s_axil_wstrb,
  input  wire         s_axil_wvalid,
  output logic        s_axil_wready,
  output logic [1:0]  s_axil_bresp,
  output logic        s_axil_bvalid,
  input  wire         s_axil_bready,
  input  wire  [16:0] s_axil_araddr,
  input  wire  [2:0]  s_axil_arprot,
  input  wire         s_axil_arvalid,
  output logic        s_axil_arready,
  output logic [63:0] s_axil_rdata,
  output logic [1:0]  s_axil_rresp,
  output logic        s_axil_rvalid,
  input  wire         s_axil_rready,

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
  input  wire  [23:0] strap_device_id_base_i,   // device_ids the external device port may use: (id & mask) == base
  input  wire  [23:0] strap_device_id_port_mask_i,

  // external device port; AxUSER = {translation type[1:0], process id valid, process_id[19:0], device_id[23:0]}
  input  wire  [4-1:0]  s_dev_awid,
  input  wire  [63:0] s_dev_awaddr,
  input  wire  [7:0]  s_dev_awlen,
  input  wire  [2:0]  s_dev_awsize,
  input  wire  [1:0]  s_dev_awburst,
  input  wire  [2:0]  s_dev_awprot,
  input  wire  [47-1:0] s_dev_awuser,
  input  wire         s_dev_awvalid,
  output logic        s_dev_awready,
  input  wire  [DATA_W-1:0]   s_dev_wdata,
  input  wire  [DATA_W/8-1:0] s_dev_wstrb,
  input  wire         s_dev_wlast,
  input  wire         s_dev_wvalid,
  output logic        s_dev_wready,
  output logic [4-1:0]  s_dev_bid,
  output logic [1:0]  s_dev_bresp,
  output logic        s_dev_bvalid,
  input  wire         s_dev_bready,
  input  wire  [4-1:0]  s_dev_arid,
  input  wire  [63:0] s_dev_araddr,
  input  wire  [7:0]  s_dev_arlen,
  input  wire  [2:0]  s_dev_arsize,
  input  wire  [1:0]  s_dev_arburst,
  input  wire  [2:0]  s_dev_arprot,
  input  wire  [47-1:0] s_dev_aruser,
  input  wire         s_dev_arvalid,
  output logic        s_dev_arready,
  output logic [4-1:0]  s_dev_rid,
  output logic [DATA_W-1:0]   s_dev_rdata,
  output logic [1:0]  s_dev_rresp,
  output logic        s_dev_rlast,
  output logic        s_dev_rvalid,
  input  wire         s_dev_rready,

  // streams of the device behind the port, beside AXI: each valid and ready, held until taken
  // ATS translation requests ...
  input  wire         ats_req_valid_i,
  output logic        ats_req_ready_o,
  input  wire  [7:0]  ats_req_tag_i,            // comes back with the completion
  input  wire  [23:0] ats_req_device_id_i,
  input  wire         ats_req_pv_i,             // process_id is valid
  input  wire  [19:0] ats_req_process_id_i,
  input  wire         ats_req_priv_i,
  input  wire         ats_req_exec_i,
  input  wire         ats_req_write_i,          // not "no-write"
  input  wire  [63:0] ats_req_iova_i,
  // ... and completions, of one request after the other
  output logic        ats_rsp_valid_o,
  input  wire         ats_rsp_ready_i,
  output logic [7:0]  ats_rsp_tag_o,
  output logic [2:0]  ats_rsp_status_o,         // 0 success, 1 unsupported request, 4 completer abort
  output logic [51:0] ats_rsp_page_o,           // first 4 KiB page of the range,
  output logic [5:0]  ats_rsp_lg_o,             // log2 of its pages
  output logic        ats_rsp_r_o,
  output logic        ats_rsp_w_o,
  output logic        ats_rsp_x_o,
  output logic        ats_rsp_global_o,
  output logic        ats_rsp_priv_o,
  output logic        ats_rsp_untranslated_o,   // U: only untranslated accesses may use it
  output logic [1:0]  ats_rsp_pbmt_o,
  // page requests
  input  wire         pr_req_valid_i,
  output logic        pr_req_ready_o,
  input  wire  [23:0] pr_req_device_id_i,
  input  wire         pr_req_pv_i,
  input  wire  [19:0] pr_req_process_id_i,
  input  wire         pr_req_priv_i,
  input  wire         pr_req_exec_i,
  input  wire  [63:0] pr_req_payload_i,         // second word of a page-request record
  // messages to the device: invalidation requests, page-request group responses
  output logic        msg_out_valid_o,
  input  wire         msg_out_ready_i,
  output logic        msg_out_response_o,       // group response, else invalidation request
  output logic        msg_out_dsv_o,            // device_id[23:16] is a segment
  output logic [23:0] msg_out_device_id_o,
  output logic        msg_out_pv_o,
  output logic [19:0] msg_out_process_id_o,
  output logic [63:0] msg_out_payload_o,        // as ATS.INVAL and ATS.PRGR have it
  output logic [4:0]  msg_out_itag_o,           // of an invalidation request
  // invalidation completions
  input  wire         inv_cpl_valid_i,
  output logic        inv_cpl_ready_o,
  input  wire  [23:0] inv_cpl_device_id_i,
  input  wire  [31:0] inv_cpl_itags_i,          // bit t: tag t
  input  wire  [2:0]  inv_cpl_cc_i,             // completions that each tag takes in all, 0: 8

  // translated traffic; id = {port, id of the port}
  output logic [5-1:0]  m_data_awid,
  output logic [63:0] m_data_awaddr,
  output logic [7:0]  m_data_awlen,
  output logic [2:0]  m_data_awsize,
  output logic [1:0]  m_data_awburst,
  output logic [2:0]  m_data_awprot,
  output logic [50-1:0] m_data_awuser,      // {MSI page table used, PBMT[1:0], AxUSER of the device}
  output logic [23:0] m_data_awqosid,       // quality-of-service ids {MCID, RCID}
  output logic        m_data_awvalid,
  input  wire         m_data_awready,
  output logic [DATA_W-1:0]   m_data_wdata,
  output logic [DATA_W/8-1:0] m_data_wstrb,
  output logic        m_data_wlast,
  output logic        m_data_wvalid,
  input  wire         m_data_wready,
  input  wire  [5-1:0]  m_data_bid,
  input  wire  [1:0]  m_data_bresp,
  input  wire         m_data_bvalid,
  output logic        m_data_bready,
  output logic [5-1:0]  m_data_arid,
  output logic [63:0] m_data_araddr,
  output logic [7:0]  m_data_arlen,
  output logic [2:0]  m_data_arsize,
  output logic [1:0]  m_data_arburst,
  output logic [2:0]  m_data_arprot,
  output logic [50-1:0] m_data_aruser,
  output logic [23:0] m_data_arqosid,
  output logic        m_data_arvalid,
  input  wire         m_data_arready,
  input  wire  [5-1:0]  m_data_rid,
  input  wire  [DATA_W-1:0]   m_data_rdata,
  input  wire  [1:0]  m_data_rresp,
  input  wire         m_data_rlast,
  input  wire         m_data_rvalid,
  output logic        m_data_rready,

  // walks, queues, completion stores; AxUSER: 0 walk, 1 command queue, 2 fault queue, 3 completion store, 4 MSI, 5 interrupt file, 6 notice MSI,
  // 7 page-request queue
  output logic [4-1:0]  m_iommu_awid,
  output logic [63:0] m_iommu_awaddr,
  output logic [7:0]  m_iommu_awlen,
  output logic [2:0]  m_iommu_awsize,
  output logic [1:0]  m_iommu_awburst,
  output logic [2:0]  m_iommu_awprot,
  output logic [3-1:0] m_iommu_awuser,
  output logic        m_iommu_awlock,       // exclusive pairs: A and D of page-table entries, interrupt files
  output logic [23:0] m_iommu_awqosid,
  output logic        m_iommu_awvalid,
  input  wire         m_iommu_awready,
  output logic [DATA_W-1:0]   m_iommu_wdata,
  output logic [DATA_W/8-1:0] m_iommu_wstrb,
  output logic        m_iommu_wlast,
  output logic        m_iommu_wvalid,
  input  wire         m_iommu_wready,
  input  wire  [4-1:0]  m_iommu_bid,
  input  wire  [1:0]  m_iommu_bresp,
  input  wire         m_iommu_bvalid,
  output logic        m_iommu_bready,
  output logic [4-1:0]  m_iommu_arid,
  output logic [63:0] m_iommu_araddr,
  output logic [7:0]  m_iommu_arlen,
  output logic [2:0]  m_iommu_arsize,
  output logic [1:0]  m_iommu_arburst,
  output logic [2:0]  m_iommu_arprot,
  output logic [3-1:0] m_iommu_aruser,
  output logic        m_iommu_arlock,
  output logic [23:0] m_iommu_arqosid,
  output logic        m_iommu_arvalid,
  input  wire         m_iommu_arready,
  input  wire  [4-1:0]  m_iommu_rid,
  input  wire  [DATA_W-1:0]   m_iommu_rdata,
  input  wire  [1:0]  m_iommu_rresp,
  input  wire         m_iommu_ruser,   // poison
  input  wire         m_iommu_rlast,
  input  wire         m_iommu_rvalid,
  output logic        m_iommu_rready,

  // interrupts: levels, and one message request per vector (sent once, re-armed through irq_rearm)
  output logic [31:0] wires_o,              // 0 to 15 IOMMU vectors, 16 + c channel c
  output logic        message_valid_o,
  output logic [4:0]  message_vector_o,
  input  wire         message_ready_i,

  output logic        busy_o                // clock enable: the clock may stop while this is low and no AXI-Lite access is offered
);
  if (DATA_W != 64 && DATA_W != 128) $error("card_top: DATA_W must be 64 or 128");
  if (CHANNELS < 1 || CHANNELS > 8) $error("card_top: CHANNELS must be 1 to 8");

  // ---- registers ---------------------------------------------------------------------------------------------------------------------
  logic        reg_we, iommu_we, info_we, dma_we, reg_re, iommu_re, info_re, dma_re, axil_busy;
  logic [16:0] reg_addr;
  logic [11:0] page_addr;
  logic [14:0] dma_addr;
  logic [63:0] reg_wdata, reg_rdata, iommu_rdata, info_rdata, dma_rdata;
  logic [7:0]  reg_wstrb;

  assign reg_clock_o = axil_busy || !rst_ni;
  axil_slave #(.ADDR_W(17)) u_axil (
    .clk_i(clk_reg_i), .rst_ni,
    .s_axil_awaddr, .s_axil_awvalid, .s_axil_awready, .s_axil_wdata, .s_axil_wstrb, .s_axil_wvalid, .s_axil_wready,
    .s_axil_bresp, .s_axil_bvalid, .s_axil_bready, .s_axil_araddr, .s_axil_arvalid, .s_axil_arready,
    .s_axil_rdata, .s_axil_rresp, .s_axil_rvalid, .s_axil_rready,
    .we_o(reg_we), .re_o(reg_re), .addr_o(reg_addr), .wdata_o(reg_wdata), .wstrb_o(reg_wstrb), .rdata_i(reg_rdata), .busy_o(axil_busy));

  card_decode #(.CHANNELS(CHANNELS)) u_decode (
    .we_i(reg_we), .re_i(reg_re), .addr_i(reg_addr), .rdata_o(reg_rdata), .iommu_we_o(iommu_we), .iommu_re_o(iommu_re),
    .iommu_rdata_i(iommu_rdata), .info_we_o(info_we), .info_re_o(info_re), .info_rdata_i(info_rdata), .dma_we_o(dma_we), .dma_re_o(dma_re), .dma_addr_o(dma_addr), .dma_rdata_i(dma_rdata),
    .page_addr_o(page_addr));

  // ---- reset, activity -----------------------------------------------------------------------------------------------------------------
  logic reset_go, resetting, stop, close, core_rst_n;
  logic dma_busy, dma_quiet, iommu_idle, iommu_quiet, data_quiet, mem_quiet;
  logic irq_busy, work, hpm_running, timing;           // a counter of cycles keeps the clock, but is no work that anybody waits for
  assign work   = dma_busy || !iommu_idle || resetting;
  assign busy_o = work || hpm_running || timing || axil_busy || irq_busy || s_dev_awvalid || s_dev_arvalid || s_dev_wvalid
               || ats_req_valid_i || pr_req_valid_i || inv_cpl_valid_i;

  card_reset #(.DRAIN_CYCLES(DRAIN_CYCLES)) u_reset (
    .clk_i, .rst_ni, .go_i(reset_go), .resetting_o(resetting), .idle_i(dma_quiet && iommu_idle && iommu_quiet),
    .quiet_i(data_quiet && mem_quiet), .stop_o(stop), .close_o(close), .core_rst_no(core_rst_n));

  // ---- card registers, interrupts --------------------------------------------------------------------------------------------------------
  logic [1:0]          ev_translation, ev_hit, ev_miss, ev_fault, isolated, isolation_clear;
  logic                ev_walk_read;
  logic [31:0]         isolation_timeout, irq_enable, irq_rearm, irq_armed;
  logic [15:0]         iommu_wires;
  logic [CHANNELS-1:0] dma_wires;
  assign wires_o = {16'(dma_wires), iommu_wires};

  card_info #(.DATA_W(DATA_W), .CHANNELS(CHANNELS), .BUILD_HASH(BUILD_HASH), .CLOCK_HZ(CLOCK_HZ)) u_info (
    .clk_i, .rst_ni, .we_i(info_we), .re_i(info_re), .addr_i(page_addr), .wdata_i(reg_wdata), .wstrb_i(reg_wstrb), .rdata_o(info_rdata),
    .busy_i(work), .resetting_i(resetting), .reset_go_o(reset_go), .clear_i(!core_rst_n),
    .translations_i(ev_translation), .hits_i(ev_hit), .misses_i(ev_miss), .walk_read_i(ev_walk_read), .faults_i(ev_fault),
    .r_i(m_data_rvalid && m_data_rready), .w_i(m_data_wvalid && m_data_wready), .w_strb_i(m_data_wstrb),
    .isolation_timeout_o(isolation_timeout), .isolation_clear_o(isolation_clear), .isolated_i(isolated),
    .wires_i(wires_o), .irq_enable_o(irq_enable), .irq_rearm_o(irq_rearm), .irq_armed_i(irq_armed));

  card_irq u_irq (
    .clk_i, .rst_ni, .wires_i(wires_o), .enable_i(irq_enable), .rearm_i(irq_rearm), .armed_o(irq_armed), .busy_o(irq_busy),
    .message_valid_o, .message_vector_o, .message_ready_i);

  // ---- DMA block -----------------------------------------------------------------------------------------------------------------------------
  logic [3:0]          dma_awid, dma_arid, dma_bid, dma_rid;
  logic [63:0]         dma_awaddr, dma_araddr;
  logic [7:0]          dma_awlen, dma_arlen;
  logic [2:0]          dma_awsize, dma_arsize, dma_awprot, dma_arprot;
  logic [1:0]          dma_awburst, dma_arburst, dma_bresp, dma_rresp;
  logic [46:0]         dma_awuser, dma_aruser;
  logic                dma_awvalid, dma_awready, dma_arvalid, dma_arready, dma_wvalid, dma_wready, dma_wlast;
  logic                dma_bvalid, dma_bready, dma_rvalid, dma_rready, dma_rlast;
  logic [DATA_W-1:0]   dma_wdata, dma_rd_data;
  logic [DATA_W/8-1:0] dma_wstrb;

  // streams of the DMA block, port 0 of the IOMMU
  logic                       dma_req_valid, dma_page_valid, dma_cpl_valid, dma_rsp_ready, dma_msg_ready, dma_claim;
  logic [ats_pkg::REQ_W-1:0]  dma_req;
  logic [ats_pkg::PAGE_W-1:0] dma_page;
  logic [ats_pkg::CPL_W-1:0]  dma_cpl;
  logic [1:0]                 ats_req_ready, ats_rsp_valid, pr_req_ready, msg_valid, inv_cpl_ready;
  logic [2*ats_pkg::RSP_W-1:0] ats_rsp;
  logic [2*ats_pkg::MSG_W-1:0] msg;
  logic [23:0]                route_did;

  assign dma_clock_o = dma_busy || dma_we || !core_rst_n || msg_valid[0];
  dma_top #(.DATA_W(DATA_W), .CHANNELS(CHANNELS)) u_dma (
    .clk_i(clk_dma_i), .rst_ni(core_rst_n), .stop_i(stop), .busy_o(dma_busy), .quiet_o(dma_quiet), .irq_o(dma_wires),
    .reg_we_i(dma_we), .reg_re_i(dma_re), .reg_addr_i(dma_addr), .reg_wdata_i(reg_wdata), .reg_wstrb_i(reg_wstrb), .reg_rdata_o(dma_rdata),
    .ats_req_valid_o(dma_req_valid), .ats_req_o(dma_req), .ats_req_ready_i(ats_req_ready[0]), .ats_rsp_valid_i(ats_rsp_valid[0]),
    .ats_rsp_i(ats_rsp[0 +: ats_pkg::RSP_W]), .ats_rsp_ready_o(dma_rsp_ready), .pr_req_valid_o(dma_page_valid), .pr_req_o(dma_page),
    .pr_req_ready_i(pr_req_ready[0]), .msg_valid_i(msg_valid[0]), .msg_i(msg[0 +: ats_pkg::MSG_W]), .msg_ready_o(dma_msg_ready),
    .claim_did_i(route_did), .claim_o(dma_claim),
    .inv_cpl_valid_o(dma_cpl_valid), .inv_cpl_o(dma_cpl), .inv_cpl_ready_i(inv_cpl_ready[0]),
    .m_awid(dma_awid), .m_awaddr(dma_awaddr), .m_awlen(dma_awlen), .m_awsize(dma_awsize), .m_awburst(dma_awburst),
    .m_awprot(dma_awprot), .m_awuser(dma_awuser), .m_awvalid(dma_awvalid), .m_awready(dma_awready),
    .m_wdata(dma_wdata), .m_wstrb(dma_wstrb), .m_wlast(dma_wlast), .m_wvalid(dma_wvalid), .m_wready(dma_wready),
    .m_bid(dma_bid), .m_bresp(dma_bresp), .m_bvalid(dma_bvalid), .m_bready(dma_bready), .m_arid(dma_arid),
    .m_araddr(dma_araddr), .m_arlen(dma_arlen), .m_arsize(dma_arsize), .m_arburst(dma_arburst), .m_arprot(dma_arprot),
    .m_aruser(dma_aruser), .m_arvalid(dma_arvalid), .m_arready(dma_arready), .m_rid(dma_rid), .m_rdata(dma_rd_data),
    .m_rresp(dma_rresp), .m_rlast(dma_rlast), .m_rvalid(dma_rvalid), .m_rready(dma_rready));

  // ---- IOMMU: port 0 the DMA block, which may use every device_id, port 1 the external device --------------------------------------------------
  logic dev_awvalid, dev_awready, dev_arvalid, dev_arready, dev_quiet;
  logic data_awvalid, data_awready, data_arvalid, data_arready;
  logic mem_awvalid, mem_awready, mem_arvalid, mem_arready;

  axi_gate u_dev_gate (
    .clk_i, .rst_ni(core_rst_n), .close_i(stop), .quiet_o(dev_quiet),
    .s_awvalid(s_dev_awvalid), .s_awready(s_dev_awready), .m_awvalid(dev_awvalid), .m_awready(dev_awready),
    .s_arvalid(s_dev_arvalid), .s_arready(s_dev_arready), .m_arvalid(dev_arvalid), .m_arready(dev_arready),
    .b_i(s_dev_bvalid && s_dev_bready), .r_last_i(s_dev_rvalid && s_dev_rready && s_dev_rlast));

  axi_gate u_data_gate (
    .clk_i, .rst_ni, .close_i(close), .quiet_o(data_quiet),
    .s_awvalid(data_awvalid), .s_awready(data_awready), .m_awvalid(m_data_awvalid), .m_awready(m_data_awready),
    .s_arvalid(data_arvalid), .s_arready(data_arready), .m_arvalid(m_data_arvalid), .m_arready(m_data_arready),
    .b_i(m_data_bvalid && m_data_bready), .r_last_i(m_data_rvalid && m_data_rready && m_data_rlast));

  axi_gate u_mem_gate (
    .clk_i, .rst_ni, .close_i(close), .quiet_o(mem_quiet),
    .s_awvalid(mem_awvalid), .s_awready(mem_awready), .m_awvalid(m_iommu_awvalid), .m_awready(m_iommu_awready),
    .s_arvalid(mem_arvalid), .s_arready(mem_arready), .m_arvalid(m_iommu_arvalid), .m_arready(m_iommu_arready),
    .b_i(m_iommu_bvalid && m_iommu_bready), .r_last_i(m_iommu_rvalid && m_iommu_rready && m_iommu_rlast));

  // ---- straps: what they are while rst_ni is low --------------------------------------------------------------------------
  localparam int unsigned STRAPS_W = 212;
  logic [63:0] capabilities;
  logic [2:0]  fctl, vectors_log2;
  logic        fctl_be_writable, fctl_gxl_writable, reset_bare;
  logic [1:0]  ddt_levels_max;
  logic [23:0] device_id_mask, device_id_base, device_id_port_mask;
  logic [4:0]  queue_log2_max, hpm_counters;
  logic [6:0]  hpm_counter_bits;
  logic [7:0]  hpm_event_max;
  logic [3:0]  rcid_bits, mcid_bits;
  logic [31:0] ats_timeout;
  card_straps #(.W(STRAPS_W)) u_straps (
    .clk_i(clk_ctl_i), .rst_ni,
    .straps_i({strap_capabilities_i, strap_fctl_i, strap_fctl_be_writable_i, strap_fctl_gxl_writable_i, strap_ddt_levels_max_i,
               strap_device_id_mask_i, strap_vectors_log2_i, strap_queue_log2_max_i, strap_reset_bare_i,
               strap_device_id_base_i, strap_device_id_port_mask_i, strap_hpm_counters_i, strap_hpm_counter_bits_i,
               strap_hpm_event_max_i, strap_rcid_bits_i, strap_mcid_bits_i, strap_ats_timeout_i}),
    .straps_o({capabilities, fctl, fctl_be_writable, fctl_gxl_writable, ddt_levels_max, device_id_mask, vectors_log2,
               queue_log2_max, reset_bare, device_id_base, device_id_port_mask, hpm_counters, hpm_counter_bits,
               hpm_event_max, rcid_bits, mcid_bits, ats_timeout}));

  // ---- streams: port 0 the DMA block, port 1 the device behind the device port; none begin while the card is being reset ----------------------
  localparam int unsigned RSP_W = ats_pkg::RSP_W;
  assign ats_req_ready_o = ats_req_ready[1] && !stop;
  assign pr_req_ready_o  = pr_req_ready[1] && !stop;
  assign ats_rsp_valid_o = ats_rsp_valid[1];
  assign msg_out_valid_o = msg_valid[1];
  assign inv_cpl_ready_o = inv_cpl_ready[1];
  assign {ats_rsp_tag_o, ats_rsp_status_o, ats_rsp_page_o, ats_rsp_lg_o, ats_rsp_r_o, ats_rsp_w_o, ats_rsp_x_o, ats_rsp_global_o,
          ats_rsp_priv_o, ats_rsp_untranslated_o, ats_rsp_pbmt_o} = ats_rsp[RSP_W +: RSP_W];
  assign {msg_out_response_o, msg_out_dsv_o, msg_out_device_id_o, msg_out_pv_o, msg_out_process_id_o, msg_out_payload_o, msg_out_itag_o} =
      msg[ats_pkg::MSG_W +: ats_pkg::MSG_W];

  iommu_top #(.DATA_W(DATA_W)) u_iommu (
    .clk_i, .clk_ctl_i, .ctl_clock_o, .clk_hpm_i, .hpm_clock_o, .hpm_running_o(hpm_running), .rst_ni(core_rst_n),
    .reg_we_i(iommu_we), .reg_re_i(iommu_re), .reg_addr_i(page_addr), .reg_wdata_i(reg_wdata), .reg_wstrb_i(reg_wstrb), .reg_rdata_o(iommu_rdata),
    .strap_capabilities_i(capabilities), .strap_fctl_i(fctl), .strap_fctl_be_writable_i(fctl_be_writable),
    .strap_fctl_gxl_writable_i(fctl_gxl_writable), .strap_ddt_levels_max_i(ddt_levels_max),
    .strap_device_id_mask_i(device_id_mask), .strap_vectors_log2_i(vectors_log2),
    .strap_queue_log2_max_i(queue_log2_max), .strap_reset_bare_i(reset_bare), .strap_hpm_counters_i(hpm_counters),
    .strap_hpm_counter_bits_i(hpm_counter_bits), .strap_hpm_event_max_i(hpm_event_max), .strap_rcid_bits_i(rcid_bits),
    .strap_mcid_bits_i(mcid_bits), .strap_ats_timeout_i(ats_timeout),
    .ats_req_valid_i({ats_req_valid_i && !stop, dma_req_valid}),
    .ats_req_i({ats_req_tag_i, ats_req_device_id_i, ats_req_pv_i, ats_req_process_id_i, ats_req_priv_i, ats_req_exec_i, ats_req_write_i,
                ats_req_iova_i, dma_req}),
    .ats_req_ready_o(ats_req_ready), .ats_rsp_valid_o(ats_rsp_valid), .ats_rsp_o(ats_rsp), .ats_rsp_ready_i({ats_rsp_ready_i, dma_rsp_ready}),
    .pr_req_valid_i({pr_req_valid_i && !stop, dma_page_valid}),
    .pr_req_i({pr_req_device_id_i, pr_req_pv_i, pr_req_process_id_i, pr_req_priv_i, pr_req_exec_i, pr_req_payload_i, dma_page}),
    .pr_req_ready_o(pr_req_ready), .msg_out_valid_o(msg_valid), .msg_out_o(msg), .msg_out_ready_i({msg_out_ready_i, dma_msg_ready}),
    .route_did_o(route_did), .route_port_i(!dma_claim), .inv_cpl_valid_i({inv_cpl_valid_i, dma_cpl_valid}),
    .inv_cpl_i({inv_cpl_device_id_i, inv_cpl_itags_i, inv_cpl_cc_i, dma_cpl}), .inv_cpl_ready_o(inv_cpl_ready),
    .strap_port0_id_base_i(24'd0), .strap_port0_id_mask_i(24'd0),
    .strap_port1_id_base_i(device_id_base), .strap_port1_id_mask_i(device_id_port_mask),
    .s0_awid(dma_awid), .s0_awaddr(dma_awaddr), .s0_awlen(dma_awlen), .s0_awsize(dma_awsize),
    .s0_awburst(dma_awburst), .s0_awprot(dma_awprot), .s0_awuser(dma_awuser), .s0_awvalid(dma_awvalid),
    .s0_awready(dma_awready), .s0_wdata(dma_wdata), .s0_wstrb(dma_wstrb), .s0_wlast(dma_wlast),
    .s0_wvalid(dma_wvalid), .s0_wready(dma_wready), .s0_bid(dma_bid), .s0_bresp(dma_bresp), .s0_bvalid(dma_bvalid),
    .s0_bready(dma_bready), .s0_arid(dma_arid), .s0_araddr(dma_araddr), .s0_arlen(dma_arlen), .s0_arsize(dma_arsize),
    .s0_arburst(dma_arburst), .s0_arprot(dma_arprot), .s0_aruser(dma_aruser), .s0_arvalid(dma_arvalid),
    .s0_arready(dma_arready), .s0_rid(dma_rid), .s0_rdata(dma_rd_data), .s0_rresp(dma_rresp), .s0_rlast(dma_rlast),
    .s0_rvalid(dma_rvalid), .s0_rready(dma_rready),
    .s1_awid(s_dev_awid), .s1_awaddr(s_dev_awaddr), .s1_awlen(s_dev_awlen), .s1_awsize(s_dev_awsize),
    .s1_awburst(s_dev_awburst), .s1_awprot(s_dev_awprot), .s1_awuser(s_dev_awuser), .s1_awvalid(dev_awvalid),
    .s1_awready(dev_awready), .s1_wdata(s_dev_wdata), .s1_wstrb(s_dev_wstrb), .s1_wlast(s_dev_wlast),
    .s1_wvalid(s_dev_wvalid), .s1_wready(s_dev_wready), .s1_bid(s_dev_bid), .s1_bresp(s_dev_bresp),
    .s1_bvalid(s_dev_bvalid), .s1_bready(s_dev_bready), .s1_arid(s_dev_arid), .s1_araddr(s_dev_araddr),
    .s1_arlen(s_dev_arlen), .s1_arsize(s_dev_arsize), .s1_arburst(s_dev_arburst), .s1_arprot(s_dev_arprot),
    .s1_aruser(s_dev_aruser), .s1_arvalid(dev_arvalid), .s1_arready(dev_arready), .s1_rid(s_dev_rid),
    .s1_rdata(s_dev_rdata), .s1_rresp(s_dev_rresp), .s1_rlast(s_dev_rlast), .s1_rvalid(s_dev_rvalid),
    .s1_rready(s_dev_rready),
    .m_data_awid, .m_data_awaddr, .m_data_awlen, .m_data_awsize, .m_data_awburst, .m_data_awprot, .m_data_awuser,
    .m_data_awqosid, .m_data_arqosid, .m_iommu_awlock, .m_iommu_awqosid, .m_iommu_arlock, .m_iommu_arqosid,
    .m_data_awvalid(data_awvalid), .m_data_awready(data_awready), .m_data_wdata, .m_data_wstrb, .m_data_wlast,
    .m_data_wvalid, .m_data_wready, .m_data_bid, .m_data_bresp, .m_data_bvalid, .m_data_bready, .m_data_arid,
    .m_data_araddr, .m_data_arlen, .m_data_arsize, .m_data_arburst, .m_data_arprot, .m_data_aruser,
    .m_data_arvalid(data_arvalid), .m_data_arready(data_arready), .m_data_rid, .m_data_rdata, .m_data_rresp,
    .m_data_rlast, .m_data_rvalid, .m_data_rready,
    .m_iommu_awid, .m_iommu_awaddr, .m_iommu_awlen, .m_iommu_awsize, .m_iommu_awburst, .m_iommu_awprot,
    .m_iommu_awuser, .m_iommu_awvalid(mem_awvalid), .m_iommu_awready(mem_awready), .m_iommu_wdata, .m_iommu_wstrb,
    .m_iommu_wlast, .m_iommu_wvalid, .m_iommu_wready, .m_iommu_bid, .m_iommu_bresp, .m_iommu_bvalid, .m_iommu_bready,
    .m_iommu_arid, .m_iommu_araddr, .m_iommu_arlen, .m_iommu_arsize, .m_iommu_arburst, .m_iommu_arprot,
    .m_iommu_aruser, .m_iommu_arvalid(mem_arvalid), .m_iommu_arready(mem_arready), .m_iommu_rid, .m_iommu_rdata,
    .m_iommu_rresp, .m_iommu_rlast, .m_iommu_ruser, .m_iommu_rvalid, .m_iommu_rready,
    .wires_o(iommu_wires), .isolation_timeout_i(isolation_timeout), .isolation_clear_i(isolation_clear),
    .isolated_o(isolated), .ev_translation_o(ev_translation), .ev_hit_o(ev_hit), .ev_miss_o(ev_miss),
    .ev_walk_read_o(ev_walk_read), .ev_fault_o(ev_fault), .timing_o(timing), .idle_o(iommu_idle), .quiet_o(iommu_quiet));

  wire unused = &{1'b0, s_axil_awprot, s_axil_arprot, dev_quiet};
endmodule
`default_nettype wire
