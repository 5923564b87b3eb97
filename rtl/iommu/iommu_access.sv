// SPDX-License-Identifier: Apache-2.0
//
// What a walk asks of a leaf of either stage, purely combinational. An ATS request is only refused what it may not even read: its
// completion says what is granted.
// Source: privileged architecture, "Virtual Address Translation Process", "Two-Stage Address Translation"; specification, "PCIe ATS
// translation request handling".
`default_nettype none
module iommu_access (
  input  wire  [iommu_pkg::SLOT_W-1:0] slot_i,     /// slot_t
  input  wire                          first_i,    /// the leaf is the first stage's
  input  wire  [iommu_pkg::LEAF_W-1:0] leaf_i,     /// leaf_t
  output logic                         refused_o,
  output logic                         wants_d_o   /// D has to be set
);
  iommu_pkg::slot_t s;
  iommu_pkg::leaf_t lf;
  logic ats, data_ok, user_ok;
  assign s = slot_i;
  assign lf = leaf_i;
  assign ats = s.src == iommu_pkg::SRC_ATS;
  assign data_ok = s.priv ? (~lf.u | s.ctx.sum) : lf.u;
  assign user_ok = data_ok & ~(s.priv & lf.u & s.exec);
  always_comb begin
    if (first_i) begin
      refused_o = ats ? ~lf.r | ~data_ok : ~(s.write ? lf.w : s.exec ? lf.x : lf.r) | ~user_ok;
      wants_d_o = s.write & lf.w & data_ok;
    end else if (s.goal == iommu_pkg::GOAL_FINAL) begin
      refused_o = ~lf.u | ~(ats ? lf.r : s.write ? lf.w : s.exec ? lf.x : lf.r);
      wants_d_o = s.write & lf.w;
    end else begin
      refused_o = ~lf.u | ~((s.goal == iommu_pkg::GOAL_UPDATE) ? lf.w : lf.r);
      wants_d_o = s.goal == iommu_pkg::GOAL_UPDATE;
    end
  end

  wire unused = &{1'b0, s, lf};
endmodule
`default_nettype wire
