#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes a signed snapshot, dpkeyfs-snapshot(5), of the *.xml of a directory.
# From the environment: REMOVE_MAX (default 0), and PREV, the snapshot before.
set -eu
export LC_ALL=C
fail() { echo "dpkeyfs-sign: $*" >&2; exit 1; }
matches() { printf '%s' "$1" | tr '\n' '?' | grep -Eqx "$2"; }
within() { matches "$1" '0|[1-9][0-9]{0,15}' && [ "$1" -ge "$2" ] && [ "$1" -le "$3" ]; }
digest() { sha256sum <"$1" | cut -d ' ' -f 1; }
[ $# -eq 8 ] || fail "usage: dpkeyfs-sign.sh RING_ID EPOCH VERSION DAYS SIGNER.pem SIGNER.key DIR OUT.p7m"
ring=$1 epoch=$2 version=$3 days=$4 signer=$5 key=$6 dir=$7 out=$8
guid='[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
stamp='[0-9]{8}T[0-9]{6}([0-9]{0,6}[1-9])?Z'
matches "$ring" "$guid" || fail "RING_ID is '$ring'; expected a UUID in lower case"
for number in "$epoch" "$version"; do
	within "$number" 1 9007199254740991 ||
		fail "EPOCH or VERSION is '$number'; expected 1 to 9007199254740991"
done
within "$days" 1 90 || fail "DAYS is '$days'; expected 1 to 90"
within "${REMOVE_MAX:=0}" 0 4096 || fail "REMOVE_MAX is '$REMOVE_MAX'; expected 0 to 4096"
[ ! -d "$out" ] || fail "'$out' is a directory; expected the name of a file"
prev=-
[ -z "${PREV:-}" ] || { [ -r "$PREV" ] || fail "cannot read '$PREV'"; prev=sha256:$(digest "$PREV"); }

# beside OUT, so that the last step is a rename
tmp=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
: >"$tmp/lines"; : >"$tmp/bodies"
count=0
for file in "$dir"/*.xml; do
	[ -f "$file" ] || fail "'$file' is not a file; expected a directory of *.xml"
	name=${file##*/} id=${file##*/} kind=${file##*/}
	matches "$name" "key-$guid\\.xml|revocation-($guid|$stamp)\\.xml" ||
		fail "'$file': .NET gives no such name; expected key-ID.xml, revocation-ID.xml or revocation-STAMP.xml; rename or remove it"
	kind=${kind%%-*} id=${id#*-} id=${id%.xml}
	matches "$id" "$guid" || id='*'
	cat <"$file" >"$tmp/one"
	bytes=$(wc -c <"$tmp/one" | tr -d ' ')
	within "$bytes" 1 65536 || fail "'$file' has $bytes bytes; expected 1 to 65536"
	echo "file $name $bytes sha256:$(digest "$tmp/one") $kind $id" >>"$tmp/lines"
	cat "$tmp/one" >>"$tmp/bodies"
	count=$((count + 1))
done
[ "$count" -le 4096 ] || fail "'$dir' has $count elements; expected at most 4096"
now=$(date +%s)
{
	echo "dpkeyfs-snapshot 1"
	printf 'ring %s\nepoch %s\nversion %s\n' "$ring" "$epoch" "$version"
	date -u -d "@$now" '+issued %Y-%m-%dT%H:%M:%SZ'
	date -u -d "@$((now + days * 86400))" '+expires %Y-%m-%dT%H:%M:%SZ'
	printf 'prev %s\nremove-max %s\nfiles %s\n' "$prev" "$REMOVE_MAX" "$count"
	cat "$tmp/lines"
	echo end
	cat "$tmp/bodies"
} >"$tmp/content"
[ "$(wc -c <"$tmp/content")" -le 4194304 ] || fail "the ring is larger than 4194304 bytes; split it"
openssl cms -sign -binary -nodetach -nosmimecap -md sha256 -signer "$signer" -inkey "$key" \
	-in "$tmp/content" -outform DER -out "$tmp/out" || fail "openssl did not sign"
sync "$tmp/out"
mv -f "$tmp/out" "$out"
