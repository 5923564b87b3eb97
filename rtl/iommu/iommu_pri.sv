// SPDX-License-Identifier: Apache-2.0
//
// Page requests and stop markers of the ports, in turn and one at a time: a walk finds the device context; then the request
// becomes a record of the page-request queue, or is dropped, or the IOMMU answers it with a group response of its own. Requests
// under a device_id that the port may not use are answered Invalid Request without a walk; those of an isolated port are dropped.
// Latency: the walk is asked for one clock after the request.
// Source: specification, "PCIe ATS Page Request handling".
`default_nettype none
module iommu_pri (
  input  wire                           clk_i,
  input  wire                           rst_ni,
  input  wire  [1:0]                    isolated_i,
  input  wire  [2*24-1:0]               id_base_i,      /// device_ids a port may use: (id & mask) == base
  input  wire  [2*24-1:0]               id_mask_i,

  input  wire  [1:0]                    req_valid_i,    /// per port
  input  wire  [2*ats_pkg::PAGE_W-1:0]  req_i,
  output logic [1:0]                    req_ready_o,

  // walk, see iommu_walk
  output logic                          side_valid_o,
  output logic [iommu_pkg::REQ_W-1:0]   side_req_o,
  input  wire                           side_accept_i,
  input  wire                           side_done_i,
  input  wire  [iommu_pkg::SIDE_W-1:0]  side_res_i,

  // record for the page-request queue, held until done
  output logic                          rec_valid_o,
  output logic [127:0]                  rec_o,
  input  wire                           rec_done_i,
  input  wire                           rec_lost_i,     /// beside it: the record was not stored ...
  input  wire  [3:0]                    rec_code_i,     /// ... and this is the code to answer with

  // message, held until taken
  output logic                          msg_valid_o,
  output logic [ats_pkg::MSG_W-1:0]     msg_o,
  input  wire                           msg_ready_i,

  input  wire                           fence_taken_i,  /// what is here now is older than the fence ...
  output logic                          old_none_o,     /// ... and is not here any more
  output logic                          idle_o
);
  localparam int unsigned W = ats_pkg::PAGE_W;
  localparam logic [2:0] IDLE = 3'd0;
  localparam logic [2:0] ASK = 3'd1;
  localparam logic [2:0] WALK = 3'd2;
  localparam logic [2:0] STORE = 3'd3;
  localparam logic [2:0] ANSWER = 3'd4;

  logic [2:0]   state_q;
  logic [W-1:0] req_q;
  logic         last_q, old_q, pasid_q, prpr_q;
  logic [3:0]   code_q;

  logic         choice, take, isolated;
  logic [23:0]  base, mask;
  logic         refused;
  ats_pkg::page_t in;
  assign take = (state_q == IDLE) & (|req_valid_i);
  assign choice = req_valid_i[1] & (~req_valid_i[0] | ~last_q);
  assign req_ready_o = ~take ? 2'b00 : choice ? 2'b10 : 2'b01;
  assign isolated = isolated_i[choice];
  always_comb begin
    in = '0;
    base = 24'd0;
    mask = 24'd0;
    refused = 1'b0;
    if (take) begin
      in = choice ? req_i[W +: W] : req_i[0 +: W];
      base = choice ? id_base_i[24 +: 24] : id_base_i[0 +: 24];
      mask = choice ? id_mask_i[24 +: 24] : id_mask_i[0 +: 24];
      refused = (in.did & mask) != base;
    end
  end

  ats_pkg::page_t rq;
  assign rq = req_q;
  iommu_pkg::req_t side;
  always_comb begin
    side = '0;
    if (state_q == ASK) begin
      side.did = rq.did;
      side.pv = rq.pv;
      side.pid = rq.pid;
      side.prot = {rq.exec & rq.pv, 1'b0, rq.priv & rq.pv};
      side.ttype = iommu_pkg::TTYPE_ATS;
      side.addr = rq.payload;
    end
  end
  assign side_valid_o = state_q == ASK;
  assign side_req_o = side;

  // ---- what becomes of it ----------------------------------------------------------------------------------------------------------
  iommu_pkg::side_t res;
  assign res = side_res_i;
  logic last, marker, answered;
  assign last = rq.payload[regs_pkg::PAGE_REQUEST_PAYLOAD_L_LSB];
  assign marker = last & ~rq.payload[regs_pkg::PAGE_REQUEST_PAYLOAD_R_LSB] & ~rq.payload[regs_pkg::PAGE_REQUEST_PAYLOAD_W_LSB];
  assign answered = last & ~marker;                       // of those that are not queued

  always_comb begin
    rec_o = 128'd0;
    if (state_q == STORE) begin
      rec_o[regs_pkg::PAGE_REQUEST_W0_PID_LSB +: regs_pkg::PAGE_REQUEST_W0_PID_W] = rq.pv ? rq.pid : 20'd0;
      rec_o[regs_pkg::PAGE_REQUEST_W0_PV_LSB] = rq.pv;
      rec_o[regs_pkg::PAGE_REQUEST_W0_PRIV_LSB] = rq.pv & rq.priv;
      rec_o[regs_pkg::PAGE_REQUEST_W0_EXEC_LSB] = rq.pv & rq.exec;
      rec_o[regs_pkg::PAGE_REQUEST_W0_DID_LSB +: regs_pkg::PAGE_REQUEST_W0_DID_W] = rq.did;
      rec_o[64*regs_pkg::PAGE_REQUEST_PAYLOAD_WORD +: 64] = rq.payload;
    end
  end
  assign rec_valid_o = state_q == STORE;

  // the answer: with the PASID of the request on a failure, else only if the device context asks for it
  ats_pkg::msg_t msg;
  always_comb begin
    msg = '0;
    if (state_q == ANSWER) begin
      msg.response = 1'b1;
      msg.dsv = 1'b1;
      msg.did = rq.did;
      msg.pv = rq.pv & pasid_q;
      msg.pid = (rq.pv & pasid_q) ? rq.pid : 20'd0;
      msg.payload[regs_pkg::CMD_W1_ATS_PRGI_LSB +: regs_pkg::CMD_W1_ATS_PRGI_W] =
          rq.payload[regs_pkg::PAGE_REQUEST_PAYLOAD_PRGI_LSB +: regs_pkg::PAGE_REQUEST_PAYLOAD_PRGI_W];
      msg.payload[regs_pkg::CMD_W1_ATS_CODE_LSB +: regs_pkg::CMD_W1_ATS_CODE_W] = code_q;
    end
  end
  assign msg_valid_o = state_q == ANSWER;
  assign msg_o = msg;

  logic [3:0] walk_code;
  assign walk_code = (!res.fault || res.cause == regs_pkg::CAUSE_TYPE_DISALLOWED) ? ats_pkg::RESPONSE_INVALID : ats_pkg::RESPONSE_FAILURE;

  assign old_none_o = ~old_q;
  assign idle_o = state_q == IDLE;

  always_ff @(posedge clk_i) if (take) req_q <= in;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= IDLE;
      last_q <= 1'b0;
      old_q <= 1'b0;
      pasid_q <= 1'b0;
      prpr_q <= 1'b0;
      code_q <= 4'd0;
    end else begin
      if (fence_taken_i) old_q <= state_q != IDLE;
      if (state_q == IDLE) old_q <= 1'b0;
      case (state_q)
        IDLE: if (take) begin
          last_q <= choice;
          pasid_q <= 1'b0;
          code_q <= ats_pkg::RESPONSE_INVALID;
          if (isolated) state_q <= IDLE;
          else if (!refused) state_q <= ASK;
          else if (in.payload[regs_pkg::PAGE_REQUEST_PAYLOAD_L_LSB]
                   && (in.payload[regs_pkg::PAGE_REQUEST_PAYLOAD_R_LSB] || in.payload[regs_pkg::PAGE_REQUEST_PAYLOAD_W_LSB]))
            state_q <= ANSWER;
        end
        ASK: if (side_accept_i) state_q <= WALK;
        WALK: if (side_done_i) begin
          prpr_q <= res.located & res.prpr;
          code_q <= walk_code;
          pasid_q <= (walk_code == ats_pkg::RESPONSE_FAILURE) | (res.located & res.prpr);
          if (!res.fault && res.en_pri) state_q <= STORE;
          else state_q <= answered ? ANSWER : IDLE;
        end
        STORE: if (rec_done_i) begin
          code_q <= rec_code_i;
          pasid_q <= (rec_code_i == ats_pkg::RESPONSE_FAILURE) | prpr_q;
          state_q <= (rec_lost_i & answered) ? ANSWER : IDLE;
        end
        default: if (msg_ready_i) state_q <= IDLE;
      endcase
    end
  end
endmodule
`default_nettype wire
