# SPDX-License-Identifier: Apache-2.0
# The tests of the driver on a card, as they run on the simulated one.
exec cosim_test
