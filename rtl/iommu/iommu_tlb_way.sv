// SPDX-License-Identifier: Apache-2.0
//
// One way of the IOTLB's 4 KiB part: entries in RAM, read by two lookups and by fills, which look for an entry of the same
// page. The valid bits lie outside, in iommu_tlb.
// Latency: reads one clock, comparisons combinational after that. A row is held until its next read.
`default_nettype none
module iommu_tlb_way #(
  parameter int unsigned SETS = iommu_pkg::TLB_SETS  /// entries, a power of two, at least 2
) (
  input  wire                            clk_i,
  input  wire  [1:0]                     rd_en_i,      /// per lookup: read the row of rd_set_i
  input  wire  [2*$clog2(SETS)-1:0]      rd_set_i,
  input  wire  [2*iommu_pkg::TLB_KEY_W-1:0] key_i,     /// tlb_key_t of each, compared with the row that was read
  output logic [1:0]                     match_o,
  output logic [2*iommu_pkg::TLB_W-1:0]  row_o,        /// of each lookup
  input  wire  [1:0]                     valid_i,      /// per lookup: the row that was read holds an entry
  input  wire                            tag_en_i,     /// read the tag of tag_set_i
  input  wire  [$clog2(SETS)-1:0]        tag_set_i,
  input  wire  [iommu_pkg::TLB_KEY_W-1:0] tag_i,       /// tlb_key_t, compared with the tag that was read
  output logic                           tag_match_o,
  input  wire                            we_i,
  input  wire  [$clog2(SETS)-1:0]        set_i,
  input  wire  [iommu_pkg::TLB_W-1:0]    entry_i
);
  localparam int unsigned SW = $clog2(SETS);
  localparam int unsigned EW = iommu_pkg::TLB_W;
  logic [EW-1:0] mem [0:SETS-1];
  iommu_pkg::tlb_t r0_q;
  iommu_pkg::tlb_t r1_q;
  iommu_pkg::tlb_t tag;
  logic [iommu_pkg::TLB_KEY_W-1:0] tag_q;
  iommu_pkg::tlb_key_t k0;
  iommu_pkg::tlb_key_t k1;
  assign k0 = key_i[0 +: iommu_pkg::TLB_KEY_W];
  assign k1 = key_i[iommu_pkg::TLB_KEY_W +: iommu_pkg::TLB_KEY_W];
  always_comb begin
    tag = '0;
    if (tag_en_i) tag = mem[tag_set_i];
  end

  always_ff @(posedge clk_i) begin
    if (rd_en_i[0]) r0_q <= mem[rd_set_i[0 +: SW]];
    if (rd_en_i[1]) r1_q <= mem[rd_set_i[SW +: SW]];
    if (tag_en_i) tag_q <= {tag.vpn, tag.msi_on, tag.s1_on, tag.g_on, tag.sxl, tag.space, tag.pscid};
    if (we_i) mem[set_i] <= entry_i;
  end

  assign row_o = {r1_q, r0_q};
  always_comb begin
    match_o = 2'b00;
    if (valid_i[0]) match_o[0] = (r0_q.vpn == k0.vpn) & (r0_q.g | (r0_q.pscid == k0.pscid)) & (r0_q.space == k0.space)
                               & ({r0_q.msi_on, r0_q.s1_on, r0_q.g_on, r0_q.sxl} == {k0.msi_on, k0.s1_on, k0.g_on, k0.sxl});
    if (valid_i[1]) match_o[1] = (r1_q.vpn == k1.vpn) & (r1_q.g | (r1_q.pscid == k1.pscid)) & (r1_q.space == k1.space)
                               & ({r1_q.msi_on, r1_q.s1_on, r1_q.g_on, r1_q.sxl} == {k1.msi_on, k1.s1_on, k1.g_on, k1.sxl});
  end
  assign tag_match_o = tag_q == tag_i;
endmodule
`default_nettype wire
