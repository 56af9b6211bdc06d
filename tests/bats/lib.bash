# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Rings, stores and daemons for the end-to-end tests. Everything is below
# BATS_TEST_TMPDIR; daemons stay in the foreground and are ended by pid.

bats_require_minimum_version 1.5.0

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${DPK_BUILD:-build}
[[ $BUILD = /* ]] || BUILD=$ROOT/$BUILD
DPKEYFS=$BUILD/bin/dpkeyfs
DPKEYCTL=$BUILD/bin/dpkeyctl
NETPASS=$BUILD/tools/netpass
DATA=$ROOT/tests/data
MKKEY=$ROOT/tests/tools/mkkey.py

need_root() {
	if [[ $(id -u) -ne 0 || ! -c /dev/fuse ]]; then
		[[ ${DPK_TEST_STRICT:-0} != 1 ]] || { echo "root and /dev/fuse are needed" >&2; return 1; }
		skip "needs root and /dev/fuse"
	fi
}

# The places of one ring: $T/store, $T/mnt, $T/state, $T/sock, $T/certs, $T/log.
ring_init() {
	need_root
	T=$BATS_TEST_TMPDIR
	STORE=$T/store MNT=$T/mnt SOCK=$T/sock LOG=$T/log
	DAEMON=
	mkdir -p "$STORE" "$MNT" "$T/certs"
	cp "$DATA"/certs/{wrap-a,wrap-b,wrap-c,expired}.pem "$T/certs/"
	: >"$LOG"
}

# ring_opts [OPTION...]: the option list of this test's daemon.
ring_opts() {
	local IFS=,
	printf '%s' "name=t,state=$T/state,socket=$SOCK,wrap_certs=$T/certs,interval=1s${*:+,$*}"
}

# ring_start SOURCE [OPTION...]: starts the daemon and returns at once.
ring_start() {
	local source=$1
	shift
	"$DPKEYFS" -f -o "$(ring_opts "$@")" "$source" "$MNT" >>"$LOG" 2>&1 3>&- 4>&- &
	DAEMON=$!
}

ctl() { "$DPKEYCTL" -S "$SOCK" "$@"; }

# until_true SECONDS COMMAND...
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		if ((SECONDS >= end)); then
			echo "not in time: $*" >&2
			tail -5 "${LOG:-/dev/null}" >&2
			return 1
		fi
		sleep 0.02
	done
}

# Mounted, and a ring is shown.
ring_up() {
	until_true 10 ctl health --live
	ctl wait --timeout 15 >/dev/null
}

is_mounted() { grep -q " ${1:-$MNT} .* - fuse.dpkeyfs " /proc/self/mountinfo; }
is_not_mounted() { ! is_mounted; }

# ring_stop [STATUS]: SIGTERM, which must end it within 2 s.
ring_stop() {
	local status=0 begin
	[[ -n $DAEMON ]] || return 0
	begin=$(date +%s%N)
	kill -TERM "$DAEMON"
	wait "$DAEMON" || status=$?
	DAEMON=
	STOP_MS=$((($(date +%s%N) - begin) / 1000000))
	[[ $status -eq ${1:-0} ]]
	is_not_mounted
}

ring_kill() {
	kill -KILL "$DAEMON"
	wait "$DAEMON" 2>/dev/null || true
	DAEMON=
}

# For teardown: whatever happened, nothing stays.
ring_clean() {
	local pid
	if [[ -n ${DAEMON:-} ]]; then
		kill -TERM "$DAEMON" 2>/dev/null || true
		for _ in $(seq 100); do
			kill -0 "$DAEMON" 2>/dev/null || break
			sleep 0.03
		done
		kill -KILL "$DAEMON" 2>/dev/null || true
		wait "$DAEMON" 2>/dev/null || true
	fi
	# daemons that went to the background were started with this socket
	for pid in $(pgrep -f "socket=${SOCK:-/nonexistent}[,[:space:]]" || true); do
		kill -TERM "$pid" 2>/dev/null || true
	done
	while is_mounted "$MNT"; do umount -l "$MNT" || break; done
	if [[ ${BATS_TEST_COMPLETED:-} != 1 ]]; then
		echo "--- log" >&2
		tail -30 "$LOG" >&2 || true
	fi
	if grep -E 'runtime error|ERROR: (Address|Leak)Sanitizer' "$LOG" >&2; then
		return 1
	fi
}

# give RING...: puts rings of tests/data/rings into the store.
give() {
	local ring
	for ring; do cp "$DATA/rings/$ring/"*.xml "$STORE/"; done
}

names() { ls "$1" | grep '\.xml$' || true; }

# The mount shows just the files of DIRECTORY, byte for byte, under these names.
same_ring() {
	diff <(names "$1") <(names "$MNT")
	local name
	for name in $(names "$1"); do cmp "$1/$name" "$MNT/$name"; done
}

status_of() { ctl status --json | jq -r "$1"; }

# fails_eio COMMAND...: must fail, and say EIO.
fails_eio() {
	run "$@"
	[[ $status -ne 0 && $output = *"Input/output error"* ]]
}
