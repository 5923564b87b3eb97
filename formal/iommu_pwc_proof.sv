// SPDX-License-Identifier: Apache-2.0
//
// iommu_pwc: a lookup gives the last fill of its key, and nothing once an invalidation covered it; so entries never double, and
// what is given is one entry, not an OR of several. One key, whichever the solver picks, is followed.
// Assumes: no fill in the clock of an invalidation (iommu_walk holds it back); of regions and pages only the low bits vary, which
// loses nothing but time, since the cache only compares and copies them.
`default_nettype none
module iommu_pwc_proof (
  input wire        clk_i,
  input wire        valid_i,
  input wire [37:0] region_i,
  input wire [1:0]  space_i,
  input wire        fill_i,
  input wire [37:0] fill_region_i,
  input wire [1:0]  fill_space_i,
  input wire [43:0] fill_page_i,
  input wire        fill_g_i,
  input wire        inval_i,
  input wire        inval_page_i,
  input wire [37:0] inval_region_i
);
  (* anyconst *) logic [39:0] key;
  logic        hit, g;
  logic [43:0] page;
  logic        rst_nq = 1'b0;
  always_ff @(posedge clk_i) rst_nq <= 1'b1;
  iommu_pwc #(.ENTRIES(2), .SPACE_W(2)) dut (.clk_i, .rst_ni(rst_nq), .valid_i, .region_i, .space_i, .hit_o(hit), .page_o(page), .g_o(g),
    .fill_i, .fill_region_i, .fill_space_i, .fill_page_i, .fill_g_i, .inval_i, .inval_page_i, .inval_region_i);

  logic        there_q, dropped_q;
  logic [44:0] last_q;
  always_ff @(posedge clk_i) begin
    if (!rst_nq) begin
      there_q <= 1'b0;
      dropped_q <= 1'b0;
    end else if (fill_i && {fill_space_i, fill_region_i} == key) begin
      there_q <= 1'b1;
      last_q <= {fill_g_i, fill_page_i};
    end else if (inval_i && (!inval_page_i || inval_region_i[37:1] == key[37:1])) begin
      there_q <= 1'b0;
      dropped_q <= there_q;
    end
  end

  logic mine;
  assign mine = valid_i & ({space_i, region_i} == key);
  always_ff @(posedge clk_i) if (rst_nq) begin
    m_narrow: assume (region_i[37:3] == 35'd0 && fill_region_i[37:3] == 35'd0 && inval_region_i[37:3] == 35'd0 && fill_page_i[43:2] == 42'd0
                      && key[37:3] == 35'd0);
    m_fill: assume (!(fill_i && inval_i));
    a_last: assert (!mine || !hit || (there_q && {g, page} == last_q));
    a_miss: assert (hit || {g, page} == 45'd0);
    a_asked: assert (valid_i || !hit);
    c_hit: cover (mine && hit && g && dropped_q);
    c_other: cover (mine && !hit && there_q);
  end
endmodule
`default_nettype wire
