#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The table of tests/bench/README.md. Ratios are against tmpfs in the same run;
# a benchmark, not a test: it prints what it measured and what was aimed at.
set -euo pipefail
cd "$(dirname "$0")/../.."
BUILD=$PWD/${DPK_BUILD:-build}
NETPASS=$BUILD/tools/netpass
D=$(mktemp -d /tmp/dpkeyfs-bench.XXXXXX)
STORE=$D/store MNT=$D/mnt SOCK=$D/sock TMPFS=$D/tmpfs
OPTS=name=bench,state=$D/state,socket=$SOCK,wrap_certs=$D/cert.pem,interval=1h,max_remove=1000000
mkdir "$STORE" "$MNT" "$TMPFS"

mounted() { grep -q " $MNT .* - fuse.dpkeyfs " /proc/self/mountinfo; }
up() { "$BUILD/bin/dpkeyfs" -o "$OPTS" "$STORE" "$MNT"; }
down() {
	local i
	! mounted || umount "$MNT"
	for ((i = 0; i < 250; i++)); do
		[[ -S $SOCK ]] || return 0
		sleep 0.02
	done
}
cleanup() {
	down || true
	umount "$TMPFS" 2>/dev/null || true
	rm -rf "$D"
}
trap cleanup EXIT

ctl() { "$BUILD/bin/dpkeyctl" -S "$SOCK" "$@"; }
requests() { ctl status --json | jq '[.requests[]] | add'; }
request() { ctl status --json | jq ".requests.$1"; }
daemon() { ctl status --json | jq .pid; }
median() { sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }
row() { printf '| %-58s | %-12s | %-10s |\n' "$@"; }
now_us() { local t=${EPOCHREALTIME/[.,]/}; echo "$t"; }

