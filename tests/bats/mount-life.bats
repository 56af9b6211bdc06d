#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# How a mount begins, ends and dies.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034,SC2012
# bats file_tags=root,fuse

bats_require_minimum_version 1.5.0
load mount-lib

enotconn='Transport endpoint is not connected'
setup() { mount_setup; }
teardown() { mount_teardown; }

helpers_of() { pgrep -P "$1"; }
all_end() {
	local pid
	for pid in "$@"; do ends "$pid" 1000 || return 1; done
}
refused() { run -32 --separate-stderr "$tools/fake-ring" "$mnt" </dev/null; }

@test "a directory that is not empty is refused, and nothing is put into it" {
	touch "$mnt/precious"
	refused
	[[ $stderr = *'is not empty'*precious*'use an empty directory'* ]]
	[ "$(ls "$mnt")" = precious ]
}

@test "a missing mountpoint and a file are refused in words" {
	rmdir "$mnt"
	refused
	[[ $stderr = *'does not exist'* ]]
	touch "$mnt"
	refused
	[[ $stderr = *'is not a directory'* ]]
	rm "$mnt"
}

@test "beneath the mount stands a file that is no XML" {
	start_ring
	quit_ring
	[ "$(ls "$mnt")" = NOT-MOUNTED.xml ]
	[ "$(stat -c '%a %u' "$mnt/NOT-MOUNTED.xml")" = '444 0' ]
	grep -q 'dpkeyfs is not mounted here' "$mnt/NOT-MOUNTED.xml"
	never grep -q '<' "$mnt/NOT-MOUNTED.xml"
	start_ring
	quit_ring
	[ "$(ls "$mnt")" = NOT-MOUNTED.xml ]
}

@test "a bait that is a link is left alone and not followed" {
	ln -s "$work/elsewhere" "$mnt/NOT-MOUNTED.xml"
	start_ring
	quit_ring
	[ ! -e "$work/elsewhere" ]
}

@test "a read-only place beneath is only a warning" {
	mount -t tmpfs -o ro tmpfs "$mnt"
	start_ring
	grep -q 'NOT-MOUNTED.xml.*Read-only file system' "$ring_log"
	quit_ring
	umount "$mnt"
}

@test "check refuses what a mount would refuse, and changes nothing" {
	run -0 "$tools/fake-ring" --check "$mnt"
	[ -z "$(ls "$mnt")" ]
	touch "$mnt/precious"
	run -32 "$tools/fake-ring" --check "$mnt"
}

@test "a second mount is refused, naming the first one's source" {
	start_ring --source 'dir:/the/first'
	refused
	[[ $stderr = *'mounted already'*'dir:/the/first'* ]]
	run -32 "$tools/fake-ring" --check "$mnt"
	ask counts
}

@test "a mount that hangs is not taken for a dead one" {
	start_ring --source 'dir:/the/first'
	kill -STOP "$ring_pid"
	refused
	kill -CONT "$ring_pid"
	[[ $stderr = *'does not answer'*abort* ]]
	ask counts
}

@test "a mountpoint with a blank, a backslash and a newline in its name" {
	mnt=$work/$'a b\\c\nd'
	mkdir "$mnt"
	make_ring "$work/ring" 2
	start_ring
	ask publish "$work/ring"
	diff -r "$work/ring" "$mnt"
	refused
	[[ $stderr = *'mounted already'* ]]
	kill -9 "$ring_pid"
	wait "$ring_pid" || true
	exec 8>&- 9<&-
	start_ring
	ask publish "$work/ring"
	diff -r "$work/ring" "$mnt"
	quit_ring
	[ "$(ls "$mnt")" = NOT-MOUNTED.xml ]
}

@test "quit unmounts and leaves no process" {
	make_ring "$work/ring" 10
	start_ring
	ask publish "$work/ring"
	local pids
	pids="$ring_pid $(helpers_of "$ring_pid")"
	[ "$(wc -w <<<"$pids")" -eq 3 ]
	quit_ring
	# shellcheck disable=SC2086
	all_end $pids
	never is_mounted
}

