#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The mount itself, with the engine replaced: what it sends, what it shows.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034,SC2012
# bats file_tags=root,fuse

bats_require_minimum_version 1.5.0
load mount-lib

setup() { mount_setup; }
teardown() { mount_teardown; }

zero_messages() {
	make_ring "$work/ring" "$1"
	start_ring
	ask publish "$work/ring"
	pass
	ask counts
	pass
	ask counts
	echo "$answer"
	[ "$(requests)" -eq 0 ]
}

@test "a warm pass over 1 file sends no message" { zero_messages 1; }
@test "a warm pass over 100 files sends no message" { zero_messages 100; }
@test "a warm pass over 1000 files sends no message" { zero_messages 1000; }

@test "the first pass after a ring is exposed sends no message" {
	make_ring "$work/ring" 100
	start_ring
	ask publish "$work/ring"
	ask counts
	pass
	ask counts
	echo "$answer"
	[ "$(requests)" -eq 0 ]
}

@test "a ring that was there before the mount is warm as well" {
	make_ring "$work/ring" 100
	start_ring --publish "$work/ring"
	ask counts
	pass
	ask counts
	echo "$answer"
	[ "$(requests)" -eq 0 ]
}

one_added() {
	make_ring "$work/ring" 100
	start_ring "$@"
	ask publish "$work/ring"
	pass
	ask counts
	echo '<key/>' >"$work/ring/key-added.xml"
	ask publish "$work/ring"
	pass
	ask counts
	echo "$answer"
	[ "$(counted lookup)" -eq 1 ]
	[ "$(counted read)" -eq 0 ]
	[ "$(counted open)" -eq 0 ]
	[ -e "$mnt/key-added.xml" ]
}

@test "a new name costs one lookup, and nothing for the others" { one_added; }
@test "a new name costs one lookup, without epochs too" { one_added --no-epoch; }

@test "a removed name costs nothing for the others" {
	make_ring "$work/ring" 100
	start_ring
	ask publish "$work/ring"
	pass
	ask counts
	rm "$work/ring/key-000007.xml"
	ask publish "$work/ring"
	pass
	ask counts
	echo "$answer"
	[ "$(counted lookup)" -eq 0 ]
	[ "$(counted read)" -eq 0 ]
	[ "$(ls "$mnt" | wc -l)" -eq 99 ]
}

same_bytes() {
	diff -r "$work/ring" "$mnt"
}

@test "listing, sizes and bytes are exactly those of the ring" {
	make_ring "$work/ring" 150
	head -c 65536 /dev/urandom >"$work/ring/key-large.xml"
	head -c 4096 /dev/urandom >"$work/ring/key-page.xml"
	head -c 4097 /dev/urandom >"$work/ring/key-page-and-one.xml"
	printf x >"$work/ring/key-one.xml"
	start_ring
	ask publish "$work/ring"
	same_bytes
	echo 3 >/proc/sys/vm/drop_caches
	same_bytes
}

replaced() {
	make_ring "$work/ring" 10
	start_ring "$@"
	ask publish "$work/ring"
	same_bytes
	echo 'other content' >"$work/ring/key-000003.xml"
	ask publish "$work/ring"
	cat "$mnt/key-000003.xml"
	same_bytes
}

@test "replaced content appears under the old name" { replaced; }
@test "replaced content appears, without epochs too" { replaced --no-epoch; }
@test "without notifications replaced content stays hidden (negative twin)" {
	never replaced --no-notify
}

@test "after a replacement the next pass sends no READ" {
	make_ring "$work/ring" 100
	start_ring
	ask publish "$work/ring"
	pass
	echo 'other content' >"$work/ring/key-000003.xml"
	ask publish "$work/ring"
	ask counts
	pass
	ask counts
	echo "$answer"
	[ "$(counted read)" -eq 0 ]
}

@test "a file held open keeps its bytes when its name gets others" {
	make_ring "$work/ring" 3
	start_ring
	ask publish "$work/ring"
	exec 7<"$mnt/key-000001.xml"
	echo 'other content' >"$work/ring/key-000001.xml"
	ask publish "$work/ring"
	echo 3 >/proc/sys/vm/drop_caches
	run -0 --separate-stderr wc -c <&7
	exec 7<&-
	[ "$output" -eq 2500 ]
}

grace() {
	make_ring "$work/ring" 10
	start_ring --grace 1000 "$@"
	ask publish "$work/ring"
	cat "$mnt/key-000003.xml" >/dev/null
	rm "$work/ring/key-000003.xml"
	ask publish "$work/ring"
	[ "$(ls "$mnt" | wc -l)" -eq 9 ]
	cat "$mnt/key-000003.xml" >/dev/null
	until_true 5000 test ! -e "$mnt/key-000003.xml"
	[ "$(errno_of cat "$mnt/key-000003.xml")" = 'No such file or directory' ]
	same_bytes
}

