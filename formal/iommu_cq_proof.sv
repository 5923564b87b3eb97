// SPDX-License-Identifier: Apache-2.0
//
// iommu_cq: cqh moves by one, and only past a command that is done: an invalidation that acted once, as the command says, or a fence
// that was taken and done after the command arrived and, with AV, whose store was answered without an error. A command with a reserved bit
// does nothing but set cmd_ill. Nothing is fetched or done while cqmf or cmd_ill is set.
// Assumes: a command comes only when it was asked for; a fence is taken only when offered, and done later; a store is answered only
// while it is offered. Narrowed: a queue of 4 entries at page 0; IOTINVAL.VMA for all or for one of two pages, IODIR.INVAL_DDT for all,
// IOFENCE.C to one of two addresses; one reserved bit.
`default_nettype none
module iommu_cq_proof (
  input wire       clk_i,
  input wire [1:0] tail_i,
  input wire       mf_clear_i,
  input wire       ill_clear_i,
  input wire       fence_w_ip_clear_i,
  input wire       rd_ready_i,
  input wire       data_valid_i,
  input wire       data_error_i,
  input wire [1:0] kind_i,           // 0 all pages, 1 one page, 2 contexts, 3 fence
  input wire       page_i,
  input wire       reserved_i,
  input wire [3:0] fence_i,          // {WSI, AV, PW, PR}
  input wire       wr_done_i,
  input wire       wr_error_i,
  input wire       fence_taken_i,
  input wire       fence_done_i
);
  logic [127:0] cmd;
  always_comb begin
    cmd = '0;
    cmd[127] = reserved_i;
    if (kind_i == 2'd3) begin
      cmd[regs_pkg::CMD_W0_OPCODE_LSB +: regs_pkg::CMD_W0_OPCODE_W] = regs_pkg::OPCODE_IOFENCE;
      cmd[regs_pkg::CMD_W0_FUNC3_LSB +: regs_pkg::CMD_W0_FUNC3_W] = regs_pkg::FUNC3_IOFENCE_C;
      cmd[regs_pkg::CMD_W0_IOFENCE_PR_LSB] = fence_i[0];
      cmd[regs_pkg::CMD_W0_IOFENCE_PW_LSB] = fence_i[1];
      cmd[regs_pkg::CMD_W0_IOFENCE_AV_LSB] = fence_i[2];
      cmd[regs_pkg::CMD_W0_IOFENCE_WSI_LSB] = fence_i[3];
      cmd[regs_pkg::CMD_W0_IOFENCE_DATA_LSB] = page_i;
      cmd[64 + regs_pkg::CMD_W1_IOFENCE_ADDR_LSB] = page_i;
    end else if (kind_i == 2'd2) begin
      cmd[regs_pkg::CMD_W0_OPCODE_LSB +: regs_pkg::CMD_W0_OPCODE_W] = regs_pkg::OPCODE_IODIR;
      cmd[regs_pkg::CMD_W0_FUNC3_LSB +: regs_pkg::CMD_W0_FUNC3_W] = regs_pkg::FUNC3_IODIR_INVAL_DDT;
    end else begin
      cmd[regs_pkg::CMD_W0_OPCODE_LSB +: regs_pkg::CMD_W0_OPCODE_W] = regs_pkg::OPCODE_IOTINVAL;
      cmd[regs_pkg::CMD_W0_FUNC3_LSB +: regs_pkg::CMD_W0_FUNC3_W] = regs_pkg::FUNC3_IOTINVAL_VMA;
      cmd[regs_pkg::CMD_W0_IOTINVAL_AV_LSB] = kind_i[0];
      cmd[64 + regs_pkg::CMD_W1_IOTINVAL_ADDR_LSB] = kind_i[0] & page_i;
    end
  end

  logic [31:0] head, store;
  logic [63:0] rd_addr, wr_addr;
  logic        on, busy, mf, to, ill, fence_w_ip, rd_valid, wr_valid, inval, fence_start, fence_reads, fence_writes, ats_valid, idle;
  logic [iommu_pkg::INVAL_W-1:0] what_bits;
  iommu_pkg::inval_t what;
  logic        rst_nq = 1'b0;
  always_ff @(posedge clk_i) rst_nq <= 1'b1;
  assign what = what_bits;
  iommu_cq dut (.clk_i, .rst_ni(rst_nq), .pas_i(6'd56), .nl_i(1'b0), .s_i(1'b0), .pd_there_i(3'd0), .ats_i(1'b0), .wsi_i(1'b1), .be_i(1'b0),
    .device_id_mask_i(24'hffffff), .ppn_i(44'd0), .tail_i({30'd0, tail_i}), .head_o(head), .log2szm1_i(5'd1), .en_i(1'b1), .on_o(on), .busy_o(busy), .mf_o(mf), .to_o(to),
    .ill_o(ill), .fence_w_ip_o(fence_w_ip), .mf_clear_i, .to_clear_i(1'b0), .ill_clear_i, .fence_w_ip_clear_i, .rd_valid_o(rd_valid), .rd_addr_o(rd_addr), .rd_ready_i,
    .data_valid_i, .data_i(cmd), .data_error_i, .wr_valid_o(wr_valid), .wr_addr_o(wr_addr), .wr_store_o(store), .wr_done_i, .wr_error_i, .inval_o(inval),
    .inval_what_o(what_bits), .fence_start_o(fence_start), .fence_reads_o(fence_reads), .fence_writes_o(fence_writes), .fence_taken_i, .fence_done_i,
    .ats_valid_o(ats_valid), .ats_taken_i(1'b0), .ats_pending_i(1'b0), .ats_waiting_i(1'b0), .ats_timed_out_i(1'b0), .idle_o(idle));

  // the command under way, and what has become of it
  logic       asked_q, have_q, reserved_q, page_q, acted_q, taken_q, fenced_q, stored_q, moved, stuck_q, done;
  logic [1:0] kind_q;
  logic [3:0] fence_q;
  logic [31:0] head_q;
  assign moved = head != head_q;
  assign done = (kind_q == 2'd3) ? fenced_q & (stored_q | ~fence_q[2]) : acted_q;
  always_ff @(posedge clk_i) begin
    head_q <= rst_nq ? head : 32'd0;
    stuck_q <= rst_nq & (mf | ill) & ~mf_clear_i & ~ill_clear_i;
    if (data_valid_i) begin
      kind_q <= kind_i;
      page_q <= page_i;
      reserved_q <= reserved_i;
      fence_q <= fence_i;
    end
    if (!rst_nq) {asked_q, have_q, acted_q, taken_q, fenced_q, stored_q} <= '0;
    else begin
      asked_q <= (rd_valid & rd_ready_i) | (asked_q & ~data_valid_i);
      if (data_valid_i) begin
        have_q <= ~data_error_i;
        {acted_q, taken_q, fenced_q, stored_q} <= 4'd0;
      end else begin
        if (moved) have_q <= 1'b0;
        if (inval) acted_q <= 1'b1;
        if (fence_start && fence_taken_i) taken_q <= 1'b1;
        if (fence_done_i) fenced_q <= 1'b1;
        if (wr_done_i && !wr_error_i) stored_q <= 1'b1;
      end
    end
  end

  always_ff @(posedge clk_i) if (rst_nq) begin
    m_command: assume (!data_valid_i || asked_q);
    m_fence: assume ((!fence_taken_i || fence_start) && (!fence_done_i || (taken_q && !fenced_q)));
    m_store: assume (!wr_done_i || wr_valid);
    a_moves: assert (!moved || (have_q && !reserved_q && done && head == ((head_q + 32'd1) & 32'd3)));
    a_acts: assert (!inval || (have_q && !reserved_q && kind_q != 2'd3 && !acted_q && what.tlb == !kind_q[1] && what.ctx == kind_q[1]
                               && what.tlb_page == (kind_q == 2'd1) && (kind_q != 2'd1 || what.page == {51'd0, page_q}) && !what.ctx_device && !what.ctx_process));
    a_fence: assert (!fence_start || (have_q && !reserved_q && kind_q == 2'd3 && !taken_q && {fence_writes, fence_reads} == fence_q[1:0]));
    a_store: assert (!wr_valid || (have_q && kind_q == 2'd3 && fenced_q && !stored_q && fence_q[2] && wr_addr == {61'd0, page_q, 2'd0} && store == {31'd0, page_q}));
    a_fetch: assert (!rd_valid || (rd_addr == {58'd0, head[1:0], 4'd0} && !asked_q));
    a_stuck: assert (!stuck_q || !(rd_valid || inval || fence_start || wr_valid));
    a_none: assert (!to && !ats_valid);
    c_fence: cover (moved && kind_q == 2'd3 && fence_q == 4'hf && fence_w_ip && head == 32'd2);
    c_again: cover (moved && head == 32'd0 && kind_q == 2'd1 && page_q);
    c_refused: cover (ill && have_q && reserved_q && kind_q == 2'd2);
    c_failed: cover (mf && have_q && kind_q == 2'd3 && fenced_q);
  end
endmodule
`default_nettype wire
