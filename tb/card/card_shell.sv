// SPDX-License-Identifier: Apache-2.0
//
// What the bench clocks: the card between registers of the bench's own. The bench decides in clock t what the card's inputs are to be
// in clock t+1; they change with the edge that ends t, together with everything in the card, so that a model of it is computed once
// a clock: not once for the edge and again for inputs that change in between.
// Latency: inputs are seen by the card one edge after they were put on these ports. Outputs are the card's own.
`default_nettype none
module card_shell #(
  parameter int unsigned DATA_W = 64,
  parameter logic [63:0] BUILD_HASH = 64'd0
) (
  input  wire clk_i,
  input  wire clk_dma_i,
  output logic dma_clock_o,
  input  wire clk_ctl_i,
  output logic ctl_clock_o,
  input  wire rst_ni,

  input  wire [16:0] s_axil_awaddr,
  input  wire [2:0] s_axil_awprot,
  input  wire s_axil_awvalid,
  output logic s_axil_awready,
  input  wire [63:0] s_axil_wdata,
  input  wire [7:0] s_axil_wstrb,
  input  wire s_axil_wvalid,
  output logic s_axil_wready,
  output logic [1:0] s_axil_bresp,
  output logic s_axil_bvalid,
  input  wire s_axil_bready,
  input  wire [16:0] s_axil_araddr,
  input  wire [2:0] s_axil_arprot,
  input  wire s_axil_arvalid,
  output logic s_axil_arready,
  output logic [63:0] s_axil_rdata,
  output logic [1:0] s_axil_rresp,
  output logic s_axil_rvalid,
  input  wire s_axil_rready,

  input  wire [63:0] strap_capabilities_i,
  input  wire [2:0] strap_fctl_i,
  input  wire strap_fctl_be_writable_i,
  input  wire strap_fctl_gxl_writable_i,
  input  wire [1:0] strap_ddt_levels_max_i,
  input  wire [23:0] strap_device_id_mask_i,
  input  wire [2:0] strap_vectors_log2_i,
  input  wire [4:0] strap_queue_log2_max_i,
  input  wire strap_reset_bare_i,
  input  wire [23:0] strap_device_id_base_i,
  input  wire [23:0] strap_device_id_port_mask_i,

  input  wire [4-1:0] s_dev_awid,
  input  wire [63:0] s_dev_awaddr,
  input  wire [7:0] s_dev_awlen,
  input  wire [2:0] s_dev_awsize,
  input  wire [1:0] s_dev_awburst,
  input  wire [2:0] s_dev_awprot,
  input  wire [47-1:0] s_dev_awuser,
  input  wire s_dev_awvalid,
  output logic s_dev_awready,
  input  wire [DATA_W-1:0] s_dev_wdata,
  input  wire [DATA_W/8-1:0] s_dev_wstrb,
  input  wire s_dev_wlast,
  input  wire s_dev_wvalid,
  output logic s_dev_wready,
  output logic [4-1:0] s_dev_bid,
  output logic [1:0] s_dev_bresp,
  output logic s_dev_bvalid,
  input  wire s_dev_bready,
  input  wire [4-1:0] s_dev_arid,
  input  wire [63:0] s_dev_araddr,
  input  wire [7:0] s_dev_arlen,
  input  wire [2:0] s_dev_arsize,
  input  wire [1:0] s_dev_arburst,
  input  wire [2:0] s_dev_arprot,
  input  wire [47-1:0] s_dev_aruser,
  input  wire s_dev_arvalid,
  output logic s_dev_arready,
  output logic [4-1:0] s_dev_rid,
  output logic [DATA_W-1:0] s_dev_rdata,
  output logic [1:0] s_dev_rresp,
  output logic s_dev_rlast,
  output logic s_dev_rvalid,
  input  wire s_dev_rready,

  output logic [5-1:0] m_data_awid,
  output logic [63:0] m_data_awaddr,
  output logic [7:0] m_data_awlen,
  output logic [2:0] m_data_awsize,
  output logic [1:0] m_data_awburst,
  output logic [2:0] m_data_awprot,
  output logic [47-1:0] m_data_awuser,
  output logic m_data_awvalid,
  input  wire m_data_awready,
  output logic [DATA_W-1:0] m_data_wdata,
  output logic [DATA_W/8-1:0] m_data_wstrb,
  output logic m_data_wlast,
  output logic m_data_wvalid,
  input  wire m_data_wready,
  input  wire [5-1:0] m_data_bid,
  input  wire [1:0] m_data_bresp,
  input  wire m_data_bvalid,
  output logic m_data_bready,
  output logic [5-1:0] m_data_arid,
  output logic [63:0] m_data_araddr,
  output logic [7:0] m_data_arlen,
  output logic [2:0] m_data_arsize,
  output logic [1:0] m_data_arburst,
  output logic [2:0] m_data_arprot,
  output logic [47-1:0] m_data_aruser,
  output logic m_data_arvalid,
  input  wire m_data_arready,
  input  wire [5-1:0] m_data_rid,
  input  wire [DATA_W-1:0] m_data_rdata,
  input  wire [1:0] m_data_rresp,
  input  wire m_data_rlast,
  input  wire m_data_rvalid,
  output logic m_data_rready,

  output logic [4-1:0] m_iommu_awid,
  output logic [63:0] m_iommu_awaddr,
  output logic [7:0] m_iommu_awlen,
  output logic [2:0] m_iommu_awsize,
  output logic [1:0] m_iommu_awburst,
  output logic [2:0] m_iommu_awprot,
  output logic [3-1:0] m_iommu_awuser,
  output logic m_iommu_awvalid,
  input  wire m_iommu_awready,
  output logic [DATA_W-1:0] m_iommu_wdata,
  output logic [DATA_W/8-1:0] m_iommu_wstrb,
  output logic m_iommu_wlast,
  output logic m_iommu_wvalid,
  input  wire m_iommu_wready,
  input  wire [4-1:0] m_iommu_bid,
  input  wire [1:0] m_iommu_bresp,
  input  wire m_iommu_bvalid,
  output logic m_iommu_bready,
  output logic [4-1:0] m_iommu_arid,
  output logic [63:0] m_iommu_araddr,
  output logic [7:0] m_iommu_arlen,
  output logic [2:0] m_iommu_arsize,
  output logic [1:0] m_iommu_arburst,
  output logic [2:0] m_iommu_arprot,
  output logic [3-1:0] m_iommu_aruser,
  output logic m_iommu_arvalid,
  input  wire m_iommu_arready,
  input  wire [4-1:0] m_iommu_rid,
  input  wire [DATA_W-1:0] m_iommu_rdata,
  input  wire [1:0] m_iommu_rresp,
  input  wire m_iommu_ruser,
  input  wire m_iommu_rlast,
  input  wire m_iommu_rvalid,
  output logic m_iommu_rready,

  output logic [31:0] wires_o,
  output logic message_valid_o,
  output logic [4:0] message_vector_o,
  input  wire message_ready_i,

  output logic busy_o
);
  logic q_rst_ni;
  logic [16:0] q_s_axil_awaddr;
  logic [2:0] q_s_axil_awprot;
  logic q_s_axil_awvalid;
  logic [63:0] q_s_axil_wdata;
  logic [7:0] q_s_axil_wstrb;
  logic q_s_axil_wvalid;
  logic q_s_axil_bready;
  logic [16:0] q_s_axil_araddr;
  logic [2:0] q_s_axil_arprot;
  logic q_s_axil_arvalid;
  logic q_s_axil_rready;
  logic [63:0] q_strap_capabilities_i;
  logic [2:0] q_strap_fctl_i;
  logic q_strap_fctl_be_writable_i;
  logic q_strap_fctl_gxl_writable_i;
  logic [1:0] q_strap_ddt_levels_max_i;
  logic [23:0] q_strap_device_id_mask_i;
  logic [2:0] q_strap_vectors_log2_i;
  logic [4:0] q_strap_queue_log2_max_i;
  logic q_strap_reset_bare_i;
  logic [23:0] q_strap_device_id_base_i;
  logic [23:0] q_strap_device_id_port_mask_i;
  logic [4-1:0] q_s_dev_awid;
  logic [63:0] q_s_dev_awaddr;
  logic [7:0] q_s_dev_awlen;
  logic [2:0] q_s_dev_awsize;
  logic [1:0] q_s_dev_awburst;
  logic [2:0] q_s_dev_awprot;
  logic [47-1:0] q_s_dev_awuser;
  logic q_s_dev_awvalid;
  logic [DATA_W-1:0] q_s_dev_wdata;
  logic [DATA_W/8-1:0] q_s_dev_wstrb;
  logic q_s_dev_wlast;
  logic q_s_dev_wvalid;
  logic q_s_dev_bready;
  logic [4-1:0] q_s_dev_arid;
  logic [63:0] q_s_dev_araddr;
  logic [7:0] q_s_dev_arlen;
  logic [2:0] q_s_dev_arsize;
  logic [1:0] q_s_dev_arburst;
  logic [2:0] q_s_dev_arprot;
  logic [47-1:0] q_s_dev_aruser;
  logic q_s_dev_arvalid;
  logic q_s_dev_rready;
  logic q_m_data_awready;
  logic q_m_data_wready;
  logic [5-1:0] q_m_data_bid;
  logic [1:0] q_m_data_bresp;
  logic q_m_data_bvalid;
  logic q_m_data_arready;
  logic [5-1:0] q_m_data_rid;
  logic [DATA_W-1:0] q_m_data_rdata;
  logic [1:0] q_m_data_rresp;
  logic q_m_data_rlast;
  logic q_m_data_rvalid;
  logic q_m_iommu_awready;
  logic q_m_iommu_wready;
  logic [4-1:0] q_m_iommu_bid;
  logic [1:0] q_m_iommu_bresp;
  logic q_m_iommu_bvalid;
  logic q_m_iommu_arready;
  logic [4-1:0] q_m_iommu_rid;
  logic [DATA_W-1:0] q_m_iommu_rdata;
  logic [1:0] q_m_iommu_rresp;
  logic q_m_iommu_ruser;
  logic q_m_iommu_rlast;
  logic q_m_iommu_rvalid;
  logic q_message_ready_i;

  always_ff @(posedge clk_i) begin
    q_rst_ni <= rst_ni;
    q_s_axil_awvalid <= s_axil_awvalid;
    q_s_axil_wvalid <= s_axil_wvalid;
    q_s_axil_bready <= s_axil_bready;
    q_s_axil_arvalid <= s_axil_arvalid;
    q_s_axil_rready <= s_axil_rready;
    q_s_dev_awvalid <= s_dev_awvalid;
    q_s_dev_wvalid <= s_dev_wvalid;
    q_s_dev_bready <= s_dev_bready;
    q_s_dev_arvalid <= s_dev_arvalid;
    q_s_dev_rready <= s_dev_rready;
    q_m_data_awready <= m_data_awready;
    q_m_data_wready <= m_data_wready;
    q_m_data_bvalid <= m_data_bvalid;
    q_m_data_arready <= m_data_arready;
    q_m_data_rvalid <= m_data_rvalid;
    q_m_iommu_awready <= m_iommu_awready;
    q_m_iommu_wready <= m_iommu_wready;
    q_m_iommu_bvalid <= m_iommu_bvalid;
    q_m_iommu_arready <= m_iommu_arready;
    q_m_iommu_rvalid <= m_iommu_rvalid;
    q_message_ready_i <= message_ready_i;
    if (s_axil_awvalid) begin
      q_s_axil_awaddr <= s_axil_awaddr;
      q_s_axil_awprot <= s_axil_awprot;
    end
    if (s_axil_wvalid) begin
      q_s_axil_wdata <= s_axil_wdata;
      q_s_axil_wstrb <= s_axil_wstrb;
    end
    if (s_axil_arvalid) begin
      q_s_axil_araddr <= s_axil_araddr;
      q_s_axil_arprot <= s_axil_arprot;
    end
    if (!rst_ni) begin
      q_strap_capabilities_i <= strap_capabilities_i;
      q_strap_fctl_i <= strap_fctl_i;
      q_strap_fctl_be_writable_i <= strap_fctl_be_writable_i;
      q_strap_fctl_gxl_writable_i <= strap_fctl_gxl_writable_i;
      q_strap_ddt_levels_max_i <= strap_ddt_levels_max_i;
      q_strap_device_id_mask_i <= strap_device_id_mask_i;
      q_strap_vectors_log2_i <= strap_vectors_log2_i;
      q_strap_queue_log2_max_i <= strap_queue_log2_max_i;
      q_strap_reset_bare_i <= strap_reset_bare_i;
      q_strap_device_id_base_i <= strap_device_id_base_i;
      q_strap_device_id_port_mask_i <= strap_device_id_port_mask_i;
    end
    if (s_dev_awvalid) begin
      q_s_dev_awid <= s_dev_awid;
      q_s_dev_awaddr <= s_dev_awaddr;
      q_s_dev_awlen <= s_dev_awlen;
      q_s_dev_awsize <= s_dev_awsize;
      q_s_dev_awburst <= s_dev_awburst;
      q_s_dev_awprot <= s_dev_awprot;
      q_s_dev_awuser <= s_dev_awuser;
    end
    if (s_dev_wvalid) begin
      q_s_dev_wdata <= s_dev_wdata;
      q_s_dev_wstrb <= s_dev_wstrb;
      q_s_dev_wlast <= s_dev_wlast;
    end
    if (s_dev_arvalid) begin
      q_s_dev_arid <= s_dev_arid;
      q_s_dev_araddr <= s_dev_araddr;
      q_s_dev_arlen <= s_dev_arlen;
      q_s_dev_arsize <= s_dev_arsize;
      q_s_dev_arburst <= s_dev_arburst;
      q_s_dev_arprot <= s_dev_arprot;
      q_s_dev_aruser <= s_dev_aruser;
    end
    if (m_data_bvalid) begin
      q_m_data_bid <= m_data_bid;
      q_m_data_bresp <= m_data_bresp;
    end
    if (m_data_rvalid) begin
      q_m_data_rid <= m_data_rid;
      q_m_data_rdata <= m_data_rdata;
      q_m_data_rresp <= m_data_rresp;
      q_m_data_rlast <= m_data_rlast;
    end
    if (m_iommu_bvalid) begin
      q_m_iommu_bid <= m_iommu_bid;
      q_m_iommu_bresp <= m_iommu_bresp;
    end
    if (m_iommu_rvalid) begin
      q_m_iommu_rid <= m_iommu_rid;
      q_m_iommu_rdata <= m_iommu_rdata;
      q_m_iommu_rresp <= m_iommu_rresp;
      q_m_iommu_ruser <= m_iommu_ruser;
      q_m_iommu_rlast <= m_iommu_rlast;
    end
  end

  card_top #(.DATA_W(DATA_W), .BUILD_HASH(BUILD_HASH)) card (
    .clk_i, .clk_dma_i, .dma_clock_o, .clk_ctl_i, .ctl_clock_o, .rst_ni(q_rst_ni),
    .s_axil_awaddr(q_s_axil_awaddr), .s_axil_awprot(q_s_axil_awprot), .s_axil_awvalid(q_s_axil_awvalid), .s_axil_awready,
    .s_axil_wdata(q_s_axil_wdata), .s_axil_wstrb(q_s_axil_wstrb), .s_axil_wvalid(q_s_axil_wvalid), .s_axil_wready, .s_axil_bresp,
    .s_axil_bvalid, .s_axil_bready(q_s_axil_bready), .s_axil_araddr(q_s_axil_araddr), .s_axil_arprot(q_s_axil_arprot),
    .s_axil_arvalid(q_s_axil_arvalid), .s_axil_arready, .s_axil_rdata, .s_axil_rresp, .s_axil_rvalid, .s_axil_rready(q_s_axil_rready),
    .strap_capabilities_i(q_strap_capabilities_i), .strap_fctl_i(q_strap_fctl_i),
    .strap_fctl_be_writable_i(q_strap_fctl_be_writable_i), .strap_fctl_gxl_writable_i(q_strap_fctl_gxl_writable_i),
    .strap_ddt_levels_max_i(q_strap_ddt_levels_max_i), .strap_device_id_mask_i(q_strap_device_id_mask_i),
    .strap_vectors_log2_i(q_strap_vectors_log2_i), .strap_queue_log2_max_i(q_strap_queue_log2_max_i),
    .strap_reset_bare_i(q_strap_reset_bare_i), .strap_device_id_base_i(q_strap_device_id_base_i),
    .strap_device_id_port_mask_i(q_strap_device_id_port_mask_i), .s_dev_awid(q_s_dev_awid), .s_dev_awaddr(q_s_dev_awaddr),
    .s_dev_awlen(q_s_dev_awlen), .s_dev_awsize(q_s_dev_awsize), .s_dev_awburst(q_s_dev_awburst), .s_dev_awprot(q_s_dev_awprot),
    .s_dev_awuser(q_s_dev_awuser), .s_dev_awvalid(q_s_dev_awvalid), .s_dev_awready, .s_dev_wdata(q_s_dev_wdata),
    .s_dev_wstrb(q_s_dev_wstrb), .s_dev_wlast(q_s_dev_wlast), .s_dev_wvalid(q_s_dev_wvalid), .s_dev_wready, .s_dev_bid, .s_dev_bresp,
    .s_dev_bvalid, .s_dev_bready(q_s_dev_bready), .s_dev_arid(q_s_dev_arid), .s_dev_araddr(q_s_dev_araddr),
    .s_dev_arlen(q_s_dev_arlen), .s_dev_arsize(q_s_dev_arsize), .s_dev_arburst(q_s_dev_arburst), .s_dev_arprot(q_s_dev_arprot),
    .s_dev_aruser(q_s_dev_aruser), .s_dev_arvalid(q_s_dev_arvalid), .s_dev_arready, .s_dev_rid, .s_dev_rdata, .s_dev_rresp,
    .s_dev_rlast, .s_dev_rvalid, .s_dev_rready(q_s_dev_rready), .m_data_awid, .m_data_awaddr, .m_data_awlen, .m_data_awsize,
    .m_data_awburst, .m_data_awprot, .m_data_awuser, .m_data_awvalid, .m_data_awready(q_m_data_awready), .m_data_wdata, .m_data_wstrb,
    .m_data_wlast, .m_data_wvalid, .m_data_wready(q_m_data_wready), .m_data_bid(q_m_data_bid), .m_data_bresp(q_m_data_bresp),
    .m_data_bvalid(q_m_data_bvalid), .m_data_bready, .m_data_arid, .m_data_araddr, .m_data_arlen, .m_data_arsize, .m_data_arburst,
    .m_data_arprot, .m_data_aruser, .m_data_arvalid, .m_data_arready(q_m_data_arready), .m_data_rid(q_m_data_rid),
    .m_data_rdata(q_m_data_rdata), .m_data_rresp(q_m_data_rresp), .m_data_rlast(q_m_data_rlast), .m_data_rvalid(q_m_data_rvalid),
    .m_data_rready, .m_iommu_awid, .m_iommu_awaddr, .m_iommu_awlen, .m_iommu_awsize, .m_iommu_awburst, .m_iommu_awprot,
    .m_iommu_awuser, .m_iommu_awvalid, .m_iommu_awready(q_m_iommu_awready), .m_iommu_wdata, .m_iommu_wstrb, .m_iommu_wlast,
    .m_iommu_wvalid, .m_iommu_wready(q_m_iommu_wready), .m_iommu_bid(q_m_iommu_bid), .m_iommu_bresp(q_m_iommu_bresp),
    .m_iommu_bvalid(q_m_iommu_bvalid), .m_iommu_bready, .m_iommu_arid, .m_iommu_araddr, .m_iommu_arlen, .m_iommu_arsize,
    .m_iommu_arburst, .m_iommu_arprot, .m_iommu_aruser, .m_iommu_arvalid, .m_iommu_arready(q_m_iommu_arready),
    .m_iommu_rid(q_m_iommu_rid), .m_iommu_rdata(q_m_iommu_rdata), .m_iommu_rresp(q_m_iommu_rresp), .m_iommu_ruser(q_m_iommu_ruser),
    .m_iommu_rlast(q_m_iommu_rlast), .m_iommu_rvalid(q_m_iommu_rvalid), .m_iommu_rready, .wires_o, .message_valid_o, .message_vector_o,
    .message_ready_i(q_message_ready_i), .busy_o);
endmodule
`default_nettype wire
