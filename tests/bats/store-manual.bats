#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# dpkeyfs-store(7): what it promises is what the code has, and its example runs.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034

bats_require_minimum_version 1.5.0

setup() {
	load store-lib.bash
	page=$root/man/dpkeyfs-store.7
	example=$BATS_TEST_TMPDIR/ring-from-git
}

# as a reader would copy it from the terminal
extract_example() {
	mandoc -T ascii -O width=120 "$page" | col -bx | sed -n '/#!\/bin\/sh/,/echo "end /p' |
		sed 's/^     //' >"$example"
	chmod 755 "$example"
}

run_example() {
	out=$BATS_TEST_TMPDIR/out
	status=0
	"$example" "$1" "exec:$example" 3< <(printf '%s\n' "${@:2}") \
		>"$out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	text=$(<"$BATS_TEST_TMPDIR/err")
}

rendered() {
	mandoc -T ascii -O width=200 "$page" | col -bx
}

commit_all() {
	git -C "$BATS_TEST_TMPDIR/work" add -A
	git -C "$BATS_TEST_TMPDIR/work" -c user.name=t -c user.email=t@localhost commit -qm "$1"
	git -C "$BATS_TEST_TMPDIR/work" push -q "$BATS_TEST_TMPDIR/ring.git" HEAD:main
}

@test "the page is clean mdoc" {
	run -0 mandoc -T lint -W warning "$page"
	[ -z "$output" ]
}

@test "the page has every exit code" {
	count=0
	while read -r name number; do
		word=$(tr 'A-Z_' 'a-z-' <<<"$name")
		rendered | grep -q "^ *$number $word\( \|$\)" || { echo "$number $word"; false; }
		count=$((count + 1))
	done < <(sed -n 's/^\tDPK_STORE_\([A-Z_]*\) = \([0-9]*\),$/\1 \2/p' \
		"$root/include/dpkeyfs/store-protocol.h")
	[ "$count" -eq 13 ]
}

@test "the page has the limits of the code" {
	while read -r constant unit; do
		value=$(cpp -P -I"$root/include" - <<<"#include <dpkeyfs/limits.h>
			$constant" | tail -n1 | tr -d u)
		rendered | grep -q "^ *$((value)) *$unit" || { echo "$constant = $((value))"; false; }
	done <<-'END'
		DPK_ELEMENT_MAX_BYTES  bytes
		DPK_DOCUMENT_MAX_BYTES  bytes
		DPK_ENVELOPE_MAX_BYTES  bytes
		DPK_RING_MAX_ELEMENTS
		DPK_RING_MAX_BYTES  bytes
		DPK_STREAM_MAX_BYTES  bytes
		DPK_STREAM_MAX_FRAMES
		DPK_STREAM_LINE_MAX  bytes
		DPK_ORIGIN_MAX  characters
		DPK_TOKEN_MAX  characters
		DPK_STORE_TEXT_MAX  bytes
	END
}

@test "the example is portable shell" {
	extract_example
	[ "$(wc -l <"$example")" -gt 40 ]
	shellcheck -s sh "$example"
	dash -n "$example"
}

@test "the example is a store" {
	extract_example
	git init -q --bare "$BATS_TEST_TMPDIR/ring.git"
	git init -q "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work"
	printf '<key id="1"/>' >key-1.xml
	printf '\xef\xbb\xbf<key id="2"/>\r\n\0\n' >key-2.xml
	echo x >README
	echo x >.hidden.xml
	: >empty.xml
	truncate -s 65537 huge.xml
	echo x >'a b.xml'
	echo x >'bö.xml'
	ln -s /etc/shadow link.xml
	mkdir dir.xml
	echo x >dir.xml/x.xml
	commit_all one
	commit=$(git rev-parse HEAD)
	run_example fetch
	expect 0 ""
	[ "$(frames)" = "refused name a_b.xml a_b.xml -
$(frames | sed -n 2p)
refused size empty.xml empty.xml -
refused size huge.xml huge.xml -
element 13 key-1.xml key-1.xml $(sha <key-1.xml)
element 20 key-2.xml key-2.xml $(sha <key-2.xml)
end $commit" ]
	[[ $(frames | sed -n 2p) = "refused name _b_"*.xml*" -" ]]
	run_example fetch "token = $commit" "deadline_ms = 1000"
	expect 10 ""
	"$example" fetch "exec:$example" 3>&- >"$out"
	[ "$(token)" = "$commit" ]
	git rm -q key-1.xml
	commit_all two
	run_example fetch "token = $commit"
	expect 0 ""
	run ! grep -q key-1 "$out"
}

@test "the example gives nothing rather than a part" {
	extract_example
	run_example fetch
	expect 11 "no repository"
	git init -q --bare "$BATS_TEST_TMPDIR/ring.git"
	run_example fetch
	expect 11 "no branch"
	run_example wait
	expect 21 "fetch"
	git init -q "$BATS_TEST_TMPDIR/work"
	echo x >"$BATS_TEST_TMPDIR/work/a.xml"
	echo y >"$BATS_TEST_TMPDIR/work/b.xml"
	commit_all one
	blob=$(git -C "$BATS_TEST_TMPDIR/work" rev-parse HEAD:b.xml)
	rm -f "$BATS_TEST_TMPDIR/ring.git/objects/${blob:0:2}/${blob:2}"
	run_example fetch
	[ "$status" -ne 0 ] && [ "$status" -ne 10 ]
	run ! grep -q '^end' "$out"
}
