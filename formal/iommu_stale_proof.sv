// SPDX-License-Identifier: Apache-2.0
//
// The composition in iommu_small.sv: once an invalidation has acted, no request that enters later is answered from anything that was
// read before. One invalidation, of the kind that the solver picks, is followed: entries that were asked for before or while it acts
// are 1, those asked for later are 0; requests that enter later, of the page it names if it names one, are marked.
// Assumes: an entry comes for a walk that waits for one; commands are those of iommu_small; requests are reads of port 0 and writes of port
// 1, whose data and answers do not matter here: nothing is answered, so at most 16 of an id leave.
`default_nettype none
module iommu_stale_proof (
  input wire       clk_i,
  input wire [1:0] valid_i,
  input wire [1:0] id_i,
  input wire [1:0] page_i,
  input wire [1:0] m_ready_i,
  input wire       rd_ready_i,
  input wire       data_valid_i,
  input wire       data_slot_i,
  input wire       tail_i,
  input wire       cmd_valid_i,
  input wire [1:0] cmd_kind_i,
  input wire       cmd_page_i,
  input wire       rec_ready_i,
  input wire       pick_i
);
  (* anyconst *) logic [1:0] kind;   // 0 all pages, 1 one page, 2 contexts
  (* anyconst *) logic       page;
  logic       rst_nq = 1'b0;
  always_ff @(posedge clk_i) rst_nq <= 1'b1;

  logic       rd_valid, rd_slot, cmd_read, inval_tlb, inval_ctx, inval_page, acts;
  logic [1:0] m_valid, m_mark, m_entry, m_context, data, kind_q;
  logic       after_q, cmd_page_q, cmd_read_q;
  logic [1:0] mark;
  logic [1:0] read_q, old_q;         // per slot: an entry was asked for ... before the invalidation had acted
  assign mark = {2{after_q}} & (kind == 2'd1 ? ~(page_i ^ {2{page}}) : 2'b11);
  assign data = {kind[1] & old_q[data_slot_i], ~kind[1] & old_q[data_slot_i]};
  iommu_small dut (.clk_i, .rst_ni(rst_nq), .valid_i({valid_i[1], 2'b00, valid_i[0]}), .id_i({id_i[1], 2'b00, id_i[0]}), .page_i({page_i[1], 2'b00, page_i[0]}),
    .mark_i({mark[1], 2'b00, mark[0]}), .long_i(4'd0), .wvalid_i(2'b11), .wdata_i(2'b00), .bready_i(2'b11), .rready_i(2'b11),
    .m_valid_o(m_valid), .m_mark_o(m_mark), .m_entry_o(m_entry), .m_context_o(m_context), .m_ready_i, .m_wready_i(1'b1), .m_bvalid_i(1'b0), .m_bid_i(2'b00), .m_bresp_i(2'b00),
    .m_rvalid_i(1'b0), .m_rid_i(2'b00), .m_rdata_i(1'b0), .m_rlast_i(1'b0), .rd_valid_o(rd_valid), .rd_slot_o(rd_slot), .rd_ready_i, .data_valid_i, .data_slot_i, .data_i(data),
    .tail_i, .cmd_valid_i, .cmd_kind_i, .cmd_page_i, .cmd_waits_i(2'b00), .cmd_read_o(cmd_read), .inval_tlb_o(inval_tlb), .inval_ctx_o(inval_ctx), .inval_page_o(inval_page),
    .rec_ready_i, .records_in_i(8'd0), .records_out_i(8'd0));
  assign acts = pick_i & (kind == 2'd2 ? inval_ctx : inval_tlb & (!inval_page || (kind == 2'd1 && cmd_page_q == page)));

  always_ff @(posedge clk_i) begin
    if (cmd_valid_i) cmd_page_q <= cmd_page_i;
    if (!rst_nq) begin
      after_q <= 1'b0;
      cmd_read_q <= 1'b0;
      read_q <= 2'b00;
    end else begin
      if (acts) after_q <= 1'b1;
      cmd_read_q <= cmd_read | (cmd_read_q & ~cmd_valid_i);
      if (data_valid_i) read_q[data_slot_i] <= 1'b0;
      if (rd_valid && rd_ready_i) begin
        read_q[rd_slot] <= 1'b1;
        old_q[rd_slot] <= ~after_q;
      end
    end
  end

  always_ff @(posedge clk_i) if (rst_nq) begin
    m_kind: assume (kind != 2'd3);
    m_reads: assume (!data_valid_i || (read_q[data_slot_i] && !cmd_valid_i));
    m_command: assume (!cmd_valid_i || cmd_read_q);
    a_fresh: assert (((m_entry | m_context) & m_valid & m_mark) == 2'b00);
    c_old: cover (m_valid[0] && !m_mark[0] && m_entry[0] && after_q && kind == 2'd0);
    c_page: cover (m_valid[0] && m_mark[0] && kind == 2'd1 && m_valid[1] && !m_mark[1] && m_entry[1]);
    c_context: cover (m_valid[1] && m_mark[1] && m_valid[0] && m_context[0]);
  end
endmodule
`default_nettype wire
