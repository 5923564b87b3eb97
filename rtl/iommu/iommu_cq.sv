// SPDX-License-Identifier: Apache-2.0
//
// Command queue: fetches the command at cqh, carries it out, moves cqh. One command at a time, so that every earlier command
// is done when a fence starts. A command that cannot be carried out sets its bit in cqcsr and stays at cqh until software
// clears the bit; then it is fetched again. A fence behind an ATS.INVAL waits for its completion, or sets cmd_to when there was none
// in time.
// Latency: an invalidation acts one clock after its command arrived; cqh moves in the same clock.
// Source: specification, "Command queue", "IOMMU commands" and the rules on reserved bits there.
`default_nettype none
module iommu_cq (
  input  wire         clk_i,
  input  wire         rst_ni,
  input  wire  [5:0]  pas_i,             /// physical address width
  input  wire         nl_i,              /// capabilities.NL
  input  wire         s_i,               /// capabilities.S
  input  wire  [2:0]  pd_there_i,        /// capabilities.PD20, PD17, PD8
  input  wire         ats_i,             /// capabilities.ATS
  input  wire         wsi_i,             /// fctl.WSI
  input  wire         be_i,              /// fctl.BE
  input  wire  [23:0] device_id_mask_i,  /// device_ids that a command may name
  // registers
  input  wire  [43:0] ppn_i,
  input  wire  [31:0] tail_i,
  output logic [31:0] head_o,
  input  wire  [4:0]  log2szm1_i,
  input  wire         en_i,              /// cqcsr.cqen
  output logic        on_o,
  output logic        busy_o,
  output logic        mf_o,
  output logic        to_o,
  output logic        ill_o,
  output logic        fence_w_ip_o,
  input  wire         mf_clear_i,
  input  wire         to_clear_i,
  input  wire         ill_clear_i,
  input  wire         fence_w_ip_clear_i,

  // memory
  output logic        rd_valid_o,
  output logic [63:0] rd_addr_o,
  input  wire         rd_ready_i,
  input  wire         data_valid_i,
  input  wire [127:0] data_i,
  input  wire         data_error_i,
  output logic        wr_valid_o,
  output logic [63:0] wr_addr_o,
  output logic [31:0] wr_store_o,
  input  wire         wr_done_i,
  input  wire         wr_error_i,

  // what commands do
  output logic        inval_o,           /// one clock, inval_t beside it
  output logic [iommu_pkg::INVAL_W-1:0] inval_what_o,
  output logic        fence_start_o,     /// held until fence_taken_i
  output logic        fence_reads_o,
  output logic        fence_writes_o,
  input  wire         fence_taken_i,
  input  wire         fence_done_i,

  // ATS commands, see iommu_ats_cmd
  output logic        ats_valid_o,
  output logic [127:0] ats_o,            /// the command
  input  wire         ats_taken_i,
  input  wire         ats_pending_i,
  input  wire         ats_waiting_i,
  input  wire         ats_timed_out_i,
  output logic        ats_timed_out_clear_o,
  output logic        idle_o             /// nothing to do but to wait for a device's invalidation completion
);
  localparam logic [2:0] IDLE = 3'd0;
  localparam logic [2:0] FETCH = 3'd1;
  localparam logic [2:0] WAIT = 3'd2;
  localparam logic [2:0] EXECUTE = 3'd3;
  localparam logic [2:0] FENCE = 3'd4;
  localparam logic [2:0] FENCED = 3'd5;
  localparam logic [2:0] STORE = 3'd6;
  localparam logic [2:0] SEND = 3'd7;

  logic [2:0]   state_q;
  logic [127:0] cmd_q;
  logic         on_q, mf_q, to_q, ill_q, fence_w_ip_q;
  logic [31:0]  head_q, mask;
  assign mask = (32'd2 << log2szm1_i) - 32'd1;

  // ---- decode --------------------------------------------------------------------------------------------------------------------
  logic [63:0] w0, w1;
  assign w0 = cmd_q[63:0];
  assign w1 = cmd_q[127:64];
  logic [6:0] opcode;
  logic [2:0] func3;
  assign opcode = w0[regs_pkg::CMD_W0_OPCODE_LSB +: regs_pkg::CMD_W0_OPCODE_W];
  assign func3 = w0[regs_pkg::CMD_W0_FUNC3_LSB +: regs_pkg::CMD_W0_FUNC3_W];

  // bits that each command defines
  localparam logic [63:0] COMMON_W0 = iommu_pkg::bits(regs_pkg::CMD_W0_OPCODE_LSB, regs_pkg::CMD_W0_OPCODE_W)
                                    | iommu_pkg::bits(regs_pkg::CMD_W0_FUNC3_LSB, regs_pkg::CMD_W0_FUNC3_W);
  localparam logic [63:0] IOTINVAL_W0 = COMMON_W0
                                    | iommu_pkg::bits(regs_pkg::CMD_W0_IOTINVAL_AV_LSB, regs_pkg::CMD_W0_IOTINVAL_AV_W)
                                    | iommu_pkg::bits(regs_pkg::CMD_W0_IOTINVAL_PSCID_LSB, regs_pkg::CMD_W0_IOTINVAL_PSCID_W)
                                    | iommu_pkg::bits(regs_pkg::CMD_W0_IOTINVAL_PSCV_LSB, regs_pkg::CMD_W0_IOTINVAL_PSCV_W)
                                    | iommu_pkg::bits(regs_pkg::CMD_W0_IOTINVAL_GV_LSB, regs_pkg::CMD_W0_IOTINVAL_GV_W)
                                    | iommu_pkg::bits(regs_pkg::CMD_W0_IOTINVAL_NL_LSB, regs_pkg::CMD_W0_IOTINVAL_NL_W)
                                    | iommu_pkg::bits(regs_pkg::CMD_W0_IOTINVAL_GSCID_LSB, regs_pkg::CMD_W0_IOTINVAL_GSCID_W);
  localparam logic [63:0] IOTINVAL_W1 = iommu_pkg::bits(regs_pkg::CMD_W1_IOTINVAL_S_LSB, regs_pkg::CMD_W1_IOTINVAL_S_W)
                                    | iommu_pkg::bits(regs_pkg::CMD_W1_IOTINVAL_ADDR_LSB, regs_pkg::CMD_W1_IOTINVAL_ADDR_W);
  localparam logic [63:0] IOFENCE_W0 = COMMON_W0
                                    | iommu_pkg::bits(regs_pkg::CMD_W0_IOFENCE_AV_LSB, regs_pkg::CMD_W0_IOFENCE_AV_W)
                                    | iommu_pkg::bits(regs_pkg::CMD_W0_IOFENCE_WSI_LSB, regs_pkg::CMD_W0_IOFENCE_WSI_W)
                                    | iommu_pkg::bits(regs_pkg::CMD_W0_IOFENCE_PR_LSB, regs_pkg::CMD_W0_IOFENCE_PR_W)
                                    | iommu_pkg::bits(regs_pkg::CMD_W0_IOFENCE_PW_LSB, regs_pkg::CMD_W0_IOFENCE_PW_W)
                                    | iommu_pkg::bits(regs_pkg::CMD_W0_IOFENCE_DATA_LSB, regs_pkg::CMD_W0_IOFENCE_DATA_W);
  localparam logic [63:0] IOFENCE_W1 = iommu_pkg::bits(regs_pkg::CMD_W1_IOFENCE_ADDR_LSB, regs_pkg::CMD_W1_IOFENCE_ADDR_W);
  localparam logic [63:0] IODIR_W0 = COMMON_W0
                                    | iommu_pkg::bits(regs_pkg::CMD_W0_IODIR_PID_LSB, regs_pkg::CMD_W0_IODIR_PID_W)
                                    | iommu_pkg::bits(regs_pkg::CMD_W0_IODIR_DV_LSB, regs_pkg::CMD_W0_IODIR_DV_W)
                                    | iommu_pkg::bits(regs_pkg::CMD_W0_IODIR_DID_LSB, regs_pkg::CMD_W0_IODIR_DID_W);
  localparam logic [63:0] ATS_W0 = COMMON_W0
                                    | iommu_pkg::bits(regs_pkg::CMD_W0_ATS_PID_LSB, regs_pkg::CMD_W0_ATS_PID_W)
                                    | iommu_pkg::bits(regs_pkg::CMD_W0_ATS_PV_LSB, regs_pkg::CMD_W0_ATS_PV_W)
                                    | iommu_pkg::bits(regs_pkg::CMD_W0_ATS_DSV_LSB, regs_pkg::CMD_W0_ATS_DSV_W)
                                    | iommu_pkg::bits(regs_pkg::CMD_W0_ATS_RID_LSB, regs_pkg::CMD_W0_ATS_RID_W)
                                    | iommu_pkg::bits(regs_pkg::CMD_W0_ATS_DSEG_LSB, regs_pkg::CMD_W0_ATS_DSEG_W);

  logic is_vma, is_gvma, is_fence, is_ddt, is_pdt, is_inval, is_ats;
  assign is_vma = opcode == regs_pkg::OPCODE_IOTINVAL && func3 == regs_pkg::FUNC3_IOTINVAL_VMA;
  assign is_gvma = opcode == regs_pkg::OPCODE_IOTINVAL && func3 == regs_pkg::FUNC3_IOTINVAL_GVMA;
  assign is_fence = opcode == regs_pkg::OPCODE_IOFENCE && func3 == regs_pkg::FUNC3_IOFENCE_C;
  assign is_ddt = opcode == regs_pkg::OPCODE_IODIR && func3 == regs_pkg::FUNC3_IODIR_INVAL_DDT;
  assign is_pdt = opcode == regs_pkg::OPCODE_IODIR && func3 == regs_pkg::FUNC3_IODIR_INVAL_PDT;
  assign is_inval = opcode == regs_pkg::OPCODE_ATS && func3 == regs_pkg::FUNC3_ATS_INVAL;
  assign is_ats = ats_i & (is_inval | (opcode == regs_pkg::OPCODE_ATS && func3 == regs_pkg::FUNC3_ATS_PRGR));

  logic        av, napot, dv;
  logic [19:0] pid;
  logic [23:0] did;
  assign av = w0[regs_pkg::CMD_W0_IOTINVAL_AV_LSB];
  assign napot = w1[regs_pkg::CMD_W1_IOTINVAL_S_LSB];
  assign dv = w0[regs_pkg::CMD_W0_IODIR_DV_LSB];
  assign pid = w0[regs_pkg::CMD_W0_IODIR_PID_LSB +: regs_pkg::CMD_W0_IODIR_PID_W];
  assign did = w0[regs_pkg::CMD_W0_IODIR_DID_LSB +: regs_pkg::CMD_W0_IODIR_DID_W];

  logic illegal, did_wide, pid_wide;
  assign pid_wide = pd_there_i[2] ? 1'b0 : pd_there_i[1] ? (|pid[19:17]) : (|pid[19:8]);
  assign did_wide = dv & (|(did & ~device_id_mask_i));
  always_comb begin
    illegal = 1'b1;                                     // looked at in EXECUTE alone
    if (state_q == EXECUTE) begin
      if (is_vma | is_gvma)
        illegal = (|(w0 & ~IOTINVAL_W0)) | (|(w1 & ~IOTINVAL_W1)) | (w0[regs_pkg::CMD_W0_IOTINVAL_NL_LSB] & ~nl_i) | (napot & ~s_i)
                | (is_gvma & w0[regs_pkg::CMD_W0_IOTINVAL_PSCV_LSB]);
      else if (is_fence)
        illegal = (|(w0 & ~IOFENCE_W0)) | (|(w1 & ~IOFENCE_W1)) | (w0[regs_pkg::CMD_W0_IOFENCE_WSI_LSB] & ~wsi_i);
      else if (is_ddt)
        illegal = (|(w0 & ~IODIR_W0)) | (|w1) | (|pid) | did_wide;
      else if (is_pdt)                                     // without process directories, process ids of up to 8 bits are a legal no-op
        illegal = (|(w0 & ~IODIR_W0)) | (|w1) | ~dv | (pid_wide) | did_wide;
      else if (is_ats)                                     // the payload is the device's
        illegal = |(w0 & ~ATS_W0);
    end
  end

  // ---- invalidations -------------------------------------------------------------------------------------------------------------
  // GVMA names guest physical addresses, which the IOTLB does not keep: it drops everything. VMA with an address acts on that
  // page of every address space. Everything else that is wider drops everything, too.
  iommu_pkg::inval_t what;
  logic acts;
  assign acts = is_vma | is_gvma | is_ddt | is_pdt;
  always_comb begin
    what = '0;
    if (state_q == EXECUTE) begin
      what.tlb = is_vma | is_gvma;
      what.tlb_page = is_vma & av & ~napot;
      what.page = w1[regs_pkg::CMD_W1_IOTINVAL_ADDR_LSB +: regs_pkg::CMD_W1_IOTINVAL_ADDR_W];
      what.ctx = is_ddt | is_pdt;
      what.ctx_device = dv;
      what.ctx_process = is_pdt;
      what.did = did;
      what.pid = pid;
    end
  end
  assign inval_o = (state_q == EXECUTE) & ~illegal & acts;
  assign inval_what_o = what;

  // ---- fence -----------------------------------------------------------------------------------------------------------------------
  logic fence_av;
  assign fence_av = w0[regs_pkg::CMD_W0_IOFENCE_AV_LSB];
  logic fence_late;
  assign fence_late = (state_q == FENCE) & ~ats_pending_i & ats_timed_out_i;
  assign ats_timed_out_clear_o = fence_late | (en_i & ~on_q);
  assign fence_start_o = (state_q == FENCE) & ~ats_pending_i & ~ats_timed_out_i;
  assign fence_reads_o = w0[regs_pkg::CMD_W0_IOFENCE_PR_LSB];
  assign fence_writes_o = w0[regs_pkg::CMD_W0_IOFENCE_PW_LSB];
  assign wr_addr_o = {w1[regs_pkg::CMD_W1_IOFENCE_ADDR_LSB +: regs_pkg::CMD_W1_IOFENCE_ADDR_W], 2'b00};
  logic [31:0] fence_data, unused_high;
  assign fence_data = w0[regs_pkg::CMD_W0_IOFENCE_DATA_LSB +: regs_pkg::CMD_W0_IOFENCE_DATA_W];
  assign {unused_high, wr_store_o} = be_i ? iommu_pkg::swap4({32'd0, fence_data}) : {32'd0, fence_data};
  logic store_reach;
  assign store_reach = ~(|wr_addr_o[63:56]) & ~iommu_pkg::beyond(wr_addr_o[55:12], pas_i);
  assign wr_valid_o = (state_q == STORE) & store_reach;

  assign ats_valid_o = state_q == SEND;
  assign ats_o = cmd_q;

  // ---- fetch -----------------------------------------------------------------------------------------------------------------------
  logic fetch_reach;
  assign rd_addr_o = {8'd0, ppn_i, 12'd0} + {28'd0, head_q, 4'd0};
  assign fetch_reach = ~iommu_pkg::beyond(rd_addr_o[55:12], pas_i);
  assign rd_valid_o = (state_q == FETCH) & fetch_reach;

  logic stalled, ready_to_fetch;
  assign stalled = mf_q | to_q | ill_q;
  assign ready_to_fetch = on_q & en_i & ~stalled & (head_q != (tail_i & mask));

  assign head_o = head_q;
  assign on_o = on_q;
  assign busy_o = on_q != en_i;
  assign mf_o = mf_q;
  assign to_o = to_q;
  assign ill_o = ill_q;
  assign fence_w_ip_o = fence_w_ip_q;
  assign idle_o = ((state_q == IDLE) & ~ready_to_fetch & ~busy_o) | (ats_waiting_i & ((state_q == FENCE) | (state_q == SEND)));

  logic advance;
  always_comb begin
    case (state_q)
      EXECUTE: advance = ~illegal & ~is_fence & ~is_ats;
      SEND:    advance = ats_taken_i;
      FENCED:  advance = fence_done_i & ~fence_av;
      STORE:   advance = wr_done_i & ~wr_error_i;
      default: advance = 1'b0;
    endcase
  end

  always_ff @(posedge clk_i) if (data_valid_i) cmd_q <= be_i ? {iommu_pkg::swap8(data_i[127:64]), iommu_pkg::swap8(data_i[63:0])} : data_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= IDLE;
      on_q <= 1'b0;
      mf_q <= 1'b0;
      to_q <= 1'b0;
      ill_q <= 1'b0;
      fence_w_ip_q <= 1'b0;
      head_q <= 32'd0;
    end else begin
      if (mf_clear_i) mf_q <= 1'b0;
      if (to_clear_i) to_q <= 1'b0;
      if (ill_clear_i) ill_q <= 1'b0;
      if (fence_w_ip_clear_i) fence_w_ip_q <= 1'b0;

      case (state_q)
        IDLE: if (ready_to_fetch) state_q <= FETCH;
        FETCH: begin
          if (!fetch_reach) begin
            mf_q <= 1'b1;
            state_q <= IDLE;
          end else if (rd_ready_i) state_q <= WAIT;
        end
        WAIT: if (data_valid_i) begin
          if (data_error_i) mf_q <= 1'b1;
          state_q <= data_error_i ? IDLE : EXECUTE;
        end
        EXECUTE: begin
          if (illegal) ill_q <= 1'b1;
          state_q <= illegal ? IDLE : is_fence ? FENCE : is_ats ? SEND : IDLE;
        end
        SEND: if (ats_taken_i) state_q <= IDLE;
        FENCE: begin
          if (fence_late) to_q <= 1'b1;
          if (fence_late) state_q <= IDLE;
          else if (fence_start_o && fence_taken_i) state_q <= FENCED;
        end
        FENCED: if (fence_done_i) state_q <= fence_av ? STORE : IDLE;
        default: begin                                   // STORE
          if (!store_reach || (wr_done_i && wr_error_i)) mf_q <= 1'b1;
          if (!store_reach || wr_done_i) state_q <= IDLE;
        end
      endcase

      if (advance) begin
        head_q <= (head_q + 32'd1) & mask;
        if (is_fence && w0[regs_pkg::CMD_W0_IOFENCE_WSI_LSB]) fence_w_ip_q <= 1'b1;
      end

      if (en_i && !on_q) begin
        on_q <= 1'b1;
        head_q <= 32'd0;
        mf_q <= 1'b0;
        to_q <= 1'b0;
        ill_q <= 1'b0;
        fence_w_ip_q <= 1'b0;
      end else if (!en_i && on_q && state_q == IDLE) on_q <= 1'b0;
    end
  end

  wire unused = &{1'b0, unused_high};
endmodule
`default_nettype wire
