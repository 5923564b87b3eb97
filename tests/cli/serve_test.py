#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""aperture serve, from its first line to its last, and the commands on the card that it serves."""
import json
import select
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from program import PROGRAM, SEED, run, run_json

OK, CHECK_FAILED, USAGE, ENVIRONMENT = 0, 1, 2, 3
LIMIT = 60


class Serve(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.socket = self.folder / "card.sock"
        self.card = f"vfio-user:{self.socket}"

    def serve(self, *arguments):
        """A server that is ready."""
        server = subprocess.Popen([PROGRAM, "serve", "--socket", self.socket, "--seed", SEED, *arguments], text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.stderr.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        stream = server.stderr if "--json" in arguments else server.stdout
        self.assertTrue(select.select([stream], [], [], LIMIT)[0])
        self.assertEqual(stream.readline(), f"listening on {self.socket}\n")
        return server

    def end(self, server, how=signal.SIGTERM):
        server.send_signal(how)
        output, error = server.communicate(timeout=LIMIT)
        self.assertEqual((server.returncode, error), (OK, ""))
        self.assertFalse(self.socket.exists())
        return output

    def test_dma_works_both_ways_and_is_counted(self):
        content = bytes(range(256)) * 300
        (self.folder / "input").write_bytes(content)
        server = self.serve("--json")
        for dma in ("memfd", "inband"):
            out = self.folder / dma
            code, document = run_json("dma", str(self.folder / "input"), "--out", str(out), "--card",
                                      f"{self.card},dma={dma}")
            self.assertEqual(code, OK, document)
            self.assertEqual(out.read_bytes(), content)
        document = json.loads(self.end(server))
        shared, asked = document["client0"]["dma"], document["client1"]["dma"]
        self.assertGreater(shared["file_read"], 0)
        self.assertEqual(asked["file_read"], 0)
        self.assertEqual(shared["message_written"], len(content))
        self.assertGreater(asked["message_written"], len(content))
        self.assertEqual(document["client0"]["received"]["VERSION"], 1)
        self.assertEqual(document["client0"]["error_replies"], 0)

    def test_demo_works(self):
        (self.folder / "input").write_bytes(b"0123456789" * 1000)
        server = self.serve()
        code, _, error = run("demo", "--file", str(self.folder / "input"), "--card", self.card)
        self.assertEqual((code, error), (OK, ""))
        self.assertIn("client ended", self.end(server))

    def test_dump_names_the_card(self):
        server = self.serve()
        code, output, _ = run("dump", "--card", self.card)
        self.assertEqual(code, OK)
        self.assertIn(str(self.socket), output.splitlines()[0])
        self.end(server, signal.SIGINT)

    def test_once_ends_with_the_first_client(self):
        server = self.serve("--once")
        self.assertEqual(run("dump", "--card", self.card)[0], OK)
        server.communicate(timeout=LIMIT)
        self.assertEqual(server.returncode, OK)
        self.assertFalse(self.socket.exists())

    def test_client_that_is_killed_makes_room_for_the_next(self):
        (self.folder / "input").write_bytes(bytes(4_000_000))
        server = self.serve()
        client = subprocess.Popen([PROGRAM, "dma", self.folder / "input", "--card", self.card],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        client.kill()
        client.wait()
        code, _, error = run("dma", str(self.small()), "--card", self.card)
        self.assertEqual((code, error), (OK, ""))
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=LIMIT)
        self.assertEqual(server.returncode, OK)

    def small(self):
        file = self.folder / "small"
        file.write_bytes(b"x" * 5000)
        return file

    def test_idle_server_uses_no_processor_time(self):
        server = self.serve()
        self.assertEqual(run("dump", "--card", self.card)[0], OK)

        def ticks():
            return sum(int(field) for field in Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13])
        time.sleep(0.3)
        before = ticks()
        time.sleep(1)
        self.assertLessEqual(ticks() - before, 1)
        self.end(server)

    def test_second_server_at_one_socket_is_refused(self):
        server = self.serve()
        code, _, error = run("serve", "--socket", str(self.socket))
        self.assertEqual(code, ENVIRONMENT)
        self.assertIn(str(self.socket), error)
        server.kill()

    def test_socket_is_needed(self):
        code, _, error = run("serve")
        self.assertEqual(code, USAGE)
        self.assertIn("--socket", error)

    def test_only_a_simulated_card_is_served(self):
        code, _, error = run("serve", "--socket", str(self.socket), "--card", self.card)
        self.assertEqual(code, USAGE)
        self.assertIn("sim", error)

    def test_nobody_at_the_socket_is_named(self):
        code, _, error = run("dump", "--card", self.card)
        self.assertEqual(code, ENVIRONMENT)
        self.assertIn(str(self.socket), error)

    def test_unknown_kind_of_dma_is_named(self):
        code, _, error = run("dump", "--card", f"{self.card},dma=telepathy")
        self.assertEqual(code, USAGE)
        self.assertIn("telepathy", error)


if __name__ == "__main__":
    unittest.main()
