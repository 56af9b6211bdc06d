#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What an administrator expects of a filesystem: fstab, mount(8), umount(8),
# permissions, errors that name the thing and the remedy.

load lib.bash
bats_require_minimum_version 1.5.0

setup() {
	ring_init
	give net10-gcm-a
}
teardown() { ring_clean; }

# A private mount namespace in which mount(8) finds the built programs and an
# fstab of our own; "$@" runs there.
in_namespace() {
	unshare --mount --propagation private bash -euc '
		mount --bind "$1/sbin-mount" /sbin/mount.dpkeyfs 2>/dev/null || {
			mkdir -p "$1/sbin" "$1/upper" "$1/work"
			mount -t tmpfs tmpfs "$1/sbin"
			mkdir "$1/sbin/upper" "$1/sbin/work"
			mount -t overlay -o "lowerdir=/usr/sbin,upperdir=$1/sbin/upper,workdir=$1/sbin/work" \
				overlay /usr/sbin
			ln -s "$2" /usr/sbin/mount.dpkeyfs
			ln -s "$2" /usr/sbin/dpkeyfs
		}
		mount --bind "$1/fstab" /etc/fstab
		shift 2
		"$@"' ns "$T" "$DPKEYFS" bash -euc "$1" ns "$MNT" "$SOCK" "$STORE" "$DPKEYCTL" "$T"
}

@test "an fstab line: mount MOUNTPOINT, mount -a twice, findmnt, df, umount" {
	echo "$STORE $MNT dpkeyfs $(ring_opts defaults rw nofail _netdev x-systemd.mount-timeout=30 \
		x-systemd.before=app.service) 0 0" >"$T/fstab"
	in_namespace '
		mount "$1"
		mount -a
		mount -a
		[[ $(grep -c " $1 " /proc/self/mountinfo) -eq 1 ]]
		[[ $(ls "$1" | wc -l) -eq 2 ]]
		[[ $(findmnt -n -o FSTYPE,SOURCE "$1" | tr -s " ") = "fuse.dpkeyfs $3" ]]
		[[ $(findmnt -n -o OPTIONS "$1") = ro,nosuid,nodev,noexec,* ]]
		df "$1" | tail -1 | grep -qv " 0 *0 *0 "
		stat -f "$1" >/dev/null
		"$4" -S "$2" health --ready
		umount "$1"
		! grep -q " $1 " /proc/self/mountinfo
		# mount -a alone
		mount -a
		[[ $(ls "$1" | wc -l) -eq 2 ]]
		umount "$1"'
}

@test "mount -t dpkeyfs and -t fuse.dpkeyfs, -f and -v" {
	: >"$T/fstab"
	opts=$(ring_opts)
	export opts
	in_namespace '
		mount -t dpkeyfs -o "$opts" "$3" "$1"
		[[ $(ls "$1" | wc -l) -eq 2 ]]
		umount "$1"
		until [[ ! -S $2 ]]; do sleep 0.05; done
		mount -t fuse.dpkeyfs -o "$opts" "$3" "$1"
		[[ $(ls "$1" | wc -l) -eq 2 ]]
		umount "$1"
		until [[ ! -S $2 ]]; do sleep 0.05; done
		mount -f -v -t dpkeyfs -o "$opts" "$3" "$1"
		[[ $(ls "$1") = NOT-MOUNTED.xml ]]
		r=0
		mount -f -t dpkeyfs -o "$opts,nonsense=1" "$3" "$1" || r=$?
		[[ $r -eq 1 ]]
		# sloppy mounts pass what they do not know
		mount -s -t dpkeyfs -o "$opts,nonsense=1" "$3" "$1"
		umount "$1"'
}

