# SPDX-License-Identifier: Apache-2.0
# The same windows for a device behind the kernel's IOMMU and for one behind the card's own.
exec ioas_host_windows --gtest_filter='*/edu:Card/*'
