# SPDX-License-Identifier: Apache-2.0
# The conformance of address spaces on devices behind the kernel's IOMMU.
exec ioas_host_conformance --gtest_filter='*/edu'