@test "a ring by NAME: /etc/dpkeyfs/NAME.conf, drop-ins, -o over both" {
	: >"$T/fstab"
	mkdir "$T/etc"
	in_namespace '
		mkdir -p /etc/dpkeyfs 2>/dev/null || true
		mount --bind "$5/etc" /etc/dpkeyfs
		printf "# a ring\nsource = %s\nwrap_certs = %s/certs\nmode = 0400\nstate = %s/state\nsocket = %s\n" \
			"$3" "$5" "$5" "$2" >/etc/dpkeyfs/prod.conf
		mkdir /etc/dpkeyfs/prod.conf.d
		echo "mode = 0444" >/etc/dpkeyfs/prod.conf.d/50-mode.conf
		mount -t dpkeyfs -o dmode=0555 prod "$1"
		[[ $(findmnt -n -o SOURCE "$1") = prod ]]
		[[ $(stat -c %a "$1") = 555 ]]
		[[ $(stat -c %a "$1"/*.xml | uniq) = 444 ]]
		[[ $("$4" -r prod status --json | jq -r .ring) = prod ]]
		umount "$1"'
	[[ -d $T/etc ]]
	rmdir /etc/dpkeyfs 2>/dev/null || true
}

@test "a container's view: the parent bound rslave sees a restarted daemon's ring" {
	mkdir -p "$T/host/ring" "$T/container"
	MNT=$T/host/ring
	unshare --mount --propagation shared bash -euc '
		mount --bind "$1/host" "$1/host"
		mount --make-shared "$1/host"
		run() { "$2" -o "$3" "$1/store" "$1/host/ring"; }
		run "$@"
		mkfifo "$1/go" "$1/went"
		unshare --mount --propagation slave bash -euc "
			mount --rbind $1/host $1/container
			mount --make-rslave $1/container
			ls $1/container/ring | wc -l
			echo x >$1/went
			read -r _ <$1/go
			ls $1/container/ring | wc -l" >"$1/seen" &
		read -r _ <"$1/went"
		umount "$1/host/ring"
		until [[ ! -S $4 ]]; do sleep 0.05; done
		run "$@"
		echo x >"$1/go"
		wait $!
		umount "$1/host/ring"' ns "$T" "$DPKEYFS" "$(ring_opts)" "$SOCK" 3>&-
	[[ $(tr '\n' ' ' <"$T/seen") = "2 2 " ]]
}

# refuses STATUS TEXT COMMAND...: ends with STATUS, says TEXT, leaves nothing mounted.
refuses() {
	local want=$1 text=$2
	shift 2
	run "$@"
	[[ $status -eq $want && $output = *"$text"* ]] || {
		echo "wanted $want '$text', got $status: $output"
		return 1
	}
	is_not_mounted
}

@test "errors name the thing and the remedy" {
	refuses 1 "unknown option 'intervall'; the nearest is 'interval'" \
		"$DPKEYFS" -o "$(ring_opts intervall=3)" "$STORE" "$MNT"
	refuses 1 "there is no user 'nobody-here'" "$DPKEYFS" -o "$(ring_opts uid=nobody-here)" "$STORE" "$MNT"
	refuses 1 "groupadd --system 'nogroup-here'" \
		"$DPKEYFS" -o "$(ring_opts gid=nogroup-here)" "$STORE" "$MNT"
	refuses 1 "wrap_certs: '/nowhere.pem'" "$DPKEYFS" -o "state=$T/state,wrap_certs=/nowhere.pem" "$STORE" "$MNT"
	refuses 1 "wrap_certs is not set" "$DPKEYFS" -o "state=$T/state" "$STORE" "$MNT"
	refuses 1 "credential=" "$DPKEYFS" -o "$(ring_opts)" "https://user:secret@example.org/keys.xml" "$MNT"
	refuses 1 "credential=" "$DPKEYFS" -o "$(ring_opts)" "https://example.org/keys.xml?sig=abc" "$MNT"
	refuses 1 "https://" "$DPKEYFS" -o "$(ring_opts)" "http://example.org/keys.xml" "$MNT"
	refuses 1 "knows no store 'ftp:'" "$DPKEYFS" -o "$(ring_opts)" "ftp://example.org/keys" "$MNT"
	refuses 1 "'60' is not a duration" "$DPKEYFS" -o "$(ring_opts interval=60)" "$STORE" "$MNT"
	refuses 1 "there is no '/etc/dpkeyfs/nosuchring.conf'" "$DPKEYFS" nosuchring "$MNT"
	refuses 1 "SOURCE and a MOUNTPOINT" "$DPKEYFS" "$STORE"
	refuses 32 "install -d" "$DPKEYFS" -o "$(ring_opts)" "$STORE" "$T/nowhere"
	echo "interval = 60" >"$T/bad.conf"
	refuses 1 "$T/bad.conf:1: interval" "$DPKEYFS" -o "config=$T/bad.conf" "$STORE" "$MNT"
	echo "wait = 1s" >"$T/open.conf"
	chmod 0664 "$T/open.conf"
	refuses 1 "chmod go-w '$T/open.conf'" "$DPKEYFS" -o "config=$T/open.conf" "$STORE" "$MNT"
	touch "$MNT/precious"
	refuses 32 "empty" "$DPKEYFS" -o "$(ring_opts)" "$STORE" "$MNT"
	rm "$MNT/precious"
	chmod 0755 "$T/state"
	refuses 32 "chmod 0700" "$DPKEYFS" -o "$(ring_opts)" "$STORE" "$MNT"
}

@test "a secret in a URL never reaches the mount table, the log or status" {
	refuses 1 credential "$DPKEYFS" -o "$(ring_opts)" "https://example.org/k.xml?sv=1&sig=CANARY" "$MNT"
	[[ $output != *CANARY* ]]
}

@test "a second daemon on one state names the first; a second mount names the source" {
	ring_start "$STORE"
	ring_up
	mkdir "$T/second"
	run -32 "$DPKEYFS" -o "$(ring_opts "socket=$T/sock2")" "$STORE" "$T/second"
	[[ $output = *"another dpkeyfs (pid $DAEMON)"* && $output = *"$T/state"* ]]
	run -32 "$DPKEYFS" -o "$(ring_opts "state=$T/state2" "socket=$T/sock2")" "$STORE" "$MNT"
	[[ $output = *"$STORE"* ]]
	run -32 "$DPKEYFS" -o "$(ring_opts "state=$T/state2")" "$STORE" "$T/second"
	[[ $output = *"$SOCK"* ]]
	# and the first was not disturbed
	ctl health --ready
	same_ring "$DATA/rings/net10-gcm-a"
}

@test "nothing can be changed through the mount" {
	ring_start "$STORE"
	ring_up
	local key
	key=$MNT/$(names "$MNT" | head -1)
	readonly_error() {
		run "$@"
		[[ $status -ne 0 && $output = *"Read-only file system"* ]] || {
			echo "$*: $status: $output"
			return 1
		}
	}
	readonly_error mkdir "$MNT/x"
	readonly_error touch "$MNT/x"
	readonly_error rm -f "$key"
	readonly_error chmod 0777 "$key"
	readonly_error chown 1 "$key"
	readonly_error mv "$key" "$MNT/y.xml"
	readonly_error ln "$key" "$MNT/z.xml"
	readonly_error ln -s x "$MNT/l.xml"
	readonly_error mknod "$MNT/n" p
	readonly_error truncate -s 0 "$key"
	readonly_error setfattr -n user.x -v y "$key"
	run mkdir "$MNT"
	[[ $output = *"File exists"* ]]
	same_ring "$DATA/rings/net10-gcm-a"
}

as_user() { setpriv --reuid 65534 --regid "${2:-65534}" --clear-groups bash -c "$1"; }

@test "readable as uid, gid and mode say, and not otherwise" {
	chmod 0755 "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/* "$BATS_FILE_TMPDIR" 2>/dev/null || true
	ring_start "$STORE" gid=4711
	ring_up
	run as_user "cat $MNT/*.xml"
	[[ $status -ne 0 ]]
	run as_user "ls $MNT"
	[[ $output = *"Permission denied"* ]]
	as_user "cat $MNT/*.xml >/dev/null" 4711
	ring_stop 0
	ring_start "$STORE" uid=65534 mode=0400 dmode=0500
	ring_up
	as_user "cat $MNT/*.xml >/dev/null"
	# the owner may ask and sync, and not more
	as_user "$DPKEYCTL -S $SOCK status >/dev/null"
	run as_user "$DPKEYCTL -S $SOCK accept-removal"
	[[ $status -ne 0 && $output = *forbidden* ]]
	ring_stop 0
	ring_start "$STORE" mode=0666
	ring_up
	[[ $(stat -c %a "$MNT"/*.xml | uniq) = 444 ]]
	run as_user "$DPKEYCTL -S $SOCK status"
	[[ $status -eq 3 ]]
}

@test "SIGHUP reads the configuration anew: owner, certificates, source" {
	printf 'mode = 0400\nwrap_certs = %s\n' "$T/certs" >"$T/ring.conf"
	give net10-cbc-c
	"$DPKEYFS" -f -o "config=$T/ring.conf,name=t,state=$T/state,socket=$SOCK,interval=1h" \
		"$STORE" "$MNT" >>"$LOG" 2>&1 3>&- &
	DAEMON=$!
	ring_up
	[[ $(names "$MNT" | wc -l) -eq 3 ]]
	printf 'mode = 0444\nwrap_certs = %s/wrap-a.pem\n' "$T/certs" >"$T/ring.conf"
	kill -HUP "$DAEMON"
	# the key of wrap-c is not believed any more
	until_true 5 eval '[[ $(names "$MNT" | wc -l) -eq 2 ]]'
	until_true 5 eval '[[ $(stat -c %a "$MNT"/*.xml | uniq) = 444 ]]'
	[[ $(status_of '.rejected|map(.reason)|unique|.[]') = wrap-cert ]]
	# a configuration that is wrong changes nothing
	echo 'mode = rw' >"$T/ring.conf"
	kill -HUP "$DAEMON"
	until_true 5 grep -q "the old configuration stays" "$LOG"
	[[ $(names "$MNT" | wc -l) -eq 2 ]]
}

@test "a dead mount of ours is repaired by mounting again" {
	ring_start "$STORE"
	ring_up
	ring_kill
	until_true 2 eval '! stat "$MNT" 2>/dev/null'
	run stat "$MNT"
	[[ $output = *"Transport endpoint is not connected"* ]]
	ring_start "$STORE"
	ring_up
	same_ring "$DATA/rings/net10-gcm-a"
	[[ $(grep -c " $MNT " /proc/self/mountinfo) -eq 1 ]]
}

@test "the command that waits is killed: the daemon ends, nothing stays mounted" {
	"$DPKEYFS" -o "$(ring_opts wait=60s interval=100ms)" "$T/nowhere" "$MNT" >>"$LOG" 2>&1 3>&- &
	local command=$!
	until_true 10 is_mounted
	kill -KILL "$command"
	wait "$command" || true
	until_true 5 is_not_mounted
	until_true 5 test ! -S "$SOCK"
}

@test "on_change runs after each generation; events and history tell" {
	cat >"$T/hook" <<-EOF
		#!/bin/sh
		echo "\$1" >>"$T/hooked"
	EOF
	chmod +x "$T/hook"
	ring_start "$STORE" on_change="$T/hook" interval=1h
	ring_up
	until_true 5 grep -qx 1 "$T/hooked"
	give net10-managed-a
	ctl sync || true
	until_true 5 grep -qx 2 "$T/hooked"
	run -0 ctl history
	[[ ${#lines[@]} -eq 2 && ${lines[1]} = *"3 keys, 0 revocations" ]]
	run -0 ctl events
	[[ $output = *"generation"*"2: 3 elements (1 added, 0 replaced, 0 removed)"* ]]
}

@test "max_remove, sync and accept-removal: the administrator's word" {
	give net10-managed-a
	ring_start "$STORE" interval=1h
	ring_up
	rm "$STORE"/key-78557afa-*.xml
	run -1 ctl sync
	[[ $output = *"removal: 1 key left the store and stays served"* ]]
	[[ $(names "$MNT" | wc -l) -eq 3 ]]
	run -0 ctl accept-removal
	[[ $(names "$MNT" | wc -l) -eq 2 ]]
	run -0 ctl sync
	ring_stop 0
	give net10-managed-a
	ring_start "$STORE" interval=1h max_remove=1
	ring_up
	ctl sync
	[[ $(names "$MNT" | wc -l) -eq 3 ]]
	rm "$STORE"/key-78557afa-*.xml
	# sync makes the two reads that have to agree; but one key was removed in these 24 h already
	run -1 ctl sync
	[[ $(names "$MNT" | wc -l) -eq 3 ]]
}

@test "a change that leaves no default key is held until accepted" {
	rm "$STORE"/*.xml
	"$MKKEY" --cert "$T/certs/wrap-a.pem" --count 1 "$STORE" >"$T/id"
	ring_start "$STORE" interval=1h
	ring_up
	printf '<revocation version="1"><revocationDate>%s</revocationDate><key id="*" /><reason /></revocation>' \
		"$(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$STORE/revocation-all.xml"
	run -1 ctl sync
	[[ $output = *no-default* ]]
	[[ $(names "$MNT" | wc -l) -eq 1 ]]
	run ctl accept-removal
	[[ $(names "$MNT" | wc -l) -eq 2 ]]
	[[ $(status_of .default.net9.now) = null ]]
	run -1 ctl health
	[[ $output = *no-default* ]]
}

@test "a local directory is watched: a new key appears long before the poll" {
	ring_start "$STORE" interval=1h
	ring_up
	give net10-managed-a
	until_true 2 test -e "$MNT/key-78557afa-3e8f-4869-a539-d05cdb56588c.xml"
}

@test "audit=open logs each open of a key" {
	ring_start "$STORE" audit=open
	ring_up
	cat "$MNT"/*.xml >/dev/null
	until_true 2 grep -q "key-3296bcd7-b808-4292-bc83-0b0bd2ed2393.xml" "$LOG"
	grep -q "uid 0" "$LOG"
}

@test "inspect names the key of a payload, a cookie line, and what the ring knows" {
	local payload state
	payload=$(sed -n 's/^payload //p' "$DATA/rings/net10-gcm-a/ring.txt")
	run -0 "$DPKEYCTL" -S "$T/none" inspect "$payload"
	[[ $output = 3296bcd7-b808-4292-bc83-0b0bd2ed2393 || $output = dc1486a4-499d-4b96-b922-4298ec5ad0d2 ]]
	ring_start "$STORE"
	ring_up
	run -0 ctl inspect "Cookie: .AspNetCore.Cookies=$payload; x=y"
	# the ring has a second key, so which of them is the default depends on the day
	state=$(status_of ".keys[] | select(.id == \"${output%% *}\") | .state")
	[[ $state = default || $state = active ]]
	[[ $output = *" $state" ]]
	run -0 ctl inspect - <<<"$payload"
	[[ $(ctl --json inspect "$payload" | jq -r .state) = "$state" ]]
	run -4 ctl inspect CfDJ8nonsense
}

@test "file descriptors 0 to 2 closed: nothing of ours ends up there" {
	"$DPKEYFS" -o "$(ring_opts)" "$STORE" "$MNT" <&- >&- 2>&- 3>&-
	same_ring "$DATA/rings/net10-gcm-a"
	umount "$MNT"
}
