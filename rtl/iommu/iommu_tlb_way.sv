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
  input  wire  [63:0]                    key0_space_i, /// first words of a tlb_t, compared with the row that was read: of lookup 0
  input  wire  [63:0]                    key0_page_i,
  input  wire  [63:0]                    key1_space_i, /// of lookup 1
  input  wire  [63:0]                    key1_page_i,
  output logic [1:0]                     match_o,
  output logic [2*64-1:0]                leaf_o,       /// tlb_leaf_t of the row that was read, of each lookup
  input  wire  [1:0]                     valid_i,      /// per lookup: the row that was read holds an entry
  input  wire                            tag_en_i,     /// read the tag of tag_set_i
  input  wire  [$clog2(SETS)-1:0]        tag_set_i,
  input  wire  [127:0]                   tag_i,        /// {space, page}, compared with the tag that was read
  output logic                           tag_match_o,
  input  wire                            we_i,
  input  wire  [$clog2(SETS)-1:0]        set_i,
  input  wire  [iommu_pkg::TLB_W-1:0]    entry_i
);
  localparam int unsigned SW = $clog2(SETS);
  logic [63:0] space [0:SETS-1];
  logic [63:0] page [0:SETS-1];
  logic [63:0] leaf [0:SETS-1];
  logic [63:0] space0_q, space1_q, page0_q, page1_q, leaf0_q, leaf1_q;
  logic [127:0] tag_q;
  logic [SW-1:0] set0, set1;
  assign {set1, set0} = rd_set_i;

  always_ff @(posedge clk_i) begin
    if (rd_en_i[0]) begin
      space0_q <= space[set0];
      page0_q <= page[set0];
      leaf0_q <= leaf[set0];
    end
    if (rd_en_i[1]) begin
      space1_q <= space[set1];
      page1_q <= page[set1];
      leaf1_q <= leaf[set1];
    end
    // an entry that is being written counts already, or two fills of a page in a row would take two ways
    if (tag_en_i) tag_q <= (we_i && set_i == tag_set_i) ? entry_i[191:64] : {space[tag_set_i], page[tag_set_i]};
    if (we_i) begin
      space[set_i] <= entry_i[191:128];
      page[set_i] <= entry_i[127:64];
      leaf[set_i] <= entry_i[63:0];
    end
  end

  assign leaf_o = {leaf1_q, leaf0_q};
  iommu_pkg::tlb_leaf_t e0;
  iommu_pkg::tlb_leaf_t e1;
  assign e0 = leaf0_q;
  assign e1 = leaf1_q;
  always_comb begin
    match_o = 2'b00;
    if (valid_i[0] && page0_q == key0_page_i) match_o[0] = ((space0_q ^ key0_space_i) & (e0.g ? iommu_pkg::TLB_SPACE_GLOBAL : ~64'd0)) == 64'd0;
    if (valid_i[1] && page1_q == key1_page_i) match_o[1] = ((space1_q ^ key1_space_i) & (e1.g ? iommu_pkg::TLB_SPACE_GLOBAL : ~64'd0)) == 64'd0;
  end
  assign tag_match_o = tag_q == tag_i;
endmodule
`default_nettype wire
