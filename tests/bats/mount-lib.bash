# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the tests of the mount share: a mount without an engine (fake-ring),
# told what to serve line by line.

root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
build=${DPK_BUILD:-build}
[[ $build = /* ]] || build=$root/$build
tools=$build/tools

mount_setup() {
	work=$BATS_TEST_TMPDIR
	mnt=$work/mnt
	ring_log=$work/log
	ring_pid=
	mkdir "$mnt"
}

# Nothing of ours stays mounted or running, whatever the test did.
mount_teardown() {
	exec 8>&- 9<&-
	if [ -n "$ring_pid" ]; then
		ends "$ring_pid" 3000 || kill -9 "$ring_pid" 2>/dev/null
	fi
	while is_mounted; do umount -l "$mnt" || return 1; done
	if grep -E 'ERROR: |WARNING: ThreadSanitizer|runtime error:' "$ring_log" 2>/dev/null; then
		return 1
	fi
}

# From mountinfo, which knows dead mounts as well and sends nothing
is_mounted() {
	local name=${mnt//\\/\\134}
	name=${name// /\\040}
	grep -qF " ${name//$'\n'/\\012} " /proc/self/mountinfo
}

# until_true MS COMMAND...: waits for it
until_true() {
	local tries=$(($1 / 10))
	shift
	while ! "$@"; do
		[ $((tries--)) -gt 0 ] || return 1
		sleep 0.01
	done
}

is_gone() { [ ! -d "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }
ends() { until_true "$2" is_gone "$1"; }

# start_ring [OPTION...]: mounts at $mnt
start_ring() {
	rm -f "$work/in" "$work/out"
	mkfifo "$work/in" "$work/out"
	"$tools/fake-ring" "$@" "$mnt" <"$work/in" >"$work/out" 2>>"$ring_log" 3>&- 8>&- 9>&- &
	ring_pid=$!
	exec 8>"$work/in" 9<"$work/out"
	read -r -t 30 -u 9 answer && [ "$answer" = mounted ]
}

# ask COMMAND...: its answer in $answer; fails unless it ends in "ok"
ask() {
	echo "$*" >&8
	read -r -t 30 -u 9 answer && [[ $answer = *ok ]]
}

quit_ring() {
	echo quit >&8
	wait "$ring_pid"
	ring_pid=
	exec 8>&- 9<&-
}

# make_ring DIR COUNT: key-000001.xml..., 2500 bytes each
make_ring() {
	mkdir -p "$1"
	awk -v dir="$1" -v count="$2" 'BEGIN {
		for (k = 1; k <= count; k++) {
			file = sprintf("%s/key-%06d.xml", dir, k)
			printf "%2500d", k > file
			close(file)
		}
	}'
}

pass() { "$tools/netpass" once "$mnt" >/dev/null; }

# counted WORD: its number in the last answer to `counts`
counted() {
	[[ $answer =~ (^| )"$1"=([0-9]+) ]]
	echo "${BASH_REMATCH[2]}"
}

# The requests of the last `counts` but FORGET, which no reader waits for
requests() {
	local word sum=0
	for word in lookup getattr open read opendir readdirplus flush statfs other; do
		sum=$((sum + $(counted "$word")))
	done
	echo "$sum"
}

# bash -e lets a bare `! command` pass
never() { ! "$@"; }

errno_of() { "$@" 2>&1 >/dev/null | sed 's/.*: //'; }

as() {
	local uid=$1 gid=$2
	shift 2
	setpriv --reuid "$uid" --regid "$gid" --clear-groups "$@"
}