@test "a removed name opens during its grace and is gone after it" { grace; }
@test "a removed name is gone after its grace, without epochs too" { grace --no-epoch; }

@test "after the grace the next pass sends no READ" {
	make_ring "$work/ring" 100
	start_ring --grace 200
	ask publish "$work/ring"
	pass
	rm "$work/ring/key-000003.xml"
	ask publish "$work/ring"
	until_true 5000 test ! -e "$mnt/key-000003.xml"
	ask publish "$work/ring" # answered only once the walk after the grace is done
	ask counts
	pass
	ask counts
	echo "$answer"
	[ "$(counted read)" -eq 0 ]
}

@test "a name that comes back within its grace stays" {
	make_ring "$work/ring" 10
	start_ring --grace 300
	ask publish "$work/ring"
	mv "$work/ring/key-000003.xml" "$work/away"
	ask publish "$work/ring"
	mv "$work/away" "$work/ring/key-000003.xml"
	ask publish "$work/ring"
	sleep 0.4
	same_bytes
}

@test "a reader that listed before the swap opens every name after it" {
	make_ring "$work/ring" 200
	start_ring
	ask publish "$work/ring"
	"$tools/netpass" slow "$mnt" 500 >"$work/slow" 3>&- &
	local slow=$!
	until_true 2000 grep -q nanosleep "/proc/$slow/wchan" "/proc/$slow/stack"
	rm "$work"/ring/key-0000*.xml
	ask publish "$work/ring"
	wait "$slow"
	[ "$(<"$work/slow")" = 'files=200 gone=0 errors=0' ]
	[ "$(ls "$mnt" | wc -l)" -eq 101 ]
}

all_eio() {
	[ "$(errno_of ls "$mnt")" = 'Input/output error' ]
	[ "$(errno_of cat "$mnt/key-000001.xml")" = 'Input/output error' ]
	[ "$(errno_of stat "$mnt/key-000001.xml")" = 'Input/output error' ]
	[ "$(errno_of stat "$mnt/no-such-name")" = 'Input/output error' ]
	stat "$mnt" >/dev/null
	df "$mnt" >/dev/null
}

@test "before the first ring everything is EIO, opendir too" {
	make_ring "$work/ring" 3
	start_ring
	all_eio
	[[ $(ls "$mnt" 2>&1) = *'cannot open directory'* ]]
	ask publish "$work/ring"
	same_bytes
}

withdrawn() {
	make_ring "$work/ring" 20
	start_ring "$@"
	ask publish "$work/ring"
	same_bytes
	rm "$work/ring/key-000020.xml"
	ask publish "$work/ring"
	exec 7<"$mnt/key-000002.xml"
	ask withdraw
	all_eio
	[ "$(errno_of cat "$mnt/key-000020.xml")" = 'Input/output error' ]
	run cat <&7
	exec 7<&-
	[ "$status" -ne 0 ]
	ask publish "$work/ring"
	same_bytes
}

@test "a withdrawn ring is EIO everywhere, and comes back" { withdrawn; }
@test "a withdrawn ring is EIO, without epochs too" { withdrawn --no-epoch; }

@test "nothing can be changed: EROFS for each operation" {
	make_ring "$work/ring" 2
	start_ring
	ask publish "$work/ring"
	local key=$mnt/key-000001.xml erofs='Read-only file system'
	[ "$(errno_of mkdir "$mnt/new")" = "$erofs" ]
	[ "$(errno_of touch "$mnt/new")" = "$erofs" ]
	[ "$(errno_of touch "$key")" = "$erofs" ]
	[ "$(errno_of rm -f "$key")" = "$erofs" ]
	[ "$(errno_of rmdir "$mnt/key-000001.xml")" != '' ]
	[ "$(errno_of chmod 0600 "$key")" = "$erofs" ]
	[ "$(errno_of chown 1 "$key")" = "$erofs" ]
	[ "$(errno_of mv "$key" "$mnt/new")" = "$erofs" ]
	[ "$(errno_of ln "$key" "$mnt/new")" = "$erofs" ]
	[ "$(errno_of ln -s x "$mnt/new")" = "$erofs" ]
	[ "$(errno_of mknod "$mnt/new" p)" = "$erofs" ]
	[ "$(errno_of truncate -s 0 "$key")" = "$erofs" ]
	[ "$(errno_of setfattr -n user.x -v y "$key")" = "$erofs" ]
	[ "$(errno_of bash -c "exec >>'$key'")" = "$erofs" ]
	[ "$(errno_of mkdir "$mnt")" = 'File exists' ]
	same_bytes
}