@test "the helpers hold neither /dev/fuse nor the mount nor anything of their parent" {
	make_ring "$work/ring" 10
	exec 6>"$work/inherited"
	start_ring
	exec 6>&-
	ask publish "$work/ring"
	local pid
	for pid in $(helpers_of "$ring_pid"); do
		ls -l "/proc/$pid/fd" >"$work/fds"
		cat "$work/fds"
		never grep -E '/dev/fuse|inherited|pipe|/mnt|/in|/out|/log' "$work/fds"
		[ "$(readlink "/proc/$pid/cwd")" = / ]
		[[ $(<"/proc/$pid/comm") = dpkeyfs-* ]]
	done
}

@test "umount from outside ends it; nothing keeps the mount busy" {
	make_ring "$work/ring" 10
	start_ring
	ask publish "$work/ring"
	ls "$mnt" >/dev/null
	umount "$mnt"
	read -r -t 5 -u 9 answer
	[ "$answer" = ended ]
	ends "$ring_pid" 2000
	wait "$ring_pid"
}

@test "umount while a file is open is busy; a lazy one ends with the file" {
	make_ring "$work/ring" 10
	start_ring
	ask publish "$work/ring"
	exec 7<"$mnt/key-000001.xml"
	run ! umount "$mnt"
	umount -l "$mnt"
	ask counts
	exec 7<&-
	read -r -t 5 -u 9 answer
	[ "$answer" = ended ]
	ends "$ring_pid" 2000
}

@test "quit while a reader holds a file ends within a second" {
	make_ring "$work/ring" 10
	start_ring
	ask publish "$work/ring"
	exec 7<"$mnt/key-000001.xml"
	echo quit >&8
	ends "$ring_pid" 1000
	wait "$ring_pid"
	exec 7<&-
	never is_mounted
	never grep -q 'did not end' "$ring_log"
}

@test "what somebody else mounted over us is not unmounted" {
	start_ring
	mount -t tmpfs over "$mnt"
	quit_ring
	grep -qF " $mnt rw,relatime - tmpfs over " <(sed 's/ shared:[0-9]*//' /proc/self/mountinfo)
	umount "$mnt"
}

# The kernel goes on showing what it has cached, whole; all else is ENOTCONN.
dead_but_not_empty() {
	[ "$(errno_of timeout -s KILL 1 stat -f "$mnt")" = "$enotconn" ] || return 1
	if timeout -s KILL 1 ls "$mnt" >"$work/listed" 2>"$work/listed-err"; then
		[ "$(ls "$work/ring")" = "$(<"$work/listed")" ]
	else
		[[ $(<"$work/listed-err") = *"$enotconn" ]]
	fi
}

@test "a killed daemon leaves a dead mount, never an empty directory" {
	make_ring "$work/ring" 10
	start_ring
	ask publish "$work/ring"
	local helpers
	helpers=$(helpers_of "$ring_pid")
	kill -9 "$ring_pid"
	wait "$ring_pid" || true
	# shellcheck disable=SC2086
	all_end $helpers
	dead_but_not_empty
	echo 3 >/proc/sys/vm/drop_caches
	[ "$(errno_of timeout 1 ls "$mnt")" = "$enotconn" ]
	[ "$(errno_of timeout 1 cat "$mnt/key-000001.xml")" = "$enotconn" ]
	is_mounted
}

helper_named() { pgrep -P "$ring_pid" -x "$1"; }

# leaked: a ring whose /dev/fuse somebody else holds too; that one's pid in $holder
leaked() {
	make_ring "$work/ring" 10
	start_ring
	ask publish "$work/ring"
	ask leak
	holder=${answer%% *}
}

@test "the reaper ends the connection even while something still holds /dev/fuse" {
	leaked
	kill -9 "$ring_pid"
	until_true 1000 dead_but_not_empty
	kill -9 "$holder"
}

