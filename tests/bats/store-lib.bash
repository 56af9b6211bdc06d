# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# What the tests of the store programs share.

root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
build=${DPK_BUILD:-build}
[[ $build = /* ]] || build=$root/$build
stores=$build/libexec/dpkeyfs
tools=$root/tests/tools

# store NAME VERB URL ['KEY = VALUE'...]: runs it as the daemon does; sets
# $status and $text, leaves its standard output in $out
store() {
	local program=$stores/store-$1 verb=$2 url=$3
	shift 3
	out=$BATS_TEST_TMPDIR/out
	status=0
	"$program" "$verb" "$url" 3< <(printf '%s\n' "$@") \
		>"$out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	text=$(<"$BATS_TEST_TMPDIR/err")
}

# expect STATUS [TEXT]: the last store ended so, and its text contains TEXT.
# A store that gives nothing prints nothing; a text is one short line.
expect() {
	if [ "$status" -ne "$1" ] || [[ $text != *"${2-}"* ]]; then
		printf 'wanted %s "%s", got %s "%s"\n' "$1" "${2-}" "$status" "$text"
		return 1
	fi
	[ "$1" -eq 0 ] || [ ! -s "$out" ] || return 1
	[ "$(wc -l <"$BATS_TEST_TMPDIR/err")" -le 1 ] || return 1
	[ "${#text}" -le 512 ]
}

# the frames of the last fetch, one line each, payloads as SHA-256
frames() {
	"$tools/frames.py" "$@" <"$out"
}

# the token of the last fetch
token() {
	tail -n1 "$out" | sed 's/^end //'
}

sha() {
	sha256sum | cut -d' ' -f1
}

# until COMMAND...: tries it for 5 seconds
until_true() {
	local i
	for ((i = 0; i < 250; i++)); do
		"$@" && return 0
		sleep 0.02
	done
	echo "never true: $*"
	return 1
}
