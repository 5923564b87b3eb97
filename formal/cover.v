// SPDX-License-Identifier: Apache-2.0
//
// A cover statement as the assertion that it never happens: what it shows is a counterexample to that.
module \$cover (input A, input EN);
  \$assert never (.A(~A), .EN(EN));
endmodule
