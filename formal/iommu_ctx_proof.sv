// SPDX-License-Identifier: Apache-2.0
//
// iommu_ctx: a hit, of a request or of a walk, gives the last fill of its key, and nothing once an invalidation named it; a
// miss gives 0. One key, whichever the solver picks, is followed.
// Assumes: no fill in the clock of an invalidation (iommu_walk holds it back). Narrowed: keys and contexts of three bits.
`default_nettype none
module iommu_ctx_proof (
  input wire       clk_i,
  input wire [1:0] valid_i,
  input wire [5:0] key_i,            // {device_id, process id valid, process_id} of each
  input wire       walk_valid_i,
  input wire [2:0] walk_key_i,
  input wire       fill_i,
  input wire [2:0] fill_what_i,
  input wire       inval_i,
  input wire       inval_device_i,
  input wire       inval_process_i,
  input wire       inval_did_i,
  input wire       inval_pid_i
);
  localparam int unsigned KW = iommu_pkg::CTX_KEY_W;
  localparam int unsigned DW = iommu_pkg::CTX_W;
  localparam int unsigned MW = iommu_pkg::WALK_CTX_W;
  (* anyconst *) logic [2:0] key;
  logic [1:0]      hit;
  logic            walk_hit;
  logic [2*DW-1:0] ctx;
  logic [DW-1:0]   walk_ctx;
  logic [MW-1:0]   more;
  logic            rst_nq = 1'b0;
  always_ff @(posedge clk_i) rst_nq <= 1'b1;

  iommu_pkg::ctx_key_t k0;
  iommu_pkg::ctx_key_t k1;
  iommu_pkg::ctx_key_t kw;
  always_comb begin
    {k0, k1, kw} = '0;
    {k0.did[0], k0.pv, k0.pid[0]} = key_i[2:0];
    {k1.did[0], k1.pv, k1.pid[0]} = key_i[5:3];
    {kw.did[0], kw.pv, kw.pid[0]} = walk_key_i;
  end
  iommu_ctx #(.ENTRIES(2)) dut (.clk_i, .rst_ni(rst_nq), .key_valid_i(valid_i), .key_i({k1, k0}), .hit_o(hit), .ctx_o(ctx),
    .walk_valid_i, .walk_key_i(kw), .walk_hit_o(walk_hit), .walk_ctx_o(walk_ctx), .walk_more_o(more), .fill_i,
    .fill_ctx_i({{(DW-2){1'b0}}, fill_what_i[1:0]}), .fill_more_i({{(MW-1){1'b0}}, fill_what_i[2]}), .inval_i, .inval_device_i, .inval_process_i,
    .inval_did_i({23'd0, inval_did_i}), .inval_pid_i({19'd0, inval_pid_i}));

  logic       there_q, dropped_q, named;
  logic [2:0] last_q;
  assign named = inval_i & (~inval_device_i | (inval_did_i == key[2] & (~inval_process_i | inval_pid_i == key[0])));
  always_ff @(posedge clk_i) begin
    if (!rst_nq) begin
      there_q <= 1'b0;
      dropped_q <= 1'b0;
    end else begin
      if (fill_i && walk_key_i == key) begin
        there_q <= 1'b1;
        last_q <= fill_what_i;
      end
      if (named) begin
        there_q <= 1'b0;
        dropped_q <= there_q;
      end
    end
  end

  always_ff @(posedge clk_i) if (rst_nq) begin
    m_fill: assume (!(fill_i && inval_i));
    a_read: assert (!hit[0] || key_i[2:0] != key || (there_q && ctx[DW-1:0] == {{(DW-2){1'b0}}, last_q[1:0]}));
    a_write: assert (!hit[1] || key_i[5:3] != key || (there_q && ctx[2*DW-1:DW] == {{(DW-2){1'b0}}, last_q[1:0]}));
    a_walk: assert (!walk_hit || walk_key_i != key || (there_q && {more, walk_ctx} == {{(MW-1){1'b0}}, last_q[2], {(DW-2){1'b0}}, last_q[1:0]}));
    a_miss: assert ((hit[0] || ctx[DW-1:0] == '0) && (hit[1] || ctx[2*DW-1:DW] == '0) && (walk_hit || {more, walk_ctx} == '0));
    a_asked: assert ((hit & ~valid_i) == 2'b00 && (walk_valid_i || !walk_hit));
    c_hit: cover (hit == 2'b11 && walk_hit && key_i[2:0] == key && key_i[5:3] != key && dropped_q && last_q == 3'b111);
    c_victim: cover (there_q && valid_i[0] && !hit[0] && key_i[2:0] == key);
  end
endmodule
`default_nettype wire
