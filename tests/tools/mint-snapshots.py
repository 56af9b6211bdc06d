#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mints signed snapshots, good ones and every kind of bad one.

Makes signers of its own below DIRECTORY (pins/, keys/, wrap/), and for each
case DIRECTORY/NNN-NAME/ with snapshot.p7m, `args` (what snapcheck is to be
told, paths relative to DIRECTORY) and `expect`: the line that a good one
gives, or the reason for a bad one. Prints how many of each there are.
"""
import argparse
import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import uuid

sys.dont_write_bytecode = True
import der  # noqa: E402  (beside this file)

RING = "0f6d5a0c-2b1e-4a53-9f3c-5f0d2f6b7a11"
ISSUED, EXPIRES = "2026-11-21T02:00:00Z", "2026-11-28T02:00:00Z"
NOW = "2026-11-22T00:00:00Z"
CONTENT_MAX = 4 * 1024 * 1024
ENVELOPE_MAX = CONTENT_MAX + 256 * 1024
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data")
ID_DATA = "1.2.840.113549.1.7.1"
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
SHA256 = "2.16.840.1.101.3.4.2.1"
CONFIG = """[req]
distinguished_name = dn
x509_extensions = v3
prompt = no
[dn]
[v3]
subjectKeyIdentifier = hash
"""
KEYS = {
    "a": "EC:P-256",
    "b": "EC:P-256",
    "c": "EC:P-256",
    "evil": "EC:P-256",
    "double": "EC:P-256",
    "late": "EC:P-256",
    "early": "EC:P-256",
    "p384": "EC:P-384",
    "p521": "EC:P-521",
    "k1": "EC:secp256k1",
    "rsa3072": "RSA:3072",
    "rsa2048": "RSA:2048",
    "ed25519": "ED25519",
}


def openssl(*args, data=None, check=True):
    done = subprocess.run(
        ["openssl", *args], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False
    )
    if check and done.returncode:
        sys.exit(f"openssl {' '.join(args)}: {done.stderr.decode(errors='replace')}")
    return done.stdout if done.returncode == 0 else None


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


# --- signers -----------------------------------------------------------------


def make_key(name, kind):
    algorithm, _, parameter = kind.partition(":")
    options = {"EC": "ec_paramgen_curve:", "RSA": "rsa_keygen_bits:"}.get(algorithm)
    extra = ["-pkeyopt", options + parameter] if options else []
    openssl("genpkey", "-algorithm", algorithm, *extra, "-out", f"keys/{name}.key")


def make_cert(name, key, subject, serial):
    openssl(
        "req", "-x509", "-new", "-config", "keys/openssl.cnf", "-key", f"keys/{key}.key",
        "-subj", subject, "-set_serial", str(serial), "-days", "3650", "-out", f"keys/{name}.pem",
    )  # fmt: skip


def cert_der(name):
    text = read(f"keys/{name}.pem").decode()
    return base64.b64decode(text.split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0])


def set_dates(name, begin, end):
    """openssl-req(1) cannot make a certificate of the past: change it and sign it again."""
    cert = der.parse(cert_der(name))
    cert[1][0][1][4][1] = [[0x17, begin.encode()], [0x17, end.encode()]]
    tbs = der.encode(cert[1][0])
    cert[1][2][1] = b"\0" + openssl("dgst", "-sha256", "-sign", f"keys/{name}.key", data=tbs)
    pem = base64.encodebytes(der.encode(cert)).decode()
    write(
        f"keys/{name}.pem",
        f"-----BEGIN CERTIFICATE-----\n{pem}-----END CERTIFICATE-----\n".encode(),
    )


def make_signers():
    os.mkdir("keys", 0o700)
    write("keys/openssl.cnf", CONFIG.encode())
    for serial, (name, kind) in enumerate(KEYS.items(), 100):
        make_key(name, kind)
        make_cert(name, name, f"/O=dpkeyfs tests/CN=signer {name}", serial)
    make_cert("double", "double", "/O=dpkeyfs tests/CN=signer a", 100)  # as if it were `a`
    make_cert("a2", "a", "/O=dpkeyfs tests/CN=signer a again", 900)
    set_dates("late", "200101000000Z", "210101000000Z")
    set_dates("early", "400101000000Z", "410101000000Z")


def make_pins(name):
    """pins/a+b: the certificates of a and b."""
    path = os.path.join("pins", name)
    if not os.path.isdir(path):
        os.makedirs(path, 0o700)
        for signer in name.split("+"):
            shutil.copy(f"keys/{signer}.pem", path)
    return path


def pins_digest(name, threshold):
    """What a node remembers of its pins: SHA-256 over the threshold and the sorted keys."""
    keys = set()
    for signer in name.split("+"):
        cert = der.parse(cert_der(signer))
        keys.add(hashlib.sha256(der.encode(cert[1][0][1][6])).digest())
    head = threshold.to_bytes(8, sys.byteorder)
    return hashlib.sha256(head + b"".join(sorted(keys))).hexdigest()


# --- contents ----------------------------------------------------------------


class Element:
    def __init__(self, data, kind, ident, name=None):
        self.data, self.kind, self.ident = data, kind, ident
        self.name = name or f"{kind}-{ident}.xml"

    def line(self):
        digest = hashlib.sha256(self.data).hexdigest()
        return f"file {self.name} {len(self.data)} sha256:{digest} {self.kind} {self.ident}"


def of_file(path):
    data, name = read(os.path.join(ROOT, path)), os.path.basename(path)
    kind, ident = re.fullmatch(r"(key|revocation)-(.*)\.xml", name).groups()
    return Element(data, kind, ident if len(ident) == 36 else "*", name)


def of_ring(*rings):
    names = [f"rings/{r}/{n}" for r in rings for n in os.listdir(f"{ROOT}/rings/{r}")]
    return [of_file(name) for name in names if name.endswith(".xml")]


def of_odd(case, name="key-a.xml", kind="key"):
    """Under the id that its text has, or under any where that is none."""
    data = read(f"{ROOT}/odd/{case}/{name}")
    found = re.search(rb'<key[^>]* id="([0-9a-fA-F-]{36})"', data)
    return Element(data, kind, found[1].decode().lower() if found else str(uuid.UUID(int=7)))


class Content:
    """A manifest, line by line, and the elements behind it."""

    def __init__(self, elements, ring=RING, epoch=1, version=42, issued=ISSUED, expires=EXPIRES,
                 prev="-", remove=0, count=None):  # fmt: skip
        self.elements = sorted(elements, key=lambda e: e.name)
        self.lines = [
            "dpkeyfs-snapshot 1",
            f"ring {ring}",
            f"epoch {epoch}",
            f"version {version}",
            f"issued {issued}",
            f"expires {expires}",
            f"prev {prev}",
            f"remove-max {remove}",
            f"files {len(self.elements) if count is None else count}",
            *(e.line() for e in self.elements),
            "end",
        ]
        self.epoch, self.version = epoch, version

    def text(self):
        return "".join(line + "\n" for line in self.lines).encode()

    def body(self):
        return b"".join(e.data for e in self.elements)

    def bytes(self):
        return self.text() + self.body()

    def digest(self):
        return hashlib.sha256(self.text()).hexdigest()

    def ok(self, signers):
        body = hashlib.sha256(self.body()).hexdigest()
        count = len(self.elements)
        return f"ok {self.epoch} {self.version} {self.digest()} {signers} {count} {body}"


# --- envelopes ---------------------------------------------------------------


def sign(content, *signers, md="sha256", options=(), certs=None):
    """SIGNERS are names, or pairs of a certificate's name and a key's."""
    write("content", content)
    command = ["cms", "-sign", "-binary", "-nodetach", "-nosmimecap", "-md", md, *options]
    for signer in signers:
        cert, key = signer if isinstance(signer, tuple) else (signer, signer)
        command += ["-signer", f"keys/{cert}.pem", "-inkey", f"keys/{key}.key"]
    if certs:
        command += ["-certfile", certs]
    return openssl(*command, "-in", "content", "-outform", "DER")


def resign(envelope, signer, md="sha256"):
    write("envelope", envelope)
    return openssl(
        "cms", "-resign", "-binary", "-nosmimecap", "-md", md, "-signer", f"keys/{signer}.pem",
        "-inkey", f"keys/{signer}.key", "-inform", "DER", "-in", "envelope", "-outform", "DER",
    )  # fmt: skip


def changed(envelope, change, canonical=True):
    signed = der.Signed(envelope)
    change(signed)
    return signed.der(canonical)


def attribute(kind, *values):
    return [0x30, [der.oid(kind), [0x31, list(values)]]]


def usual_attributes(content):
    digest = [0x04, hashlib.sha256(content).digest()]
    return [attribute(CONTENT_TYPE, der.oid(ID_DATA)), attribute(MESSAGE_DIGEST, digest)]


def with_attributes(content, attributes, sort=True):
    """Signed by `a` over just these attributes."""
    signed = der.Signed(sign(content, "a"))
    info = signed.infos[0][1]
    if sort:
        der.sort(attributes)
    info[3] = [0xA0, attributes]
    info[5][1] = openssl(
        "dgst", "-sha256", "-sign", "keys/a.key", data=der.encode([0x31, attributes])
    )
    return signed.der()


def with_content(envelope, content):
    def change(signed):
        signed.content[1] = content

    return changed(envelope, change)


def merged(*envelopes):
    """All signatures and certificates in the first one."""
    signed = der.Signed(envelopes[0])
    for other in map(der.Signed, envelopes[1:]):
        signed.infos.extend(other.infos)
        signed.certs.extend(c for c in other.certs if c not in signed.certs)
        signed.digests.extend(d for d in other.digests if d not in signed.digests)
    return signed.der()


def indefinite(envelope, pieces):
    """The content as a constructed string of PIECES, every length definite."""

    def change(signed):
        data = signed.content[1]
        step = len(data) // pieces + 1
        parts = [[0x04, data[i : i + step]] for i in range(0, len(data), step)]
        signed.encap[1][1][0] = [0x24, parts]

    return changed(envelope, change)


def long_length(envelope):
    """The outermost length with a leading zero: BER, and not DER."""
    count = envelope[1] & 0x7F
    return bytes([0x30, 0x81 + count, 0]) + envelope[2:]


def other_type(kind, envelope):
    """The ContentInfo says that it is of another type."""
    root = der.parse(envelope)
    root[1][0] = der.oid(kind)
    return der.encode(root)


# --- cases -------------------------------------------------------------------


class Corpus:
    def __init__(self, elements):
        self.elements = elements
        self.base = Content(elements)
        self.number = self.good = self.bad = 0

    def add(self, name, data, expect, pins="a", threshold=1, floor="-", now=NOW, ring=RING, **more):
        self.number += 1
        self.good += expect.startswith("ok ")
        self.bad += not expect.startswith("ok ")
        path = f"{self.number:03}-{name}"
        os.mkdir(path)
        args = ["--signers", make_pins(pins), "--threshold", str(threshold), "--ring", ring]
        args += ["--wrap-certs", "wrap", "--now", now]
        args += ["--floor", floor] if floor else []
        for option, value in more.items():
            args += [f"--{option}", value]
        write(f"{path}/snapshot.p7m", data)
        write(f"{path}/args", (" ".join(args) + "\n").encode())
        write(f"{path}/expect", (expect + "\n").encode())

    def signed(self, name, content, expect=None, **more):
        """CONTENT (bytes or a Content), rightly signed by `a`."""
        raw = content if isinstance(content, bytes) else content.bytes()
        self.add(name, sign(raw, "a"), expect or content.ok(1), **more)

    def manifest(self, name, change, elements=None):
        """The usual manifest, its lines changed in place; never acceptable."""
        content = Content(elements or self.elements)
        change(content.lines)
        self.signed("manifest-" + name, content, "manifest")

    def raw(self, name, change):
        """The same on its text."""
        content = self.base
        self.signed("manifest-" + name, change(content.text()) + content.body(), "manifest")


def good_signers(c):
    raw, ok = c.base.bytes(), c.base.ok
    for name in ("rsa3072", "a", "p384", "p521", "late", "early"):
        c.add(f"good-{name}", sign(raw, name), ok(1), pins=name)
    c.add("good-two-of-three", sign(raw, "a", "c"), ok(2), pins="a+b+c", threshold=2)
    c.add("good-three-of-three", sign(raw, "a", "b", "c"), ok(3), pins="a+b+c", threshold=3)
    mixed = "p384+rsa3072+a"
    c.add("good-mixed-keys", sign(raw, *mixed.split("+")), ok(3), pins=mixed, threshold=3)
    c.add("good-unknown-beside", sign(raw, "a", "evil"), ok(1))
    c.add("good-unknown-first", sign(raw, "evil", "a"), ok(1))
    c.add("good-overlap-both-signed", sign(raw, "a", "b"), ok(2), pins="a+b")
    c.add("good-overlap-old-pin", sign(raw, "a", "b"), ok(1), pins="a")
    c.add("good-overlap-new-pin", sign(raw, "a", "b"), ok(1), pins="b")
    c.add("good-overlap-old-signer", sign(raw, "a"), ok(1), pins="a+b")
    c.add("good-overlap-new-signer", sign(raw, "b"), ok(1), pins="a+b")
    both = resign(sign(raw, "a"), "b")
    c.add("good-resigned", both, ok(2), pins="a+b", threshold=2)
    c.add("good-resigned-rsa", resign(sign(raw, "a"), "rsa3072"), ok(2),
          pins="a+rsa3072", threshold=2)  # fmt: skip
    c.add("good-unknown-rsa2048-beside", sign(raw, "a", "rsa2048"), ok(1))
    c.add("good-eight-signatures", sign(raw, *list(KEYS)[:6], "p384", "p521"), ok(1))
    weak = merged(sign(raw, "a"), sign(raw, "b", md="sha1"))
    c.add("good-weak-one-not-needed", weak, ok(1), pins="a+b")
    c.add("good-second-certificate", sign(raw, ("a2", "a")), ok(1))
    c.add("good-both-certificates-pinned", sign(raw, ("a2", "a")), ok(1), pins="a+a2")
    c.add("good-signed-twice", merged(sign(raw, "a"), sign(raw, "a", md="sha384")), ok(1))


def good_shapes(c):
    raw, ok = c.base.bytes(), c.base.ok
    envelope = sign(raw, "a")
    c.add("good-sha384", sign(raw, "p384", md="sha384"), ok(1), pins="p384")
    c.add("good-sha512", sign(raw, "rsa3072", md="sha512"), ok(1), pins="rsa3072")
    pss = ["-signer", "keys/rsa3072.pem", "-inkey", "keys/rsa3072.key"]
    pss += ["-keyopt", "rsa_padding_mode:pss"]
    c.add("good-rsa-pss", sign(raw, options=pss), ok(1), pins="rsa3072")
    c.add("good-keyid", sign(raw, "a", options=["-keyid"]), ok(1))
    c.add("good-no-certificates", sign(raw, "a", options=["-nocerts"]), ok(1))
    c.add("good-cades", sign(raw, "a", options=["-cades"]), ok(1))
    c.add("good-more-certificates", sign(raw, "a", certs="keys/evil.pem"), ok(1))

    def swap(signed):
        signed.certs[:] = [der.parse(cert_der("double"))]

    c.add("good-foreign-certificate-inside", changed(envelope, swap), ok(1))

    def annotate(signed):
        signed.infos[0][1].append([0xA1, [attribute("1.3.6.1.4.1.311.3.3.1", [0x04, b"stamp"])]])

    c.add("good-unsigned-attribute", changed(envelope, annotate), ok(1))
    c.add("good-handmade", with_attributes(raw, usual_attributes(raw)), ok(1))


def renamed(element, number, padding=""):
    """Another element of the same kind, under the id of this number."""
    ident = str(uuid.UUID(int=number))
    data = element.data.replace(element.ident.encode(), ident.encode(), 1)
    return Element(data + padding.encode(), element.kind, ident)


def padded(element, size):
    """A content of just SIZE bytes, in 65 elements that end in a comment."""

    def content(lengths):
        return Content([renamed(element, i, f"<!--{'x' * n}-->") for i, n in enumerate(lengths)])

    lengths = [60000] * 65
    lack, count = size - len(content(lengths).bytes()), len(lengths)
    share = [lack // count + (i < lack % count) for i in range(count)]
    return content([n + more for n, more in zip(lengths, share)])


def good_contents(c):
    newer = Content(c.elements, version=43, prev="sha256:" + "0a" * 32, remove=4096)
    c.signed("good-all-fields", newer)
    c.signed("good-largest-numbers", Content(c.elements, epoch=2**53 - 1, version=2**53 - 1))
    c.signed("good-ninety-days", Content(c.elements, expires="2027-02-19T02:00:00Z"))
    c.signed("good-one-element", Content(c.elements[:1]))
    c.signed("good-old-and-new-net", Content(of_ring("net8-cbc-a", "net9-many-a", "net10-cbc-c")))
    one = next(e for e in of_ring("net10-revoked-one") if e.kind == "revocation")
    c.signed("good-4096-elements", Content([renamed(one, i) for i in range(4096)]))
    c.signed("good-content-at-the-limit", padded(c.elements[0], CONTENT_MAX))
    body = c.elements[0].data
    odd = Element(body.replace(b"\n", b"\r\n"), "key", c.elements[0].ident)
    c.signed("good-crlf-in-an-element", Content([odd, *c.elements[1:]]))


def floors(c):
    base, raw = c.base, c.base.bytes()
    pins, other = pins_digest("a", 1), pins_digest("a+b", 1)
    zero = "00" * 32

    def at(epoch, version, digest=zero, by=pins):
        return f"{epoch}:{version}:{digest}:{by}"

    higher = Content(c.elements, epoch=2, version=1)
    c.signed("good-same-again", raw, base.ok(1), floor=at(1, 42, base.digest()))
    c.signed("good-same-again-expired", raw, base.ok(1), floor=at(1, 42, base.digest()),
             now="2027-11-22T00:00:00Z")  # fmt: skip
    c.signed("good-next-version", raw, base.ok(1), floor=at(1, 41))
    c.signed("good-much-later-version", raw, base.ok(1), floor=at(1, 1))
    c.signed("good-higher-epoch-new-pins", higher, floor=at(1, 42, by=other))
    c.signed("good-higher-epoch-new-threshold", higher,
             floor=at(1, 42, by=pins_digest("a", 2)))  # fmt: skip
    c.signed("good-at-min", raw, base.ok(1), min="1:42")
    c.signed("good-without-floor", raw, base.ok(1), floor="", now="2040-01-01T00:00:00Z")
    c.signed("good-clock-behind", raw, base.ok(1), now="2026-11-21T01:55:00Z")
    c.signed("good-last-second", raw, base.ok(1), now="2026-11-28T01:59:59Z")
    c.signed("good-clock-wrong-but-seen", raw, base.ok(1), floor=at(1, 41),
             now="1999-01-01T00:00:00Z", seen="2026-11-21T02:00:00Z")  # fmt: skip
    c.signed("older-version", raw, "rollback", floor=at(1, 43))
    c.signed("older-version-other-pins", raw, "rollback", floor=at(1, 43, by=other))
    c.signed("lower-epoch", raw, "rollback", floor=at(2, 1))
    c.signed("lower-epoch-other-pins", raw, "rollback", floor=at(2, 1, by=other))
    c.signed("same-version-other-text", raw, "equivocation", floor=at(1, 42))
    c.signed("same-version-other-text-expired", raw, "equivocation", floor=at(1, 42),
             now="2027-01-01T00:00:00Z")  # fmt: skip
    c.signed("higher-epoch-same-pins", higher, "fast-forward", floor=at(1, 42))
    c.signed("below-min-version", raw, "rollback", min="1:43")
    c.signed("below-min-epoch", raw, "rollback", min="2:1")
    c.signed("same-again-below-min", raw, "rollback", floor=at(1, 42, base.digest()), min="1:43")
    c.signed("not-yet", raw, "not-yet", now="2026-11-21T01:54:59Z")
    c.signed("not-yet-by-far", raw, "not-yet", now="1999-01-01T00:00:00Z")
    c.signed("expired", raw, "expired", now="2026-11-28T02:00:00Z")
    c.signed("expired-by-far", raw, "expired", now="2040-01-01T00:00:00Z")
    c.signed("expired-by-what-was-seen", raw, "expired", floor=at(1, 41),
             seen="2026-11-29T00:00:00Z")  # fmt: skip
    c.signed("wrong-ring", raw, "ring-id", ring=str(uuid.UUID(int=1)))
    c.signed("wrong-ring-before-rollback", raw, "ring-id", ring=str(uuid.UUID(int=1)),
             floor=at(1, 43))  # fmt: skip
    c.signed("wrong-ring-without-floor", raw, "ring-id", ring=str(uuid.UUID(int=1)), floor="")


def bad_signers(c):
    raw = c.base.bytes()
    envelope = sign(raw, "a")
    c.add("wrong-signer", sign(raw, "evil"), "signer")
    c.add("wrong-signers", sign(raw, "evil", "b", "c"), "signer")
    c.add("below-threshold", envelope, "signer", pins="a+b", threshold=2)
    c.add("below-threshold-of-three", sign(raw, "a", "b"), "signer", pins="a+b+c", threshold=3)
    c.add("threshold-met-by-unknown", sign(raw, "a", "evil"), "signer", pins="a+b", threshold=2)
    twice = merged(envelope, sign(raw, "a", md="sha384"))
    c.add("same-signer-twice", twice, "signer", pins="a+b", threshold=2)

    def copy(signed):
        signed.infos.append(signed.infos[0])

    c.add("same-signature-twice", changed(envelope, copy), "signer", pins="a+b", threshold=2)
    again = merged(envelope, sign(raw, ("a2", "a")))
    c.add("two-certificates-of-one-key", again, "signer", pins="a+b", threshold=2)
    c.add("two-pinned-certificates-of-one-key", again, "signer", pins="a+a2+b", threshold=2)
    c.add("weak-rsa", sign(raw, "rsa2048"), "signer")
    c.add("weak-curve", sign(raw, "k1"), "signer")
    c.add("same-name-other-key", sign(raw, "double"), "signature")
    c.add("same-name-other-key-below-threshold", sign(raw, "b", "double"), "signature",
          pins="a+b", threshold=2)  # fmt: skip

    def swap(signed):
        signed.certs[:] = [der.parse(cert_der("a"))]

    c.add("certificate-swapped", changed(sign(raw, "double"), swap), "signature")
    c.add("certificate-swapped-unknown", changed(sign(raw, "evil"), swap), "signer")

    def rename(signed):
        signed.infos[0][1][1] = der.Signed(envelope).infos[0][1][1]
        swap(signed)

    c.add("identifier-swapped", changed(sign(raw, "evil"), rename), "signature")

    def keyid(signed):
        wanted = der.Signed(sign(raw, "a", options=["-keyid"])).infos[0][1]
        signed.infos[0][1][:2] = wanted[:2]

    c.add("key-identifier-swapped", changed(sign(raw, "evil"), keyid), "signature")

    def claim(signed):
        rename(signed)
        signed.infos.append(der.Signed(sign(raw, "b")).infos[0])

    c.add("identifier-swapped-beside-good", changed(sign(raw, "evil"), claim), "signature",
          pins="a+b", threshold=2)  # fmt: skip
    other = Content(c.elements[1:], version=43).bytes()
    c.add("resigned-by-another-only", sign(other, "evil"), "signer")
    ed = openssl("cms", "-sign", "-binary", "-nodetach", "-nosmimecap", "-signer",
                 "keys/ed25519.pem", "-inkey", "keys/ed25519.key", "-in", "content", "-outform",
                 "DER", check=False)  # fmt: skip
    if ed:
        c.add("ed25519", ed, "signer")


def bad_signatures(c):
    raw = c.base.bytes()
    other = Content(c.elements[1:], version=43).bytes()
    envelope = sign(raw, "a")
    for md in ("sha1", "sha224"):
        c.add(f"digest-{md}", sign(raw, "a", md=md), "signature")
    for md in ("sha1", "md5"):
        c.add(f"digest-{md}-rsa", sign(raw, "rsa3072", md=md), "signature", pins="rsa3072")
    c.add("no-attributes", sign(raw, "a", options=["-noattr"]), "signature")
    c.add("no-attributes-rsa", sign(raw, "rsa3072", options=["-noattr"]), "signature",
          pins="rsa3072")  # fmt: skip

    def strip(signed):
        info = signed.infos[0][1]
        signed.content[1] = der.encode([0x31, der.attributes(signed.infos[0])[1]])
        del info[3]

    c.add("attributes-become-content", changed(envelope, strip), "signature")

    def only_strip(signed):
        del signed.infos[0][1][3]

    c.add("attributes-removed", changed(envelope, only_strip), "signature")

    def empty(signed):
        der.attributes(signed.infos[0])[1].clear()

    c.add("attributes-emptied", changed(envelope, empty), "signature")
    c.add("over-other-bytes", with_content(sign(other, "a"), raw), "signature")
    c.add("one-byte-of-content", with_content(envelope, raw[:-1] + b"\n"), "signature")
    c.add("content-emptied", with_content(envelope, b""), "signature")

    def flip(signed):
        signature = signed.infos[0][1][5]
        signature[1] = signature[1][:-1] + bytes([signature[1][-1] ^ 1])

    c.add("one-bit-of-signature", changed(envelope, flip), "signature")
    c.add("one-bit-of-one-of-two", merged(changed(envelope, flip), sign(raw, "b")), "signature",
          pins="a+b", threshold=2)  # fmt: skip

    def no_signature(signed):
        signed.infos[0][1][5][1] = b""

    c.add("signature-empty", changed(envelope, no_signature), "signature")

    def digest(signed):
        signed.infos[0][1][2] = [0x30, [der.oid("2.16.840.1.101.3.4.2.2")]]

    c.add("digest-algorithm-swapped", changed(envelope, digest), "signature")

    def signature_of_other(signed):
        signed.infos[0][1][5] = der.Signed(sign(other, "a")).infos[0][1][5]

    c.add("signature-of-another", changed(envelope, signature_of_other), "signature")


def bad_attributes(c):
    raw = c.base.bytes()
    kind, digest = usual_attributes(raw)
    value = digest[1][1][1][0]
    wrong = [0x04, hashlib.sha256(raw + b"\n").digest()]
    longer = [0x04, hashlib.sha384(raw).digest()]
    signed_data = attribute(CONTENT_TYPE, der.oid("1.2.840.113549.1.7.2"))
    for name, attributes in (
        ("no-content-type", [digest]),
        ("no-digest", [kind]),
        ("content-type-signed-data", [signed_data, digest]),
        ("content-type-twice", [kind, kind, digest]),
        ("digest-wrong", [kind, attribute(MESSAGE_DIGEST, wrong)]),
        ("digest-of-another-kind", [kind, attribute(MESSAGE_DIGEST, longer)]),
        ("digest-twice", [kind, digest, attribute(MESSAGE_DIGEST, wrong)]),
        ("digest-two-values", [kind, attribute(MESSAGE_DIGEST, *der.sort([value, wrong]))]),
        ("digest-no-value", [kind, attribute(MESSAGE_DIGEST)]),
        ("digest-cut", [kind, attribute(MESSAGE_DIGEST, [0x04, value[1][:20]])]),
        ("digest-of-another-type", [kind, attribute(MESSAGE_DIGEST, [0x0C, value[1]])]),
    ):
        c.add("attributes-" + name, with_attributes(raw, attributes), "signature")
    backwards = list(reversed(der.sort([kind, digest])))
    c.add("attributes-unsorted", with_attributes(raw, backwards, sort=False), "envelope")


def bad_shells(c):
    raw = c.base.bytes()
    envelope = sign(raw, "a")
    for count in range(1, 17):
        c.add(f"cut-{count}-behind", envelope[:-count], "envelope")
        c.add(f"cut-{count}-before", envelope[count:], "envelope")
    c.add("half", envelope[: len(envelope) // 2], "envelope")
    c.add("trailing-nul", envelope + b"\0", "envelope")
    c.add("trailing-line-feed", envelope + b"\n", "envelope")
    c.add("trailing-bytes", envelope + os.urandom(100), "envelope")
    c.add("leading-bytes", b"\0" + envelope, "envelope")
    c.add("twice", envelope + envelope, "envelope")
    c.add("empty", b"", "size")
    c.add("one-byte", b"\x30", "envelope")
    c.add("empty-sequence", b"\x30\0", "envelope")
    c.add("zeroes", bytes(4096), "envelope")
    c.add("text", raw, "envelope")
    c.add("pem", b"-----BEGIN CMS-----\n" + base64.encodebytes(envelope) + b"-----END CMS-----\n",
          "envelope")  # fmt: skip
    c.add("at-the-limit", envelope.ljust(ENVELOPE_MAX, b"\0"), "envelope")
    c.add("oversize", envelope.ljust(ENVELOPE_MAX + 1, b"\0"), "size")
    c.add("oversize-content", sign(raw.ljust(CONTENT_MAX + 1, b"\n"), "a"), "size")
    c.signed("one-byte-past-the-limit", padded(c.elements[0], CONTENT_MAX + 1), "size")
    c.add("detached", detached(raw), "envelope")
    c.add("indefinite", sign(raw, "a", options=["-stream"]), "envelope")
    for pieces in (1, 2, 100):
        c.add(f"content-in-{pieces}-pieces", indefinite(envelope, pieces), "envelope")
    c.add("long-outer-length", long_length(envelope), "envelope")
    inner = envelope[4:].replace(b"\x30\x82", b"\x30\x83\0", 1)
    c.add("long-inner-length", b"\x30\x82" + len(inner).to_bytes(2, "big") + inner, "envelope")

    def unsort(signed):
        signed.infos.sort(key=der.encode, reverse=True)

    def unsort_certs(signed):
        signed.certs.sort(key=der.encode, reverse=True)

    both = sign(raw, "a", "b")
    unsorted = changed(both, unsort_certs, canonical=False)
    c.add("certificates-out-of-order", unsorted, "envelope")
    c.add("infos-out-of-order", changed(both, unsort, canonical=False), "envelope")


def detached(raw):
    def remove(signed):
        del signed.encap[1]

    return changed(sign(raw, "a"), remove)


def bad_types(c):
    raw = c.base.bytes()
    envelope = sign(raw, "a")
    types = {"enveloped": 3, "digested": 5, "encrypted": 6}
    for name, number in types.items():
        data = other_type(f"1.2.840.113549.1.7.{number}", envelope)
        c.add(f"signed-called-{name}", data, "envelope")
    write("content", raw)
    common = ["-binary", "-in", "content", "-outform", "DER"]
    secret = ["-aes256", "-secretkey", "00" * 32]
    made = {
        "enveloped": ["-encrypt", "-aes256", *common, "keys/rsa3072.pem"],
        "auth-enveloped": ["-encrypt", "-aes-256-gcm", *common, "keys/rsa3072.pem"],
        "digested": ["-digest_create", "-md", "sha256", *common],
        "encrypted": ["-EncryptedData_encrypt", *secret, *common],
        "plain-data": ["-data_create", *common],
        "compressed": ["-compress", *common],
    }
    for name, command in made.items():
        data = openssl("cms", *command, check=False)
        if not data and name == "compressed":  # libcrypto without zlib
            data = other_type("1.2.840.113549.1.9.16.1.9", envelope)
        c.add(f"type-{name}", data, "envelope")
    for name in ("pkcs7-signedData", "pkcs7-envelopedData", "id-smime-ct-TSTInfo"):
        data = sign(raw, "a", options=["-econtent_type", name])
        c.add(f"content-type-{name}", data, "envelope")
    c.add("nested", sign(envelope, "a"), "manifest")
    nested = sign(envelope, "a", options=["-econtent_type", "pkcs7-signedData"])
    c.add("nested-and-typed", nested, "envelope")
    names = [name for name in KEYS if name not in ("ed25519", "k1")]
    c.add("nine-signatures", sign(raw, *names[:9], options=["-nocerts"]), "envelope")
    parts = b"".join(read(f"keys/{n}.pem") for n in names if n != "a")
    write("more.pem", parts)
    c.add("nine-certificates", sign(raw, "a", certs="more.pem"), "envelope")

    def no_infos(signed):
        signed.infos.clear()

    c.add("no-signature", changed(envelope, no_infos), "envelope")


def replace(index, text):
    def change(lines):
        lines[index] = text

    return change


def replace_word(index, word, text):
    def change(lines):
        words = lines[index].split(" ")
        words[word] = text
        lines[index] = " ".join(words)

    return change


def bad_manifests(c):
    first = 9  # the first line of a file
    lines = c.base.lines
    c.raw("crlf", lambda text: text.replace(b"\n", b"\r\n"))
    c.raw("one-crlf", lambda text: text.replace(b"epoch 1\n", b"epoch 1\r\n"))
    c.raw("bom", lambda text: b"\xef\xbb\xbf" + text)
    c.raw("utf16", lambda text: text.decode().encode("utf-16-le"))
    c.raw("leading-line-feed", lambda text: b"\n" + text)
    c.raw("double-blank", lambda text: text.replace(b"epoch 1", b"epoch  1"))
    c.raw("trailing-blank", lambda text: text.replace(b"epoch 1", b"epoch 1 "))
    c.raw("leading-blank", lambda text: text.replace(b"epoch 1", b" epoch 1"))
    c.raw("tab", lambda text: text.replace(b"epoch 1", b"epoch\t1"))
    c.raw("nul", lambda text: text.replace(b"epoch 1", b"epoch 1\0"))
    c.raw("no-end", lambda text: text[: -len(b"end\n")])
    c.raw("end-with-blank", lambda text: text[:-1] + b" \n")
    c.raw("end-upper-case", lambda text: text[: -len(b"end\n")] + b"END\n")
    c.signed("manifest-no-final-line-feed", c.base.text()[:-1], "manifest")
    c.signed("manifest-only-the-first-line", b"dpkeyfs-snapshot 1\n", "manifest")
    c.signed("manifest-empty", b"", "manifest")
    c.signed("manifest-elements-first", c.base.body() + c.base.text(), "manifest")
    big = c.base.text()[: -len(b"end\n")] + b"\n" * (1024 * 1024)
    c.signed("manifest-past-its-size", big, "manifest")
    for text in ("dpkeyfs-snapshot 2", "dpkeyfs-snapshot 01", "dpkeyfs-snapshot", "Dpkeyfs-snapshot 1"):
        c.manifest("magic-" + text.replace(" ", "_"), replace(0, text))
    for index in range(first):
        word = lines[index].split()[0]
        c.manifest(f"missing-{word}", lambda l, i=index: l.pop(i))
        c.manifest(f"duplicate-{word}", lambda l, i=index: l.insert(i, l[i]))

        def swap(l, i=index):
            l[i], l[i + 1] = l[i + 1], l[i]

        c.manifest(f"reordered-{word}", swap)
    for index in (0, 1, first, first + 1, -1):
        c.manifest(f"comment-at-{index}", lambda l, i=index: l.insert(i, "# a remark"))
        c.manifest(f"blank-line-at-{index}", lambda l, i=index: l.insert(i, ""))
    c.manifest("unknown-line", lambda l: l.insert(first, "serial 1"))
    bad_numbers(c)
    bad_words(c, first)


def bad_numbers(c):
    numbers = {
        "zero": "0", "plus": "+1", "minus": "-1", "leading-zero": "01", "hex": "0x1",
        "too-large": str(2**53), "uint64": str(2**64 - 1), "overflow": str(2**64 + 1),
        "exponent": "1e3", "fraction": "1.0", "none": "", "letter": "a", "separator": "1_000",
        "two": "1 1", "endless": "9" * 400,
    }  # fmt: skip
    for name, text in numbers.items():
        c.manifest(f"epoch-{name}", replace(2, "epoch " + text))
        c.manifest(f"version-{name}", replace(3, "version " + text))
        if name != "zero":
            c.manifest(f"remove-max-{name}", replace(7, "remove-max " + text))
        c.manifest(f"files-{name}", replace(8, "files " + text))
        c.manifest(f"bytes-{name}", replace_word(9, 2, text))
    c.manifest("remove-max-4097", replace(7, "remove-max 4097"))
    c.manifest("files-4097", replace(8, "files 4097"))
    c.manifest("bytes-65537", replace_word(9, 2, "65537"))
    count = len(c.elements)
    c.manifest("files-one-less", replace(8, f"files {count - 1}"))
    c.manifest("files-one-more", replace(8, f"files {count + 1}"))


def bad_words(c, first):
    ids = {
        "braces": "{%s}" % RING, "n-form": RING.replace("-", ""), "upper": RING.upper(),
        "short": RING[:-1], "long": RING + "0", "letter": RING[:-1] + "g", "none": "",
    }  # fmt: skip
    for name, text in ids.items():
        c.manifest(f"ring-{name}", replace(1, "ring " + text))
    dates = {
        "offset": "2026-11-21T02:00:00+00:00", "other-offset": "2026-11-21T02:00:00+01:00",
        "fraction": "2026-11-21T02:00:00.5Z", "zero-fraction": "2026-11-21T02:00:00.0Z",
        "no-zone": "2026-11-21T02:00:00", "small-z": "2026-11-21T02:00:00z",
        "blank": "2026-11-21 02:00:00Z", "day-only": "2026-11-21", "february-30": "2026-02-30T02:00:00Z",
        "month-13": "2026-13-21T02:00:00Z", "hour-24": "2026-11-21T24:00:00Z",
        "minute-60": "2026-11-21T02:60:00Z", "leap-second": "2026-11-21T23:59:60Z",
        "year-0": "0000-11-21T02:00:00Z", "unix": "1795226400", "none": "",
    }  # fmt: skip
    for name, text in dates.items():
        c.manifest(f"issued-{name}", replace(4, "issued " + text))
        c.manifest(f"expires-{name}", replace(5, "expires " + text))
    c.manifest("expires-at-once", replace(5, "expires " + ISSUED))
    c.manifest("expires-before", replace(5, "expires 2026-11-20T02:00:00Z"))
    c.manifest("ninety-one-days", replace(5, "expires 2027-02-20T02:00:00Z"))
    c.manifest("ninety-days-and-a-second", replace(5, "expires 2027-02-19T02:00:01Z"))
    hashes = {
        "upper": "sha256:" + "AB" * 32, "no-prefix": "ab" * 32, "other": "sha512:" + "ab" * 32,
        "short": "sha256:" + "ab" * 31 + "a", "long": "sha256:" + "ab" * 32 + "a",
        "letter": "sha256:" + "ag" * 32, "none": "", "two": "- -", "upper-prefix": "SHA256:" + "ab" * 32,
    }  # fmt: skip
    for name, text in hashes.items():
        c.manifest(f"prev-{name}", replace(6, "prev " + text))
        c.manifest(f"hash-{name}", replace_word(first, 3, text))
    c.manifest("hash-upper-but-right",
               replace_word(first, 3, "sha256:" + c.base.lines[first].split(":")[1][:64].upper()))
    bad_files(c, first)


def bad_files(c, first):
    key = c.base.elements[0]
    for name, text in {
        "path": "../" + key.name, "absolute": "/etc/passwd", "other-id": f"key-{RING}.xml",
        "upper": key.name.upper(), "no-suffix": key.name[:-4], "other-kind": "revocation" + key.name[3:],
        "none": "", "escape": key.name + "%00", "long": "key-" + "a" * 300 + ".xml",
    }.items():  # fmt: skip
        c.manifest(f"name-{name}", replace_word(first, 1, text))
    for name, text in {"other": "revocation", "upper": "KEY", "none": "", "unknown": "cert"}.items():
        c.manifest(f"kind-{name}", replace_word(first, 4, text))
    for name, text in {"star": "*", "upper": key.ident.upper(), "other": RING, "none": "",
                       "further-word": key.ident + " x"}.items():  # fmt: skip
        c.manifest(f"id-{name}", replace_word(first, 5, text))
    mass = next(i for i, line in enumerate(c.base.lines) if line.endswith("revocation *"))
    for name, text in {
        "no-stamp": "revocation-.xml", "star": "revocation-*.xml", "month": "revocation-20261321T120000Z.xml",
        "zeroes": "revocation-20261121T1200000Z.xml", "local": "revocation-20261121T120000.xml",
        "offset": "revocation-20261121T120000+00.xml", "long": "revocation-20261121T12000012345678Z.xml",
    }.items():  # fmt: skip
        c.manifest(f"mass-name-{name}", replace_word(mass, 1, text))

    def swap(lines):
        lines[first], lines[first + 1] = lines[first + 1], lines[first]

    def twice(lines):
        lines.insert(first, lines[first])
        lines[8] = f"files {len(c.elements) + 1}"

    c.manifest("files-out-of-order", swap)
    c.manifest("file-twice", twice)
    c.manifest("file-keyword", replace_word(first, 0, "File"))


def bad_elements(c):
    base = c.base
    one, two, *rest = [e.data for e in base.elements]
    tail = b"".join(rest)
    extra = of_ring("net8-cbc-a")[0].data

    def content(name, body, expect):
        c.signed("elements-" + name, base.text() + body, expect)

    content("moved", two + one + tail, "hash")
    content("replaced", extra[: len(one)].ljust(len(one)) + two + tail, "hash")
    content("one-bit", bytes([one[0] ^ 1]) + one[1:] + two + tail, "hash")
    content("added", one + two + tail + extra, "unlisted")
    content("added-before", extra + one + two + tail, "unlisted")
    content("doubled", 2 * (one + two + tail), "unlisted")
    content("line-feed-behind", one + two + tail + b"\n", "unlisted")
    content("nul-behind", one + two + tail + b"\0", "unlisted")
    content("line-feed-between", one + b"\n" + two + tail, "unlisted")
    content("cut-by-one", (one + two + tail)[:-1], "hash")
    content("first-cut-by-one", one[:-1] + two + tail, "hash")
    content("last-dropped", one + two + b"".join(rest[:-1]), "hash")
    content("first-dropped", two + tail, "hash")
    content("none", b"", "hash")
    for name, step in (("longer", 1), ("shorter", -1)):
        lines = Content(c.elements)
        replace_word(9, 2, str(len(one) + step))(lines.lines)
        c.signed(f"elements-length-{name}", lines, "hash" if step > 0 else "unlisted")
    both = Content(c.elements)
    replace_word(9, 2, str(len(one) + 1))(both.lines)
    replace_word(10, 2, str(len(two) - 1))(both.lines)
    c.signed("elements-boundary-moved", both, "hash")


def forged_elements(c):
    """Signed as it should be, but no node may serve it."""

    def forged(name, element, expect):
        c.signed("forged-" + name, Content([element, *c.elements]), expect)

    for element in of_ring("net10-plain")[:1]:
        forged("plaintext", element, "unwrapped")
    for element in of_ring("net10-foreign")[:1]:
        forged("foreign-certificate", element, "wrap-cert")
    odd = {
        "doctype": "08-doctype-internal", "type": "26-unknown-decryptor",
        "xmlenc-shape": "27-two-EncryptedKey", "element": "33-PI-inside",
        "attribute": "35-extra-attr-on-key", "encoding": "02-utf16", "key-id": "12-bad-id",
        "key-date": "37-8-fraction-digits", "root": "10-key-in-namespace",
    }  # fmt: skip
    for reason, case in odd.items():
        forged(case, of_odd(case), reason)
    forged("28-KeyName-added", of_odd("28-KeyName-added"), "xmlenc-shape")
    forged("04-trailing-nul", of_odd("04-trailing-nul"), "encoding")
    forged("38-year-0001", of_odd("38-year-0001"), "key-date")
    good = of_ring("net8-cbc-a")[0]

    def edited(name, old, new, expect):
        data = good.data.replace(old, new, 1)
        if data == good.data:
            sys.exit(f"{name}: nothing to edit")
        forged(name, Element(data, "key", good.ident), expect)

    assembly = b"Microsoft.AspNetCore.DataProtection"
    edited("foreign-deserializer", b'deserializerType="' + assembly, b'deserializerType="Evil', "type")
    edited("foreign-decryptor", b'decryptorType="' + assembly, b'decryptorType="Evil', "type")
    edited("null-decryptor", b"EncryptedXmlDecryptor", b"NullXmlDecryptor", "element")
    edited("weak-algorithm", b'algorithm="AES_256_CBC"', b'algorithm="DES"', "algorithm")
    edited("cipher-cut", b"<CipherValue>", b"<CipherValue>AAAA", "cipher-length")
    edited("not-xml", b"</key>", b"", "xml")
    forged("no-xml", Element(b"end\n", "key", good.ident), "xml")
    forged("nothing-but-blanks", Element(b" " * 10, "key", good.ident), "xml")
    forged("other-id", Element(good.data, "key", RING), "name")
    forged("key-called-revocation", Element(good.data, "revocation", good.ident), "name")
    mass = next(e for e in c.elements if e.ident == "*")
    others = [e for e in c.elements if e is not mass]
    moved = Element(mass.data, "revocation", "*", "revocation-20200101T000000Z.xml")
    c.signed("forged-mass-revocation-other-date", Content([moved, *others]), "name")
    tied = Element(mass.data, "revocation", RING)
    c.signed("forged-mass-revocation-called-single", Content([tied, *others]), "name")
    one = next(e for e in c.elements if e.kind == "revocation" and e is not mass)
    loose = Element(one.data, "revocation", "*", "revocation-20200101T000000Z.xml")
    others.remove(one)
    c.signed("forged-revocation-called-mass", Content([loose, *others]), "name")
    c.signed("forged-revocation-under-two-names", Content([loose, one, *others]), "name")
    again = Element(good.data, "key", RING)
    c.signed("forged-key-under-two-names", Content([good, again, *c.elements]), "name")


def order_of_checks(c):
    """Two faults: the first check in the order speaks."""
    raw = c.base.bytes()
    bad_text = raw.replace(b"epoch 1", b"epoch 0", 1)
    pins = pins_digest("a", 1)
    c.add("order-signer-before-manifest", sign(bad_text, "evil"), "signer")
    c.add("order-signer-before-expired", sign(raw, "evil"), "signer", now="2040-01-01T00:00:00Z")
    c.signed("order-manifest-before-ring", bad_text, "manifest", ring=str(uuid.UUID(int=1)))
    c.signed("order-ring-before-hash", raw[:-1], "ring-id", ring=str(uuid.UUID(int=1)))
    c.signed("order-rollback-before-expired", raw, "rollback", min="1:43",
             now="2040-01-01T00:00:00Z")  # fmt: skip
    c.signed("order-expired-before-hash", raw[:-1], "expired", now="2040-01-01T00:00:00Z")
    c.signed("order-rollback-before-unlisted", raw + b"x", "rollback",
             floor=f"1:43:{'00' * 32}:{pins}")  # fmt: skip
    c.signed("order-hash-before-element", Content([of_ring("net10-plain")[0]]).bytes()[:-1], "hash")


def main():
    args = argparse.ArgumentParser()
    args.add_argument("directory")
    o = args.parse_args()
    os.makedirs(o.directory, 0o700, exist_ok=True)
    os.chdir(o.directory)
    make_signers()
    os.mkdir("wrap", 0o700)
    for name in ("wrap-a", "wrap-b", "wrap-c", "expired"):
        shutil.copy(f"{ROOT}/certs/{name}.pem", "wrap")
    revocations = [e for e in of_ring("net10-revoked-one", "net10-revoked-all") if e.kind != "key"]
    corpus = Corpus(of_ring("net10-gcm-a") + revocations)
    for mint in (
        good_signers, good_shapes, good_contents, floors, bad_signers, bad_signatures,
        bad_attributes, bad_shells, bad_types, bad_manifests, bad_elements, forged_elements,
        order_of_checks,
    ):  # fmt: skip
        mint(corpus)
    write("small.p7m", sign(Content(revocations[:1]).bytes(), "a"))
    print(f"good {corpus.good} bad {corpus.bad}")


main()
