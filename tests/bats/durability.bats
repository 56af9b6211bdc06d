#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# kill -9 at random points of publishing: no call hangs, no process is left
# unkillable, and each restart serves a whole ring, never an older one.

load lib.bash
bats_require_minimum_version 1.5.0

CYCLES=${DPK_TEST_KILLS:-200}

setup() {
	ring_init
	mkdir "$T/rings"
	rmdir "$STORE"
}
teardown() {
	touch "$T/rings/stop"
	ring_clean
}

# Rings are made in advance: minting is not what is tested.
mint() {
	local n
	for n in $(seq 1 "$1"); do
		mkdir "$T/rings/$n"
		"$MKKEY" --cert "$T/certs/wrap-a.pem" --count 3 --step 0.1 "$T/rings/$n" >/dev/null
	done
}

offer() {
	ln -s "rings/$1" "$T/link"
	mv -T "$T/link" "$STORE"
}

# The number of the newest ring that the mount shows, whole.
shown() {
	local name
	for name in $(names "$MNT"); do
		cmp -s "$MNT/$name" "$T"/rings/*/"$name" || return 1
		basename "$(dirname "$T"/rings/*/"$name")"
	done | sort -n | tail -1
}

# A process in uninterruptible sleep on a FUSE request that stays there.
stuck() {
	local p
	for p in /proc/[0-9]*; do
		grep -qs request_wait_answer "$p"/task/*/wchan 2>/dev/null && echo "$p" && return 0
	done
	return 1
}

kill_loop() {
	local n reader last=0 now r=0
	mint $((CYCLES + 1))
	offer 1
	"$ROOT/tests/tools/ringcheck.py" "$MNT" "$T/rings" 900 --down-ok >"$T/reader" 2>&1 3>&- &
	reader=$!
	for n in $(seq 1 "$CYCLES"); do
		ring_start "$STORE" max_remove=1000000 interval=100ms
		until_true 10 test -S "$SOCK"
		ctl wait --timeout 15 >/dev/null
		now=$(shown)
		((now >= last)) || { echo "cycle $n: shows ring $now after $last"; return 1; }
		last=$now
		offer $((n + 1))
		# somewhere in reading, committing, publishing, notifying
		sleep "0.0$((RANDOM % 60 + 10))"
		now=$(shown || true)
		((${now:-0} <= last)) || last=$now
		ring_kill
		# what the kernel has cached may still be read; else the mount is dead and says so at
		# once. It is never an empty directory
		run timeout 1 ls "$MNT"
		if [[ $status -eq 0 ]]; then
			[[ $output = key-* ]]
		else
			[[ $status -eq 2 ]] || { echo "cycle $n: ls gave $status: $output"; return 1; }
		fi
		rm -f "$SOCK"
	done
	run stuck
	[[ $status -ne 0 ]]
	ring_start "$STORE" max_remove=1000000 interval=100ms
	until_true 10 test -S "$SOCK"
	ctl wait --timeout 15 >/dev/null
	ctl sync
	diff <(names "$STORE/") <(names "$MNT")
	touch "$T/rings/stop"
	wait "$reader" || r=1
	cat "$T/reader"
	[[ $r -eq 0 ]]
}

@test "kill -9 in $CYCLES publish cycles under a reader" {
	kill_loop
}

@test "the same on a kernel without FUSE_NOTIFY_INC_EPOCH" {
	export DPKEYFS_TEST_NO_EPOCH=1
	kill_loop
}
