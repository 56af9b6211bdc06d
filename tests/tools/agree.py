#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Asks the openssl command about the samples that mutate wrote.

What we accept it must accept, with the same content; so what it refuses we
refuse. Two fields that no signature covers it takes for more than hints: which
certificate a signature names, and the list of digests at the front. Where it
refuses for one of these they are put right, and it is asked again.
"""
import argparse
import glob
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import der  # noqa: E402  (beside this file)

HINTS = re.compile(rb"signer certificate not found|no matching digest|unknown digest")


def verify(path, pin):
    """The content, and what openssl complained of."""
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-noverify", "-nointern"]
    done = subprocess.run(
        [*command, "-certfile", pin, "-in", path],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    return (done.stdout if done.returncode == 0 else None), done.stderr


def pin_name(pin):
    """Issuer and serial number of the certificate, as a SignerInfo has them."""
    command = ["openssl", "x509", "-in", pin, "-outform", "DER"]
    cert = der.parse(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    fields = cert[1][0][1]
    return [0x30, [fields[3], fields[1]]]


def with_hints(data, name):
    signed = der.Signed(data)
    for info in signed.infos:
        info[1][0] = [0x02, b"\1"]
        info[1][1] = name
    signed.digests[:] = [signed.infos[0][1][2]]
    return signed.der()


def agrees(path, pin, content, tally):
    found, complaint = verify(path, pin)
    if found is None and HINTS.search(complaint):
        tally["hints"] += 1
        with open(path, "rb") as f:
            data = with_hints(f.read(), pin_name(pin))
        with tempfile.NamedTemporaryFile() as f:
            f.write(data)
            f.flush()
            found, complaint = verify(f.name, pin)
    if found != content:
        print(f"{path}: accepted by us, but not by openssl:\n{complaint.decode(errors='replace')}")
    return found == content


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--pin", required=True, help="PEM of the pinned certificate")
    args.add_argument("directory")
    o = args.parse_args()
    tally = {"samples": 0, "accepted": 0, "hints": 0, "stricter": 0}
    bad = False
    for path in sorted(glob.glob(os.path.join(o.directory, "*.p7m"))):
        with open(path[:-3] + "verdict", encoding="ascii") as f:
            verdict = f.read()
        tally["samples"] += 1
        if verdict == "ok":
            tally["accepted"] += 1
            with open(path[:-3] + "content", "rb") as f:
                bad |= not agrees(path, o.pin, f.read(), tally)
        elif verify(path, o.pin)[0] is not None:
            # one spelling only; never for a signature that openssl finds good
            tally["stricter"] += 1
            if verdict not in ("envelope", "size"):
                print(f"{path}: refused by us as {verdict}, accepted by openssl")
                bad = True
    print(" ".join(f"{name} {count}" for name, count in tally.items()))
    sys.exit(bad)


main()
