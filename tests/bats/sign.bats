#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Signed snapshots as dpkeyctl writes, judges and compares them. The signers
# are minted here and are worth nothing.

load lib.bash
bats_require_minimum_version 1.5.0

RING=0f6d5a0c-2b1e-4a53-9f3c-5f0d2f6b7a11
GOOD=$DATA/rings/net10-gcm-a

# mint NAME ALGORITHM [OPTION]: NAME.pem and NAME.key
mint() {
	openssl req -x509 -newkey "$2" ${3:+-pkeyopt "$3"} -nodes -keyout "$S/$1.key" -out "$S/$1.pem" \
		-subj "/CN=signer $1" -days 30 2>/dev/null
	chmod 0600 "$S/$1.key"
}

setup_file() {
	export S=$BATS_FILE_TMPDIR
	mkdir "$S/wrap" "$S/pins"
	cp "$DATA"/certs/wrap-[abc].pem "$S/wrap/"
	mint p256 ec ec_paramgen_curve:P-256
	mint p384 ec ec_paramgen_curve:P-384
	mint rsa rsa:3072
	mint other ec ec_paramgen_curve:P-521
	cp "$S/p256.pem" "$S/p384.pem" "$S/rsa.pem" "$S/pins/"
}

setup() {
	T=$BATS_TEST_TMPDIR OUT=$BATS_TEST_TMPDIR/ring.p7m
	O=wrap_certs=$S/wrap,ring_id=$RING
	mkdir "$T/store"
}

# sign_as NAME [ARGUMENT...]: signs $GOOD into $OUT unless told otherwise.
sign_as() {
	local who=$1 in=(--in "$GOOD")
	shift
	[[ " $* " != *" --in "* ]] || in=()
	"$DPKEYCTL" -o "$O" sign --signer "$S/$who.pem" --key "$S/$who.key" "${in[@]}" --out "$OUT" "$@"
}

# judge PINS [ARGUMENT...]
judge() {
	local pins=$1
	shift
	"$DPKEYCTL" -o "$O,signers=$S/$pins" verify "$@"
}

# mint_key DIRECTORY [OPTION...]: prints the id
mint_key() {
	local directory=$1
	shift
	"$MKKEY" --cert "$S/wrap/wrap-a.pem" "$@" "$directory"
}

# What OUT holds, and that nothing was left beside it.
is_untouched() { # DIGEST
	[[ $(sha256sum <"$OUT") = "$1" ]]
	[[ -z $(find "$(dirname "$OUT")" -name '*.tmp') ]]
}

