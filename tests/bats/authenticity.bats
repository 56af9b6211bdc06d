#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Signed snapshots: forged, damaged, old and foreign ones are refused, each for
# its own reason, and good ones of every shape are taken, byte for byte.

load lib.bash
bats_require_minimum_version 1.5.0

SNAPCHECK=$BUILD/tools/snapcheck
MUTATE=$BUILD/tools/mutate

setup_file() {
	"$ROOT/tests/tools/mint-snapshots.py" "$BATS_FILE_TMPDIR/corpus" >"$BATS_FILE_TMPDIR/minted"
	cd "$BATS_FILE_TMPDIR/corpus" || return 1
	judge
}

setup() {
	T=$BATS_TEST_TMPDIR
	WANT=$BATS_FILE_TMPDIR/want GOT=$BATS_FILE_TMPDIR/got
	cd "$BATS_FILE_TMPDIR/corpus" || return 1
}

# Every case through snapcheck, those with the same arguments in one call:
# `got` has CASE<TAB>ANSWER, `want` has CASE<TAB>EXPECTED.
judge() {
	local args case status
	local -A cases=()
	for case in [0-9]*/; do
		args=$(<"$case/args")
		cases[$args]+="${case%/} "
		printf '%s\t%s\n' "${case%/}" "$(<"$case/expect")"
	done >../want
	for args in "${!cases[@]}"; do
		status=0
		# shellcheck disable=SC2086
		set -- ${cases[$args]}
		# shellcheck disable=SC2086
		"$SNAPCHECK" $args "${@/%//snapshot.p7m}" >../answers || status=$?
		[[ $status -eq 0 || $status -eq 4 ]] || { echo "exit $status: $args" >&2; return 1; }
		[[ $(wc -l <../answers) -eq $# ]] || { echo "too few answers: $args" >&2; return 1; }
		paste <(printf '%s\n' "$@") ../answers
	done | sort >../got
}

# An answer of `ok` counts as a whole, a refusal by its reason.
reasons() { awk -F'\t' '{ if ($2 !~ /^ok /) sub(/ .*/, "", $2); print $1 "\t" $2 }' "$1"; }

@test "the corpus: every bad snapshot has its reason, every good one its bytes" {
	diff <(reasons "$WANT") <(reasons "$GOT")
	# by what they are, not by what was said of them
	local good bad
	good=$(grep -c $'\tok ' "$WANT")
	bad=$(grep -vc $'\tok ' "$WANT")
	[[ "good $good bad $bad" = $(<"$BATS_FILE_TMPDIR/minted") ]]
	[[ $good -ge 30 && $bad -ge 90 ]]
	[[ $(grep -c $'\tok ' "$GOT") -eq $good ]]
	echo "# good $good, all accepted; bad $bad, none accepted" >&3
}

@test "the corpus: each reason of a snapshot is met, and says what to do" {
	local reason
	for reason in size envelope signature signer manifest ring-id rollback equivocation \
		fast-forward not-yet expired unlisted hash name; do
		grep -q $'\t'"$reason [^ ]" "$GOT"
	done
	# a text for people, that a log can hold
	run awk -F'\t' '$2 !~ /^ok / && length($2) < 40' "$GOT"
	[[ -z $output ]]
	run grep -nP '[^\x20-\x7e\t]' "$GOT"
	[[ -z $output ]]
	run grep -c 'unknown' <(cut -f2 "$GOT" | cut -d' ' -f1)
	[[ $output -eq 0 ]]
}

@test "pins: what cannot sign a ring is not pinned" {
	local name
	for name in rsa2048 k1 ed25519; do
		mkdir -m 0700 "$T/$name"
		cp "keys/$name.pem" "$T/$name/"
		run -3 "$SNAPCHECK" --signers "$T/$name" --threshold 1 \
			--ring 0f6d5a0c-2b1e-4a53-9f3c-5f0d2f6b7a11 small.p7m
		[[ $output = *"cannot sign a ring"* ]]
	done
}

@test "the stock openssl takes what the specification's examples make" {
	local case n=0
	for case in *-good-{a,p384,rsa3072,sha512,keyid,no-certificates}/; do
		read -r _ pins _ <"$case/args"
		openssl cms -verify -inform DER -in "$case/snapshot.p7m" -noverify -nointern \
			-certfile <(cat "$pins"/*.pem) -binary -out "$T/content"
		[[ $(sed '/^end$/q' "$T/content" | sha256sum) = "$(cut -d' ' -f4 "$case/expect")"* ]]
		n=$((n + 1))
	done
	[[ $n -eq 6 ]]
}

@test "10000 random edits: refused, or the same elements under the same manifest" {
	local seed=$((RANDOM * 32768 + RANDOM))
	echo "# seed $seed" >&3
	run -0 "$MUTATE" --signers pins/a --ring 0f6d5a0c-2b1e-4a53-9f3c-5f0d2f6b7a11 --seed "$seed" \
		--edits 10000 --samples "$T" 200 small.p7m *-good-{a,keyid,all-fields}/snapshot.p7m
	echo "# $output" >&3
	[[ $output = "seed $seed edits 10000 "* ]]
	# what the command of openssl says of 200 of them, half of them accepted
	run -0 "$ROOT/tests/tools/agree.py" --pin keys/a.pem "$T"
	echo "# $output" >&3
	[[ $output = "samples 200 "* ]]
}
