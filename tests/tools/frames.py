#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads the frames of dpkeyfs-store(7) from standard input, strictly.

Prints "KIND VALUE ORIGIN NAME SHA256-OF-PAYLOAD" for each frame ("-" without a
payload) and "end TOKEN"; with an argument, writes the payloads there as 0, 1, 2...
Ends with status 1 and the reason at the first byte that the grammar does not have.
"""
import hashlib
import re
import sys

ESCAPED = rb"[A-Za-z0-9._~%-]{1,384}"
DATA = re.compile(rb"(element|document|snapshot) (0|[1-9][0-9]*) (" + ESCAPED + rb") (" + ESCAPED + rb")")
REFUSED = re.compile(rb"refused ([a-z0-9-]+) (" + ESCAPED + rb") (" + ESCAPED + rb")")
END = re.compile(rb"end ([!-~]{1,512})")
LIMITS = {b"element": 65536, b"document": 4 * 1024 * 1024,
          b"snapshot": 4 * 1024 * 1024 + 256 * 1024}


def frames(data, folder):
    at = count = 0
    others = alone = False  # a snapshot has no other frame beside it
    while at < len(data):
        line, newline, _ = data[at:at + 1025].partition(b"\n")
        if not newline:
            raise ValueError(f"no line end after byte {at}")
        at += len(line) + 1
        if m := END.fullmatch(line):
            if at != len(data):
                raise ValueError("bytes after the end")
            return print(line.decode())
        if (m := REFUSED.fullmatch(line)) and not alone:
            others = True
            print(line.decode(), "-")
            continue
        m = DATA.fullmatch(line)
        if alone or not m or int(m[2]) > LIMITS[m[1]] or (m[1] == b"snapshot" and others):
            raise ValueError(f"bad header {line!r}")
        payload = data[at:at + int(m[2])]
        at += len(payload)
        if len(payload) != int(m[2]):
            raise ValueError("payload cut short")
        print(line.decode(), hashlib.sha256(payload).hexdigest())
        if folder:
            with open(f"{folder}/{count}", "wb") as out:
                out.write(payload)
        count += 1
        others = True
        alone = m[1] == b"snapshot"
    raise ValueError("no end frame")


if __name__ == "__main__":
    try:
        frames(sys.stdin.buffer.read(), sys.argv[1] if len(sys.argv) > 1 else None)
    except ValueError as e:
        sys.exit(f"frames: {e}")
