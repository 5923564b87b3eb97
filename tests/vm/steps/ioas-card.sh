# SPDX-License-Identifier: Apache-2.0
# The same on devices behind the card's own IOMMU.
exec ioas_card_conformance
