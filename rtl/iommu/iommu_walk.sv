// SPDX-License-Identifier: Apache-2.0
//
// Walk slots: up to iommu_pkg::SLOTS walks in flight, advanced by one iommu_step for whichever got its entry, else for one
// that starts. A request for a page that is being walked joins that walk. One result a clock goes to the pending tables, the
// IOTLB and, for a fault, the fault queue, which takes the record before the request counts as refused.
// An invalidation marks every live walk: it ends for its own request and those that joined, but fills no cache and takes
// no further request.
// Latency: a walk's first read is asked for one clock after it was accepted, each further one in the clock its entry arrives;
// the result follows one clock after the last entry.
// Outstanding: one read per slot, id = slot.
`default_nettype none
module iommu_walk (
  input  wire                             clk_i,
  input  wire                             rst_ni,

  // configuration
  input  wire  [3:0]                      mode_i,
  input  wire  [43:0]                     root_i,
  input  wire  [63:0]                     caps_i,
  input  wire                             be_i,
  input  wire                             gxl_i,

  // walks wanted by the pending tables (0 reads, 1 writes)
  input  wire  [1:0]                      req_valid_i,
  input  wire  [2*iommu_pkg::REQ_W-1:0]   req_i,
  output logic [1:0]                      req_accept_o,
  output logic [iommu_pkg::SLOT_AW-1:0]   req_slot_o,
  output logic                            req_join_o,

  // context cache
  output logic                            ctx_valid_o,
  output logic [iommu_pkg::CTX_KEY_W-1:0] ctx_key_o,
  input  wire                             ctx_hit_i,
  input  wire  [iommu_pkg::CTX_W-1:0]     ctx_i,
  output logic                            ctx_fill_o,      /// under ctx_key_o
  output logic [iommu_pkg::CTX_W-1:0]     ctx_fill_ctx_o,

  // memory
  output logic                            rd_valid_o,
  output logic [iommu_pkg::SLOT_AW-1:0]   rd_slot_o,
  output logic [63:0]                     rd_addr_o,
  output logic                            rd_wide_o,       /// 32 bytes, else 8
  input  wire                             rd_ready_i,
  input  wire                             data_valid_i,
  input  wire  [iommu_pkg::SLOT_AW-1:0]   data_slot_i,
  input  wire  [255:0]                    data_i,
  input  wire                             data_error_i,
  input  wire                             data_poison_i,

  // results
  output logic                            res_valid_o,
  output logic [iommu_pkg::SLOT_AW-1:0]   res_slot_o,
  output logic                            res_fault_o,
  output logic                            res_any_o,
  output logic [5:0]                      res_perm_o,      /// {sum, d, u, x, w, r}
  output logic [51:0]                     res_page_o,
  output logic                            fill_o,
  output logic [iommu_pkg::TLB_W-1:0]     fill_entry_o,
  output logic                            fill_fractured_o,
  output logic                            rec_valid_o,
  output logic [255:0]                    rec_o,           /// fault record
  input  wire                             rec_ready_i,

  input  wire                             inval_i,         /// some cache is being invalidated
  output logic                            idle_o
);
  localparam int unsigned N = iommu_pkg::SLOTS;
  localparam int unsigned AW = iommu_pkg::SLOT_AW;
  localparam int unsigned SW = iommu_pkg::SLOT_W;

  logic [N-1:0]  busy_q, start_q, issue_q, done_q, nofill_q;
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

  // ---- accept: join a walk of the same page, or take a free slot -----------------------------------------------------------------------
  logic last_q, choice;
  assign choice = last_q ? ~req_valid_i[0] : req_valid_i[1];
  iommu_pkg::req_t rq;
  always_comb begin
    rq = '0;
    if (|req_valid_i) rq = choice ? req_i[iommu_pkg::REQ_W +: iommu_pkg::REQ_W] : req_i[0 +: iommu_pkg::REQ_W];
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
    if (|req_valid_i) begin
      for (int unsigned i = 0; i < N; i++) begin
        if (busy_q[i] && !done_q[i] && !nofill_q[i] && page_q[i] == page) begin
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
  assign req_join_o = join_found & ~ending;
  assign req_slot_o = req_join_o ? join_slot : free_slot;
  assign accept = (|req_valid_i) & (req_join_o | free_found);
  assign req_accept_o = {accept & choice, accept & ~choice};

  iommu_pkg::slot_t fresh;
  always_comb begin
    fresh = '0;
    if (|req_valid_i) begin
      fresh.iova = rq.addr;
      fresh.did = rq.did;
      fresh.pv = rq.pv;
      fresh.pid = rq.pid;
      fresh.ttype = rq.ttype;
      fresh.write = choice;
      fresh.exec = ~choice & rq.prot[2];
      fresh.priv = rq.prot[0] & rq.pv;
    end
  end

  // ---- step ------------------------------------------------------------------------------------------------------------------------------
  logic          step, step_start, step_read, step_ctx_fill;
  logic [AW-1:0] step_idx;
  logic [SW-1:0] step_next;
  assign step_start = ~data_valid_i;
  assign step = data_valid_i | (|start_q);
  always_comb begin
    step_idx = data_slot_i;
    if (!data_valid_i && |start_q) step_idx = pick(start_q, turn_q);
  end

  iommu_pkg::slot_t sb;
  iommu_pkg::slot_t sn;
  assign sb = step ? slot_q[step_idx] : '0;
  assign sn = step_next;
  assign ctx_valid_o = step;
  assign ctx_key_o = {19'd0, sb.did, sb.pv, sb.pid};

  iommu_step stepper (
    .active_i(step), .slot_i(sb), .start_i(step_start), .data_i, .error_i(data_error_i), .poison_i(data_poison_i),
    .ctx_hit_i, .ctx_i, .mode_i, .root_i, .caps_i, .be_i, .gxl_i,
    .slot_o(step_next), .read_o(step_read), .ctx_fill_o(step_ctx_fill));

  assign ctx_fill_o = step & step_ctx_fill & ~nofill_q[step_idx] & ~inval_i;
  assign ctx_fill_ctx_o = sn.ctx;
  assign ending = step & ~step_read & (join_slot == step_idx);

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
  assign rd_wide_o = rs.kind == iommu_pkg::WALK_DC;

  logic [8:0] index;
  always_comb begin
    case (rs.level)                                     // of a page table
      3'd0: index = rs.iova[20:12];
      3'd1: index = rs.iova[29:21];
      3'd2: index = rs.iova[38:30];
      3'd3: index = rs.iova[47:39];
      default: index = rs.iova[56:48];
    endcase
    case (rs.kind)
      iommu_pkg::WALK_DDT: rd_addr_o = {rs.ppn, (rs.level == 3'd2) ? {1'b0, rs.did[23:16]} : rs.did[15:7], 3'd0};
      iommu_pkg::WALK_DC:  rd_addr_o = {rs.ppn, rs.did[6:0], 5'd0};
      default:             rd_addr_o = {rs.ppn, index, 3'd0};
    endcase
  end

  // ---- results -------------------------------------------------------------------------------------------------------------------------------
  logic [N-1:0]  res_can;
  iommu_pkg::slot_t s;
  assign res_can = done_q & (~logged_q | {N{rec_ready_i}});
  assign res_valid_o = |res_can;
  always_comb begin
    res_slot_o = '0;
    if (res_valid_o) res_slot_o = pick(res_can, turn_q);
  end
  assign s = res_valid_o ? slot_q[res_slot_o] : '0;
  assign res_fault_o = s.fault;
  assign res_any_o = ~s.fill;
  assign res_perm_o = {s.ctx.sum, s.d, s.u, s.x, s.w, s.r};
  assign res_page_o = s.ppn;
  assign rec_valid_o = res_valid_o & logged_q[res_slot_o];

  iommu_pkg::tlb_t te;
  always_comb begin
    te = '0;
    if (res_valid_o) begin
      te.vpn = s.iova[56:12];
      te.pscid = s.ctx.pscid;
      te.level = s.level;
      te.ppn = s.ppn[43:0];
      te.g = s.g;
      te.d = s.d;
      te.u = s.u;
      te.x = s.x;
      te.w = s.w;
      te.r = s.r;
    end
  end
  assign fill_entry_o = te;
  assign fill_o = res_valid_o & s.fill & ~s.fault & ~nofill_q[res_slot_o] & ~inval_i;
  assign fill_fractured_o = s.napot;

  logic [63:0] rec0;
  always_comb begin
    rec0 = 64'd0;
    if (rec_valid_o) begin
      rec0[regs_pkg::FAULT_W0_CAUSE_LSB +: regs_pkg::FAULT_W0_CAUSE_W] = s.cause;
      rec0[regs_pkg::FAULT_W0_PID_LSB +: regs_pkg::FAULT_W0_PID_W] = s.pv ? s.pid : 20'd0;
      rec0[regs_pkg::FAULT_W0_PV_LSB] = s.pv;
      rec0[regs_pkg::FAULT_W0_PRIV_LSB] = s.priv;
      rec0[regs_pkg::FAULT_W0_TTYP_LSB +: regs_pkg::FAULT_W0_TTYP_W] =
          (s.ttype == iommu_pkg::TTYPE_UNTRANSLATED)
            ? (s.exec ? regs_pkg::TTYP_UNTRANSLATED_EXEC : s.write ? regs_pkg::TTYP_UNTRANSLATED_WRITE : regs_pkg::TTYP_UNTRANSLATED_READ)
            : (s.exec ? regs_pkg::TTYP_TRANSLATED_EXEC : s.write ? regs_pkg::TTYP_TRANSLATED_WRITE : regs_pkg::TTYP_TRANSLATED_READ);
      rec0[regs_pkg::FAULT_W0_DID_LSB +: regs_pkg::FAULT_W0_DID_W] = s.did;
    end
  end
  assign rec_o = {64'd0, s.iova, 64'd0, rec0};

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
      done_q <= '0;
      logged_q <= '0;
      nofill_q <= '0;
      turn_q <= '0;
      last_q <= 1'b0;
    end else begin
      turn_q <= turn_q + 1'b1;
      if (accept) last_q <= choice;
      if (inval_i) nofill_q <= nofill_q | busy_q;
      if (accept && !req_join_o) begin
        busy_q[free_slot] <= 1'b1;
        start_q[free_slot] <= 1'b1;
        nofill_q[free_slot] <= 1'b0;
      end
      if (step) begin
        start_q[step_idx] <= 1'b0;
        logged_q[step_idx] <= sn.fault & sn.logged;
        if (!step_read) done_q[step_idx] <= 1'b1;
        else if (kept || !rd_ready_i) issue_q[step_idx] <= 1'b1;
      end
      if (kept && rd_ready_i) issue_q[kept_idx] <= 1'b0;
      if (res_valid_o) begin
        busy_q[res_slot_o] <= 1'b0;
        done_q[res_slot_o] <= 1'b0;
      end
    end
  end

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