@test "without the reaper such a mount hangs (negative twin)" {
	leaked
	until_true 5000 helper_named dpkeyfs-reaper
	kill -9 "$(helper_named dpkeyfs-reaper)"
	kill -9 "$ring_pid"
	run -137 timeout -s KILL 1 stat -f "$mnt"
	kill -9 "$holder"
	until_true 5000 dead_but_not_empty
}

@test "the reaper of a mount that ended does not end its successor" {
	start_ring
	local reaper
	until_true 1000 helper_named dpkeyfs-reaper
	reaper=$(helper_named dpkeyfs-reaper)
	kill -STOP "$reaper"
	umount "$mnt"
	read -r -t 5 -u 9 answer
	kill -9 "$ring_pid"
	exec 8>&- 9<&-
	make_ring "$work/ring" 3
	start_ring # the kernel gives it the number that has become free
	ask publish "$work/ring"
	kill -CONT "$reaper"
	ends "$reaper" 1000
	stat -f "$mnt" >/dev/null
	diff -r "$work/ring" "$mnt"
}

@test "a walker that hangs is killed, and the ring is served all the same" {
	make_ring "$work/ring" 10
	start_ring
	local walker
	until_true 1000 helper_named dpkeyfs-walker
	walker=$(helper_named dpkeyfs-walker)
	kill -STOP "$walker"
	ask publish "$work/ring"
	ends "$walker" 100
	grep -q 'the walker did not answer' "$ring_log"
	diff -r "$work/ring" "$mnt"
	rm "$work/ring/key-000001.xml"
	ask publish "$work/ring"
	diff -r "$work/ring" "$mnt"
}

@test "dead mounts, several on each other, are detached by the next mount, which says so" {
	make_ring "$work/ring" 3
	start_ring --source dead:one
	kill -9 "$ring_pid"
	wait "$ring_pid" || true
	mount --bind "$mnt" "$mnt" 2>/dev/null || true
	run -0 "$tools/fake-ring" --check "$mnt"
	is_mounted
	start_ring
	ask publish "$work/ring"
	grep -q "detached a dead mount of 'dead:one'" "$ring_log"
	quit_ring
	never is_mounted
}

mounted_from() { grep -qF " $mnt ro,nosuid,nodev,noexec,relatime - fuse.dpkeyfs $1 " \
	<(sed 's/ shared:[0-9]*//' /proc/self/mountinfo); }

# kill_round ROUND MS: a mount under two readers is killed MS after it was mounted
kill_round() {
	local i begin took readers=()

	"$tools/fake-ring" --source "round:$1" --publish "$work/ring" "$mnt" \
		<"$work/never" >/dev/null 2>>"$ring_log" 3>&- &
	ring_pid=$!
	until_true 5000 mounted_from "round:$1"
	for i in 1 2; do
		"$tools/netpass" loop "$mnt" 0.2 >>"$work/readers" 2>&1 3>&- &
		readers+=($!)
	done
	sleep "0.$(printf %03d "$2")"
	local helpers
	helpers=$(helpers_of "$ring_pid" || true)
	kill -9 "$ring_pid"
	begin=${EPOCHREALTIME//./}
	# shellcheck disable=SC2086
	all_end "$ring_pid" $helpers
	dead_but_not_empty
	all_end "${readers[@]}"
	took=$((${EPOCHREALTIME//./} - begin))
	[ "$took" -lt 1500000 ]
	wait "$ring_pid" "${readers[@]}" || true
}

@test "60 kills under readers and during walks: every process dies, every call returns" {
	make_ring "$work/ring" 1000
	mkfifo "$work/never"
	exec 6<>"$work/never"
	for k in {1..60}; do kill_round "$k" $((k % 30 * 2)) 6>&-; done
	exec 6>&-
	ring_pid=
	[ "$(grep -c 'detached a dead mount' "$ring_log")" -eq 59 ]
}
