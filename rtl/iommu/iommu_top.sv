`default_nettype none
module iommu_top #(
  /// Data width of both masters and both slave ports in bits: 64 or 128.
  parameter int unsigned DATA_W = 64
) (
  input  wire         clk_i,
  input  wire         rst_ni,

  // register page: one access at a time; a write acts at the clock edge, a read is combinational
  input  wire         reg_we_i,
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
  input  wire  [23:0] strap_port0_id_base_i,    // device_ids port 0 may use: (id & mask) == base
  input  wire  [23:0] strap_port0_id_mask_i,
  input  wire  [23:0] strap_port1_id_base_i,
  input  wire  [23:0] strap_port1_id_mask_i,

  // port 0: the DMA block; AxUSER = {translation type[1:0], process id valid, process_id[19:0], device_id[23:0]}
  input  wire  [4-1:0]  s0_awid,
  input  wire  [63:0] s0_awaddr,
  input  wire  [7:0]  s0_awlen,
  input  wire  [2:0]  s0_awsize,
  input  wire  [1:0]  s0_awburst,
  input  wire  [2:0]  s0_awprot,
  input  wire  [47-1:0] s0_awuser,
  input  wire         s0_awvalid,
  output logic        s0_awready,
  input  wire  [DATA_W-1:0]   s0_wdata,
  input  wire  [DATA_W/8-1:0] s0_wstrb,
  input  wire         s0_wlast,
  input  wire         s0_wvalid,
  output logic        s0_wready,
  output logic [4-1:0]  s0_bid,
  output logic [1:0]  s0_bresp,
  output logic        s0_bvalid,
  input  wire         s0_bready,
  input  wire  [4-1:0]  s0_arid,
  input  wire  [63:0] s0_araddr,
  input  wire  [7:0]  s0_arlen,
  input  wire  [2:0]  s0_arsize,
  input  wire  [1:0]  s0_arburst,
  input  wire  [2:0]  s0_arprot,
  input  wire  [47-1:0] s0_aruser,
  input  wire         s0_arvalid,
  output logic        s0_arready,
  output logic [4-1:0]  s0_rid,
  output logic [DATA_W-1:0]   s0_rdata,
  output logic [1:0]  s0_rresp,
  output logic        s0_rlast,
  output logic        s0_rvalid,
  input  wire         s0_rready,

  // port 1: the external device port
  input  wire  [4-1:0]  s1_awid,
  input  wire  [63:0] s1_awaddr,
  input  wire  [7:0]  s1_awlen,
  input  wire  [2:0]  s1_awsize,
  input  wire  [1:0]  s1_awburst,
  input  wire  [2:0]  s1_awprot,
  input  wire  [47-1:0] s1_awuser,
  input  wire         s1_awvalid,
  output logic        s1_awready,
  input  wire  [DATA_W-1:0]   s1_wdata,
  input  wire  [DATA_W/8-1:0] s1_wstrb,
  input  wire         s1_wlast,
  input  wire         s1_wvalid,
  output logic        s1_wready,
  output logic [4-1:0]  s1_bid,
  output logic [1:0]  s1_bresp,
  output logic        s1_bvalid,
  input  wire         s1_bready,
  input  wire  [4-1:0]  s1_arid,
  input  wire  [63:0] s1_araddr,
  input  wire  [7:0]  s1_arlen,
  input  wire  [2:0]  s1_arsize,
  input  wire  [1:0]  s1_arburst,
  input  wire  [2:0]  s1_arprot,
  input  wire  [47-1:0] s1_aruser,
  input  wire         s1_arvalid,
  output logic        s1_arready,
  output logic [4-1:0]  s1_rid,
  output logic [DATA_W-1:0]   s1_rdata,
  output logic [1:0]  s1_rresp,
  output logic        s1_rlast,
  output logic        s1_rvalid,
  input  wire         s1_rready,

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

  // walks, queues, completion stores; AxUSER names the kind: 0 walk, 1 command queue, 2 fault queue, 3 completion store, 4 MSI
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

  output logic        idle_o,               // no request, answer, walk, queue entry or register side effect in progress
  output logic        quiet_o               // every AXI transaction on the masters has been answered
);
endmodule