# keys N: the store, and a tmpfs copy of what the mount will show.
keys() {
	down
	rm -rf "$STORE" "$D/state"
	mkdir "$STORE"
	tests/tools/mkkey.py --compact --cert "$D/cert.pem" --count "$1" --step 0.01 "$STORE" >/dev/null
	umount "$TMPFS" 2>/dev/null || true
	mount -t tmpfs tmpfs "$TMPFS"
	cp "$STORE"/*.xml "$TMPFS/"
}

# The interleaved ratio of .NET's own sequence of calls.
ratio() { "$NETPASS" bench "$MNT" "$TMPFS" "$1" | sed -n 's/.*ratio=\([0-9.]*\).*/\1/p'; }
once_us() { "$NETPASS" once "$1" | sed -n 's/.*us=\([0-9]*\).*/\1/p'; }

bench_warm() {
	local i ratios=()
	keys 100
	up
	"$NETPASS" once "$MNT" >/dev/null
	for i in 1 2 3; do ratios+=("$(ratio 300)"); done
	row "warm pass over 100 keys, x tmpfs (median of 3: ${ratios[*]})" \
		"$(printf '%s\n' "${ratios[@]}" | median)" "<= 1.25"
}

bench_first() {
	local i a=() b=() ma mb
	keys 100
	for i in 1 2 3 4 5 6 7 8 9; do
		down
		up
		umount "$TMPFS"
		mount -t tmpfs tmpfs "$TMPFS"
		cp "$STORE"/*.xml "$TMPFS/"
		a+=("$(once_us "$MNT")")
		b+=("$(once_us "$TMPFS")")
	done
	ma=$(printf '%s\n' "${a[@]}" | median)
	mb=$(printf '%s\n' "${b[@]}" | median)
	row "very first pass after READY, x tmpfs ($ma / $mb us)" \
		"$(awk "BEGIN { printf \"%.2f\", $ma / $mb }")" "<= 2"
}

bench_messages() {
	local n before after
	for n in 1 100 1000; do
		keys "$n"
		up
		"$NETPASS" once "$MNT" >/dev/null
		before=$(requests)
		"$NETPASS" once "$MNT" >/dev/null
		after=$(requests)
		row "messages to the daemon in a warm pass, N=$n" "$((after - before))" "0"
	done
}

bench_swap() {
	local before lookup read
	keys 100
	up
	"$NETPASS" once "$MNT" >/dev/null
	tests/tools/mkkey.py --compact --cert "$D/cert.pem" "$STORE" >/dev/null
	before=$(request lookup)
	read=$(request read)
	ctl sync >/dev/null || true
	"$NETPASS" once "$MNT" >/dev/null
	lookup=$(($(request lookup) - before))
	read=$(($(request read) - read))
	row "LOOKUP + READ of swap and pass after one key was added" "$lookup + $read" "<= 1 + 1"
}

bench_start() {
	local n i begin times=() limit
	for n in 10 1000; do
		keys "$n"
		up
		down
		times=()
		for i in 1 2 3 4 5 6 7 8 9; do
			begin=$(now_us)
			up
			times+=($(($(now_us) - begin)))
			down
		done
		limit=$([[ $n -eq 10 ]] && echo "< 15 ms" || echo "< 80 ms")
		row "command to READY from the journal, N=$n" \
			"$(printf '%s\n' "${times[@]}" | median | awk '{ printf "%.1f ms", $1 / 1000 }')" "$limit"
	done
}

bench_memory() {
	local pid
	keys 100
	up
	"$NETPASS" once "$MNT" >/dev/null
	pid=$(daemon)
	row "RssAnon with 100 keys" "$(awk '/RssAnon/ { printf "%.1f MB", $2 / 1024 }' "/proc/$pid/status")" "<= 4 MB"
	row "VmRSS with 100 keys" "$(awk '/VmRSS/ { printf "%.1f MB", $2 / 1024 }' "/proc/$pid/status")" "<= 10 MB"
}

switches() { cat /proc/"$1"/task/*/status | awk '/ctxt_switches/ { n += $2 } END { print n }'; }

bench_idle() {
	local pid before
	pid=$(daemon)
	sleep 1
	before=$(switches "$pid")
	sleep 5
	row "context switches of the idle daemon in 5 s" "$(($(switches "$pid") - before))" "0"
}

bench_arrival() {
	local i id begin times=()
	for i in $(seq 1 21); do
		tests/tools/mkkey.py --compact --cert "$D/cert.pem" "$D" >"$D/id"
		id=$(cat "$D/id")
		begin=$(now_us)
		mv "$D/key-$id.xml" "$STORE/"
		until [[ -e $MNT/key-$id.xml ]]; do :; done
		times+=($(($(now_us) - begin)))
		sleep 0.3
	done
	row "key put into a local directory to visible, p50 of 21" \
		"$(printf '%s\n' "${times[@]}" | median | awk '{ printf "%.0f ms", $1 / 1000 }')" "-"
}

# Against the bare RSA operation, measured in turns and by the wall clock, as ours are.
bench_open() {
	local i ours theirs ratios=()
	install -m 0600 tests/data/certs/wrap-a.key "$D/wrap-a.key"
	for i in 1 2 3; do
		theirs=$(openssl speed -elapsed -seconds 2 rsa2048 2>/dev/null | awk '/^rsa 2048/ { print $6 }')
		ours=$("$BUILD/tools/openbench" "$D/wrap-a.key" tests/data/certs/wrap-a.pem \
			tests/data/rings/net10-gcm-a/key-3296bcd7-b808-4292-bc83-0b0bd2ed2393.xml 2)
		ratios+=("$(awk "BEGIN { printf \"%.2f\", $ours / $theirs }")")
	done
	row "keys opened per second, x RSA-2048 operations (${ratios[*]})" \
		"$(printf '%s\n' "${ratios[@]}" | median)" ">= 0.9"
}

openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=b -days 3650 -keyout "$D/key.pem" \
	-out "$D/cert.pem" 2>/dev/null
echo "$(date -u +%Y-%m-%d), Linux $(uname -r), $(nproc) CPUs, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)"
keys 1
echo "element size: $(stat -c %s "$STORE"/*.xml) bytes; reader: .NET's own sequence of system calls"
echo
row "what" "measured" "aim"
echo "|---|---|---|"
bench_warm
bench_first
bench_messages
bench_swap
bench_start
bench_memory
bench_idle
bench_arrival
bench_open