@test "each kind of key signs; verify, and openssl, agree" {
	local who
	for who in p256 p384 rsa other; do
		OUT=$T/$who.p7m
		run -0 sign_as "$who"
		[[ $output = "ring $RING epoch 1 version 1 elements 2 signers 1 expires "*Z ]]
		[[ $(stat -c %a "$OUT") = 644 ]]
		run -0 judge "$who.pem" "$OUT"
		[[ ${lines[0]} = "ring $RING" && ${lines[1]} = "epoch 1" && ${lines[2]} = "version 1" ]]
		[[ ${lines[3]} = "signer CN=signer $who" ]]
		[[ ${lines[4]} = "issued "*Z && ${lines[5]} = "expires "*Z ]]
		[[ ${lines[6]} = key-*.xml": ok" && ${#lines[@]} -eq 8 ]]
		openssl cms -verify -binary -inform DER -in "$OUT" -CAfile "$S/$who.pem" -purpose any \
			-out "$T/content" 2>/dev/null
		# the text and the elements, byte for byte, in its order
		cmp <(sed '/^end$/q' "$T/content"; cat "$GOOD"/key-*.xml) "$T/content"
	done
}

@test "the envelope is DER with one signature for each key and SHA-256" {
	sign_as p256 --cosign "$S/rsa.pem" --cosign-key "$S/rsa.key"
	run -0 openssl asn1parse -inform DER -in "$OUT"
	[[ $output != *"l=inf"* ]]
	openssl cms -cmsout -print -inform DER -in "$OUT" >"$T/print"
	[[ $(grep -c 'digestAlgorithm:' "$T/print") -eq 2 ]]
	[[ $(grep -A1 'digestAlgorithm:' "$T/print" | grep -c sha256) -eq 2 ]]
	[[ $(grep -c 'object: messageDigest' "$T/print") -eq 2 ]]
	[[ $(grep -c 'S/MIME Cap' "$T/print") -eq 0 ]]
}

@test "two of three" {
	O+=,threshold=2
	sign_as p256 --cosign "$S/rsa.pem" --cosign-key "$S/rsa.key"
	run -0 judge pins "$OUT"
	[[ $output = *"signer CN=signer p256"* && $output = *"signer CN=signer rsa"* ]]
	[[ $output != *p384* ]]
	O=${O/threshold=2/threshold=3}
	run -4 judge pins "$OUT"
	[[ $output = "ring.p7m: rejected: signer: "* && ${#lines[@]} -eq 1 ]]
	# one key is one signer
	run -2 sign_as p256 --cosign "$S/p256.pem" --cosign-key "$S/p256.key"
	[[ $output = *"have one key"* ]]
	# what would not reach the threshold is not written
	run -4 "$DPKEYCTL" -o "${O/=3/=2},signers=$S/pins" sign --signer "$S/p256.pem" --key "$S/p256.key" \
		--in "$GOOD" --out "$T/one.p7m"
	[[ $output = "$T/one.p7m: rejected: signer: "* && ! -e $T/one.p7m ]]
}

@test "a second signer elsewhere, with openssl" {
	sign_as p256
	openssl cms -resign -binary -nosmimecap -md sha256 -signer "$S/p384.pem" -inkey "$S/p384.key" \
		-inform DER -in "$OUT" -outform DER -out "$T/two.p7m"
	O+=,threshold=2
	run -0 judge pins "$T/two.p7m"
}

@test "a passphrase comes from a file that others cannot read" {
	openssl pkcs8 -topk8 -v2 aes-256-cbc -passout pass:open -in "$S/p256.key" -out "$T/closed.key"
	chmod 0600 "$T/closed.key"
	local args=(-o "$O" sign --signer "$S/p256.pem" --key "$T/closed.key" --in "$GOOD" --out "$OUT")
	umask 077
	echo open >"$T/pass"
	echo wrong >"$T/wrong"
	# no terminal is asked, even where there is one
	run -2 script -qec "$(printf '%q ' "$DPKEYCTL" "${args[@]}")" /dev/null
	[[ $output = *"has a passphrase; name a file that holds it"* ]]
	run -2 "$DPKEYCTL" "${args[@]}" --passphrase "$T/wrong"
	[[ $output = *"does not open the key"* && $output != *"wrong'"*"wrong'"* ]]
	[[ ! -e $OUT ]]
	run -0 "$DPKEYCTL" "${args[@]}" --passphrase "$T/pass"
	chmod 0640 "$T/pass"
	run -2 "$DPKEYCTL" "${args[@]}" --passphrase "$T/pass"
	[[ $output = *"chmod 0600"* ]]
	chmod 0600 "$T/pass"
	chmod 0644 "$T/closed.key"
	run -2 "$DPKEYCTL" "${args[@]}" --passphrase "$T/pass"
	[[ $output = *"chmod 0600"* ]]
	# a cosigner has one of his own
	chmod 0600 "$T/closed.key"
	run -0 sign_as rsa --cosign "$S/p256.pem" --cosign-key "$T/closed.key" \
		--cosign-passphrase "$T/pass" --version 7
}

@test "a token without a provider is told what is missing, and a PIN stays off the line" {
	local args=(-o "$O" sign --signer "$S/p256.pem" --in "$GOOD" --out "$OUT" --key)
	run -2 "$DPKEYCTL" "${args[@]}" "pkcs11:token=none;object=none"
	[[ $output = *"no provider here"*"pkcs11-provider"* || $output = *"the token gave no private key"* ]]
	run -2 "$DPKEYCTL" "${args[@]}" "pkcs11:token=none?pin-value=1234"
	[[ $output = *"a PIN does not belong on a command line"* && $output != *1234* ]]
	[[ ! -e $OUT ]]
}

@test "what no node would take as a signer does not sign" {
	mint weak rsa:2048
	mint k1 ec ec_paramgen_curve:secp256k1
	mint ed ed25519
	local who
	for who in weak k1 ed; do
		run -2 sign_as "$who"
		[[ $output = *"cannot sign a ring"* ]]
	done
	run -2 "$DPKEYCTL" -o "$O" sign --signer "$S/p256.pem" --key "$S/p384.key" --in "$GOOD" --out "$OUT"
	[[ $output = *"is not that of the key"* ]]
	run -2 "$DPKEYCTL" -o "$O" sign --signer "$S/pins" --key "$S/p384.key" --in "$GOOD" --out "$OUT"
	[[ $output = *"of several keys"* ]]
	run -2 "$DPKEYCTL" -o "$O" sign --signer "$S/p256.pem" --key "$S/p256.pem" --in "$GOOD" --out "$OUT"
	[[ ! -e $OUT ]]
}

@test "the command line is checked" {
	local bad
	for bad in "--version 0" "--version x" "--version 9007199254740992" "--epoch -1" "--lifetime 91d" \
		"--lifetime 0" "--lifetime 10ms" "--remove-max 4097" "--cosign $S/rsa.pem" "--cosign-key x" \
		"--signer x" "--frobnicate" "extra" "--epoch"; do
		# shellcheck disable=SC2086
		run -2 sign_as p256 $bad
	done
	run -2 "$DPKEYCTL" sign --signer "$S/p256.pem" --key "$S/p256.key" --in "$GOOD" --out "$OUT"
	[[ $output = *ring_id* ]]
	run -2 "$DPKEYCTL" -o "$O" sign --signer "$S/p256.pem" --key "$S/p256.key" --out "$OUT"
	[[ $output = *"--in"* ]]
	run -2 "$DPKEYCTL" -o "$O" sign --signer "$S/p256.pem" --key "$S/p256.key" --in "$GOOD"
	[[ $output = *"--out"* && ! -e $OUT ]]
}

@test "what a node would refuse is not signed" {
	cp "$GOOD"/*.xml "$T/store/"
	cp "$DATA/odd/12-bad-id/key-a.xml" "$T/store/key-hostile.xml"
	run -4 sign_as p256 --in "$T/store"
	[[ $output = "key-hostile.xml: rejected: key-id: "* && ${#lines[@]} -eq 1 ]]
	run -4 sign_as p256 --in "$T/store" --json
	[[ $(jq -r '.[0].reason' <<<"$output") = key-id ]]
	run -4 sign_as p256 --in "$DATA/rings/net10-plain"
	[[ $output = *": rejected: unwrapped: "* ]]
	run -4 sign_as p256 --in "$DATA/rings/net10-foreign"
	[[ $output = *": rejected: wrap-cert: "* ]]
	run -3 sign_as p256 --in "$T/nothing"
	[[ ! -e $OUT ]]
}

@test "a ring without a default key is signed only when that is meant" {
	run -4 sign_as p256 --in "$T/store"
	[[ $output = "$T/store: rejected: no-default: "* && ! -e $OUT ]]
	mint_key "$T/store" --life 9 >/dev/null
	run -4 sign_as p256 --in "$T/store"
	[[ $output = *": rejected: no-default: "*"in "*" hours"* && ! -e $OUT ]]
	run -0 sign_as p256 --in "$T/store" --allow-no-default
	run -0 judge p256.pem "$OUT"
}

@test "versions are counted from what verifies, and from nothing else" {
	local digest
	sign_as p256 --version 41
	run -0 sign_as p256
	[[ $output = *" epoch 1 version 42 "* ]]
	digest=$(sha256sum <"$OUT")
	run -0 sign_as p256 --epoch 3
	[[ $output = *" epoch 3 version 43 "* ]]
	[[ $(openssl cms -verify -noverify -binary -inform DER -in "$OUT" 2>/dev/null |
		sed -n 's/^prev sha256:\([0-9a-f]*\)$/\1/p') = "${digest%% *}" ]]
	run -0 sign_as p256
	[[ $output = *" epoch 3 version 44 "* ]]
	digest=$(sha256sum <"$OUT")
	run -4 sign_as p256 --version 43
	[[ $output = "$OUT: rejected: rollback: "* ]]
	run -4 sign_as p256 --epoch 2 --version 50
	[[ $output = "$OUT: rejected: rollback: "* ]]
	run -4 sign_as p256 --version 44 --lifetime 1d
	[[ $output = "$OUT: rejected: equivocation: "* ]]
	is_untouched "$digest"
	# the configured floor counts as well
	O+=,signers=$S/p256.pem,min_epoch=3,min_version=100
	run -4 sign_as p256
	[[ $output = "$OUT: rejected: rollback: "* ]]
	run -0 sign_as p256 --version 100
}

@test "over a file that does not verify the version must be given" {
	local digest
	sign_as other --version 9007199254740991
	digest=$(sha256sum <"$OUT")
	run -2 sign_as p256
	[[ $output = *"does not verify (signer: "*"--version N"* ]]
	is_untouched "$digest"
	run -4 sign_as other
	[[ $output = *": rejected: manifest: there is no number after 9007199254740991"* ]]
	is_untouched "$digest"
	run -0 sign_as p256 --version 7
	[[ $output = *" epoch 1 version 7 "* ]]
	printf 'dpkeyfs-snapshot 1\nversion 99\n' >"$OUT"
	run -2 sign_as p256
	[[ $output = *"--version N"* && $output != *99* ]]
	head -c 5000000 /dev/zero >"$OUT"
	run -2 sign_as p256
	[[ $output = *"(size: "* ]]
	# nor is it shown
	run -4 judge p256.pem "$OUT"
	[[ $output = "ring.p7m: rejected: size: "* ]]
	# of another ring
	rm "$OUT"
	O=${O/0f6d5a0c/11111111} sign_as p256
	run -2 sign_as p256
	[[ $output = *"(ring-id: "* ]]
	# with the configured signers: their judgement
	sign_as p256 --version 8
	O+=,signers=$S/pins
	run -0 sign_as rsa
	[[ $output = *" version 9 "* ]]
}

@test "keys that have not expired leave only as far as remove-max allows" {
	local gone digest
	mint_key "$T/store" >/dev/null
	gone=$(mint_key "$T/store")
	mint_key "$T/store" --created -60 --active -50 --life 10 >"$T/expired"
	sign_as p256 --in "$T/store"
	digest=$(sha256sum <"$OUT")
	rm "$T/store/key-$(cat "$T/expired").xml"
	run -0 sign_as p256 --in "$T/store"
	cp "$OUT" "$T/two.p7m"
	digest=$(sha256sum <"$OUT")
	rm "$T/store/key-$gone.xml"
	run -4 sign_as p256 --in "$T/store"
	[[ $output = "$OUT: rejected: removal: 1 key "* ]]
	is_untouched "$digest"
	run -0 sign_as p256 --in "$T/store" --remove-max 1
	run -0 judge p256.pem --after "$T/two.p7m" "$OUT"
}

@test "the old snapshot stays where the new one cannot be written" {
	need_root
	local digest
	mkdir "$T/www"
	OUT=$T/www/ring.p7m
	sign_as p256
	digest=$(sha256sum <"$OUT")
	export -f sign_as
	export O S OUT GOOD DPKEYCTL
	run -3 unshare -m bash -c 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && sign_as p256' - "$T/www"
	[[ $output = *"cannot write '$OUT': Read-only file system"* ]]
	is_untouched "$digest"
	# no room for all of it: the new file goes, not the old one
	run -3 unshare -m bash -c 'mount -t tmpfs -o size=16k none "$1" && echo old >"$1/ring.p7m" &&
		head -c 8192 /dev/zero >"$1/ballast"
		sign_as p256 --version 5 || s=$?; cat "$1/ring.p7m"; ls -A "$1"; exit $s' - "$T/www"
	[[ $output = *"cannot write '$OUT': No space left on device"*$'\nold\nballast\nring.p7m' ]]
	OUT=$T/none/ring.p7m
	run -3 sign_as p256
}

@test "verify needs to be told whom to believe" {
	sign_as p256
	run -2 "$DPKEYCTL" -o "$O" verify "$OUT"
	[[ $output = *"signers="* ]]
	run -2 "$DPKEYCTL" -o "signers=$S/p256.pem" verify "$OUT"
	[[ $output = *"ring_id="* ]]
	run -2 "$DPKEYCTL" -o "$O,signers=$S/p256.pem,threshold=2" verify "$OUT"
	run -4 judge other.pem "$OUT"
	[[ $output = "ring.p7m: rejected: signer: "* && $output != *"signer p256"* ]]
	O=${O/0f6d5a0c/11111111} run -4 judge p256.pem "$OUT"
	[[ $output = "ring.p7m: rejected: ring-id: "* && ${#lines[@]} -eq 1 ]]
	run -4 "$DPKEYCTL" -o "ring_id=$RING,signers=$S/p256.pem" verify "$OUT"
	[[ ${lines[0]} = "ring $RING" && $output = *".xml: rejected: wrap-cert: "* ]]
}

@test "nothing is shown of a snapshot that was changed" {
	sign_as p256
	python3 - "$OUT" "$T/changed.p7m" <<-'END'
		import sys
		data = open(sys.argv[1], "rb").read()
		open(sys.argv[2], "wb").write(data.replace(b"version 1\n", b"version 7\n"))
	END
	run -4 judge p256.pem "$T/changed.p7m"
	[[ $output = "changed.p7m: rejected: signature: "* && ${#lines[@]} -eq 1 && $output != *"$RING"* ]]
	head -c 4000 "$OUT" >"$T/cut.p7m"
	run -4 judge p256.pem "$T/cut.p7m"
	[[ $output = "cut.p7m: rejected: envelope: "* ]]
	run -4 judge p256.pem --json "$T/cut.p7m" "$OUT"
	[[ $(jq -r '.[0]|"\(.name) \(.ok) \(.reason)"' <<<"$output") = "cut.p7m false envelope" ]]
	[[ $(jq -r '.[1]|"\(.ring) \(.epoch) \(.version) \(.signers[0]) \(.elements)"' <<<"$output") = \
		"$RING 1 1 CN=signer p256 2" ]]
	[[ $(jq -r '.[2].ok' <<<"$output") = true ]]
}

@test "verify as of another time" {
	sign_as p256 --lifetime 1d
	run -0 judge p256.pem --at +23h "$OUT"
	run -4 judge p256.pem --at +25h "$OUT"
	[[ $output = "ring.p7m: rejected: expired: "* ]]
	run -4 judge p256.pem --at 2020-01-01T00:00:00Z "$OUT"
	[[ $output = "ring.p7m: rejected: not-yet: "* ]]
	# what was accepted already does not expire
	run -0 judge p256.pem --at +25h --after "$OUT" "$OUT"
	run -2 judge p256.pem --at yesterday "$OUT"
	run -2 judge p256.pem --at
}

@test "verify as a node that has accepted another one" {
	sign_as p256
	cp "$OUT" "$T/one.p7m"
	sign_as p256
	cp "$OUT" "$T/two.p7m"
	run -0 judge p256.pem --after "$T/one.p7m" "$T/two.p7m"
	run -0 judge p256.pem --after "$T/two.p7m" "$T/two.p7m"
	run -4 judge p256.pem --after "$T/two.p7m" "$T/one.p7m"
	[[ $output = "one.p7m: rejected: rollback: "* ]]
	rm "$OUT"
	sign_as p256 --version 2 --lifetime 3d
	run -4 judge p256.pem --after "$T/two.p7m" "$OUT"
	[[ $output = "ring.p7m: rejected: equivocation: "* ]]
	sign_as p256 --epoch 2
	run -4 judge p256.pem --after "$T/two.p7m" "$OUT"
	[[ $output = "ring.p7m: rejected: fast-forward: "* ]]
	rm "$OUT"
	sign_as p256 --version 3 --in "$DATA/rings/net10-sha512-a"
	run -4 judge p256.pem --after "$T/two.p7m" "$OUT"
	[[ $output = "ring.p7m: rejected: removal: "* ]]
	run -4 judge other.pem --after "$T/two.p7m" "$OUT"
	[[ $output = "two.p7m: rejected: signer: "* ]]
	run -2 judge p256.pem --after "$GOOD" "$OUT"
}

@test "a snapshot is signed anew before it expires" {
	sign_as p256 --lifetime 1d
	run -0 sign_as p256 --in "$OUT" --lifetime 30d
	[[ $output = *" version 2 elements 2 "* ]]
	run -0 judge p256.pem --at +29d "$OUT"
	run -4 "$DPKEYCTL" -o "$O" sign --signer "$S/rsa.pem" --key "$S/rsa.key" --in "$OUT" --out "$T/new.p7m"
	[[ $output = "$OUT: rejected: signer: "* && ! -e $T/new.p7m ]]
}

@test "diff tells what differs" {
	local id
	sign_as p256
	O+=,signers=$S/p256.pem
	run -0 "$DPKEYCTL" -o "$O" diff "$OUT" "$GOOD"
	[[ -z $output ]]
	cp "$GOOD"/*.xml "$T/store/"
	run -0 "$DPKEYCTL" diff "$GOOD" "$T/store"
	rm "$T/store/key-3296bcd7-b808-4292-bc83-0b0bd2ed2393.xml"
	id=$(mint_key "$T/store")
	sed -i 's/AES_256_GCM/AES_128_GCM/' "$T/store/key-dc1486a4-499d-4b96-b922-4298ec5ad0d2.xml"
	run -1 "$DPKEYCTL" diff "$GOOD" "$T/store"
	[[ ${lines[0]} = "- key-3296bcd7-b808-4292-bc83-0b0bd2ed2393.xml" ]]
	[[ ${lines[1]} = "~ key-dc1486a4-499d-4b96-b922-4298ec5ad0d2.xml" ]]
	[[ ${lines[2]} = "+ key-$id.xml" && ${#lines[@]} -eq 3 ]]
	run -1 "$DPKEYCTL" -o "$O" diff "$OUT" "$T/store" --json
	[[ $(jq -c '[.only_a, .only_b, .changed | length]' <<<"$output") = "[1,1,1]" ]]
	cp "$OUT" "$T/one.p7m"
	sign_as p256 --lifetime 2d
	run -1 "$DPKEYCTL" -o "$O" diff "$T/one.p7m" "$OUT"
	[[ ${lines[0]} = "version 1 -> 2" && $output = *"expires "*" -> "* && $output != *key-* ]]
	run -0 "$DPKEYCTL" -o "$O" diff "$OUT" "$OUT"
	run -2 "$DPKEYCTL" diff "$OUT" "$GOOD"
	[[ $output = *"signers="* ]]
	run -4 "$DPKEYCTL" -o "${O/p256/other}" diff "$OUT" "$GOOD"
	run -2 "$DPKEYCTL" diff "$GOOD"
	run -3 "$DPKEYCTL" diff "$GOOD" "$T/nothing"
}

@test "simulate believes a snapshot as verify does" {
	sign_as p256
	run -0 "$DPKEYCTL" -o "$O,signers=$S/p256.pem" simulate --at +1h "$OUT"
	[[ $(jq -r .net8.key <<<"$output") = "$("$DPKEYCTL" simulate --at +1h "$GOOD" | jq -r .net8.key)" ]]
	run -4 "$DPKEYCTL" -o "$O,signers=$S/other.pem" simulate "$OUT"
	run -2 "$DPKEYCTL" -o "$O" simulate "$OUT"
}
