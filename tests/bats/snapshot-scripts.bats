#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Signed snapshots made and checked with the stock tools that an administrator has.

load lib.bash
bats_require_minimum_version 1.5.0

RING=0f6d5a0c-2b1e-4a53-9f3c-5f0d2f6b7a11

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	signer one
	mkdir ring
	cp "$DATA"/rings/net10-revoked-all/*.xml ring
}

signer() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
		-keyout "$1.key" -out "$1.pem" -subj "/CN=$1" 2>/dev/null
}

sign() { "$ROOT/dist/dpkeyfs-sign.sh" "$@"; }
check() { "$ROOT/dist/dpkeyfs-check.sh" "$@"; }

# seal CONTENT: an envelope around any bytes, in CONTENT.p7m.
seal() {
	openssl cms -sign -binary -nodetach -nosmimecap -md sha256 -signer one.pem \
		-inkey one.key -in "$1" -outform DER -out "$1.p7m"
}

content() { openssl cms -verify -binary -inform DER -noverify -in "$1" 2>/dev/null; }

@test "what the one script signs, the other finds whole" {
	sign $RING 1 42 7 one.pem one.key ring out.p7m
	run -0 check one.pem out.p7m
	[[ $output = *"ring $RING"* && $output = *$'epoch 1\nversion 42\n'* ]]
	[[ $(grep -c '^key ' <<<"$output") -eq $(ls ring/key-* | wc -l) ]]
	[[ $output = *"revocation * revocation-20261121T1237340661753Z.xml 254"* ]]
	[[ $(ls) = $'one.key\none.pem\nout.p7m\nring' ]]
}

@test "the reader in C takes what the script signs" {
	sign $RING 1 42 90 one.pem one.key ring out.p7m
	mkdir -p data/fuzz/fuzz-manifest
	content out.p7m >data/fuzz/fuzz-manifest/made-by-dpkeyfs-sign
	DPK_TEST_DATA=$PWD/data run "$BUILD/tests/test-manifest"
	grep -q '^ok .* - a content that dpkeyfs-sign.sh made' <<<"$output"
	grep -q '^ok .* - is cut' <<<"$output"
}

@test "prev and remove-max come from the environment" {
	sign $RING 1 1 7 one.pem one.key ring a.p7m
	PREV=a.p7m REMOVE_MAX=3 sign $RING 1 2 7 one.pem one.key ring b.p7m
	run -0 check one.pem b.p7m
	[[ $output = *"prev sha256:$(sha256sum <a.p7m | cut -d ' ' -f 1)"$'\n'"remove-max 3"* ]]
}

@test "what nodes would refuse is not signed, and what was there stays" {
	echo before >out.p7m
	run -1 sign ${RING^^} 1 1 7 one.pem one.key ring out.p7m
	[[ $output = *"expected a UUID in lower case"* ]]
	for number in 0 01 -1 +1 1.0 9007199254740992 ''; do
		run -1 sign $RING "$number" 1 7 one.pem one.key ring out.p7m
		[[ $output = *"EPOCH or VERSION is '$number'; expected 1 to"* ]]
		run -1 sign $RING 1 "$number" 7 one.pem one.key ring out.p7m
	done
	run -1 sign $RING 1 1 0 one.pem one.key ring out.p7m
	run -1 sign $RING 1 1 91 one.pem one.key ring out.p7m
	REMOVE_MAX=4097 run -1 sign $RING 1 1 7 one.pem one.key ring out.p7m
	PREV=none run -1 sign $RING 1 1 7 one.pem one.key ring out.p7m
	mkdir empty
	run -1 sign $RING 1 1 7 one.pem one.key empty out.p7m
	[[ $output = *"expected a directory of *.xml"* ]]
	run -1 sign $RING 1 1 7 one.pem one.key ring ring
	signer two
	run -1 sign $RING 1 1 7 one.pem two.key ring out.p7m
	[[ $(cat out.p7m) = before && -z $(ls -d out.p7m.* 2>/dev/null) ]]
}

@test "names that .NET does not give, and sizes beyond the limit, are told of" {
	local name
	for name in key-x.xml Key-$RING.xml key-${RING^^}.xml revocation-20260422T12000050Z.xml \
		revocation-.xml other-$RING.xml $'key-\n.xml'; do
		echo x >"ring/$name"
		run -1 sign $RING 1 1 7 one.pem one.key ring out.p7m
		[[ $output = *".NET gives no such name"* ]]
		rm "ring/$name"
	done
	echo x >ring/revocation-20260230T120000Z.xml
	run -1 sign $RING 1 1 7 one.pem one.key ring out.p7m
	[[ $output = *"after a day that is none"* ]]
	rm ring/revocation-20260230T120000Z.xml
	head -c 65536 /dev/zero >ring/key-$RING.xml
	sign $RING 1 1 7 one.pem one.key ring out.p7m
	run -0 check one.pem out.p7m
	head -c 65537 /dev/zero >ring/key-$RING.xml
	run -1 sign $RING 1 1 7 one.pem one.key ring out.p7m
	: >ring/key-$RING.xml
	run -1 sign $RING 1 1 7 one.pem one.key ring out.p7m
	[[ $output = *"has 0 bytes; expected 1 to 65536"* ]]
}

@test "what was changed, moved, cut or added is found" {
	sign $RING 1 42 7 one.pem one.key ring out.p7m
	content out.p7m >good
	cp good same && seal same
	run -0 check one.pem same.p7m
	(cat good; printf x) >longer
	head -c -1 good >shorter
	sed '0,/<key/s//<kez/' good >replaced
	sed 's/^files .*/files 99/' good >counted
	sed 's/^files .*/files 0/' good >none
	sed '/^end$/d' good >endless
	sed 's/^ring/rang/' good >keyword
	sed '1s/ 1$/ 2/' good >format
	for name in longer shorter replaced counted none endless keyword format; do
		seal $name
		run -1 check one.pem $name.p7m
		[[ $output = *"dpkeyfs-check: "* ]]
	done
}

@test "only pinned signers count" {
	signer two
	sign $RING 1 42 7 two.pem two.key ring out.p7m
	run -1 check one.pem out.p7m
	[[ $output = *"is not signed by the signers of 'one.pem' alone"* ]]
	cat one.pem two.pem >pins
	run -0 check pins out.p7m
	head -c -1 out.p7m >cut.p7m
	run -1 check pins cut.p7m
}
