// SPDX-License-Identifier: Apache-2.0
// Sends a register access to the block that owns its address; combinational. Where no block is, reads give 0 and writes
// nothing. The host's address is {BAR 2, offset in the BAR}.
`default_nettype none
module card_decode #(
  /// DMA channels.
  parameter int unsigned CHANNELS = 4
) (
  input  wire         we_i,
  input  wire         re_i,
  input  wire  [16:0] addr_i,
  output logic [63:0] rdata_o,

  output logic        iommu_we_o,
  output logic        iommu_re_o,
  input  wire  [63:0] iommu_rdata_i,
  output logic        info_we_o,
  output logic        info_re_o,
  input  wire  [63:0] info_rdata_i,
  output logic        dma_we_o,
  output logic        dma_re_o,
  /// Offset from the first channel's page.
  output logic [14:0] dma_addr_o,
  input  wire  [63:0] dma_rdata_i,
  /// Offset in the page, for the blocks that have one page.
  output logic [11:0] page_addr_o
);
  logic [3:0] page, dma_page;
  logic       iommu, info, dma;
  assign page        = addr_i[15:12];
  assign dma_page    = page - regs_pkg::DMA_BASE[15:12];
  assign iommu       = !addr_i[16] && page == regs_pkg::IOMMU_BASE[15:12];
  assign info        = addr_i[16] && page == regs_pkg::CARD_BASE[15:12];
  assign dma         = addr_i[16] && page >= regs_pkg::DMA_BASE[15:12] && 32'(dma_page) < CHANNELS;
  assign iommu_we_o  = we_i && iommu;
  assign iommu_re_o  = re_i && iommu;
  assign info_we_o   = we_i && info;
  assign info_re_o   = re_i && info;
  assign dma_we_o    = we_i && dma;
  assign dma_re_o    = re_i && dma;
  assign dma_addr_o  = {dma_page[2:0], addr_i[11:0]};
  assign page_addr_o = addr_i[11:0];
  assign rdata_o     = iommu ? iommu_rdata_i : info ? info_rdata_i : dma ? dma_rdata_i : '0;
endmodule
`default_nettype wire