@test "attributes and extended attributes are cheap and plain" {
	make_ring "$work/ring" 2
	touch -d '2024-05-06 07:08:09.123456789 UTC' "$work/ring/key-000001.xml"
	start_ring
	ask publish "$work/ring"
	[ "$(stat -c '%F %h %s' "$mnt/key-000001.xml")" = 'regular file 1 2500' ]
	[ "$(TZ=UTC stat -c %y "$mnt/key-000001.xml")" = '2024-05-06 07:08:09.123456789 +0000' ]
	[ "$(stat -c '%F %h %i' "$mnt")" = 'directory 2 1' ]
	[ "$(ls -i "$mnt/key-000001.xml" | cut -d' ' -f1)" = \
		"$(ls -i "$mnt" | sed -n '1s/^ *\([0-9]*\) .*/\1/p')" ]
	ls -l "$mnt" >/dev/null
	getfattr -d -m - "$mnt/key-000001.xml" 2>/dev/null || true
	ask counts
	ls -l "$mnt" >/dev/null
	getfattr -d -m - "$mnt/key-000001.xml" 2>/dev/null || true
	ask counts
	echo "$answer"
	[ "$(requests)" -eq 0 ]
	[ "$(stat -f -c '%s %b %f %c' "$mnt")" = '4096 2 0 2' ]
}

@test "the root's time grows with each swap" {
	make_ring "$work/ring" 2
	start_ring
	ask publish "$work/ring"
	local before after
	before=$(stat -c %.9Y "$mnt")
	echo x >"$work/ring/key-x.xml"
	ask publish "$work/ring"
	after=$(stat -c %.9Y "$mnt")
	[[ $after > $before ]]
}

may_read() { as "$1" "$2" cat "$mnt/key-000001.xml" >/dev/null 2>&1; }
may_list() { as "$1" "$2" ls "$mnt" >/dev/null 2>&1; }

@test "mode, owner and group decide who reads" {
	make_ring "$work/ring" 2
	chmod 755 "$work" "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" 2>/dev/null || true
	start_ring --owner '0 4242 0440 0550'
	ask publish "$work/ring"
	never may_read 65534 65534
	never may_list 65534 65534
	may_read 65534 4242
	may_list 65534 4242
	[ "$(stat -c '%a %u %g' "$mnt/key-000001.xml")" = '440 0 4242' ]
	[ "$(stat -c '%a %u %g' "$mnt")" = '550 0 4242' ]
}

mode_is() { [ "$(stat -c '%a %u %g' "$1")" = "$2" ]; }

@test "a new owner is effective at once for what is cached" {
	make_ring "$work/ring" 2
	start_ring --owner '0 4242 0440 0550'
	ask publish "$work/ring"
	ls -l "$mnt" >/dev/null
	ask chown 65534 7 0400 0500
	until_true 2000 mode_is "$mnt/key-000002.xml" '400 65534 7'
	until_true 2000 mode_is "$mnt" '500 65534 7'
	may_read 65534 65534
	never may_read 1 4242
	same_bytes
}

@test "write bits are never shown" {
	make_ring "$work/ring" 2
	start_ring --owner '0 0 0666 0777'
	ask publish "$work/ring"
	mode_is "$mnt" '555 0 0'
	mode_is "$mnt/key-000001.xml" '444 0 0'
}

@test "audit: each open is one record, of files only" {
	make_ring "$work/ring" 3
	start_ring --audit
	ask publish "$work/ring"
	cat "$mnt/key-000002.xml" >/dev/null
	cat "$mnt/key-000002.xml" >/dev/null
	ask counts
	cat "$mnt/key-000003.xml" >/dev/null
	ask counts
	echo "$answer"
	[ "$(counted read)" -eq 0 ]
	[ "$(counted open)" -eq 1 ]
	[ "$(grep -c "open: pid [0-9]* uid 0 'key-000002.xml'" "$ring_log")" -eq 2 ]
	[ "$(grep -c 'open: ' "$ring_log")" -eq 3 ]
}

@test "the mount is what mountinfo should say" {
	make_ring "$work/ring" 1
	start_ring --source 'odbc:Driver=x;Server=a b,c'
	local line
	line=$(grep -F " $mnt " /proc/self/mountinfo)
	echo "$line"
	[[ $line = *' ro,nosuid,nodev,noexec,relatime'*' - fuse.dpkeyfs odbc:Driver=x;Server=a\040b,c ro,'* ]]
	[[ $line = *user_id=0,group_id=0,default_permissions,allow_other* ]]
}
