// SPDX-License-Identifier: Apache-2.0
`default_nettype none
module card_top #(
  parameter int unsigned DATA_W = 64,               // 64 or 128
  parameter int unsigned CHANNELS = 4,              // DMA channels, 1 to 8
  parameter logic [63:0] BUILD_HASH = 64'd0,
  parameter logic [63:0] CLOCK_HZ = 64'd100_000_000
) (
  input  wire         clk_i,
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

  // translated traffic; id = {port, id of the port}
  output logic [5-1:0]  m_data_awid,
  output logic [63:0] m_data_awaddr,
  output logic [7:0]  m_data_awlen,
  output logic [2:0]  m_data_awsize,
  output logic [1:0]  m_data_awburst,
  output logic [2:0]  m_data_awprot,
  output logic [47-1:0] m_data_awuser,
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
  output logic [47-1:0] m_data_aruser,
  output logic        m_data_arvalid,
  input  wire         m_data_arready,
  input  wire  [5-1:0]  m_data_rid,
  input  wire  [DATA_W-1:0]   m_data_rdata,
  input  wire  [1:0]  m_data_rresp,
  input  wire         m_data_rlast,
  input  wire         m_data_rvalid,
  output logic        m_data_rready,

  // walks, queues, completion stores; AxUSER: 0 walk, 1 command queue, 2 fault queue, 3 completion store, 4 MSI
  output logic [4-1:0]  m_iommu_awid,
  output logic [63:0] m_iommu_awaddr,
  output logic [7:0]  m_iommu_awlen,
  output logic [2:0]  m_iommu_awsize,
  output logic [1:0]  m_iommu_awburst,
  output logic [2:0]  m_iommu_awprot,
  output logic [3-1:0] m_iommu_awuser,
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
endmodule
`default_nettype wire
