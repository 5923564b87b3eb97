// SPDX-License-Identifier: Apache-2.0
//
// Pending table of one direction: requests that missed, and hits that may not pass an older request. iommu_pkg::PEND
// entries for each port, so that no port can take another's. An entry needs a walk, waits for one, is granted or refused.
// Order: reads of one id, and writes of one port, leave in the order they came; everything else oldest first.
// Latency: an entry asks for a walk one clock after its push, from a register in the walks' clock; a granted one is offered for release one clock after the
// walk's result. A refused entry stays, and holds back those behind it, until the port has given its error answer.
`default_nettype none
module iommu_pend #(
  parameter bit WRITE = 1'b0  /// 1: the order class is the port (AW), 0: the port and id (AR)
) (
  input  wire                           clk_i,
  input  wire                           clk_ctl_i,       /// of the walks; needed at the edges that end a clock with walk_wanted_o
  input  wire                           rst_ni,

  // from the lookup; the lookup asks only while there is room
  input  wire                           push_i,
  input  wire  [iommu_pkg::REQ_W-1:0]   push_req_i,      /// req_t; refused: answered with an error
  input  wire                           push_hit_i,      /// already translated, to push_page_i
  input  wire  [51:0]                   push_page_i,
  input  wire  [26:0]                   push_attr_i,     /// {msi, pbmt, qosid}
  input  wire  [4:0]                    class_i,         /// {port, id} of a request: ...
  output logic                          behind_o,        /// ... an older one of its order class is in the table
  output logic [2*4-1:0]                used_o,          /// entries in use, per port

  // walk wanted: the oldest entry that needs one
  output logic                          walk_wanted_o,   /// some entry needs one, or is about to
  output logic                          walk_valid_o,
  output logic [iommu_pkg::REQ_W-1:0]   walk_req_o,
  input  wire                           walk_accept_i,
  input  wire  [iommu_pkg::SLOT_AW-1:0] walk_slot_i,
  input  wire                           walk_join_i,     /// the slot is another request's walk of the same page

  // walk result, for every entry that waits for the slot
  input  wire                           res_valid_i,
  input  wire  [iommu_pkg::SLOT_AW-1:0] res_slot_i,
  input  wire                           res_fault_i,     /// refused: the request that the walk was for; those that joined walk themselves
  input  wire                           res_any_i,       /// no stage translates: every access is allowed
  input  wire                           res_mrif_i,      /// it is in a memory-resident interrupt file: answered here; those that joined walk themselves
  input  wire  [7:0]                    res_perm_i,      /// {ens, s1_on, sum, d, u, x, w, r} of the leaf
  input  wire  [51:0]                   res_page_i,
  input  wire  [26:0]                   res_attr_i,      /// {msi, pbmt, qosid}
  output logic                          res_primary_o,   /// the request that the walk was for is in this table ...
  output logic [iommu_pkg::PEND_AW-1:0] res_idx_o,       /// ... there
  output logic                          left_valid_o,    /// a request was refused, or answered here ...
  output logic                          left_colour_o,   /// ... of this pipeline colour

  // release of a granted request, address translated
  output logic                          rel_valid_o,
  output logic [iommu_pkg::REQ_W-1:0]   rel_req_o,
  input  wire                           rel_ready_i,
  input  wire  [iommu_pkg::IDS-1:0]     flight_full_i,   /// per {port, id}: no further transaction may leave
  input  wire  [iommu_pkg::IDS-1:0]     flight_none_i,   /// per {port, id}: all that left were answered

  // requests that are answered here, one at a time per port: refused, or to an interrupt file
  input  wire  [1:0]                    err_hold_i,      /// per port: do not start an error answer
  output logic [1:0]                    err_valid_o,
  output logic [2*4-1:0]                err_id_o,
  output logic [2*8-1:0]                err_len_o,
  output logic [1:0]                    err_mrif_o,      /// to an interrupt file; of a read: one that is answered with zeros
  output logic [2*iommu_pkg::PEND_AW-1:0] err_idx_o,     /// where it is
  output logic [2*iommu_pkg::REQ_W-1:0] err_req_o,       /// req_t
  input  wire  [1:0]                    err_done_i       /// the answer was given: the entry goes
);
  localparam int unsigned N = iommu_pkg::PENDS;
  localparam int unsigned AW = iommu_pkg::PEND_AW;
  localparam int unsigned P = iommu_pkg::PEND;

  logic [N-1:0] valid_q, need_q, wait_q, ok_q, refused_q, primary_q;
  logic [N*N-1:0] age_q;                                // of each valid entry: older entries
  logic [N*N-1:0] blk_q;                                // of each valid entry: older entries of the same order class
  logic [iommu_pkg::REQ_W-1:0]   req_q [0:N-1];
  logic [iommu_pkg::SLOT_AW-1:0] slot_q [0:N-1];
  logic [N*96-1:0] page_q;                              // {attr, page} in whole words
  logic [N-1:0] mrif_q;
  logic [N-1:0] exec_q, priv_q, pcol_q;
  logic [3:0]   id_q [0:N-1];
  logic [1:0]   err_busy_q;
  logic [AW-1:0] err_idx0_q, err_idx1_q;

  // ---- order class and room ------------------------------------------------------------------------------------------------------
  logic [N-1:0] same_class;
  always_comb begin
    same_class = '0;
    if (|valid_q) for (int unsigned i = 0; i < N; i++) same_class[i] = valid_q[i] & ((i >= P) == class_i[4]) & (WRITE | (id_q[i] == class_i[3:0]));
  end
  assign behind_o = |same_class;

  always_comb begin
    used_o = '0;
    if (|valid_q) for (int unsigned i = 0; i < P; i++) begin
      used_o[3:0] = used_o[3:0] + {3'd0, valid_q[i]};
      used_o[7:4] = used_o[7:4] + {3'd0, valid_q[P + i]};
    end
  end

  iommu_pkg::req_t pr;
  assign pr = push_req_i;
  logic [AW-1:0] free;
  always_comb begin
    free = {pr.port, {(AW-1){1'b0}}};
    if (push_i) for (int unsigned i = P; i > 0; i--) if (!valid_q[(pr.port ? P : 0) + i - 1]) free = {pr.port, i[AW-2:0] - 1'b1};
  end

  // ---- the oldest that needs a walk; the oldest that may leave; the oldest refused of each port ------------------------------------
  logic [N-1:0] can_leave, can_err;
  logic [AW-1:0] need_idx, rel_idx, err_idx0, err_idx1;
  logic [1:0] err_found;
  logic need_found, rel_found;
  always_comb begin
    can_leave = '0;
    can_err = '0;
    if (|valid_q) for (int unsigned i = 0; i < N; i++) begin
      can_leave[i] = ok_q[i] & (blk_q[i*N +: N] == '0) & ~flight_full_i[{i >= P, id_q[i]}];
      can_err[i] = refused_q[i] & (blk_q[i*N +: N] == '0) & flight_none_i[{i >= P, id_q[i]}];
    end
    need_found = 1'b0;
    rel_found = 1'b0;
    err_found = 2'b00;
    need_idx = '0;
    rel_idx = '0;
    err_idx0 = '0;
    err_idx1 = '0;
    if (|valid_q) for (int unsigned i = 0; i < N; i++) begin
      if (need_q[i] && (age_q[i*N +: N] & need_q) == '0) begin need_found = 1'b1; need_idx = i[AW-1:0]; end
      if (can_leave[i] && (age_q[i*N +: N] & can_leave) == '0) begin rel_found = 1'b1; rel_idx = i[AW-1:0]; end
    end
    if (|can_err) for (int unsigned i = 0; i < P; i++) begin
      if (can_err[i] && (age_q[i*N +: P] & can_err[P-1:0]) == '0) begin err_found[0] = 1'b1; err_idx0 = i[AW-1:0]; end
      if (can_err[P+i] && (age_q[(P+i)*N + P +: P] & can_err[N-1:P]) == '0) begin err_found[1] = 1'b1; err_idx1 = AW'(P + i); end
    end
  end

  // the request that is shown to the walks: an entry that waits, else what is pushed just now
  logic ask_q, ask_load, push_need;
  logic [AW-1:0] ask_idx_q, ask_idx;
  logic [iommu_pkg::REQ_W-1:0] ask_req_q;
  assign push_need = push_i & ~push_hit_i & ~pr.refused;
  assign ask_load = (need_found | push_need) & (~ask_q | walk_accept_i);
  assign ask_idx = need_found ? need_idx : free;
  assign walk_wanted_o = need_found | push_need | ask_q;
  assign walk_valid_o = ask_q;
  assign walk_req_o = ask_req_q;
  always_ff @(posedge clk_ctl_i) if (ask_load) begin
    ask_idx_q <= ask_idx;
    ask_req_q <= need_found ? req_q[need_idx] : push_req_i;
  end
  always_ff @(posedge clk_ctl_i) begin
    if (!rst_ni) ask_q <= 1'b0;
    else ask_q <= ask_load | (ask_q & ~walk_accept_i);
  end

  iommu_pkg::req_t rel;
  always_comb begin
    rel = '0;
    if (rel_found) begin
      rel = req_q[rel_idx];
      {rel.msi, rel.pbmt, rel.qosid, rel.addr[63:12]} = page_q[rel_idx*96 +: 79];
    end
  end
  assign rel_valid_o = rel_found;
  assign rel_req_o = rel;

  iommu_pkg::req_t e0;
  iommu_pkg::req_t e1;
  always_comb begin
    e0 = '0;
    e1 = '0;
    if (err_busy_q[0]) e0 = req_q[err_idx0_q];
    if (err_busy_q[1]) e1 = req_q[err_idx1_q];
  end
  assign err_valid_o = err_busy_q;
  assign err_id_o = {e1.id, e0.id};
  assign err_len_o = {e1.len, e0.len};
  assign err_idx_o = {err_idx1_q, err_idx0_q};
  assign err_req_o = {e1, e0};
  // an aligned read of 4 bytes from an interrupt file gives zeros
  assign err_mrif_o = {err_busy_q[1] & mrif_q[err_idx1_q] & (WRITE | (e1.size == 3'd2 && e1.len == 8'd0 && e1.addr[1:0] == 2'd0)),
                       err_busy_q[0] & mrif_q[err_idx0_q] & (WRITE | (e0.size == 3'd2 && e0.len == 8'd0 && e0.addr[1:0] == 2'd0))};

  // ---- results ---------------------------------------------------------------------------------------------------------------------
  logic [N-1:0] res_mine, res_ok;
  always_comb begin
    res_primary_o = 1'b0;
    res_idx_o = '0;
    res_mine = '0;
    res_ok = '0;
    if (res_valid_i) for (int unsigned i = 0; i < N; i++) begin
      res_mine[i] = wait_q[i] & (slot_q[i] == res_slot_i);
      res_ok[i] = ~res_fault_i & ~res_mrif_i & (primary_q[i] | ((res_perm_i[7] | ~priv_q[i]) & (res_any_i
          | iommu_pkg::allowed(res_perm_i[0], res_perm_i[1], res_perm_i[2], res_perm_i[3], res_perm_i[4], WRITE, exec_q[i], priv_q[i], res_perm_i[5], res_perm_i[6]))));
      if (res_mine[i] && primary_q[i]) begin
        res_primary_o = 1'b1;
        res_idx_o = i[AW-1:0];
      end
    end
  end

  // A refused request has left once its record is taken, a read from an interrupt file at once, a write to one when it is done.
  logic       left_now;
  logic [1:0] late_q, late_colour_q, late_now;
  assign left_now = res_primary_o & (res_fault_i | (res_mrif_i & ~WRITE));
  assign late_now = {WRITE & err_busy_q[1] & err_done_i[1] & mrif_q[err_idx1_q], WRITE & err_busy_q[0] & err_done_i[0] & mrif_q[err_idx0_q]};
  assign left_valid_o = left_now | (|late_q);
  assign left_colour_o = left_now ? pcol_q[res_idx_o] : late_q[0] ? late_colour_q[0] : late_colour_q[1];

  // ---- state -----------------------------------------------------------------------------------------------------------------------
  logic [N-1:0] clear;
  always_comb begin
    clear = '0;
    if (rel_valid_o && rel_ready_i) clear[rel_idx] = 1'b1;
    if (err_busy_q[0] && err_done_i[0]) clear[err_idx0_q] = 1'b1;
    if (err_busy_q[1] && err_done_i[1]) clear[err_idx1_q] = 1'b1;
  end

  always_ff @(posedge clk_i) begin
    if (push_i) begin
      req_q[free] <= push_req_i;
      id_q[free] <= pr.id;
      exec_q[free] <= ~WRITE & pr.prot[2] & (pr.pv | (pr.ttype == iommu_pkg::TTYPE_UNTRANSLATED));
      priv_q[free] <= pr.prot[0] & pr.pv;
      pcol_q[free] <= pr.pcol;
    end
    if (walk_accept_i) slot_q[ask_idx_q] <= walk_slot_i;
    if (push_i || res_valid_i) for (int unsigned i = 0; i < N; i++) begin
      if (push_i && free == i[AW-1:0]) page_q[i*96 +: 96] <= {17'd0, push_attr_i, push_page_i};
      else if (res_mine[i] && res_ok[i]) page_q[i*96 +: 96] <= {17'd0, res_attr_i, res_page_i};
    end
  end

  always_ff @(posedge clk_i) begin
    if (|clear) begin
      age_q <= age_q & {N{~clear}};
      blk_q <= blk_q & {N{~clear}};
    end
    if (push_i) begin
      age_q[free*N +: N] <= valid_q & ~clear;
      blk_q[free*N +: N] <= same_class & ~clear;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= '0;
      need_q <= '0;
      wait_q <= '0;
      ok_q <= '0;
      refused_q <= '0;
      primary_q <= '0;
      mrif_q <= '0;
      late_q <= 2'b00;
      late_colour_q <= 2'b00;
      err_busy_q <= '0;
      err_idx0_q <= '0;
      err_idx1_q <= '0;
    end else begin
      if (|valid_q) for (int unsigned i = 0; i < N; i++) begin
        if (res_mine[i]) begin
          wait_q[i] <= 1'b0;
          ok_q[i] <= res_ok[i];
          refused_q[i] <= (res_fault_i | res_mrif_i) & primary_q[i];
          mrif_q[i] <= res_mrif_i & ~res_fault_i;
          need_q[i] <= ~res_ok[i] & ~primary_q[i];
        end
        if (clear[i]) begin
          valid_q[i] <= 1'b0;
          ok_q[i] <= 1'b0;
          refused_q[i] <= 1'b0;
        end
      end
      if (walk_accept_i) begin
        wait_q[ask_idx_q] <= 1'b1;
        primary_q[ask_idx_q] <= ~walk_join_i;
      end
      if (ask_load && need_found) need_q[need_idx] <= 1'b0;
      if (push_i) begin
        valid_q[free] <= 1'b1;
        ok_q[free] <= push_hit_i & ~pr.refused;
        refused_q[free] <= pr.refused;
        mrif_q[free] <= 1'b0;
        need_q[free] <= push_need & ~(ask_load & ~need_found);
      end
      if (late_now[0]) late_colour_q[0] <= pcol_q[err_idx0_q];
      if (late_now[1]) late_colour_q[1] <= pcol_q[err_idx1_q];
      late_q[0] <= late_now[0] | (late_q[0] & left_now);
      late_q[1] <= late_now[1] | (late_q[1] & (left_now | late_q[0]));
      if (!err_busy_q[0] && err_found[0] && !err_hold_i[0]) begin
        err_busy_q[0] <= 1'b1;
        err_idx0_q <= err_idx0;
      end else if (err_done_i[0]) err_busy_q[0] <= 1'b0;
      if (!err_busy_q[1] && err_found[1] && !err_hold_i[1]) begin
        err_busy_q[1] <= 1'b1;
        err_idx1_q <= err_idx1;
      end else if (err_done_i[1]) err_busy_q[1] <= 1'b0;
    end
  end

`ifndef YOSYS
  // the lookup never pushes into a full half; every result meets at least its own request in one of the two tables
  always_ff @(posedge clk_i) if (rst_ni && push_i) begin
    a_room: assert (!valid_q[free]) else $error("iommu_pend: push without room");
    a_class: assert (class_i == {pr.port, pr.id}) else $error("iommu_pend: push under another order class");
  end
`endif
endmodule
`default_nettype wire
