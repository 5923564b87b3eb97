// SPDX-License-Identifier: Apache-2.0
// The card on an FPGA, whatever the board: card_top between the AXI ports of a vendor's AXI-PCIe bridge. Structure and constants only.
//
//   bridge's master -- fpga_host --- s_axil      card_top      m_data, m_iommu -- fpga_master -- bridge's slave
//   bridge's MSI   --/             messages
//
// Clocks: bus_clk_i of the bridge, card_clk_i of the card, which need not know each other. CLOCK_HZ says how fast the latter is.
// Reset: bus_rst_ni, of any clock, low for at least 3 periods of the slower clock, resets both sides at once. It goes with
// the bridge's own: a bridge that is reset forgets what it was asked, and a card that is reset alone with accesses outstanding
// hangs the bridge. Software that wants a fresh card writes RESET, which drains first.
//
// What a bridge is to do: answer every access within 60 ms, which is how long RESET waits; give B of a write once what follows
// on the link (writes, MSIs, answers to the host) stays behind it; keep to the order of answers within an id. It need not know
// exclusive accesses, WRAP, FIXED or narrow bursts; it may split bursts as it likes. It sees no address beyond ADDRESS_BITS. Of
// what m_axi lacks, AxPROT is to be 0, AxCACHE 0011.
//
// What the card is not, because of that: no exclusive accesses, so no updates of A and D and none of interrupt files at one
// stroke; no quality-of-service ids and no page-based memory types, which PCIe does not carry. There is no device behind the
// device port. All else that the RTL has is there.
`default_nettype none
module fpga_top #(
  parameter int unsigned DATA_W = 64,               // 64 or 128, of m_axi
  parameter int unsigned CHANNELS = 4,              // DMA channels, 1 to 8
  parameter int unsigned ADDRESS_BITS = 56,         // of bus addresses that the bridge can reach, 13 to 56
  parameter logic [63:0] BUILD_HASH = 64'd0,
  parameter logic [63:0] CLOCK_HZ = 64'd25_000_000, // of card_clk_i
  parameter int unsigned ID_W = 4                   // bits of ids
) (
  input  wire                 card_clk_i,
  input  wire                 bus_clk_i,
  input  wire                 bus_rst_ni,

  // registers, 17 bits of address: 0x00000 BAR 0 (IOMMU), 0x10000 BAR 2 (card, channels)
  input  wire  [ID_W-1:0]     s_axi_awid,
  input  wire  [31:0]         s_axi_awaddr,
  input  wire  [7:0]          s_axi_awlen,
  input  wire  [2:0]          s_axi_awsize,
  input  wire  [1:0]          s_axi_awburst,
  input  wire                 s_axi_awvalid,
  output logic                s_axi_awready,
  input  wire  [63:0]         s_axi_wdata,
  input  wire  [7:0]          s_axi_wstrb,
  input  wire                 s_axi_wlast,
  input  wire                 s_axi_wvalid,
  output logic                s_axi_wready,
  output logic [ID_W-1:0]     s_axi_bid,
  output logic [1:0]          s_axi_bresp,
  output logic                s_axi_bvalid,
  input  wire                 s_axi_bready,
  input  wire  [ID_W-1:0]     s_axi_arid,
  input  wire  [31:0]         s_axi_araddr,
  input  wire  [7:0]          s_axi_arlen,
  input  wire  [2:0]          s_axi_arsize,
  input  wire  [1:0]          s_axi_arburst,
  input  wire                 s_axi_arvalid,
  output logic                s_axi_arready,
  output logic [ID_W-1:0]     s_axi_rid,
  output logic [63:0]         s_axi_rdata,
  output logic [1:0]          s_axi_rresp,
  output logic                s_axi_rlast,
  output logic                s_axi_rvalid,
  input  wire                 s_axi_rready,

  // memory: full-width INCR bursts, ids 0 (translated traffic) and 1 (the IOMMU's own)
  output logic [ID_W-1:0]     m_axi_awid,
  output logic [63:0]         m_axi_awaddr,
  output logic [7:0]          m_axi_awlen,
  output logic [2:0]          m_axi_awsize,
  output logic [1:0]          m_axi_awburst,
  output logic                m_axi_awvalid,
  input  wire                 m_axi_awready,
  output logic [DATA_W-1:0]   m_axi_wdata,
  output logic [DATA_W/8-1:0] m_axi_wstrb,
  output logic                m_axi_wlast,
  output logic                m_axi_wvalid,
  input  wire                 m_axi_wready,
  input  wire  [ID_W-1:0]     m_axi_bid,
  input  wire  [1:0]          m_axi_bresp,
  input  wire                 m_axi_bvalid,
  output logic                m_axi_bready,
  output logic [ID_W-1:0]     m_axi_arid,
  output logic [63:0]         m_axi_araddr,
  output logic [7:0]          m_axi_arlen,
  output logic [2:0]          m_axi_arsize,
  output logic [1:0]          m_axi_arburst,
  output logic                m_axi_arvalid,
  input  wire                 m_axi_arready,
  input  wire  [ID_W-1:0]     m_axi_rid,
  input  wire  [DATA_W-1:0]   m_axi_rdata,
  input  wire  [1:0]          m_axi_rresp,
  input  wire                 m_axi_rlast,
  input  wire                 m_axi_rvalid,
  output logic                m_axi_rready,

  // interrupts: a request is held until granted
  input  wire                 msi_enable_i,
  input  wire  [2:0]          msi_width_i,          // log2 of the vectors that the host gave
  output logic                msi_valid_o,
  output logic [4:0]          msi_vector_o,
  input  wire                 msi_grant_i,

  output logic                busy_o                // the card has work, with bus_clk_i: for a lamp
);
  if (DATA_W != 64 && DATA_W != 128) $error("fpga_top: DATA_W must be 64 or 128");
  if (ADDRESS_BITS < 13 || ADDRESS_BITS > 56) $error("fpga_top: ADDRESS_BITS must be 13 to 56");

  // ---- straps --------------------------------------------------------------------------------------------------------------------
  localparam logic [63:0] KEPT = ~(iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_AMO_HWAD_LSB, 1)
    | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_AMO_MRIF_LSB, 1) | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_QOSID_LSB, 1)
    | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_SVPBMT_LSB, 1)
    | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_PAS_LSB, regs_pkg::IOMMU_CAPABILITIES_PAS_W)
    | iommu_pkg::bits(regs_pkg::IOMMU_CAPABILITIES_VERSION_LSB, regs_pkg::IOMMU_CAPABILITIES_VERSION_W));
  localparam logic [63:0] VERSION = 64'h10;         // 1.0
  localparam logic [63:0] CAPABILITIES = KEPT | VERSION << regs_pkg::IOMMU_CAPABILITIES_VERSION_LSB
    | 64'(ADDRESS_BITS) << regs_pkg::IOMMU_CAPABILITIES_PAS_LSB;

  // a sixteenth of a second: a bridge gives a lost completion up after at most 50 ms (PCI Express, Completion Timeout)
  localparam int unsigned DRAIN_CYCLES = 32'(CLOCK_HZ / 16);

  logic bus_rst_n, card_rst_n;
  reset_sync u_bus_reset (.clk_i(bus_clk_i), .rst_ni(bus_rst_ni), .rst_no(bus_rst_n));
  reset_sync u_card_reset (.clk_i(card_clk_i), .rst_ni(bus_rst_ni), .rst_no(card_rst_n));

  // ---- registers and messages ----------------------------------------------------------------------------------------------------
  logic [16:0] awaddr, araddr;
  logic [63:0] wdata, rdata;
  logic [7:0]  wstrb;
  logic [1:0]  bresp, rresp;
  logic        awvalid, awready, wvalid, wready, bvalid, bready, arvalid, arready, rvalid, rready;
  logic        message_valid, message_ready, card_busy, card_busy_seen, host_busy;
  logic [4:0]  message_vector;

  fpga_host #(.ID_W(ID_W)) u_host (
    .bus_clk_i, .bus_rst_ni(bus_rst_n), .card_clk_i, .card_rst_ni(card_rst_n), .s_axi_awid, .s_axi_awaddr, .s_axi_awlen,
    .s_axi_awsize, .s_axi_awburst, .s_axi_awvalid, .s_axi_awready, .s_axi_wdata, .s_axi_wstrb, .s_axi_wlast, .s_axi_wvalid,
    .s_axi_wready, .s_axi_bid, .s_axi_bresp, .s_axi_bvalid, .s_axi_bready, .s_axi_arid, .s_axi_araddr, .s_axi_arlen,
    .s_axi_arsize, .s_axi_arburst, .s_axi_arvalid, .s_axi_arready, .s_axi_rid, .s_axi_rdata, .s_axi_rresp, .s_axi_rlast,
    .s_axi_rvalid, .s_axi_rready, .msi_enable_i, .msi_width_i, .msi_valid_o, .msi_vector_o, .msi_grant_i,
    .card_awaddr(awaddr), .card_awvalid(awvalid), .card_awready(awready), .card_wdata(wdata), .card_wstrb(wstrb),
    .card_wvalid(wvalid), .card_wready(wready), .card_bresp(bresp), .card_bvalid(bvalid), .card_bready(bready),
    .card_araddr(araddr), .card_arvalid(arvalid), .card_arready(arready), .card_rdata(rdata), .card_rresp(rresp),
    .card_rvalid(rvalid), .card_rready(rready), .message_valid_i(message_valid), .message_vector_i(message_vector),
    .message_ready_o(message_ready), .busy_o(host_busy));

  logic card_busy_q;
  always_ff @(posedge card_clk_i) card_busy_q <= card_busy;
  bit_sync u_busy (.clk_i(bus_clk_i), .rst_ni(bus_rst_n), .data_i(card_busy_q), .data_o(card_busy_seen));
  assign busy_o = card_busy_seen || host_busy;

  // ---- memory --------------------------------------------------------------------------------------------------------------------
  logic [4:0]          data_awid, data_arid, data_bid, data_rid;
  logic [3:0]          iommu_awid, iommu_arid, iommu_bid, iommu_rid;
  logic [63:0]         data_awaddr, data_araddr, iommu_awaddr, iommu_araddr;
  logic [7:0]          data_awlen, data_arlen, iommu_awlen, iommu_arlen;
  logic [DATA_W-1:0]   data_wdata, data_rdata, iommu_wdata, iommu_rdata;
  logic [DATA_W/8-1:0] data_wstrb, iommu_wstrb;
  logic [1:0]          data_bresp, data_rresp, iommu_bresp, iommu_rresp;
  logic                data_awvalid, data_awready, data_wlast, data_wvalid, data_wready, data_bvalid, data_bready;
  logic                data_arvalid, data_arready, data_rlast, data_rvalid, data_rready;
  logic                iommu_awvalid, iommu_awready, iommu_wlast, iommu_wvalid, iommu_wready, iommu_bvalid;
  logic                iommu_arvalid, iommu_arready, iommu_rlast, iommu_rvalid;

  fpga_master #(.DATA_W(DATA_W), .ADDRESS_BITS(ADDRESS_BITS), .ID_W(ID_W)) u_master (
    .card_clk_i, .card_rst_ni(card_rst_n), .bus_clk_i, .bus_rst_ni(bus_rst_n),
    .data_awid, .data_awaddr, .data_awlen, .data_awvalid, .data_awready, .data_wdata, .data_wstrb, .data_wlast, .data_wvalid,
    .data_wready, .data_bid, .data_bresp, .data_bvalid, .data_bready, .data_arid, .data_araddr, .data_arlen, .data_arvalid,
    .data_arready, .data_rid, .data_rdata, .data_rresp, .data_rlast, .data_rvalid, .data_rready,
    .iommu_awid, .iommu_awaddr, .iommu_awlen, .iommu_awvalid, .iommu_awready, .iommu_wdata, .iommu_wstrb, .iommu_wlast,
    .iommu_wvalid, .iommu_wready, .iommu_bid, .iommu_bresp, .iommu_bvalid, .iommu_arid, .iommu_araddr, .iommu_arlen,
    .iommu_arvalid, .iommu_arready, .iommu_rid, .iommu_rdata, .iommu_rresp, .iommu_rlast, .iommu_rvalid,
    .m_axi_awid, .m_axi_awaddr, .m_axi_awlen, .m_axi_awsize, .m_axi_awburst, .m_axi_awvalid, .m_axi_awready, .m_axi_wdata,
    .m_axi_wstrb, .m_axi_wlast, .m_axi_wvalid, .m_axi_wready, .m_axi_bid, .m_axi_bresp, .m_axi_bvalid, .m_axi_bready,
    .m_axi_arid, .m_axi_araddr, .m_axi_arlen, .m_axi_arsize, .m_axi_arburst, .m_axi_arvalid, .m_axi_arready, .m_axi_rid,
    .m_axi_rdata, .m_axi_rresp, .m_axi_rlast, .m_axi_rvalid, .m_axi_rready);

  // ---- the card ------------------------------------------------------------------------------------------------------------------
  logic [2:0]  data_awsize, data_arsize, iommu_awsize, iommu_arsize, data_awprot, data_arprot, iommu_awprot, iommu_arprot;
  logic [1:0]  data_awburst, data_arburst, iommu_awburst, iommu_arburst;
  logic [49:0] data_awuser, data_aruser;
  logic [2:0]  iommu_awuser, iommu_aruser;
  logic [23:0] data_awqosid, data_arqosid, iommu_awqosid, iommu_arqosid;
  logic        iommu_awlock, iommu_arlock, iommu_bready, iommu_rready;
  logic [31:0] wires;
  logic [3:0]  clocks;                              // which of them may stand; here none does
  // outputs towards the device that is not there
  logic        dev_awready, dev_wready, dev_bvalid, dev_arready, dev_rlast, dev_rvalid;
  logic [3:0]  dev_bid, dev_rid;
  logic [1:0]  dev_bresp, dev_rresp, rsp_pbmt;
  logic [DATA_W-1:0] dev_rdata;
  logic        req_ready, rsp_valid, rsp_r, rsp_w, rsp_x, rsp_global, rsp_priv, rsp_untranslated, page_ready, msg_valid, msg_response;
  logic        msg_dsv, msg_pv, cpl_ready;
  logic [7:0]  rsp_tag;
  logic [2:0]  rsp_status;
  logic [51:0] rsp_page;
  logic [5:0]  rsp_lg;
  logic [23:0] msg_device;
  logic [19:0] msg_process;
  logic [63:0] msg_payload;
  logic [4:0]  msg_itag;

  card_top #(.DATA_W(DATA_W), .CHANNELS(CHANNELS), .BUILD_HASH(BUILD_HASH), .CLOCK_HZ(CLOCK_HZ), .DRAIN_CYCLES(DRAIN_CYCLES)) u_card (
    .clk_i(card_clk_i), .clk_dma_i(card_clk_i), .dma_clock_o(clocks[0]), .clk_ctl_i(card_clk_i), .ctl_clock_o(clocks[1]),
    .clk_hpm_i(card_clk_i), .hpm_clock_o(clocks[2]), .clk_reg_i(card_clk_i), .reg_clock_o(clocks[3]), .rst_ni(card_rst_n),
    .s_axil_awaddr(awaddr), .s_axil_awprot(3'd0), .s_axil_awvalid(awvalid), .s_axil_awready(awready), .s_axil_wdata(wdata),
    .s_axil_wstrb(wstrb), .s_axil_wvalid(wvalid), .s_axil_wready(wready), .s_axil_bresp(bresp), .s_axil_bvalid(bvalid),
    .s_axil_bready(bready), .s_axil_araddr(araddr), .s_axil_arprot(3'd0), .s_axil_arvalid(arvalid), .s_axil_arready(arready),
    .s_axil_rdata(rdata), .s_axil_rresp(rresp), .s_axil_rvalid(rvalid), .s_axil_rready(rready),

    .strap_capabilities_i(CAPABILITIES), .strap_fctl_i(3'd0), .strap_fctl_be_writable_i(1'b1), .strap_fctl_gxl_writable_i(1'b1),
    .strap_ddt_levels_max_i(2'd3), .strap_device_id_mask_i(24'hffffff), .strap_vectors_log2_i(3'd2),
    .strap_queue_log2_max_i(5'd15), .strap_reset_bare_i(1'b0), .strap_hpm_counters_i(5'd31), .strap_hpm_counter_bits_i(7'd64),
    .strap_hpm_event_max_i(8'd8), .strap_rcid_bits_i(4'd0), .strap_mcid_bits_i(4'd0), .strap_ats_timeout_i(32'd1_000_000),
    .strap_device_id_base_i(24'd0), .strap_device_id_port_mask_i(24'd0),

    .s_dev_awid(4'd0), .s_dev_awaddr(64'd0), .s_dev_awlen(8'd0), .s_dev_awsize(3'd0), .s_dev_awburst(2'd0), .s_dev_awprot(3'd0),
    .s_dev_awuser(47'd0), .s_dev_awvalid(1'b0), .s_dev_awready(dev_awready), .s_dev_wdata(DATA_W'(0)), .s_dev_wstrb((DATA_W/8)'(0)),
    .s_dev_wlast(1'b0), .s_dev_wvalid(1'b0), .s_dev_wready(dev_wready), .s_dev_bid(dev_bid), .s_dev_bresp(dev_bresp),
    .s_dev_bvalid(dev_bvalid), .s_dev_bready(1'b1), .s_dev_arid(4'd0), .s_dev_araddr(64'd0), .s_dev_arlen(8'd0),
    .s_dev_arsize(3'd0), .s_dev_arburst(2'd0), .s_dev_arprot(3'd0), .s_dev_aruser(47'd0), .s_dev_arvalid(1'b0),
    .s_dev_arready(dev_arready), .s_dev_rid(dev_rid), .s_dev_rdata(dev_rdata), .s_dev_rresp(dev_rresp), .s_dev_rlast(dev_rlast),
    .s_dev_rvalid(dev_rvalid), .s_dev_rready(1'b1),

    .ats_req_valid_i(1'b0), .ats_req_ready_o(req_ready), .ats_req_tag_i(8'd0), .ats_req_device_id_i(24'd0), .ats_req_pv_i(1'b0),
    .ats_req_process_id_i(20'd0), .ats_req_priv_i(1'b0), .ats_req_exec_i(1'b0), .ats_req_write_i(1'b0), .ats_req_iova_i(64'd0),
    .ats_rsp_valid_o(rsp_valid), .ats_rsp_ready_i(1'b1), .ats_rsp_tag_o(rsp_tag), .ats_rsp_status_o(rsp_status),
    .ats_rsp_page_o(rsp_page), .ats_rsp_lg_o(rsp_lg), .ats_rsp_r_o(rsp_r), .ats_rsp_w_o(rsp_w), .ats_rsp_x_o(rsp_x),
    .ats_rsp_global_o(rsp_global), .ats_rsp_priv_o(rsp_priv), .ats_rsp_untranslated_o(rsp_untranslated), .ats_rsp_pbmt_o(rsp_pbmt),
    .pr_req_valid_i(1'b0), .pr_req_ready_o(page_ready), .pr_req_device_id_i(24'd0), .pr_req_pv_i(1'b0), .pr_req_process_id_i(20'd0),
    .pr_req_priv_i(1'b0), .pr_req_exec_i(1'b0), .pr_req_payload_i(64'd0), .msg_out_valid_o(msg_valid), .msg_out_ready_i(1'b1),
    .msg_out_response_o(msg_response), .msg_out_dsv_o(msg_dsv), .msg_out_device_id_o(msg_device), .msg_out_pv_o(msg_pv),
    .msg_out_process_id_o(msg_process), .msg_out_payload_o(msg_payload), .msg_out_itag_o(msg_itag), .inv_cpl_valid_i(1'b0),
    .inv_cpl_ready_o(cpl_ready), .inv_cpl_device_id_i(24'd0), .inv_cpl_itags_i(32'd0), .inv_cpl_cc_i(3'd0),

    .m_data_awid(data_awid), .m_data_awaddr(data_awaddr), .m_data_awlen(data_awlen), .m_data_awsize(data_awsize),
    .m_data_awburst(data_awburst), .m_data_awprot(data_awprot), .m_data_awuser(data_awuser), .m_data_awqosid(data_awqosid),
    .m_data_awvalid(data_awvalid), .m_data_awready(data_awready), .m_data_wdata(data_wdata), .m_data_wstrb(data_wstrb),
    .m_data_wlast(data_wlast), .m_data_wvalid(data_wvalid), .m_data_wready(data_wready), .m_data_bid(data_bid),
    .m_data_bresp(data_bresp), .m_data_bvalid(data_bvalid), .m_data_bready(data_bready), .m_data_arid(data_arid),
    .m_data_araddr(data_araddr), .m_data_arlen(data_arlen), .m_data_arsize(data_arsize), .m_data_arburst(data_arburst),
    .m_data_arprot(data_arprot), .m_data_aruser(data_aruser), .m_data_arqosid(data_arqosid), .m_data_arvalid(data_arvalid),
    .m_data_arready(data_arready), .m_data_rid(data_rid), .m_data_rdata(data_rdata), .m_data_rresp(data_rresp),
    .m_data_rlast(data_rlast), .m_data_rvalid(data_rvalid), .m_data_rready(data_rready),
    .m_iommu_awid(iommu_awid), .m_iommu_awaddr(iommu_awaddr), .m_iommu_awlen(iommu_awlen), .m_iommu_awsize(iommu_awsize),
    .m_iommu_awburst(iommu_awburst), .m_iommu_awprot(iommu_awprot), .m_iommu_awuser(iommu_awuser), .m_iommu_awlock(iommu_awlock),
    .m_iommu_awqosid(iommu_awqosid), .m_iommu_awvalid(iommu_awvalid), .m_iommu_awready(iommu_awready), .m_iommu_wdata(iommu_wdata),
    .m_iommu_wstrb(iommu_wstrb), .m_iommu_wlast(iommu_wlast), .m_iommu_wvalid(iommu_wvalid), .m_iommu_wready(iommu_wready),
    .m_iommu_bid(iommu_bid), .m_iommu_bresp(iommu_bresp), .m_iommu_bvalid(iommu_bvalid), .m_iommu_bready(iommu_bready),
    .m_iommu_arid(iommu_arid), .m_iommu_araddr(iommu_araddr), .m_iommu_arlen(iommu_arlen), .m_iommu_arsize(iommu_arsize),
    .m_iommu_arburst(iommu_arburst), .m_iommu_arprot(iommu_arprot), .m_iommu_aruser(iommu_aruser), .m_iommu_arlock(iommu_arlock),
    .m_iommu_arqosid(iommu_arqosid), .m_iommu_arvalid(iommu_arvalid), .m_iommu_arready(iommu_arready), .m_iommu_rid(iommu_rid),
    .m_iommu_rdata(iommu_rdata), .m_iommu_rresp(iommu_rresp), .m_iommu_ruser(1'b0), .m_iommu_rlast(iommu_rlast),
    .m_iommu_rvalid(iommu_rvalid), .m_iommu_rready(iommu_rready),
    .wires_o(wires), .message_valid_o(message_valid), .message_vector_o(message_vector), .message_ready_i(message_ready),
    .busy_o(card_busy));

`ifndef YOSYS
  always_ff @(posedge card_clk_i) if (card_rst_n) begin
    a_taken: assert (iommu_rready && iommu_bready) else $error("fpga_top: m_iommu refuses an answer");
    a_burst: assert ((!data_arvalid || data_arburst == 2'b01) && (!data_awvalid || data_awburst == 2'b01)
      && (!iommu_arvalid || iommu_arburst == 2'b01) && (!iommu_awvalid || iommu_awburst == 2'b01)) else $error("fpga_top: not an INCR burst");
    a_whole: assert ((!data_arvalid || data_arlen == 8'd0 || data_arsize == 3'($clog2(DATA_W / 8)))
      && (!data_awvalid || data_awlen == 8'd0 || data_awsize == 3'($clog2(DATA_W / 8)))
      && (!iommu_arvalid || iommu_arlen == 8'd0 || iommu_arsize == 3'($clog2(DATA_W / 8)))
      && (!iommu_awvalid || iommu_awlen == 8'd0 || iommu_awsize == 3'($clog2(DATA_W / 8)))) else $error("fpga_top: a burst of narrow beats");
    a_lock: assert (!(iommu_arvalid && iommu_arlock) && !(iommu_awvalid && iommu_awlock)) else $error("fpga_top: an exclusive access");
  end
`else
  wire unused_sizes = &{1'b0, data_awsize, data_arsize, iommu_awsize, iommu_arsize, data_awburst, data_arburst, iommu_awburst,
                        iommu_arburst, iommu_awlock, iommu_arlock, iommu_bready, iommu_rready};
`endif
  wire unused = &{1'b0, data_awprot, data_arprot, iommu_awprot, iommu_arprot, data_awuser, data_aruser, iommu_awuser, iommu_aruser,
                  data_awqosid, data_arqosid, iommu_awqosid, iommu_arqosid, wires, clocks, dev_awready, dev_wready, dev_bvalid,
                  dev_arready, dev_rlast, dev_rvalid, dev_bid, dev_rid, dev_bresp, dev_rresp, dev_rdata, rsp_pbmt, req_ready,
                  rsp_valid, rsp_r, rsp_w, rsp_x, rsp_global, rsp_priv, rsp_untranslated, page_ready, msg_valid, msg_response, msg_dsv,
                  msg_pv, cpl_ready, rsp_tag, rsp_status, rsp_page, rsp_lg, msg_device, msg_process, msg_payload, msg_itag};
endmodule
`default_nettype wire
