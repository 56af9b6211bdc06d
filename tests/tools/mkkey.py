#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mints key elements of the right shape, wrapped to a certificate.

The ciphertexts are random bytes of the right lengths: a node that does not
unwrap cannot tell them from real ones, and no RSA is needed. Prints the ids.
"""
import argparse
import base64
import datetime
import os
import re
import uuid

BIN = "Microsoft.AspNetCore.DataProtection"
TAIL = f", {BIN}, Version=8.0.0.0, Culture=neutral, PublicKeyToken=adb9793829ddae60"
KEY = (
    '\ufeff<?xml version="1.0" encoding="utf-8"?>\n'
    '<key id="{id}" version="1">\n'
    "  <creationDate>{created}</creationDate>\n"
    "  <activationDate>{activates}</activationDate>\n"
    "  <expirationDate>{expires}</expirationDate>\n"
    '  <descriptor deserializerType="' + BIN + ".AuthenticatedEncryption.ConfigurationModel."
    "AuthenticatedEncryptorDescriptorDeserializer" + TAIL + '">\n'
    "    <descriptor>\n"
    '      <encryption algorithm="AES_256_CBC" />\n'
    '      <validation algorithm="HMACSHA256" />\n'
    '      <encryptedSecret decryptorType="' + BIN + ".XmlEncryption.EncryptedXmlDecryptor" + TAIL +
    '" xmlns="http://schemas.asp.net/2015/03/dataProtection">\n'
    '        <EncryptedData Type="http://www.w3.org/2001/04/xmlenc#Element"'
    ' xmlns="http://www.w3.org/2001/04/xmlenc#">\n'
    '          <EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes256-cbc" />\n'
    '          <KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#">\n'
    '            <EncryptedKey xmlns="http://www.w3.org/2001/04/xmlenc#">\n'
    '              <EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-1_5" />\n'
    '              <KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#">\n'
    "                <X509Data>\n"
    "                  <X509Certificate>{cert}</X509Certificate>\n"
    "                </X509Data>\n"
    "              </KeyInfo>\n"
    "              <CipherData>\n"
    "                <CipherValue>{wrapped}</CipherValue>\n"
    "              </CipherData>\n"
    "            </EncryptedKey>\n"
    "          </KeyInfo>\n"
    "          <CipherData>\n"
    "            <CipherValue>{secret}</CipherValue>\n"
    "          </CipherData>\n"
    "        </EncryptedData>\n"
    "      </encryptedSecret>\n"
    "    </descriptor>\n"
    "  </descriptor>\n"
    "</key>"
)


def stamp(when):
    return when.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--cert", required=True, help="PEM of an RSA certificate")
    args.add_argument("--modulus", type=int, default=256, help="its modulus in bytes")
    args.add_argument("--count", type=int, default=1)
    args.add_argument("--created", type=float, default=-10.0, help="days from now, of the first")
    args.add_argument("--active", type=float, default=-8.0, help="days from now, of the first")
    args.add_argument("--life", type=float, default=90.0, help="days from activation")
    args.add_argument("--step", type=float, default=0.0, help="days from one key to the next")
    args.add_argument("--comment", default="", help="put into each file as a comment")
    args.add_argument("--compact", action="store_true", help="one line, as Redis and SQL hold it")
    args.add_argument("directory")
    o = args.parse_args()
    with open(o.cert, encoding="ascii") as f:
        cert = "".join(f.read().split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0].split())
    now = datetime.datetime.now(datetime.timezone.utc)
    for i in range(o.count):
        ident = str(uuid.UUID(bytes=os.urandom(16), version=4))
        active = now + datetime.timedelta(days=o.active + i * o.step)
        text = KEY.format(
            id=ident,
            created=stamp(now + datetime.timedelta(days=o.created + i * o.step)),
            activates=stamp(active),
            expires=stamp(active + datetime.timedelta(days=o.life)),
            cert=cert,
            wrapped=base64.b64encode(os.urandom(o.modulus)).decode(),
            secret=base64.b64encode(os.urandom(304)).decode(),
        )
        if o.compact:
            text = re.sub(r">\s+<", "><", text[text.index("<key") :])
        if o.comment:
            text += f"<!-- {o.comment} -->"
        # as .NET does it: a temporary name first
        path = os.path.join(o.directory, f"key-{ident}.xml")
        with open(path + ".tmp", "w", encoding="utf-8", newline="") as f:
            f.write(text)
        os.rename(path + ".tmp", path)
        print(ident)


main()
