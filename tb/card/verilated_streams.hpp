// SPDX-License-Identifier: Apache-2.0
#pragma once

// The part of the firewall (verilated_dut.cpp) for the streams beside AXI, for a model of any data width.

#include "tb/card/pins.hpp"

namespace aperture::tb {

template <typename To, typename From>
void put(To& to, From from) {
  to = static_cast<To>(from);
}
template <typename To, typename From>
void get(To& to, From from) {
  to = static_cast<To>(from);
}

template <typename Model>
void drive_streams(Model& m, const StreamPins& s) {
  put(m.ats_rsp_ready_i, s.ats_rsp.ready);
  put(m.msg_out_ready_i, s.msg_out.ready);
  put(m.ats_req_valid_i, s.ats_req.valid);
  if (s.ats_req.valid) {
    put(m.ats_req_tag_i, s.ats_req.tag);
    put(m.ats_req_device_id_i, s.ats_req.device_id);
    put(m.ats_req_pv_i, s.ats_req.pv);
    put(m.ats_req_process_id_i, s.ats_req.process_id);
    put(m.ats_req_priv_i, s.ats_req.priv);
    put(m.ats_req_exec_i, s.ats_req.exec);
    put(m.ats_req_write_i, s.ats_req.write);
    put(m.ats_req_iova_i, s.ats_req.iova);
  }
  put(m.pr_req_valid_i, s.pr_req.valid);
  if (s.pr_req.valid) {
    put(m.pr_req_device_id_i, s.pr_req.device_id);
    put(m.pr_req_pv_i, s.pr_req.pv);
    put(m.pr_req_process_id_i, s.pr_req.process_id);
    put(m.pr_req_priv_i, s.pr_req.priv);
    put(m.pr_req_exec_i, s.pr_req.exec);
    put(m.pr_req_payload_i, s.pr_req.payload);
  }
  put(m.inv_cpl_valid_i, s.inv_cpl.valid);
  if (s.inv_cpl.valid) {
    put(m.inv_cpl_device_id_i, s.inv_cpl.device_id);
    put(m.inv_cpl_itags_i, s.inv_cpl.itags);
    put(m.inv_cpl_cc_i, s.inv_cpl.cc);
  }
}

template <typename Model>
void sample_streams(const Model& m, StreamPins& s) {
  if (s.ats_req.valid) get(s.ats_req.ready, m.ats_req_ready_o);
  if (s.pr_req.valid) get(s.pr_req.ready, m.pr_req_ready_o);
  if (s.inv_cpl.valid) get(s.inv_cpl.ready, m.inv_cpl_ready_o);
  get(s.ats_rsp.valid, m.ats_rsp_valid_o);
  if (s.ats_rsp.valid) {
    get(s.ats_rsp.tag, m.ats_rsp_tag_o);
    get(s.ats_rsp.status, m.ats_rsp_status_o);
    get(s.ats_rsp.page, m.ats_rsp_page_o);
    get(s.ats_rsp.lg, m.ats_rsp_lg_o);
    get(s.ats_rsp.r, m.ats_rsp_r_o);
    get(s.ats_rsp.w, m.ats_rsp_w_o);
    get(s.ats_rsp.x, m.ats_rsp_x_o);
    get(s.ats_rsp.global, m.ats_rsp_global_o);
    get(s.ats_rsp.priv, m.ats_rsp_priv_o);
    get(s.ats_rsp.untranslated, m.ats_rsp_untranslated_o);
    get(s.ats_rsp.pbmt, m.ats_rsp_pbmt_o);
  }
  get(s.msg_out.valid, m.msg_out_valid_o);
  if (s.msg_out.valid) {
    get(s.msg_out.response, m.msg_out_response_o);
    get(s.msg_out.dsv, m.msg_out_dsv_o);
    get(s.msg_out.device_id, m.msg_out_device_id_o);
    get(s.msg_out.pv, m.msg_out_pv_o);
    get(s.msg_out.process_id, m.msg_out_process_id_o);
    get(s.msg_out.payload, m.msg_out_payload_o);
    get(s.msg_out.itag, m.msg_out_itag_o);
  }
}

}  // namespace aperture::tb
