#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A web server that misbehaves in every way a store must survive.

    badsrv.py [--log FILE] NAME[,cert=PEM,key=PEM][,client_ca=PEM][,tls=1.1] ...

Each NAME becomes a listener on a free port of 127.0.0.1, with TLS if it has a
certificate. Once all of them listen, one line "NAME PORT" each is printed.
The path of a request chooses the fault; the table is at the end. Requests are
logged as "NAME PATH AUTHORIZATION CONDITION", with "-" for what is absent. The
server ends when its standard input does.
"""
import os
import socket
import ssl
import struct
import sys
import threading
import time
import zlib

RING = b"<?xml version='1.0'?><repository><key id='1'/></repository>\n"
DOCUMENT_MAX = 4 * 1024 * 1024
ENVELOPE_MAX = DOCUMENT_MAX + 256 * 1024


class Request:
    def __init__(self, conn, name, base, target, headers):
        self.conn = conn
        self.name = name
        self.base = base  # scheme://127.0.0.1:port
        self.target = target
        self.headers = headers

    def send(self, data):
        self.conn.sendall(data)

    def answer(self, status, body=b"", **headers):
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n"
        for key, value in headers.items():
            head += f"{key.replace('_', '-')}: {value}\r\n"
        self.send(head.encode() + b"\r\n" + body)


def chunked_flood(r):
    r.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(2000):
        r.send(b"10000\r\n" + b"A" * 65536 + b"\r\n")
    r.send(b"0\r\n\r\n")


def known_flood(r):
    r.send(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n" + b"A" * 100)


def endless_flood(r):
    r.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        r.send(b"A" * 65536)


def gzip_bomb(r):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = b"".join(packer.compress(bytes(1 << 20)) for _ in range(50)) + packer.flush()
    r.answer(200, data, Content_Encoding="gzip")


def drip(r):
    r.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        r.send(b"A")
        time.sleep(0.2)


def header_drip(r):
    r.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        r.send(b"X-Drip: a\r\n")
        time.sleep(0.2)


def header_flood(r):
    r.send(b"HTTP/1.1 200 OK\r\n")
    for i in range(100000):
        r.send(b"X-%d: %s\r\n" % (i, b"a" * 1000))


def long_header(r):
    r.send(b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 90000 + b"\r\nContent-Length: 3\r\n\r\nown")


def continue_flood(r):
    while True:
        r.send(b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" * 100)


def redirect(where):
    def act(r):
        r.answer(302, Location=where.replace("BASE", r.base))
    return act


def redirect_host(r):
    scheme = r.base.split(":")[0]
    r.answer(302, Location=f"{scheme}://127.0.0.2:{r.base.rsplit(':')[-1]}/ok")


def redirect_downgrade(r):
    r.answer(302, Location=r.base.replace("https:", "http:") + "/ok")


def redirect_nowhere(r):
    r.answer(302)


def short(r):
    r.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nAAA")


def no_length(r):
    r.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + RING)


def black_hole(_):
    time.sleep(3600)


def reset(r):
    r.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nAAA")
    r.conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def conditional(header, value, name):
    def act(r):
        if r.headers.get(header.lower()) == value:
            r.send(f"HTTP/1.1 304 Not Modified\r\n{name}: {value}\r\n\r\n".encode())
        else:
            r.answer(200, RING, **{name.replace("-", "_"): value})
    return act


def two_etags(r):
    r.send(b'HTTP/1.1 200 OK\r\nETag: "a"\r\nETag: "b"\r\nContent-Length: %d\r\n\r\n' % len(RING)
           + RING)


def status(r):
    r.answer(int(r.target.rsplit("/", 1)[-1]), b"<html>error</html>")


def body_of(size):
    return lambda r: r.answer(200, b"x" * size)


PATHS = {
    "/ok": lambda r: r.answer(200, RING),
    "/chunked": chunked_flood,
    "/known": known_flood,
    "/endless": endless_flood,
    "/gzip": gzip_bomb,
    "/encoding-br": lambda r: r.answer(200, RING, Content_Encoding="br"),
    "/encoding-identity": lambda r: r.answer(200, RING, Content_Encoding="identity"),
    "/drip": drip,
    "/header-drip": header_drip,
    "/header-flood": header_flood,
    "/long-header": long_header,
    "/continue-flood": continue_flood,
    "/redirect-file": redirect("file:///etc/passwd"),
    "/redirect-gopher": redirect("gopher://127.0.0.1:6379/_INFO"),
    "/redirect-metadata": redirect("https://169.254.169.254/latest/meta-data"),
    "/redirect-host": redirect_host,
    "/redirect-port": redirect("https://127.0.0.1:1/ok"),
    "/redirect-downgrade": redirect_downgrade,
    "/redirect-user": redirect("https://me:secret@127.0.0.1/ok"),
    "/redirect-nowhere": redirect_nowhere,
    "/redirect-1": redirect("/ok"),
    "/redirect-2": redirect("BASE/redirect-1"),
    "/redirect-3": redirect("BASE/redirect-2"),
    "/redirect-4": redirect("BASE/redirect-3"),
    "/loop": redirect("/loop"),
    "/short": short,
    "/no-length": no_length,
    "/black-hole": black_hole,
    "/reset": reset,
    "/garbage": lambda r: r.send(b"\x00\x01\x02 not http\r\n\r\n"),
    "/hang-up": lambda r: None,
    "/empty": lambda r: r.answer(200),
    "/throttled": lambda r: r.answer(429, b"slow down", Retry_After="7"),
    "/unavailable": lambda r: r.answer(503, b"later", Retry_After="11"),
    "/not-modified": lambda r: r.send(b"HTTP/1.1 304 Not Modified\r\n\r\n"),
    "/etag": conditional("If-None-Match", '"v 1%+/=,"', "ETag"),
    "/weak": conditional("If-None-Match", 'W/"weak"', "ETag"),
    "/date": conditional("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT", "Last-Modified"),
    "/two-etags": two_etags,
    "/long-etag": lambda r: r.answer(200, RING, ETag='"' + "e" * 600 + '"'),
    "/bare-etag": lambda r: r.answer(200, RING, ETag="no-quotes"),
    "/largest": body_of(DOCUMENT_MAX),
    "/too-large": body_of(DOCUMENT_MAX + 1),
    "/ring.p7m": conditional("If-None-Match", '"signed"', "ETag"),
    "/largest.p7m": body_of(ENVELOPE_MAX),
    "/too-large.p7m": body_of(ENVELOPE_MAX + 1),
    "/chunked.p7m": chunked_flood,
    "/empty.p7m": lambda r: r.answer(200),
    "/redirect.p7m": redirect("/ok"),
    "/redirect-signed": redirect("/ring.p7m"),
    "/redirect-downgrade.p7m": redirect_downgrade,
}


def read_request(conn):
    data = b""
    while b"\r\n\r\n" not in data and len(data) < 65536:
        piece = conn.recv(4096)
        if not piece or piece[0] == 0x16:  # TLS where none is spoken
            return None, {}
        data += piece
    lines = data.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        key, _, value = line.partition(":")
        headers[key.lower()] = value.strip()
    return lines[0].split(" ")[1], headers


def write_log(log, name, target, headers):
    if log:
        condition = headers.get("if-none-match") or headers.get("if-modified-since") or "-"
        log.write(f"{name} {target} {headers.get('authorization', '-')} {condition}\n")
        log.flush()


def handle(conn, name, context, base, log):
    try:
        if context:
            conn = context.wrap_socket(conn, server_side=True)
        target, headers = read_request(conn)
        if target is None:
            return
        write_log(log, name, target, headers)
        path = target.split("?")[0]
        act = status if path.startswith("/status/") else PATHS.get(path)
        request = Request(conn, name, base, path, headers)
        if act:
            act(request)
        else:
            request.answer(404, b"no such fault")
    except (OSError, ValueError):
        pass  # the client had enough, which is what it is here for
    finally:
        conn.close()


def make_context(options):
    if "cert" not in options:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options["cert"], options["key"])
    if "client_ca" in options:
        context.load_verify_locations(options["client_ca"])
        context.verify_mode = ssl.CERT_REQUIRED
    if options.get("tls") == "1.1":
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def serve(listener, *args):
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=handle, args=(conn, *args), daemon=True).start()


def listen(spec, log):
    name, *rest = spec.split(",")
    context = make_context(dict(part.split("=", 1) for part in rest))
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    port = listener.getsockname()[1]
    base = f"{'https' if context else 'http'}://127.0.0.1:{port}"
    args = (listener, name, context, base, log)
    threading.Thread(target=serve, args=args, daemon=True).start()
    return f"{name} {port}"


def main(args):
    log = None
    if args[:1] == ["--log"]:
        log = open(args[1], "a", encoding="latin-1")
        args = args[2:]
    ports = [listen(spec, log) for spec in args]
    print("\n".join(ports), flush=True)
    while os.read(0, 4096):
        pass


if __name__ == "__main__":
    main(sys.argv[1:])
