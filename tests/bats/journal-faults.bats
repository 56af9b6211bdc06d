#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The journal when the process or its disk fails, at every system call in turn:
# what was acknowledged is there afterwards, whole, and the next run goes on.
# shellcheck disable=SC2154

bats_require_minimum_version 1.5.0

calls=pwrite64,fdatasync,fsync,ftruncate,unlink,openat

setup_file() {
	local memory
	command -v strace >/dev/null || skip "no strace"
	strace -qq -e trace=none true 2>/dev/null || skip "ptrace is not allowed"
	# in memory: what is tested is the order of the calls, not the disk
	[ -w /dev/shm ] && memory=/dev/shm || memory=$BATS_FILE_TMPDIR
	work=$(mktemp -d "$memory/dpkeyfs-faults-XXXXXX")
	root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	build=${DPK_BUILD:-build}
	[[ $build = /* ]] || build=$root/$build
	tool=$build/tools/journal-work
	export work tool
	[ -x "$tool" ] || skip "no journal-work; run: make tools"
	"$tool" "$work/image" 3 >/dev/null
}

teardown_file() {
	[ -z "${work-}" ] || rm -rf "$work"
}

# faulty N FAULT COUNT: COUNT commits with FAULT at the Nth call; false once
# the run is over before that. Sets $status and $acked.
faulty() {
	# LeakSanitizer cannot look at a process that strace holds
	local -x ASAN_OPTIONS=detect_leaks=0
	status=0
	strace -f -qq -o "$work/trace" -e trace="$calls" -e inject="$calls:$2:when=$1" \
		"$tool" "$work/state" "$3" >"$work/out" 2>"$work/err" || status=$?
	acked=$(sed -n 's/^ACK //p' "$work/out" | tail -n 1)
	[ "$status" -eq 137 ] || grep -q INJECTED "$work/trace"
}

# intact LEAST: the newest generation is whole and not older; a further commit works.
intact() {
	local have
	"$tool" "$work/state" 1 >"$work/after" 2>"$work/err" || return 1
	have=$(sed -n 's/^HAVE //p' "$work/after")
	[ "$have" -ge "$1" ] && [ "$(sed -n 's/^ACK //p' "$work/after")" -eq $((have + 1)) ]
}

# enumerate FAULT MOST: two commits on a journal of three generations
enumerate() {
	local n=0
	while
		n=$((n + 1))
		rm -rf "$work/state"
		cp -a "$work/image" "$work/state"
		faulty "$n" "$1" 2
	do
		if [ "$status" -eq 4 ] || [ "$status" -eq 5 ] || ! intact "${acked:-3}"; then
			echo "$1 at call $n: status $status, acknowledged ${acked:-3}"
			cat "$work/out" "$work/err" "$work/after"
			tail -n 3 "$work/trace"
			return 1
		fi
		# an error is said, or the commit was done all the same
		if [ "$status" -eq 0 ] && [ "${acked:-3}" -ne 5 ]; then
			echo "$1 at call $n went unnoticed"
			return 1
		fi
	done
	echo "$n points" >&3
	[ "$n" -gt 30 ] && [ "$status" -eq 0 ] && [ "$acked" -eq 5 ]
}

@test "killed before each call of a commit" {
	enumerate signal=SIGKILL
}

# strace counts a sanitizer's own calls too, and then fails three of the
# journal's at once; what is acknowledged is not the next number any more.
plain_build() {
	! grep -q __asan_init "$tool" || skip "the tool is built with a sanitizer"
}

@test "an I/O error at each call of a commit" {
	plain_build
	enumerate error=EIO
}

@test "a full disk at each call of a commit" {
	plain_build
	enumerate error=ENOSPC
}

@test "killed while the journal is made" {
	local n step last
	# nearly all of these calls fill the reserve, so a sample is enough
	ASAN_OPTIONS=detect_leaks=0 \
		strace -f -qq -o "$work/trace" -e trace="$calls" "$tool" "$work/new" 1 >/dev/null
	last=$(wc -l <"$work/trace")
	step=$((last / 60 + 1))
	for ((n = 1; n < last; n += n < 40 || n > last - 40 ? 1 : step)); do
		rm -rf "$work/state"
		faulty "$n" signal=SIGKILL 1 || continue
		intact "${acked:-0}" || {
			echo "call $n of $last"
			cat "$work/err" "$work/after"
			return 1
		}
	done
}
