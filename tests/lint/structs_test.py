#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The check that keeps structs scalar."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "dev.d"))
from checks import structs  # noqa: E402

PACKAGE = """package p;
  typedef struct packed { logic [3:0] id; struct packed { logic a; } inner; } t;  // t x [0:3]
  typedef struct packed { logic v; } entry_t;
  typedef enum logic [1:0] { A, B } kind_e;
endpackage
"""


def lines(module):
    """Lines of `module` that the check names, beside PACKAGE."""
    return [int(problem.split(":")[1]) for problem in structs.problems({"p.sv": PACKAGE, "m.sv": module})]


class Refused(unittest.TestCase):
    def test_unpacked_array(self):
        self.assertEqual(lines("p::t x [0:3];"), [1])

    def test_packed_array(self):
        self.assertEqual(lines("\np::t [3:0] x;"), [2])

    def test_array_behind_a_scalar_of_the_same_declaration(self):
        self.assertEqual(lines("p::t a = '0, b, x [0:3];"), [1])

    def test_array_without_blank(self):
        self.assertEqual(lines("p::entry_t x[4];"), [1])

    def test_array_port(self):
        self.assertEqual(lines("module m (input wire p::t [1:0] a_i);"), [1])

    def test_array_as_member(self):
        self.assertEqual(lines("typedef struct packed { p::t [1:0] pair; } pair_t;"), [1])

    def test_array_type(self):
        self.assertEqual(lines("typedef p::t list_t [0:3];"), [1])

    def test_array_of_another_name_of_the_type(self):
        self.assertEqual(lines("typedef p::t other;\nother x [0:3];"), [2])

    def test_array_of_anonymous_struct(self):
        self.assertEqual(lines("struct packed { logic a; logic b; } x [0:3];"), [1])

    def test_packed_array_of_anonymous_struct(self):
        self.assertEqual(lines("struct packed { logic a; } [3:0] x;"), [1])

    def test_function_returning_struct(self):
        self.assertEqual(lines("function automatic p::t f(input logic a);"), [1])

    def test_static_function_returning_struct_without_scope(self):
        self.assertEqual(lines("function entry_t f(input logic a);"), [1])


class Accepted(unittest.TestCase):
    def test_scalars(self):
        self.assertEqual(lines("p::t a, b;\np::entry_t c = m[3];\nassign q = a.id[2:0];"), [])

    def test_initial_value_with_commas_and_selects(self):
        self.assertEqual(lines("p::t a = {x, y[3:0], z[0]};"), [])

    def test_scalar_port_before_a_vector_port(self):
        self.assertEqual(lines("module m (input wire p::t a_i, input wire [3:0] b_i, output p::t c_o, logic [3:0] d_o);"), [])

    def test_memory_of_vectors(self):
        self.assertEqual(lines("logic [73:0] m [0:3];"), [])

    def test_arrays_of_enums_and_functions_of_vectors(self):
        self.assertEqual(lines("p::kind_e k [0:3];\nfunction automatic logic [3:0] f(input logic [3:0] t);"), [])

    def test_comments(self):
        self.assertEqual(lines("// p::t x [0:3];\n/* p::t\n[3:0] x; */"), [])


if __name__ == "__main__":
    unittest.main()
