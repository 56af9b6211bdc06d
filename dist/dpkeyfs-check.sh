#!/bin/sh
# SPDX-License-Identifier: MIT
# Checks a signed snapshot, dpkeyfs-snapshot(5), with stock tools: its
# signatures against pinned signers, all of them, then each element's length
# and digest. Prints what it holds. Whether a node would take it depends on
# what that node has accepted before.
set -eu
export LC_ALL=C
fail() { echo "dpkeyfs-check: $*" >&2; exit 1; }
[ $# -eq 2 ] || fail "usage: dpkeyfs-check.sh PINS.pem SNAPSHOT.p7m"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
openssl cms -verify -binary -inform DER -noverify -nointern -certfile "$1" \
	-in "$2" -out "$tmp/content" 2>"$tmp/error" ||
	{ cat "$tmp/error" >&2; fail "'$2' is not signed by the signers of '$1' alone"; }

sed '/^end$/q' "$tmp/content" >"$tmp/text"
awk 'NR == 1 { if ($0 != "dpkeyfs-snapshot 1") exit 1 }
	NR > 1 && NR < 10 {
		split("ring epoch version issued expires prev remove-max files", keyword)
		if (NF != 2 || $1 != keyword[NR - 1]) exit 1
		if ($1 == "files") files = $2; else print
	}
	NR > 9 && $1 == "file" { found++; if (NF != 6) exit 1; next }
	NR > 9 { ended = NR == 10 + files && $0 == "end"; exit }
	END { exit !(ended && found > 0 && found == files) }' "$tmp/text" ||
	fail "the manifest of '$2' is not as dpkeyfs-snapshot(5) says; make the snapshot anew"

exec 3<"$tmp/content"
dd bs="$(wc -c <"$tmp/text" | tr -d ' ')" count=1 <&3 >"$tmp/one" 2>/dev/null
while read -r word name bytes hash kind id; do
	[ "$word" = file ] || continue
	case $name$bytes in *[!0-9A-Za-z.-]*) fail "a line of the manifest is damaged" ;; esac
	case $bytes in 0* | *[!0-9]* | ??????*) fail "'$name' is listed with $bytes bytes; expected 1 to 65536" ;; esac
	dd bs="$bytes" count=1 <&3 >"$tmp/one" 2>/dev/null
	found=$(wc -c <"$tmp/one" | tr -d ' ')
	[ "$found" = "$bytes" ] || fail "'$name' has $found bytes; expected $bytes, as listed"
	found=sha256:$(sha256sum <"$tmp/one" | cut -d ' ' -f 1)
	[ "$found" = "$hash" ] || fail "'$name' has $found; expected $hash, as listed"
	echo "$kind $id $name $bytes"
done <"$tmp/text"
[ "$(wc -c <&3)" -eq 0 ] || fail "bytes follow the last element; expected none"
