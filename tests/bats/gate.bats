#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Odd elements, each judged as the table of its fixture says: by dpkeyctl
# verify, and through a mount beside a good ring.

load lib.bash
bats_require_minimum_version 1.5.0

GOOD=net10-gcm-a

setup() { ring_init; }
teardown() { ring_clean; }

cases() { grep -v '^#' "$DATA/odd/expected.tsv"; }

# What the third column asks for, in one word.
word_of() {
	case $1 in
	accept | ignored) echo "$1" ;;
	"revocation, and"*) echo hold ;;
	"fetch fails"*) echo fails ;;
	# until an unwrap_key can be given, a node cannot tell a damaged ciphertext
	unwrap) echo accept ;;
	*) echo "refuse $1" ;;
	esac
}

odd_directory() { # CASE -> $T/odd
	rm -rf "$T/odd"
	cp -r "$DATA/odd/$1" "$T/odd"
	[[ $1 != 24-* ]] || ln -s /nonexistent "$T/odd/x.xml"
}

@test "dpkeyctl verify gives each case its verdict" {
	local case verdict bad=0 want
	while IFS=$'\t' read -r case _ verdict; do
		odd_directory "$case"
		want=$(word_of "$verdict")
		run "$DPKEYCTL" -o "wrap_certs=$T/certs" verify "$T/odd"
		case $want in
		accept | ignored) [[ $status -eq 0 && $output != *rejected* ]] ;;
		hold) [[ $status -eq 4 && $output = *"revocation-x.xml: rejected: revocation: "* ]] ;;
		fails) [[ $status -eq 3 && $output = *dangling* ]] ;;
		refuse*) [[ $status -eq 4 && $output = *": rejected: ${want#refuse }: "* ]] ;;
		esac || {
			echo "$case: wanted $want, got $status: $output"
			bad=1
		}
	done < <(cases)
	[[ $bad -eq 0 ]]
}

@test "verify says the same of single files, and as JSON" {
	run -4 "$DPKEYCTL" -o "wrap_certs=$T/certs" verify "$DATA/odd/12-bad-id/key-a.xml" \
		"$DATA/odd/00-genuine/key-a.xml"
	[[ ${lines[0]} = "key-a.xml: rejected: key-id: "* ]]
	[[ ${lines[1]} = "key-a.xml: ok" ]]
	run -4 "$DPKEYCTL" --json -o "wrap_certs=$T/certs" verify "$DATA/odd/12-bad-id/key-a.xml"
	[[ $(jq -r '.[0].reason' <<<"$output") = key-id ]]
	# a whole element, and then more than an element may have
	cp "$DATA/odd/00-genuine/key-a.xml" "$T/long.xml"
	head -c 66000 /dev/zero | tr '\0' ' ' >>"$T/long.xml"
	run -4 "$DPKEYCTL" -o "wrap_certs=$T/certs" verify "$T/long.xml"
	[[ $output = "long.xml: rejected: size: "* ]]
	run -3 "$DPKEYCTL" verify "$T/nothing.xml"
	run -4 "$DPKEYCTL" verify "$DATA/rings/net10-cbc-c"
	[[ $output = *"rejected: wrap-cert"* ]]
	run -2 "$DPKEYCTL" -o wrap_certs=/nonexistent verify "$DATA/rings/net10-cbc-c"
}

# The mount shows the good ring and, if $1 is accept, the odd key as well.
shows() {
	local want
	want=$(names "$DATA/rings/$GOOD" | wc -l)
	[[ $1 != accept ]] || want=$((want + $(find "$T/odd" -type f -name '*.xml' | wc -l)))
	[[ $(names "$MNT" | wc -l) -eq $want ]]
	local name
	for name in $(names "$DATA/rings/$GOOD"); do cmp "$DATA/rings/$GOOD/$name" "$MNT/$name"; done
}

