#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# All or nothing: readers see one whole generation, and what is listed opens.

load lib.bash
bats_require_minimum_version 1.5.0

setup() {
	ring_init
	mkdir "$T/rings"
	rmdir "$STORE"
}
teardown() {
	touch "$T/rings/stop"
	ring_clean
}

# ring N: a whole new ring of four keys becomes the store, in one rename.
ring() {
	mkdir "$T/rings/.new"
	"$MKKEY" --cert "$T/certs/wrap-a.pem" --count 4 --step 0.1 "$T/rings/.new" >/dev/null
	mv "$T/rings/.new" "$T/rings/$1"
	ln -s "rings/$1" "$T/link"
	mv -T "$T/link" "$STORE"
}

publish_60() {
	local n end readers=() r=0
	ring 1
	ring_start "$STORE" max_remove=1000000 interval=1h grace=10m
	ring_up
	"$ROOT/tests/tools/ringcheck.py" "$MNT" "$T/rings" 60 >"$T/reader1" 2>&1 3>&- &
	readers+=($!)
	"$ROOT/tests/tools/ringcheck.py" "$MNT" "$T/rings" 60 >"$T/reader2" 2>&1 3>&- &
	readers+=($!)
	end=$(($(date +%s%N) + 20000000000))
	for n in $(seq 2 61); do
		ring "$n"
		ctl sync
		# 60 rings spread over 20 s
		while (($(date +%s%N) < end - (61 - n) * 333000000)); do sleep 0.01; done
	done
	touch "$T/rings/stop"
	for n in "${readers[@]}"; do wait "$n" || r=1; done
	cat "$T/reader1" "$T/reader2"
	[[ $r -eq 0 ]]
	diff <(names "$T/rings/61") <(names "$MNT")
}

@test "two readers for 20 s while 60 whole rings are published" {
	publish_60
}

@test "the same on a kernel without FUSE_NOTIFY_INC_EPOCH" {
	export DPKEYFS_TEST_NO_EPOCH=1
	publish_60
}
