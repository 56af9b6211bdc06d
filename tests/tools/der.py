# SPDX-License-Identifier: MIT
"""Just enough DER to take a CMS SignedData apart and to put it together otherwise.

A node is [tag, bytes] or, where it is constructed, [tag, [nodes]].
"""


def parse_all(data):
    nodes = []
    while data:
        tag, size, at = data[0], data[1], 2
        if size & 0x80:
            at = 2 + (size & 0x7F)
            size = int.from_bytes(data[2:at], "big")
        if at == 2 and data[1] == 0x80 or at + size > len(data):
            raise ValueError("not DER")
        body = data[at : at + size]
        nodes.append([tag, parse_all(body) if tag & 0x20 else body])
        data = data[at + size :]
    return nodes


def parse(data):
    (node,) = parse_all(data)
    return node


def length(size):
    if size < 0x80:
        return bytes([size])
    raw = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(raw)]) + raw


def encode(node):
    tag, body = node
    if isinstance(body, list):
        body = b"".join(encode(child) for child in body)
    return bytes([tag]) + length(len(body)) + body


def sort(nodes):
    """The order that DER demands of a SET OF."""
    nodes.sort(key=encode)
    return nodes


def oid(dotted):
    parts = [int(part) for part in dotted.split(".")]
    out = bytearray([parts[0] * 40 + parts[1]])
    for part in parts[2:]:
        groups = [part & 0x7F]
        while part > 0x7F:
            part >>= 7
            groups.append(part & 0x7F | 0x80)
        out += bytes(reversed(groups))
    return [0x06, bytes(out)]


class Signed:
    """A ContentInfo of type id-signedData; the lists are live."""

    def __init__(self, data):
        self.root = parse(data)
        self.body = self.root[1][1][1][0][1]
        self.digests = self.body[1][1]
        self.encap = self.body[2][1]
        self.infos = self.body[-1][1]

    @property
    def content(self):
        return self.encap[1][1][0]

    @property
    def certs(self):
        """The nodes of the certificates; an empty set is made where there is none."""
        if self.body[3][0] != 0xA0:
            self.body.insert(3, [0xA0, []])
        return self.body[3][1]

    def drop_certs(self):
        if self.body[3][0] == 0xA0:
            del self.body[3]

    def der(self, canonical=True):
        if canonical:
            sort(self.digests)
            sort(self.infos)
            if self.body[3][0] == 0xA0:
                sort(self.body[3][1])
        return encode(self.root)


def attributes(info):
    """The [0] signedAttrs of a SignerInfo, or None."""
    return info[1][3] if info[1][3][0] == 0xA0 else None
