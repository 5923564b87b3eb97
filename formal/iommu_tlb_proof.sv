// SPDX-License-Identifier: Apache-2.0
//
// iommu_tlb, iommu_tlb_way: whatever a lookup gives is a whole entry that was filled for that page and space and, when the row was
// read (large leaves: now), neither dropped by an invalidation that may translate it, nor written over by a fill of the same page.
// After a fill that is smaller than its leaf, an invalidation of any page drops all. One entry, whichever the solver picks,
// is followed; so this holds for each.
// Assumes: no fill in the clock of an invalidation (iommu_walk holds it back). Keys are those of the page that was read. Narrowed: 4 pages in each of two 2 MiB regions, one bit of PSCID, leaves of
// 4 KiB and 2 MiB, whose PPN repeats page and PSCID, beside one bit that is free, so that what is given tells where it comes from.
`default_nettype none
module iommu_tlb_proof (
  input wire       clk_i,
  input wire [1:0] rd_en_i,
  input wire [5:0] rd_page_i,        // {region, 2 bits} of each lookup
  input wire [1:0] key_valid_i,
  input wire [1:0] key_pscid_i,
  input wire       fill_i,
  input wire [2:0] fill_page_i,
  input wire       fill_pscid_i,
  input wire       fill_g_i,
  input wire       fill_large_i,
  input wire       fill_ppn_i,
  input wire       fill_fractured_i,
  input wire       inval_i,
  input wire       inval_page_i,
  input wire [2:0] inval_vpn_i
);
  (* anyconst *) logic [2:0] page;
  (* anyconst *) logic       pscid, g, large, ppn;
  logic [1:0]   hit;
  logic [127:0] leaf;
  logic         rst_nq = 1'b0;
  always_ff @(posedge clk_i) rst_nq <= 1'b1;

  logic [5:0] rd_q;                  // pages whose rows were read
  iommu_pkg::tlb_t f;
  iommu_pkg::tlb_t k0;
  iommu_pkg::tlb_t k1;
  iommu_pkg::tlb_leaf_t l0;
  iommu_pkg::tlb_leaf_t l1;
  logic [191:0] k0_bits, k1_bits;
  assign k0_bits = k0;
  assign k1_bits = k1;
  assign l0 = leaf[63:0];
  assign l1 = leaf[127:64];
  always_comb begin
    {f, k0, k1} = '0;
    {f.s1_on, k0.s1_on, k1.s1_on} = 3'b111;
    f.pscid[0] = fill_pscid_i;
    f.vpn = {37'd0, fill_page_i[2], 7'd0, fill_page_i[1:0]};
    f.leaf.g = fill_g_i;
    f.leaf.lg = fill_large_i ? 6'd9 : 6'd0;
    f.leaf.ppn[21:17] = {fill_ppn_i, fill_pscid_i, fill_page_i};
    f.leaf.r = 1'b1;
    k0.pscid[0] = key_pscid_i[0];
    k0.vpn = {37'd0, rd_q[2], 7'd0, rd_q[1:0]};
    k1.pscid[0] = key_pscid_i[1];
    k1.vpn = {37'd0, rd_q[5], 7'd0, rd_q[4:3]};
  end
  iommu_tlb #(.WAYS(2), .SETS(2), .LARGE(2)) dut (.clk_i, .rst_ni(rst_nq), .rd_en_i,
    .rd_vpn_i({37'd0, rd_page_i[5], 7'd0, rd_page_i[4:3], 37'd0, rd_page_i[2], 7'd0, rd_page_i[1:0]}), .key_valid_i,
    .key0_space_i(k0_bits[191:128]), .key0_page_i(k0_bits[127:64]), .key1_space_i(k1_bits[191:128]), .key1_page_i(k1_bits[127:64]), .hit_o(hit), .leaf_o(leaf),
    .fill_i, .fill_entry_i(f), .fill_fractured_i, .inval_i, .inval_page_i, .inval_vpn_i({37'd0, inval_vpn_i[2], 7'd0, inval_vpn_i[1:0]}));

  // the entry {page, pscid, g, large, ppn}
  logic       fills, over_q, over, there_q, fractured_q, drops, dropped_q;
  logic [1:0] seen_q, mine;
  assign fills = fill_i & ({fill_ppn_i, fill_pscid_i, fill_page_i, fill_g_i, fill_large_i} == {ppn, pscid, page, g, large});
  assign over = fill_i & ~fills & (fill_pscid_i == pscid) & (fill_large_i == large) & (fill_page_i[2] == page[2])
              & (large | fill_page_i[1:0] == page[1:0]);
  assign drops = inval_i & (~inval_page_i | fractured_q | (inval_vpn_i[2] == page[2] & (large | inval_vpn_i[1:0] == page[1:0])));
  always_ff @(posedge clk_i) begin
    for (int unsigned p = 0; p < 2; p++) if (rd_en_i[p]) begin
      rd_q[p*3 +: 3] <= rd_page_i[p*3 +: 3];
      seen_q[p] <= there_q;
    end
    if (!rst_nq) begin
      over_q <= 1'b0;
      there_q <= 1'b0;
      fractured_q <= 1'b0;
      dropped_q <= 1'b0;
    end else begin
      over_q <= over;                // written a clock later
      if (fills) there_q <= 1'b1;
      else if (over_q || drops) there_q <= 1'b0;
      if (fills) fractured_q <= fill_fractured_i;
      if (there_q && drops && inval_page_i) dropped_q <= 1'b1;
    end
  end
  // what each lookup gives is it
  assign mine[0] = hit[0] & (l0.g == g) & ((l0.lg == 6'd9) == large) & (l0.ppn[21:17] == {ppn, pscid, page});
  assign mine[1] = hit[1] & (l1.g == g) & ((l1.lg == 6'd9) == large) & (l1.ppn[21:17] == {ppn, pscid, page});

  always_ff @(posedge clk_i) if (rst_nq) begin
    m_fill: assume (!(fill_i && inval_i));
    a_there: assert ((!mine[0] || (large ? there_q : seen_q[0])) && (!mine[1] || (large ? there_q : seen_q[1])));
    a_page: assert ((!mine[0] || (rd_q[2] == page[2] && (large || rd_q[1:0] == page[1:0]))) && (!mine[1] || (rd_q[5] == page[2] && (large || rd_q[4:3] == page[1:0]))));
    a_space: assert ((!mine[0] || g || key_pscid_i[0] == pscid) && (!mine[1] || g || key_pscid_i[1] == pscid));
    a_address: assert ((!mine[0] || l0.ppn[1:0] == (large ? rd_q[1:0] : 2'd0)) && (!mine[1] || l1.ppn[1:0] == (large ? rd_q[4:3] : 2'd0)));
    a_asked: assert ((hit & ~key_valid_i) == 2'b00);
    c_small: cover (mine == 2'b11 && !large && g && dropped_q && key_pscid_i[0] != pscid);
    c_large: cover (mine[1] && large && dropped_q && rd_q[4:3] != page[1:0]);
    c_held: cover (mine[0] && !large && !there_q);
  end
endmodule
`default_nettype wire
