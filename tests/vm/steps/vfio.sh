# SPDX-License-Identifier: Apache-2.0
# What any program sees of the function through the kernel's VFIO, field by field.
exec vfio_test
