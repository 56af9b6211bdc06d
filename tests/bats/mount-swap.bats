#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Swaps under readers: no name that is listed and does not open, nothing torn,
# no mixture of two generations.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034,SC2012
# bats file_tags=root,fuse,slow

bats_require_minimum_version 1.5.0
load mount-lib

setup() { mount_setup; }
teardown() { mount_teardown; }

# next_ring GENERATION: adds a name, removes one, replaces two, renames the marker
next_ring() {
	local g=$1 ring=$work/ring hot count

	rm -f "$ring"/generation-*.xml
	if [ "$g" -gt 1 ]; then
		printf '%2500d' "$g" >"$ring/key-added-$(printf %06d "$g").xml"
		rm -f "$ring/key-$(printf %06d "$g").xml"
	fi
	for hot in 1 2; do
		printf 'stamp=%d;%*d;stamp=%d' "$g" $((g * 997 % 6000 + 1)) 0 "$g" >"$ring/hot-$hot.xml"
	done
	count=$(($(ls "$ring" | wc -l) + 1))
	echo "$g" >"$ring/generation-$g-$count.xml"
}

# stress [OPTION...]: 60 swaps under two readers
stress() {
	local g
	make_ring "$work/ring" 100
	next_ring 1
	start_ring "$@"
	ask publish "$work/ring"
	"$tools/netpass" loop "$mnt" 9 >"$work/reader-1" 2>&1 3>&- 8>&- 9>&- &
	local one=$!
	"$tools/netpass" loop "$mnt" 9 >"$work/reader-2" 2>&1 3>&- 8>&- 9>&- &
	local two=$!
	for g in {2..61}; do
		next_ring "$g"
		ask publish "$work/ring"
		sleep 0.1 # the pace of the swaps, not a wait for anything
	done
	local failed=0
	wait "$one" || failed=1
	wait "$two" || failed=1
	cat "$work/reader-1" "$work/reader-2"
	return "$failed"
}

@test "60 swaps under two readers: no anomaly" { stress; }
@test "60 swaps without epochs: no anomaly" { stress --no-epoch; }

@test "60 swaps of which the kernel is not told: the readers stay behind (negative twin)" {
	stress --no-notify || true
	never diff -r "$work/ring" "$mnt"
}

@test "a ring replaced as a whole, again and again" {
	local g
	start_ring --grace 100
	for g in 1 2 3 4; do
		make_ring "$work/ring" 300
		sed -i "s/^/$g/" "$work"/ring/*.xml
		ask publish "$work/ring"
		diff -r "$work/ring" "$mnt"
		rm "$work/ring"/key-0001*.xml
		ask publish "$work/ring"
		diff -r "$work/ring" "$mnt"
	done
}
