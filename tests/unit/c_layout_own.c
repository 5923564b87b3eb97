/* SPDX-License-Identifier: Apache-2.0 */
/* Our declarations alone. */
#include "c/iommufd_structures.h"

#define APERTURE_IOMMUFD_STRUCTURES_ONLY
#include "c_layout.h"
