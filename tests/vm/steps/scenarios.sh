# SPDX-License-Identifier: Apache-2.0
# The scenarios on the card, and one with two devices behind the kernel's IOMMU.
aperture run --card "$APERTURE_CARD" /scenarios/*.json || exit
exec aperture run --card "$APERTURE_CARD" --bind first=vfio:"${APERTURE_EDU%%,*}" --bind second=vfio:"${APERTURE_EDU##*,}" \
  /scenarios-host/*.json