@test "through the mount: the bad one is absent, the rest is served byte for byte" {
	local case verdict want
	while IFS=$'\t' read -r case _ verdict; do
		want=$(word_of "$verdict")
		echo "$case: $want"
		rm -rf "$STORE" "$T/state"
		mkdir "$STORE"
		give "$GOOD"
		ring_start "$STORE" interval=1h
		ring_up
		odd_directory "$case"
		cp -a "$T/odd/." "$STORE/"
		run ctl sync
		case $want in
		accept)
			[[ $status -eq 0 ]]
			shows accept
			cmp "$T/odd/key-a.xml" "$MNT/key-$(sed -n 's/.*<key id="\([^"]*\)".*/\1/p' \
				"$T/odd/key-a.xml" | head -1 | tr A-F a-f).xml"
			;;
		ignored)
			[[ $status -eq 0 ]]
			[[ $(status_of '.rejected|length') -eq 0 ]]
			;;
		"refuse duplicate-id")
			[[ $status -eq 1 ]]
			[[ $(status_of '.rejected|map(.reason)|join(" ")') = duplicate-id ]]
			[[ $(names "$MNT" | wc -l) -eq 3 ]]
			;;
		refuse*)
			[[ $status -eq 1 ]]
			[[ $(status_of '.rejected|map(.reason)|join(" ")') = "${want#refuse }" ]]
			shows good
			;;
		hold)
			[[ $status -eq 1 ]]
			[[ $(status_of .hold.reason) = revocation ]]
			[[ $(status_of .generation) = 1 ]]
			shows good
			;;
		fails)
			[[ $status -eq 1 ]]
			[[ $(status_of .last_error.reason) = transient ]]
			[[ $(status_of .generation) = 1 ]]
			shows good
			;;
		esac
		ring_stop 0
	done < <(cases)
}

@test "a bad revocation: held, EIO where there is no generation, let go when mended" {
	give "$GOOD"
	cp "$DATA/odd/16-revocation-bad-id/revocation-x.xml" "$STORE/"
	ring_start "$STORE" nofail wait=0 interval=1h
	until_true 10 test -S "$SOCK"
	run ctl sync
	fails_eio ls "$MNT"
	[[ $(status_of .hold.reason) = revocation ]]
	run -1 ctl health
	[[ $output = *"revocation: 1 element that is or could be a revocation"* ]]
	rm "$STORE/revocation-x.xml"
	ctl sync
	shows good
	# and beside a ring: new keys wait too
	cp "$DATA/odd/18-mass-no-date/revocation-x.xml" "$STORE/"
	give net10-managed-a
	run ctl sync
	[[ $status -eq 1 ]]
	shows good
	rm "$STORE/revocation-x.xml"
	ctl sync
	[[ $(names "$MNT" | wc -l) -eq 3 ]]
}

@test "on_bad_revocation=serve goes on without it, and health tells" {
	give "$GOOD"
	cp "$DATA/odd/16-revocation-bad-id/revocation-x.xml" "$STORE/"
	ring_start "$STORE" on_bad_revocation=serve
	ring_up
	shows good
	run -1 ctl health
	[[ $output = *"revocation-x.xml was refused"* ]]
}

@test "hostile entries are findings and harm nothing" {
	give "$GOOD"
	ln -s /etc/shadow "$STORE/shadow.xml"
	mkfifo "$STORE/fifo.xml"
	mknod "$STORE/null.xml" c 1 3
	truncate -s 1G "$STORE/huge.xml"
	ring_start "$STORE" deadline=5s
	ring_up
	shows good
	[[ $(status_of '.rejected|length') -eq 4 ]]
	run grep -r root: "$MNT"
	[[ $status -eq 1 ]]
}

@test "real rings: every one of them verifies byte for byte" {
	local ring
	for ring in "$DATA"/rings/*/; do
		case $ring in */net10-foreign/ | */net10-plain/) continue ;; esac
		run -0 "$DPKEYCTL" -o "wrap_certs=$T/certs" verify "$ring"
	done
	run -4 "$DPKEYCTL" -o "wrap_certs=$T/certs" verify "$DATA/rings/net10-foreign"
	[[ $output = *wrap-cert* ]]
	run -4 "$DPKEYCTL" -o "wrap_certs=$T/certs" verify "$DATA/rings/net10-plain"
	[[ $output = *unwrapped* ]]
	run -0 "$DPKEYCTL" -o "wrap_certs=$T/certs,unwrapped=accept" verify "$DATA/rings/net10-plain"
}

@test "simulate: every question of the resolver fixtures, as real .NET answered it" {
	local ring name args at bad=0 n=0
	for ring in "$DATA"/resolver/r*/; do
		name=$(basename "$ring")
		args=()
		while read -r at; do args+=(--at "$at"); done <"$ring/at"
		"$DPKEYCTL" simulate "${args[@]}" "$ring" |
			jq -r '[.net8, .net9] | map((.key // "THROW"),
				(if .need_new then "need_new" else "-" end)) | @tsv' >"$T/got"
		paste <(answers 8 "$name") <(answers 9 "$name") >"$T/want"
		n=$((n + $(wc -l <"$T/want")))
		diff "$T/want" "$T/got" || bad=1
	done
	[[ $bad -eq 0 && $n -eq 890 ]]
}

answers() { awk -F'\t' -v r="$2" '$1 == r { split($3, k, " "); print k[1] "\t" $4 }' \
	"$DATA/resolver/expected.net$1.tsv"; }
