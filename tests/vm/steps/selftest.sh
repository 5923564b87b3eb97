# SPDX-License-Identifier: Apache-2.0
# The bring-up program.
exec aperture selftest --card "$APERTURE_CARD"
