// SPDX-License-Identifier: Apache-2.0
//
// Types, sizes and small functions that the IOMMU's modules share. Every struct is used as a scalar and has its width in a
// constant beside it (Yosys does not take $bits of a type); arrays are memories of plain vectors.
//
// A module that is linted alone uses only some of the constants, which is no fault: UNUSEDPARAM is off for this file alone.
`default_nettype none
/* verilator lint_off UNUSEDPARAM */
package iommu_pkg;
  // ---- sizes ------------------------------------------------------------------------------------------------------------
  localparam int unsigned PORTS = 2;
  localparam int unsigned IDS = 32;         // ids on m_data: {port, id of the port}
  localparam int unsigned PEND = 8;         // pending entries of one port in one direction
  localparam int unsigned PENDS = PORTS * PEND;
  localparam int unsigned PEND_AW = 4;
  localparam int unsigned SLOTS = 8;        // walks in flight
  localparam int unsigned SLOT_AW = 3;
  localparam int unsigned TLB_WAYS = 4;     // 4 KiB leaves
  localparam int unsigned TLB_SETS = 16;
  localparam int unsigned TLB_SET_AW = 4;
  localparam int unsigned TLB_LARGE = 8;    // larger leaves, fully associative
  localparam int unsigned CONTEXTS = 8;

  // ---- m_iommu: transaction ids and what AxUSER says ---------------------------------------------------------------------
  localparam logic [3:0] MEM_ID_CQ = 4'd8;  // ids below are the walk slots
  localparam int unsigned MEM_IDS = 10;
  localparam logic [3:0] MEM_ID_STORE = 4'd9;
  localparam logic [3:0] MEM_ID_MRIF = 4'd9;  // reads
  localparam logic [2:0] KIND_WALK = 3'd0;
  localparam logic [2:0] KIND_CQ = 3'd1;
  localparam logic [2:0] KIND_FQ = 3'd2;
  localparam logic [2:0] KIND_STORE = 3'd3;
  localparam logic [2:0] KIND_MSI = 3'd4;
  localparam logic [2:0] KIND_MRIF = 3'd5;
  localparam logic [2:0] KIND_NOTICE = 3'd6;
  localparam logic [2:0] KIND_PQ = 3'd7;

  localparam logic [1:0] RESP_EXOKAY = 2'b01;
  localparam logic [1:0] RESP_SLVERR = 2'b10;
  localparam logic [1:0] TTYPE_UNTRANSLATED = 2'd0;
  localparam logic [1:0] TTYPE_ATS = 2'd1;
  localparam logic [1:0] TTYPE_TRANSLATED = 2'd2;

  // Bundles are whole 32-bit words whose wide fields start at one, since that simulates much faster; `zero` fills up and vanishes in
  // synthesis.

  // ---- a request, from port acceptance to m_data --------------------------------------------------------------------------
  typedef struct packed {
    logic [3:0]  zero;
    logic        write;    // of requests that come from no port: write permission is asked for
    logic        msi;      // the result: the MSI page table was used
    logic [1:0]  pbmt;     // the result: memory type
    logic [23:0] qosid;    // {MCID, RCID}

    logic [24:0] zero1;
    logic        port;
    logic [3:0]  id;
    logic        pcol;     // fence colour of the pipeline
    logic        fcol;     // fence colour of the answers in flight

    logic        refused;  // port isolated, or a device_id that the port may not use: answered SLVERR without a walk
    logic [2:0]  size;
    logic [1:0]  burst;
    logic [2:0]  prot;
    logic [1:0]  ttype;
    logic        pv;
    logic [19:0] pid;

    logic [23:0] did;
    logic [7:0]  len;

    logic [63:0] addr;
  } req_t;
  localparam int unsigned REQ_W = 192;

  // ---- what registers and straps say -----------------------------------------------------------------------------------------
  typedef struct packed {
    logic [63:0] caps;          // capabilities
    logic [43:0] root;          // ddtp.PPN
    logic [3:0]  mode;          // ddtp.iommu_mode
    logic        be;            // fctl.BE
    logic        be_writable;
    logic        gxl;           // fctl.GXL
    logic        gxl_writable;
    logic [3:0]  rcid_bits;
    logic [3:0]  mcid_bits;
    logic [23:0] qosid;         // iommu_qosid, {MCID, RCID}
  } config_t;
  localparam int unsigned CONFIG_W = 148;

  // ---- resolved device or process context ----------------------------------------------------------------------------------
  typedef struct packed {
    logic [18:0] zero;
    logic [23:0] did;
    logic        pv;
    logic [19:0] pid;
  } ctx_key_t;
  localparam int unsigned CTX_KEY_W = 64;

  // what a lookup needs
  typedef struct packed {
    logic [24:0] zero;
    logic        ens;      // supervisor privilege may be asked for
    logic        en_ats;
    logic        t2gpa;
    logic        msi_on;   // GPAs are matched against the MSI pattern
    logic        sxl;      // first stage is Sv32
    logic        s1_on;    // first stage translates
    logic        g_on;     // second stage translates
    logic [2:0]  s1_top;   // level of its root table: 1 Sv32, 2 Sv39, 3 Sv48, 4 Sv57
    logic        sum;
    logic [15:0] gscid;

    logic [23:0] qosid;    // {MCID, RCID}
    logic [19:0] pscid;
  } ctx_t;
  localparam int unsigned CTX_W = 96;

  // what a walk needs beside that
  typedef struct packed {
    logic [11:0] zero;
    logic [51:0] msi_mask;

    logic [11:0] zero1;
    logic [51:0] msi_pattern;

    logic [19:0] zero2;
    logic [43:0] msi_root;

    logic [10:0] zero3;
    logic        pdtv;     // fsc is the root of a process directory; s1_* are that until a process context is known
    logic        dtf;
    logic        en_pri;
    logic        prpr;
    logic        sade;
    logic        gade;
    logic        sbe;
    logic        dpe;
    logic        zero4;
    logic [43:0] s1_root;

    logic [16:0] zero5;
    logic [2:0]  g_top;    // level of the second stage's root table: 1 Sv32x4, 2 Sv39x4, 3 Sv48x4, 4 Sv57x4
    logic [43:0] g_root;
  } walk_ctx_t;
  localparam int unsigned WALK_CTX_W = 320;

  // ---- IOTLB entry: three words, of which the first two are what it is looked up by. Raw permissions of the leaf, of both stages merged ----
  typedef struct packed {
    logic [43:0] ppn;
    logic [4:0]  zero;
    logic [5:0]  lg;       // log2 of the 4 KiB pages
    logic [1:0]  pbmt;
    logic        msi;      // from the MSI page table
    logic        g;
    logic        d;
    logic        u;
    logic        x;
    logic        w;
    logic        r;
  } tlb_leaf_t;

  typedef struct packed {
    logic [19:0] zero;
    logic [23:0] space;    // GSCID, 0 without second stage
    logic [19:0] pscid;    // 0 without first stage

    logic [12:0] zero1;
    logic        msi_on;   // found with MSI matching on: then space is the device_id, since devices of one GSCID may match differently
    logic        s1_on;
    logic        g_on;
    logic        sxl;
    logic [46:0] vpn;      // IOVA[58:12]; the bits above are its sign extension or zero, checked against the mode at lookup

    tlb_leaf_t   leaf;
  } tlb_t;
  localparam int unsigned TLB_W = 192;
  // Of the first word global entries ignore the PSCID.
  localparam logic [63:0] TLB_SPACE_GLOBAL = 64'h0000_0fff_fff0_0000;

  // ---- a walk ---------------------------------------------------------------------------------------------------------------
  // where it stands: steps that begin something without an entry from memory ...
  localparam logic [3:0] WALK_START = 4'd0;  // the request
  localparam logic [3:0] WALK_GUEST = 4'd2;  // gpa is to be translated
  // ... and what is read, or written, next
  localparam logic [3:0] WALK_DDT = 4'd4;    // non-leaf device-directory entry
  localparam logic [3:0] WALK_DC = 4'd5;     // device context
  localparam logic [3:0] WALK_PDT = 4'd6;    // non-leaf process-directory entry
  localparam logic [3:0] WALK_PC = 4'd7;     // process context
  localparam logic [3:0] WALK_S1 = 4'd8;     // first-stage page-table entry
  localparam logic [3:0] WALK_G = 4'd9;      // second-stage page-table entry
  localparam logic [3:0] WALK_MSI = 4'd10;   // MSI page-table entry
  localparam logic [3:0] WALK_UPDATE_S1 = 4'd11;  // A and D are being written into a first-stage page-table entry
  localparam logic [3:0] WALK_UPDATE_G = 4'd12;   // ... into a second-stage one

  // what gpa is
  localparam logic [1:0] GOAL_PDT = 2'd0;    // an entry of the process directory
  localparam logic [1:0] GOAL_S1 = 2'd1;     // a first-stage page-table entry
  localparam logic [1:0] GOAL_UPDATE = 2'd2; // the same, to be written
  localparam logic [1:0] GOAL_FINAL = 2'd3;  // what the device accesses

  // who asked for it
  localparam logic [1:0] SRC_PORT = 2'd0, SRC_DEBUG = 2'd1, SRC_ATS = 2'd2, SRC_PAGE = 2'd3;

  // raw permissions and attributes of a leaf
  typedef struct packed {
    logic [5:0] lg;
    logic [1:0] pbmt;
    logic       d;
    logic       u;
    logic       x;
    logic       w;
    logic       r;
  } leaf_t;
  localparam int unsigned LEAF_W = 13;

  typedef struct packed {
    logic [63:0] iova;
    logic [63:0] gpa;
    logic [63:0] addr;     // of what is read next; then bits 63:12 are the result
    logic [63:0] pte;      // being written
    walk_ctx_t   wctx;
    ctx_t        ctx;
    logic [23:0] did;
    logic [19:0] pid;
    logic        pv;
    logic [1:0]  ttype;
    logic [1:0]  src;
    logic        write;
    logic        exec;
    logic        priv;
    logic        s1;       // the first stage takes part (a translated request skips it)
    logic [3:0]  kind;
    logic [1:0]  goal;
    logic [2:0]  level;    // of the table that is read: directories and first stage
    logic [2:0]  glevel;   // of the second stage's
    logic        cached;   // first stage entered through its walk cache: gpa of the entry is not known
    logic        plain;    // walk caches are not used
    logic        excl;     // the entry is read exclusively, to be written
    logic        may_set;  // the page of the first-stage entry may be written
    logic        located;  // ctx is valid
    logic        fault;
    logic        logged;   // the fault goes to the fault queue
    logic [11:0] cause;
    logic [1:0]  iotval2;  // a guest page fault: the low two bits
    logic        guest;    // it is a guest page fault
    logic        fill;     // the result may enter the IOTLB
    logic        fract;    // ... as an entry smaller than its leaf
    logic        g;
    logic        msi;
    logic        mrif;
    leaf_t       leaf;     // of the first stage, then of both
  } slot_t;
  localparam int unsigned SLOT_W = 4*64 + WALK_CTX_W + CTX_W + 24 + 20 + 1 + 2 + 2 + 3 + 1 + 4 + 2 + 6 + 5 + 2 + 12 + 3 + 2 + 3 + LEAF_W;

  localparam int unsigned PAGE_KEY_W = 52 + 24 + 1 + 20 + 2;

  // result of a walk for those who are no port
  typedef struct packed {
    logic        fault;
    logic [11:0] cause;
    logic        located;
    logic        en_pri;
    logic        prpr;
    logic        r;
    logic        w;
    logic        x;
    logic        g;
    logic        untranslated;
    logic        mrif;
    logic [1:0]  pbmt;
    logic [5:0]  lg;
    logic [51:0] page;
  } side_t;
  localparam int unsigned SIDE_W = 82;

  // a memory-resident interrupt file
  typedef struct packed {
    logic [46:0] addr;      // bits 55:9
    logic [10:0] nid;
    logic [43:0] notice;    // page of the notice MSI
    logic        dtf;       // faults are not logged
    logic [23:0] qosid;
  } mrif_t;
  localparam int unsigned MRIF_W = 127;

  // what a performance counter's filters look at
  typedef struct packed {
    logic [23:0] did;
    logic        pv;
    logic [19:0] pid;
    logic        ctx_known;
    logic        gscid_valid;
    logic [15:0] gscid;
    logic        pscid_valid;
    logic [19:0] pscid;
  } event_t;
  localparam int unsigned EVENT_W = 84;
  localparam logic [1:0] EVENT_DDT = 2'd0, EVENT_PDT = 2'd1, EVENT_S1 = 2'd2, EVENT_G = 2'd3;

  // ---- checks, in order of priority: iommu_cause turns the first one that failed into a cause ---------------------------------
  localparam int unsigned CHECKS = 24;
  localparam int unsigned CHK_OFF = 0, CHK_BARE_TYPE = 1, CHK_DEVICE_WIDTH = 2, CHK_DDT_ACCESS = 3;
  localparam int unsigned CHK_DDT_CORRUPT = 4, CHK_DDT_VALID = 5, CHK_DDT_CONFIG = 6, CHK_TYPE = 7;
  localparam int unsigned CHK_PDT_ACCESS = 8, CHK_PDT_CORRUPT = 9, CHK_PDT_VALID = 10, CHK_PDT_CONFIG = 11;
  localparam int unsigned CHK_PRIVILEGE = 12, CHK_IOVA = 13, CHK_PT_ACCESS = 14, CHK_PT_CORRUPT = 15;
  localparam int unsigned CHK_PAGE = 16, CHK_GUEST_PAGE = 17, CHK_MSI_ACCESS = 18, CHK_MSI_CORRUPT = 19;
  localparam int unsigned CHK_MSI_VALID = 20, CHK_MSI_CONFIG = 21, CHK_MSI_EXEC = 22, CHK_MSI_DEBUG = 23;

  // ---- invalidation, one clock ---------------------------------------------------------------------------------------------------
  typedef struct packed {
    logic        tlb;         // IOTLB, walk caches and walks
    logic        tlb_page;    // only what may translate page; else everything
    logic [51:0] page;        // IOVA[63:12]
    logic        ctx;         // contexts
    logic        ctx_device;  // only those of did; else all
    logic        ctx_process; // ... and only that of pid; with pid 0 also the one without a process id
    logic [23:0] did;
    logic [19:0] pid;
  } inval_t;
  localparam int unsigned INVAL_W = 101;

  // ---- functions (vectors in, vector out) -------------------------------------------------------------------------------------------

  // log2 of the 4 KiB pages that a leaf of the given level maps; narrow: the 32-bit formats.
  function automatic logic [5:0] level_lg(input logic [2:0] level, input logic narrow);
    case (level)
      3'd0: level_lg = 6'd0;
      3'd1: level_lg = narrow ? 6'd10 : 6'd9;
      3'd2: level_lg = 6'd18;
      3'd3: level_lg = 6'd27;
      default: level_lg = 6'd36;
    endcase
  endfunction

  // Mask of the virtual page-number bits that lie outside of a leaf of 2^lg pages.
  function automatic logic [46:0] outer_vpn(input logic [5:0] lg);
    case (lg)
      6'd0: outer_vpn = {47{1'b1}};
      6'd4: outer_vpn = {{43{1'b1}}, 4'd0};
      6'd9: outer_vpn = {{38{1'b1}}, 9'd0};
      6'd10: outer_vpn = {{37{1'b1}}, 10'd0};
      6'd18: outer_vpn = {{29{1'b1}}, 18'd0};
      6'd27: outer_vpn = {{20{1'b1}}, 27'd0};
      default: outer_vpn = {{11{1'b1}}, 36'd0};
    endcase
  endfunction

  // Mask of the page-number bits that lie inside it.
  function automatic logic [51:0] inner_mask(input logic [5:0] lg);
    case (lg)
      6'd0: inner_mask = 52'd0;
      6'd4: inner_mask = {48'd0, 4'hf};
      6'd9: inner_mask = {43'd0, 9'h1ff};
      6'd10: inner_mask = {42'd0, 10'h3ff};
      6'd18: inner_mask = {34'd0, 18'h3ffff};
      6'd27: inner_mask = {25'd0, 27'h7ffffff};
      default: inner_mask = {16'd0, 36'hfffffffff};
    endcase
  endfunction

  // Address of the entry for `addr` in the table of the given level at page `ppn`; root4: a root of 16 KiB.
  function automatic logic [63:0] entry_address(input logic [43:0] ppn, input logic [63:0] addr, input logic [2:0] level,
                                                input logic narrow, input logic root4);
    logic [11:0] i;
    case (level)
      3'd0: i = addr[23:12];
      3'd1: i = narrow ? addr[33:22] : addr[32:21];
      3'd2: i = addr[41:30];
      3'd3: i = addr[50:39];
      default: i = addr[59:48];
    endcase
    if (narrow) entry_address = {8'd0, ppn, 12'd0} | {50'd0, root4 ? i[11:10] : 2'd0, i[9:0], 2'd0};
    else        entry_address = {8'd0, ppn, 12'd0} | {50'd0, root4 ? i[10:9] : 2'd0, i[8:0], 3'd0};
  endfunction

  // First-stage permission of one access: raw R, W, X, U, D of the leaf against what is asked. Without a first stage there is no user
  // and no supervisor.
  function automatic logic allowed(input logic r, input logic w, input logic x, input logic u, input logic d,
                                   input logic write, input logic exec, input logic priv, input logic sum, input logic s1_on);
    allowed = (write ? (w & d) : exec ? x : r) & (~s1_on | (priv ? (~u | (sum & ~exec)) : u));
  endfunction

  // {supported, level of the root table} of the first stage that iosatp.MODE names; Bare is supported, level 0.
  function automatic logic [3:0] first_stage(input logic [3:0] mode, input logic sxl, input logic [63:0] caps);
    case (mode)
      regs_pkg::SATP_MODE_BARE: first_stage = 4'b1000;
      regs_pkg::SATP_MODE_SV39: first_stage = sxl ? {caps[regs_pkg::IOMMU_CAPABILITIES_SV32_LSB], 3'd1} : {caps[regs_pkg::IOMMU_CAPABILITIES_SV39_LSB], 3'd2};
      regs_pkg::SATP_MODE_SV48: first_stage = {caps[regs_pkg::IOMMU_CAPABILITIES_SV48_LSB] & ~sxl, 3'd3};
      regs_pkg::SATP_MODE_SV57: first_stage = {caps[regs_pkg::IOMMU_CAPABILITIES_SV57_LSB] & ~sxl, 3'd4};
      default: first_stage = 4'd0;
    endcase
  endfunction

  // The same of the second stage that iohgatp.MODE names.
  function automatic logic [3:0] second_stage(input logic [3:0] mode, input logic gxl, input logic [63:0] caps);
    case (mode)
      regs_pkg::HGATP_MODE_BARE:   second_stage = 4'b1000;
      regs_pkg::HGATP_MODE_SV39X4: second_stage = gxl ? {caps[regs_pkg::IOMMU_CAPABILITIES_SV32X4_LSB], 3'd1} : {caps[regs_pkg::IOMMU_CAPABILITIES_SV39X4_LSB], 3'd2};
      regs_pkg::HGATP_MODE_SV48X4: second_stage = {caps[regs_pkg::IOMMU_CAPABILITIES_SV48X4_LSB] & ~gxl, 3'd3};
      regs_pkg::HGATP_MODE_SV57X4: second_stage = {caps[regs_pkg::IOMMU_CAPABILITIES_SV57X4_LSB] & ~gxl, 3'd4};
      default: second_stage = 4'd0;
    endcase
  endfunction

  // Is the IOVA what a first stage with its root at level top translates? A sign extension; of 32 bits none.
  function automatic logic canonical(input logic [63:0] iova, input logic [2:0] top);
    case (top)
      3'd1: canonical = ~(|iova[63:32]);
      3'd2: canonical = (&iova[63:38]) | ~(|iova[63:38]);
      3'd3: canonical = (&iova[63:47]) | ~(|iova[63:47]);
      default: canonical = (&iova[63:56]) | ~(|iova[63:56]);
    endcase
  endfunction

  // Is the guest physical address what a second stage with its root at level top translates?
  function automatic logic guest_fits(input logic [63:0] gpa, input logic [2:0] top);
    case (top)
      3'd1: guest_fits = ~(|gpa[63:34]);
      3'd2: guest_fits = ~(|gpa[63:41]);
      3'd3: guest_fits = ~(|gpa[63:50]);
      default: guest_fits = ~(|gpa[63:59]);
    endcase
  endfunction

  // Does a page number lie beyond a physical address width of pas bits?
  function automatic logic beyond(input logic [43:0] ppn, input logic [5:0] pas);
    beyond = (ppn >> (pas - 6'd12)) != 44'd0;
  endfunction

  // Eight bytes, or each half of them, in the other order.
  function automatic logic [63:0] swap8(input logic [63:0] d);
    swap8 = {d[7:0], d[15:8], d[23:16], d[31:24], d[39:32], d[47:40], d[55:48], d[63:56]};
  endfunction
  function automatic logic [63:0] swap4(input logic [63:0] d);
    swap4 = {d[39:32], d[47:40], d[55:48], d[63:56], d[7:0], d[15:8], d[23:16], d[31:24]};
  endfunction

  // Mask of w bits from bit lsb.
  function automatic logic [63:0] bits(input int unsigned lsb, input int unsigned w);
    bits = ((w >= 64) ? 64'hffff_ffff_ffff_ffff : ((64'd1 << w) - 64'd1)) << lsb;
  endfunction
endpackage
/* verilator lint_on UNUSEDPARAM */
`default_nettype wire
