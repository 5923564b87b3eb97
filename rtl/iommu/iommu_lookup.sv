// SPDX-License-Identifier: Apache-2.0
//
// Lookup pipeline of one direction (AR or AW): takes requests of both ports in turn, one a clock, and sends those that hit
// to the output register, the others to the pending table.
// Latency: request accepted at clock t (context cache and IOTLB row are read), decided at t+1, on m_data at t+2.
// Back-pressure: the decision stage stalls only for the output register. A request is taken only when its port has a pending
// entry left for it, so the pending table never blocks the pipeline, nor one port another.
// A hit never faults: whatever does not simply pass (permission, mode, type, width) is a miss, and a walk finds the cause.
`default_nettype none
module iommu_lookup #(
  parameter bit WRITE = 1'b0  /// 1: AW, 0: AR
) (
  input  wire                           clk_i,
  input  wire                           rst_ni,

  // requests of the ports, req_t each; colours are filled in here
  input  wire  [1:0]                    req_valid_i,
  input  wire  [2*iommu_pkg::REQ_W-1:0] req_i,
  output logic [1:0]                    req_ready_o,
  input  wire                           pcol_i,          /// colours of requests that enter now
  input  wire                           fcol_i,
  output logic                          entered_o,       /// a request entered that a fence counts ...
  output logic                          translated_o,    /// ... which claims to be translated already
  output logic                          hit_o,           /// one hit
  output logic                          miss_o,          /// one missed

  // context cache and IOTLB
  input  wire                           bare_i,          /// ddtp mode is Bare
  input  wire                           table_i,         /// ddtp mode is 1LVL, 2LVL or 3LVL
  input  wire  [23:0]                   qosid_i,         /// of requests while the mode is Bare, {MCID, RCID}
  output logic [iommu_pkg::CTX_KEY_W-1:0] ctx_key_o,
  input  wire                           ctx_hit_i,
  input  wire  [iommu_pkg::CTX_W-1:0]   ctx_i,
  output logic                          tlb_en_o,
  output logic [46:0]                   tlb_rd_vpn_o,
  output logic                          tlb_key_valid_o,
  output logic [63:0]                   tlb_key_space_o, /// first words of a tlb_t
  output logic [63:0]                   tlb_key_page_o,
  input  wire                           tlb_hit_i,
  input  wire  [63:0]                   tlb_leaf_i,      /// tlb_leaf_t

  // pending table
  output logic                          push_o,
  output logic [iommu_pkg::REQ_W-1:0]   push_req_o,
  output logic                          push_hit_o,
  output logic [51:0]                   push_page_o,
  output logic [26:0]                   push_attr_o,     /// {msi, pbmt, qosid}
  output logic [4:0]                    class_o,
  input  wire                           behind_i,
  input  wire  [2*4-1:0]                used_i,
  input  wire                           rel_valid_i,
  input  wire  [iommu_pkg::REQ_W-1:0]   rel_req_i,
  output logic                          rel_ready_o,

  // output register
  input  wire  [iommu_pkg::IDS-1:0]     flight_full_i,
  input  wire                           out_room_i,      /// what the request needs behind the output register has room
  output logic                          load_o,          /// the output register takes out_req_o's next value
  output logic [iommu_pkg::REQ_W-1:0]   load_req_o,
  output logic                          out_valid_o,
  output logic [iommu_pkg::REQ_W-1:0]   out_req_o,       /// stable until out_ready_i
  input  wire                           out_ready_i
);
  localparam int unsigned W = iommu_pkg::REQ_W;

  // ---- clock t: choose a port ------------------------------------------------------------------------------------------------------
  logic          s1_valid_q, s1_leave;
  logic [W-1:0]  s1_q;
  iommu_pkg::req_t s1;
  assign s1 = s1_q;

  logic [1:0] room, can;
  logic       last_q, choice, take;
  always_comb begin
    room[0] = (used_i[3:0] + {3'd0, s1_valid_q & ~s1.port}) < 4'(iommu_pkg::PEND);
    room[1] = (used_i[7:4] + {3'd0, s1_valid_q & s1.port}) < 4'(iommu_pkg::PEND);
  end
  assign can = req_valid_i & room;
  assign choice = last_q ? ~can[0] : can[1];            // the port that did not come last goes first
  assign take = (|can) & (~s1_valid_q | s1_leave);
  assign req_ready_o = {take & choice, take & ~choice};

  iommu_pkg::req_t in;
  always_comb begin
    in = choice ? req_i[W +: W] : req_i[0 +: W];
    in.pcol = pcol_i;
    in.fcol = fcol_i;
  end
  assign ctx_key_o = {19'd0, in.did, in.pv, in.pid};
  assign tlb_en_o = take;
  assign tlb_rd_vpn_o = in.addr[58:12];
  assign entered_o = take & ~in.refused;
  assign translated_o = in.ttype == iommu_pkg::TTYPE_TRANSLATED;

  logic                  s1_ctx_hit_q;
  logic [iommu_pkg::CTX_W-1:0] s1_ctx_q;
  iommu_pkg::ctx_t       s1_ctx;
  assign s1_ctx = s1_ctx_q;
  always_ff @(posedge clk_i) if (take) begin
    s1_q <= in;
    s1_ctx_hit_q <= ctx_hit_i;
    s1_ctx_q <= ctx_i;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      s1_valid_q <= 1'b0;
      last_q <= 1'b0;
    end else begin
      if (take) begin
        s1_valid_q <= 1'b1;
        last_q <= choice;
      end else if (s1_leave) s1_valid_q <= 1'b0;
    end
  end

  // ---- clock t+1: decide -------------------------------------------------------------------------------------------------------------
  iommu_pkg::tlb_leaf_t te;
  assign te = tlb_leaf_i;
  logic untranslated, translated, first, pass, tlb_ok, hit;
  assign untranslated = s1.ttype == iommu_pkg::TTYPE_UNTRANSLATED;
  assign translated = s1.ttype == iommu_pkg::TTYPE_TRANSLATED;
  // a translated request is through with the first stage; with T2GPA it meets the second, else it is through with both
  assign first = s1_ctx.s1_on & ~translated;

  always_comb begin
    tlb_key_space_o = '0;
    tlb_key_page_o = '0;
    if (tlb_key_valid_o) begin
      tlb_key_space_o = {20'd0, s1_ctx.msi_on ? s1.did : {8'd0, s1_ctx.gscid}, first ? s1_ctx.pscid : 20'd0};
      tlb_key_page_o = {13'd0, s1_ctx.msi_on, first, s1_ctx.g_on, s1_ctx.sxl, s1.addr[58:12]};
    end
  end
  assign tlb_key_valid_o = s1_valid_q & s1_ctx_hit_q & (s1_ctx.s1_on | s1_ctx.g_on);

  logic in_range;                                         // an IOVA, or a guest physical address, that an entry can speak of
  assign in_range = first ? iommu_pkg::canonical(s1.addr, s1_ctx.s1_top) : ~(|s1.addr[63:59]);
  assign pass = bare_i ? untranslated
              : table_i & s1_ctx_hit_q & (translated ? s1_ctx.en_ats & ~s1_ctx.t2gpa : untranslated & ~s1_ctx.s1_on & ~s1_ctx.g_on);
  assign tlb_ok = table_i & s1_ctx_hit_q & (untranslated | (translated & s1_ctx.en_ats & s1_ctx.t2gpa)) & tlb_hit_i & in_range
                & iommu_pkg::allowed(te.r, te.w, te.x, te.u, te.d, WRITE, exec, s1.prot[0] & s1.pv, s1_ctx.sum, first);
  assign hit = ~s1.refused & (pass | tlb_ok) & (bare_i | s1_ctx.ens | ~(s1.prot[0] & s1.pv) | translated);
  assign push_page_o = pass ? s1.addr[63:12] : {8'd0, te.ppn};
  assign push_attr_o = {tlb_ok & ~pass & te.msi, (tlb_ok & ~pass) ? te.pbmt : 2'd0, bare_i ? qosid_i : s1_ctx.qosid};
  logic exec;
  assign exec = ~WRITE & s1.prot[2] & (untranslated | s1.pv);

  logic direct, out_free;
  assign class_o = {s1.port, s1.id};
  assign direct = hit & ~behind_i & ~flight_full_i[class_o];
  assign out_free = (~out_valid_o | out_ready_i) & out_room_i;
  assign rel_ready_o = out_free;
  assign push_o = s1_valid_q & ~direct;
  assign push_req_o = s1_q;
  assign push_hit_o = hit;
  assign s1_leave = s1_valid_q & (~direct | (out_free & ~rel_valid_i));
  assign hit_o = s1_leave & hit;
  assign miss_o = s1_leave & ~hit & ~s1.refused;

  // ---- output register -----------------------------------------------------------------------------------------------------------------
  iommu_pkg::req_t s1_out;
  always_comb begin
    s1_out = s1_q;
    s1_out.addr[63:12] = push_page_o;
    {s1_out.msi, s1_out.pbmt, s1_out.qosid} = push_attr_o;
  end
  assign load_o = out_free & (rel_valid_i | (s1_valid_q & direct));
  assign load_req_o = rel_valid_i ? rel_req_i : s1_out;

  always_ff @(posedge clk_i) if (load_o) out_req_o <= load_req_o;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) out_valid_o <= 1'b0;
    else if (load_o) out_valid_o <= 1'b1;
    else if (out_ready_i) out_valid_o <= 1'b0;
  end

`ifndef YOSYS
  logic         held_q;
  logic [W-1:0] held_req_q;
  always_ff @(posedge clk_i) begin
    held_q <= rst_ni & out_valid_o & ~out_ready_i;
    held_req_q <= out_req_o;
    if (rst_ni && held_q) a_stable: assert (out_valid_o && out_req_o == held_req_q) else $error("iommu_lookup: a held address changed");
  end
`endif
endmodule
`default_nettype wire
