// SPDX-License-Identifier: Apache-2.0
//
// Walk slots: up to iommu_pkg::SLOTS walks in flight, advanced by one iommu_step for whichever got its entry, else for one
// that starts. A request for a page that is being walked joins that walk. One result a clock goes to the pending tables, the
// IOTLB and, for a fault, the fault queue, which takes the record before the request counts as refused.
// The debug interface, ATS translation requests and page requests walk by themselves and get their result as a side_t.
// An invalidation marks every live walk: it ends for its own request and those that joined, but fills no cache and takes
// no further request.
// Latency: a walk's first read is asked for in the clock in which it is accepted, each further one in the clock its entry arrives,
// and the result is given in the clock of the last entry, unless another walk needs that clock.
// Outstanding: one read per slot, id = slot; one write.
`default_nettype none
module iommu_walk (
  input  wire                             clk_i,
  input  wire                             rst_ni,

  input  wire  [iommu_pkg::CONFIG_W-1:0]  config_i,        /// config_t

  // walks wanted by the pending tables (0 reads, 1 writes)
  input  wire  [1:0]                      req_valid_i,
  input  wire  [2*iommu_pkg::REQ_W-1:0]   req_i,
  output logic [1:0]                      req_accept_o,
  output logic [iommu_pkg::SLOT_AW-1:0]   req_slot_o,
  output logic                            req_join_o,

  // walks wanted by others: 0 debug interface, 1 ATS translation requests, 2 page requests; one of each at a time
  input  wire  [2:0]                      side_valid_i,    /// held until accepted
  input  wire  [3*iommu_pkg::REQ_W-1:0]   side_req_i,      /// req_t of each
  output logic [2:0]                      side_accept_o,
  output logic [2:0]                      side_done_o,     /// one clock
  output logic [iommu_pkg::SIDE_W-1:0]    side_res_o,      /// side_t, with side_done_o

  // context cache
  output logic                            ctx_valid_o,
  output logic [iommu_pkg::CTX_KEY_W-1:0] ctx_key_o,
  input  wire                             ctx_hit_i,
  input  wire  [iommu_pkg::CTX_W-1:0]     ctx_i,
  input  wire  [iommu_pkg::WALK_CTX_W-1:0] walk_ctx_i,
  output logic                            ctx_fill_o,      /// under ctx_key_o
  output logic [iommu_pkg::CTX_W-1:0]     ctx_fill_ctx_o,
  output logic [iommu_pkg::WALK_CTX_W-1:0] ctx_fill_walk_ctx_o,

  // memory
  output logic                            rd_valid_o,
  output logic [iommu_pkg::SLOT_AW-1:0]   rd_slot_o,
  output logic [63:0]                     rd_addr_o,
  output logic [2:0]                      rd_size_o,       /// log2 of the bytes: 2 to 6
  output logic                            rd_excl_o,
  output logic                            rd_own_o,        /// for the device directory: the IOMMU's own QoS ids go with it, ...
  output logic [23:0]                     rd_qosid_o,      /// ... else these
  input  wire                             rd_ready_i,
  input  wire                             data_valid_i,
  input  wire  [iommu_pkg::SLOT_AW-1:0]   data_slot_i,
  input  wire  [511:0]                    data_i,          /// in memory order
  input  wire                             data_error_i,
  input  wire                             data_poison_i,
  input  wire                             data_exokay_i,
  output logic                            wr_valid_o,      /// an exclusive write, held until done
  output logic [iommu_pkg::SLOT_AW-1:0]   wr_slot_o,
  output logic [63:0]                     wr_addr_o,
  output logic [63:0]                     wr_data_o,       /// in memory order
  output logic                            wr_half_o,       /// 4 bytes, else 8
  output logic [23:0]                     wr_qosid_o,
  input  wire                             wr_done_i,
  input  wire                             wr_error_i,
  input  wire                             wr_exokay_i,

  // results
  output logic                            res_valid_o,
  output logic [iommu_pkg::SLOT_AW-1:0]   res_slot_o,
  output logic                            res_fault_o,
  output logic                            res_any_o,       /// no stage translates
  output logic                            res_mrif_o,      /// the page is a memory-resident interrupt file's
  output logic [iommu_pkg::MRIF_W-1:0]    res_mrif_what_o, /// mrif_t
  output logic [7:0]                      res_perm_o,      /// {ens, s1_on, sum, d, u, x, w, r}
  output logic [51:0]                     res_page_o,
  output logic [26:0]                     res_attr_o,      /// {msi, pbmt, qosid}
  output logic                            fill_o,
  output logic [iommu_pkg::TLB_W-1:0]     fill_entry_o,
  output logic                            fill_fractured_o,
  output logic                            rec_valid_o,
  output logic [255:0]                    rec_o,           /// fault record
  input  wire                             rec_ready_i,

  // performance events, at most one of each a clock; debug requests raise none
  output logic                            ev_valid_o,      /// an entry is loaded: ...
  output logic [1:0]                      ev_kind_o,       /// EVENT_*
  output logic [iommu_pkg::EVENT_W-1:0]   ev_who_o,        /// event_t
  output logic                            ev_miss_o,       /// a walk for a port ended: ...
  output logic [iommu_pkg::EVENT_W-1:0]   ev_miss_who_o,

  input  wire                             inval_i,         /// some cache is being invalidated
  input  wire                             inval_tlb_i,     /// page-table caches: all, ...
  input  wire                             inval_page_i,    /// ... or what may translate inval_vpn_i
  input  wire  [46:0]                     inval_vpn_i,     /// IOVA[58:12]
  output logic                            idle_o
);
  localparam int unsigned N = iommu_pkg::SLOTS;
  localparam int unsigned AW = iommu_pkg::SLOT_AW;
  localparam int unsigned SW = iommu_pkg::SLOT_W;

  logic [N-1:0]  busy_q, start_q, issue_q, write_q, done_q, nofill_q;
  logic [N-1:0]  port_q;                                // the walk is a port's: requests may join it
  logic [N-1:0]  logged_q;                              // done: waits for the fault queue
  logic [SW-1:0] slot_q [0:N-1];
  logic [iommu_pkg::PAGE_KEY_W-1:0] page_q [0:N-1];     // whose page is being walked: {page, device_id, pv, process_id, type}
  logic [AW-1:0] turn_q;                                // rotating priority

  assign idle_o = busy_q == '0;

  // Index of the first set bit at or after the turn.
  function automatic logic [AW-1:0] pick(input logic [N-1:0] set, input logic [AW-1:0] turn);
    logic [AW-1:0] k;
    pick = turn;
    for (int unsigned i = N; i > 0; i--) begin
      k = turn + i[AW-1:0] - 1'b1;
      if (set[k]) pick = k;
    end
  endfunction

  // ---- accept: join a walk of the same page, or take a free slot; ports and others in turn ------------------------------------------------
  logic       last_q, choice, side_last_q, side_turn, any_req;
  logic [1:0] side_idx;
  assign choice = last_q ? ~req_valid_i[0] : req_valid_i[1];
  assign side_turn = (|side_valid_i) & (~(|req_valid_i) | ~side_last_q);
  assign side_idx = side_valid_i[0] ? 2'd0 : side_valid_i[1] ? 2'd1 : 2'd2;
  assign any_req = (|req_valid_i) | (|side_valid_i);
  iommu_pkg::req_t rq;
  always_comb begin
    rq = '0;
    if (side_turn) rq = side_req_i[32'(side_idx)*iommu_pkg::REQ_W +: iommu_pkg::REQ_W];
    else if (|req_valid_i) rq = choice ? req_i[iommu_pkg::REQ_W +: iommu_pkg::REQ_W] : req_i[0 +: iommu_pkg::REQ_W];
  end

  logic [AW-1:0] join_slot, free_slot;
  logic          join_found, free_found, accept;
  logic [iommu_pkg::PAGE_KEY_W-1:0] page;
  assign page = {rq.addr[63:12], rq.did, rq.pv, rq.pid, rq.ttype};
  always_comb begin
    join_found = 1'b0;
    join_slot = '0;
    free_found = 1'b0;
    free_slot = '0;
    if (any_req) begin
      for (int unsigned i = 0; i < N; i++) begin
        if (busy_q[i] && port_q[i] && !done_q[i] && !nofill_q[i] && page_q[i] == page) begin
          join_found = 1'b1;
          join_slot = i[AW-1:0];
        end
        if (!busy_q[i]) begin
          free_found = 1'b1;
          free_slot = i[AW-1:0];
        end
      end
    end
  end
  // a walk that ends in this clock cannot be joined any more
  logic ending;
  assign req_join_o = join_found & ~ending & ~side_turn;
  assign req_slot_o = req_join_o ? join_slot : free_slot;
  assign accept = any_req & (req_join_o | free_found);
  assign req_accept_o = {accept & ~side_turn & choice, accept & ~side_turn & ~choice};
  always_comb begin
    side_accept_o = 3'b000;
    if (accept && side_turn) side_accept_o[side_idx] = 1'b1;
  end

  iommu_pkg::slot_t fresh;
  always_comb begin
    fresh = '0;
    if (any_req) begin
      fresh.iova = rq.addr;
      fresh.did = rq.did;
      fresh.pv = rq.pv;
      fresh.pid = rq.pid;
      fresh.ttype = rq.ttype;
      fresh.src = side_turn ? side_idx + 2'd1 : iommu_pkg::SRC_PORT;
      fresh.write = side_turn ? rq.write : choice;
      // a translated execute needs a process
      fresh.exec = rq.prot[2] & (side_turn | ~choice) & (rq.pv | (rq.ttype != iommu_pkg::TTYPE_TRANSLATED)) & ~(rq.write & (side_idx == 2'd0) & side_turn);
      fresh.priv = rq.prot[0] & rq.pv;
    end
  end

  // ---- step: an entry came, a write was answered, a walk goes on by itself, or one that is just accepted starts ---------------------------------------------------------------
  logic          step, step_read, step_write, step_again, step_ctx_fill, step_first_fill, step_guest_fill, self;
  logic [AW-1:0] step_idx;
  logic [SW-1:0] step_next;
  logic          wrote_q, wrote_error_q, wrote_exokay_q, wrote;
  logic [AW-1:0] wrote_idx_q;
  logic          direct;                                // nothing else to do: the accepted walk starts at once
  assign direct = any_req & free_found & (side_turn | ~join_found) & self & ~(|start_q);
  assign wrote = wrote_q & ~data_valid_i;
  assign self = ~data_valid_i & ~wrote_q;
  assign step = data_valid_i | wrote_q | (|start_q) | direct;
  always_comb begin
    step_idx = wrote_q ? wrote_idx_q : data_slot_i;
    if (data_valid_i) step_idx = data_slot_i;
    else if (!wrote_q && |start_q) step_idx = pick(start_q, turn_q);
    else if (direct) step_idx = free_slot;
  end

  iommu_pkg::slot_t sb;
  iommu_pkg::slot_t sn;
  iommu_pkg::ctx_t  cc;                                  // the context that the first-stage walk cache is asked for
  assign sb = direct ? fresh : step ? slot_q[step_idx] : '0;
  assign sn = step_next;
  assign cc = ctx_i;
  assign ctx_valid_o = step;
  assign ctx_key_o = {19'd0, sb.did, sb.pv, sb.pid};

  logic        first_hit, first_g, guest_hit, unused_g;
  logic [43:0] first_page, guest_page;
  iommu_pwc #(.SPACE_W(38)) first_tables (
    .clk_i, .rst_ni, .valid_i(step & self & ctx_hit_i & cc.s1_on), .region_i(sb.iova[58:21]), .space_i({cc.g_on, cc.sxl, cc.gscid, cc.pscid}),
    .hit_o(first_hit), .page_o(first_page), .g_o(first_g), .fill_i(step & step_first_fill & ~nofill_q[step_idx] & ~inval_i), .fill_region_i(sb.iova[58:21]),
    .fill_space_i({sb.ctx.g_on, sb.ctx.sxl, sb.ctx.gscid, sb.ctx.pscid}), .fill_page_i(sb.addr[55:12]), .fill_g_i(sb.g),
    .inval_i(inval_tlb_i), .inval_page_i, .inval_region_i(inval_vpn_i[46:9]));
  iommu_pwc #(.SPACE_W(16)) guest_tables (
    .clk_i, .rst_ni, .valid_i(step & self & (sb.kind == iommu_pkg::WALK_GUEST)), .region_i(sb.gpa[58:21]), .space_i(sb.ctx.gscid),
    .hit_o(guest_hit), .page_o(guest_page), .g_o(unused_g), .fill_i(step & step_guest_fill & ~nofill_q[step_idx] & ~inval_i), .fill_region_i(sb.gpa[58:21]),
    .fill_space_i(sb.ctx.gscid), .fill_page_i(sb.addr[55:12]), .fill_g_i(1'b0),
    .inval_i(inval_tlb_i), .inval_page_i(1'b0), .inval_region_i('0));

  iommu_step stepper (
    .active_i(step), .slot_i(sb), .data_i, .error_i(data_valid_i ? data_error_i : wrote & wrote_error_q), .poison_i(data_valid_i & data_poison_i),
    .exokay_i(data_valid_i ? data_exokay_i : wrote & wrote_exokay_q), .ctx_hit_i(ctx_hit_i & self), .ctx_i, .walk_ctx_i,
    .first_hit_i(first_hit), .first_page_i(first_page), .first_g_i(first_g), .guest_hit_i(guest_hit), .guest_page_i(guest_page), .config_i,
    .slot_o(step_next), .read_o(step_read), .write_o(step_write), .again_o(step_again), .ctx_fill_o(step_ctx_fill),
    .first_fill_o(step_first_fill), .guest_fill_o(step_guest_fill));

  logic ends;
  assign ends = step & ~step_read & ~step_write & ~step_again;
  assign ctx_fill_o = step & step_ctx_fill & ~nofill_q[step_idx] & ~inval_i;
  assign ctx_fill_ctx_o = sn.ctx;
  assign ctx_fill_walk_ctx_o = sn.wctx;
  assign ending = ends & ~direct & (join_slot == step_idx);

  // ---- reads: one kept back earlier goes first, else that of this step ---------------------------------------------------------------------
  logic          kept;
  logic [AW-1:0] kept_idx;
  iommu_pkg::slot_t rs;
  assign kept = |issue_q;
  always_comb begin
    kept_idx = '0;
    if (kept) kept_idx = pick(issue_q, turn_q);
  end
  assign rs = kept ? slot_q[kept_idx] : step_next;
  assign rd_valid_o = kept | (step & step_read);
  assign rd_slot_o = kept ? kept_idx : step_idx;
  assign rd_addr_o = rs.addr;
  assign rd_excl_o = rs.excl;
  assign rd_own_o = (rs.kind == iommu_pkg::WALK_DDT) | (rs.kind == iommu_pkg::WALK_DC);
  assign rd_qosid_o = rs.ctx.qosid;

  iommu_pkg::config_t cfg;
  logic wide_dc;
  assign cfg = config_i;
  assign wide_dc = cfg.caps[regs_pkg::IOMMU_CAPABILITIES_MSI_FLAT_LSB];
  always_comb begin
    case (rs.kind)
      iommu_pkg::WALK_DC: rd_size_o = wide_dc ? 3'd6 : 3'd5;
      iommu_pkg::WALK_PC, iommu_pkg::WALK_MSI: rd_size_o = 3'd4;
      iommu_pkg::WALK_S1: rd_size_o = rs.ctx.sxl ? 3'd2 : 3'd3;
      iommu_pkg::WALK_G: rd_size_o = cfg.gxl ? 3'd2 : 3'd3;
      default: rd_size_o = 3'd3;
    endcase
  end

  // ---- writes of A and D, one at a time ------------------------------------------------------------------------------------------------------
  logic [AW-1:0] write_idx_q;
  logic          writing_q;
  iommu_pkg::slot_t ws;
  logic          ws_big;
  assign ws = writing_q ? slot_q[write_idx_q] : '0;
  assign ws_big = (ws.kind == iommu_pkg::WALK_UPDATE_S1) ? ws.wctx.sbe : cfg.be;
  assign wr_valid_o = writing_q;
  assign wr_slot_o = write_idx_q;
  assign wr_addr_o = ws.addr;
  assign wr_half_o = (ws.kind == iommu_pkg::WALK_UPDATE_S1) ? ws.ctx.sxl : cfg.gxl;
  assign wr_data_o = ~ws_big ? ws.pte : wr_half_o ? iommu_pkg::swap4(ws.pte) : iommu_pkg::swap8(ws.pte);
  assign wr_qosid_o = ws.ctx.qosid;

  // ---- results -------------------------------------------------------------------------------------------------------------------------------
  logic [N-1:0]  res_can;
  logic          at_once;                               // the walk that ends in this clock gives its result
  iommu_pkg::slot_t s;
  assign res_can = done_q & (~logged_q | {N{rec_ready_i}});
  assign at_once = ends & ~sn.fault & ~direct & ~(|res_can);
  assign res_valid_o = (|res_can) | at_once;
  always_comb begin
    res_slot_o = '0;
    if (at_once) res_slot_o = step_idx;
    else if (res_valid_o) res_slot_o = pick(res_can, turn_q);
  end
  assign s = at_once ? step_next : res_valid_o ? slot_q[res_slot_o] : '0;
  iommu_result result (
    .active_i(res_valid_o), .slot_i(s), .config_i, .fault_o(res_fault_o), .any_o(res_any_o), .mrif_o(res_mrif_o), .mrif_what_o(res_mrif_what_o),
    .perm_o(res_perm_o), .page_o(res_page_o), .attr_o(res_attr_o), .entry_o(fill_entry_o), .side_o(side_res_o), .rec_o, .who_o(ev_miss_who_o));
  assign rec_valid_o = res_valid_o & ~at_once & logged_q[res_slot_o];

  assign fill_o = res_valid_o & s.fill & ~s.fault & (s.src == iommu_pkg::SRC_PORT) & ~nofill_q[res_slot_o] & ~inval_i;
  assign fill_fractured_o = s.fract;

  always_comb begin
    side_done_o = 3'b000;
    if (res_valid_o && s.src != iommu_pkg::SRC_PORT) side_done_o[s.src - 2'd1] = 1'b1;
  end

  // ---- performance events ----------------------------------------------------------------------------------------------------------------------
  iommu_pkg::event_t load_who;
  always_comb begin
    load_who = '0;
    ev_kind_o = iommu_pkg::EVENT_DDT;
    if (rd_valid_o) begin
      case (rs.kind)
        iommu_pkg::WALK_PDT, iommu_pkg::WALK_PC: ev_kind_o = iommu_pkg::EVENT_PDT;
        iommu_pkg::WALK_S1: ev_kind_o = iommu_pkg::EVENT_S1;
        iommu_pkg::WALK_G: ev_kind_o = iommu_pkg::EVENT_G;
        default: ev_kind_o = iommu_pkg::EVENT_DDT;
      endcase
      load_who = {rs.did, rs.pv, rs.pid, rs.located, rs.located & rs.ctx.g_on, rs.ctx.gscid, rs.located & rs.s1, rs.ctx.pscid};
    end
  end
  assign ev_valid_o = rd_valid_o & rd_ready_i & (rs.src != iommu_pkg::SRC_DEBUG) & (rs.kind != iommu_pkg::WALK_MSI) & ~rs.excl;
  assign ev_who_o = load_who;
  assign ev_miss_o = res_valid_o & (s.src == iommu_pkg::SRC_PORT);

  // ---- state -----------------------------------------------------------------------------------------------------------------------------------
  always_ff @(posedge clk_i) begin
    if (accept && !req_join_o) begin
      slot_q[free_slot] <= fresh;
      page_q[free_slot] <= page;
    end
    if (step) slot_q[step_idx] <= step_next;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q <= '0;
      start_q <= '0;
      issue_q <= '0;
      write_q <= '0;
      port_q <= '0;
      writing_q <= 1'b0;
      write_idx_q <= '0;
      wrote_q <= 1'b0;
      wrote_error_q <= 1'b0;
      wrote_exokay_q <= 1'b0;
      wrote_idx_q <= '0;
      side_last_q <= 1'b0;
      done_q <= '0;
      logged_q <= '0;
      nofill_q <= '0;
      turn_q <= '0;
      last_q <= 1'b0;
    end else begin
      turn_q <= turn_q + 1'b1;
      if (accept) side_last_q <= side_turn;
      if (accept && !side_turn) last_q <= choice;
      if (inval_i) nofill_q <= nofill_q | busy_q;
      if (accept && !req_join_o) begin
        busy_q[free_slot] <= 1'b1;
        start_q[free_slot] <= 1'b1;
        nofill_q[free_slot] <= inval_i & direct;
        port_q[free_slot] <= ~side_turn;
      end
      if (step) begin
        start_q[step_idx] <= step_again;
        logged_q[step_idx] <= sn.fault & sn.logged;
        if (ends && !at_once) done_q[step_idx] <= 1'b1;
        if (step_read && (kept || !rd_ready_i)) issue_q[step_idx] <= 1'b1;
        if (step_write) write_q[step_idx] <= 1'b1;
      end
      if (wrote) wrote_q <= 1'b0;
      if (!writing_q && !wrote_q && |write_q) begin
        writing_q <= 1'b1;
        write_idx_q <= pick(write_q, turn_q);
        write_q[pick(write_q, turn_q)] <= 1'b0;
      end
      if (wr_done_i) begin
        writing_q <= 1'b0;
        wrote_q <= 1'b1;
        wrote_error_q <= wr_error_i;
        wrote_exokay_q <= wr_exokay_i;
        wrote_idx_q <= write_idx_q;
      end
      if (kept && rd_ready_i) issue_q[kept_idx] <= 1'b0;
      if (res_valid_o) begin
        busy_q[res_slot_o] <= 1'b0;
        done_q[res_slot_o] <= 1'b0;
      end
    end
  end

  wire unused = &{1'b0, rq, sn, cc, rs, ws, s, cfg, inval_vpn_i[8:0], unused_g};

`ifndef YOSYS
  // what was marked never reaches a cache, and an entry arrives only for a walk that waits for it
  always_ff @(posedge clk_i) if (rst_ni) begin
    a_nofill: assert (!fill_o || !nofill_q[res_slot_o]) else $error("iommu_walk: a walk older than an invalidation filled the IOTLB");
    a_entry: assert (!data_valid_i || (busy_q[data_slot_i] && !done_q[data_slot_i] && !start_q[data_slot_i] && !issue_q[data_slot_i]))
      else $error("iommu_walk: an entry for slot %0d, which does not wait for one", data_slot_i);
  end
`endif
endmodule
`default_nettype wire
