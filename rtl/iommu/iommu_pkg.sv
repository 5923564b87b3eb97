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
  localparam int unsigned MEM_IDS = 9;
  localparam logic [3:0] MEM_ID_STORE = 4'd9;
  localparam logic [2:0] KIND_WALK = 3'd0;
  localparam logic [2:0] KIND_CQ = 3'd1;
  localparam logic [2:0] KIND_FQ = 3'd2;
  localparam logic [2:0] KIND_STORE = 3'd3;
  localparam logic [2:0] KIND_MSI = 3'd4;

  localparam logic [1:0] RESP_SLVERR = 2'b10;
  localparam logic [1:0] TTYPE_UNTRANSLATED = 2'd0;

  // Bundles are whole 32-bit words whose wide fields start at one, since that simulates much faster; `zero` fills up and vanishes in
  // synthesis.

  // ---- a request, from port acceptance to m_data --------------------------------------------------------------------------
  typedef struct packed {
    logic [24:0] zero;
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
  localparam int unsigned REQ_W = 160;

  // ---- resolved device or process context ----------------------------------------------------------------------------------
  typedef struct packed {
    logic [18:0] zero;
    logic [23:0] did;
    logic        pv;
    logic [19:0] pid;
  } ctx_key_t;
  localparam int unsigned CTX_KEY_W = 64;

  typedef struct packed {
    logic [25:0] zero;
    logic        s1_on;    // first stage translates
    logic [2:0]  s1_top;   // level of its root table: 2 Sv39, 3 Sv48, 4 Sv57
    logic        sum;
    logic        dtf;

    logic [43:0] s1_root;
    logic [19:0] pscid;
  } ctx_t;
  localparam int unsigned CTX_W = 96;

  // ---- IOTLB entry: raw permissions of the leaf -----------------------------------------------------------------------------
  typedef struct packed {
    logic [43:0] ppn;
    logic [19:0] pscid;

    logic [9:0]  zero;
    logic [44:0] vpn;      // IOVA[56:12]; the bits above are its sign extension, checked against the mode at lookup
    logic [2:0]  level;    // 0: 4 KiB, 1: 2 MiB, 2: 1 GiB, 3: 512 GiB, 4: 256 TiB
    logic        g;
    logic        d;
    logic        u;
    logic        x;
    logic        w;
    logic        r;
  } tlb_t;
  localparam int unsigned TLB_W = 128;

  // ---- a walk ---------------------------------------------------------------------------------------------------------------
  localparam logic [1:0] WALK_DDT = 2'd0;   // reads a non-leaf device-directory entry
  localparam logic [1:0] WALK_DC = 2'd1;    // reads a device context
  localparam logic [1:0] WALK_S1 = 2'd2;    // reads a first-stage page-table entry

  typedef struct packed {
    logic [63:0] iova;
    logic [23:0] did;
    logic        pv;
    logic [19:0] pid;
    logic [1:0]  ttype;
    logic        write;
    logic        exec;
    logic        priv;
    logic [1:0]  kind;     // what is read next
    logic [2:0]  level;
    logic [51:0] ppn;      // table that is read next, then the result
    ctx_t        ctx;
    logic        located;  // ctx is valid
    logic        fault;
    logic        logged;   // the fault goes to the fault queue
    logic [11:0] cause;
    logic        fill;     // the result may enter the IOTLB
    logic        napot;
    logic        g;
    logic        d;
    logic        u;
    logic        x;
    logic        w;
    logic        r;
  } slot_t;
  localparam int unsigned SLOT_W = 64 + 24 + 1 + 20 + 2 + 3 + 2 + 3 + 52 + CTX_W + 3 + 12 + 8;

  localparam int unsigned PAGE_KEY_W = 52 + 24 + 1 + 20 + 2;

  // ---- checks, in order of priority: iommu_cause turns the first one that failed into a cause ---------------------------------
  localparam int unsigned CHECKS = 12;
  localparam int unsigned CHK_OFF = 0;
  localparam int unsigned CHK_BARE_TYPE = 1;
  localparam int unsigned CHK_DEVICE_WIDTH = 2;
  localparam int unsigned CHK_DDT_ACCESS = 3;
  localparam int unsigned CHK_DDT_CORRUPT = 4;
  localparam int unsigned CHK_DDT_VALID = 5;
  localparam int unsigned CHK_DDT_CONFIG = 6;
  localparam int unsigned CHK_TYPE = 7;
  localparam int unsigned CHK_IOVA = 8;
  localparam int unsigned CHK_PT_ACCESS = 9;
  localparam int unsigned CHK_PT_CORRUPT = 10;
  localparam int unsigned CHK_PAGE = 11;

  // ---- invalidation, one clock ---------------------------------------------------------------------------------------------------
  typedef struct packed {
    logic        tlb;        // IOTLB and walks
    logic        tlb_page;   // only what may translate addr; else everything
    logic [51:0] page;       // IOVA[63:12]
    logic        ctx;        // contexts
    logic        ctx_device; // only those of did; else all
    logic [23:0] did;
  } inval_t;
  localparam int unsigned INVAL_W = 80;

  // ---- functions (vectors in, vector out) -------------------------------------------------------------------------------------------

  // Physical page number of a 4 KiB page inside a leaf of the given level.
  function automatic logic [43:0] leaf_page(input logic [43:0] ppn, input logic [43:0] vpn, input logic [2:0] level);
    case (level)
      3'd0: leaf_page = ppn;
      3'd1: leaf_page = {ppn[43:9], vpn[8:0]};
      3'd2: leaf_page = {ppn[43:18], vpn[17:0]};
      3'd3: leaf_page = {ppn[43:27], vpn[26:0]};
      default: leaf_page = {ppn[43:36], vpn[35:0]};
    endcase
  endfunction

  // Bits of IOVA[56:12] that a leaf of the given level translates (1: must match).
  function automatic logic [44:0] level_mask(input logic [2:0] level);
    case (level)
      3'd0: level_mask = {45{1'b1}};
      3'd1: level_mask = {{36{1'b1}}, 9'd0};
      3'd2: level_mask = {{27{1'b1}}, 18'd0};
      3'd3: level_mask = {{18{1'b1}}, 27'd0};
      default: level_mask = {{9{1'b1}}, 36'd0};
    endcase
  endfunction

  // First-stage permission of one access: raw R, W, X, U, D of the leaf against what is asked.
  function automatic logic allowed(input logic r, input logic w, input logic x, input logic u, input logic d,
                                   input logic write, input logic exec, input logic priv, input logic sum);
    allowed = (write ? (w & d) : exec ? x : r) & (priv ? (~u | (sum & ~exec)) : u);
  endfunction

  // Is the IOVA the sign extension of what a table with its root at level top translates?
  function automatic logic canonical(input logic [63:0] iova, input logic [2:0] top);
    case (top)
      3'd2: canonical = (&iova[63:38]) | ~(|iova[63:38]);
      3'd3: canonical = (&iova[63:47]) | ~(|iova[63:47]);
      default: canonical = (&iova[63:56]) | ~(|iova[63:56]);
    endcase
  endfunction

  // Does a page number lie beyond a physical address width of pas bits?
  function automatic logic beyond(input logic [43:0] ppn, input logic [5:0] pas);
    beyond = (ppn >> (pas - 6'd12)) != 44'd0;
  endfunction

  // Mask of w bits from bit lsb.
  function automatic logic [63:0] bits(input int unsigned lsb, input int unsigned w);
    bits = ((w >= 64) ? 64'hffff_ffff_ffff_ffff : ((64'd1 << w) - 64'd1)) << lsb;
  endfunction
endpackage
/* verilator lint_on UNUSEDPARAM */
`default_nettype wire
