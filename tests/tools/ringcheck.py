#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads a mount in a loop and compares each pass with the rings it may show.

  ringcheck.py MOUNT RINGS SECONDS [--down-ok]

RINGS is a directory of numbered directories, each a whole ring. A listing
must be one of them, or one and the next, whole as well (what left the store
stays until a second read agrees); each listed file must open and be byte for
byte the file of that name. Passes must not go backwards. With --down-ok errors
of a dead mount are allowed, but every call must return within a second, and
an empty or foreign listing still is an anomaly; and more than two whole rings
in a row may be listed, for a killed daemon never made its second read. Prints one line; exit 1 on anomalies.
"""
import errno
import os
import sys
import time

DOWN = {errno.ENOTCONN, errno.EIO, errno.ECONNABORTED, errno.ENOENT}


class Rings:
    def __init__(self, root):
        self.root = root
        self.rings = {}
        self.files = {}
        self.owner = {}

    def look(self):
        for number in os.listdir(self.root):
            if not number.isdigit() or int(number) in self.rings:
                continue
            path = os.path.join(self.root, number)
            names = frozenset(n for n in os.listdir(path) if n.endswith(".xml"))
            for name in names:
                with open(os.path.join(path, name), "rb") as f:
                    self.files[name] = f.read()
                self.owner[name] = int(number)
            self.rings[int(number)] = names

    def which(self, names, most):
        """The newest ring of a listing of at most MOST whole rings in a row, else None."""
        numbers = {self.owner.get(name) for name in names}
        if None in numbers or len(numbers) > most or max(numbers) - min(numbers) >= len(numbers):
            return None
        if names != frozenset().union(*(self.rings[n] for n in numbers)):
            return None
        return max(numbers)


def timed(counts, call, *args):
    begin = time.monotonic()
    try:
        return call(*args)
    finally:
        took = time.monotonic() - begin
        counts["slowest_ms"] = max(counts["slowest_ms"], int(took * 1000))
        if took > 1:
            counts["late"] += 1


def read(path):
    with open(path, "rb") as f:
        return f.read()


def one_pass(mount, rings, counts, down_ok, last):
    try:
        names = frozenset(n for n in timed(counts, os.listdir, mount) if n.endswith(".xml"))
    except OSError as e:
        counts["down" if down_ok and e.errno in DOWN else "errors"] += 1
        time.sleep(0.005)
        return last
    if down_ok and names == {"NOT-MOUNTED.xml"}:
        counts["down"] += 1
        time.sleep(0.005)
        return last
    if not names:
        counts["empty"] += 1
        return last
    most = 1000 if down_ok else 2
    number = rings.which(names, most)
    if number is None:
        rings.look()
        number = rings.which(names, most)
    if number is None:
        counts["mixed"] += 1
        return last
    if number < last:
        counts["back"] += 1
    for name in names:
        try:
            content = timed(counts, read, os.path.join(mount, name))
        except OSError as e:
            if down_ok and e.errno in DOWN:
                counts["down"] += 1
                return number
            counts["gone" if e.errno == errno.ENOENT else "errors"] += 1
            continue
        if content != rings.files[name]:
            counts["torn"] += 1
    counts["passes"] += 1
    return number


def main():
    mount, root, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    down_ok = "--down-ok" in sys.argv
    words = ["passes", "empty", "mixed", "torn", "gone", "back", "errors", "late", "down", "slowest_ms"]
    counts = dict.fromkeys(words, 0)
    rings = Rings(root)
    rings.look()
    last = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end and not os.path.exists(os.path.join(root, "stop")):
        last = one_pass(mount, rings, counts, down_ok, last)
    print(" ".join(f"{w}={counts[w]}" for w in words), f"last={last}", flush=True)
    bad = sum(counts[w] for w in words[1:8])
    sys.exit(1 if bad or not counts["passes"] else 0)


main()
