#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The units, under a real systemd: the service's life, a crash, a hanging store,
# fstab and a mount unit, an application's unit.
# shellcheck disable=SC2016

bats_require_minimum_version 1.5.0

setup() {
	load lib.bash
	load docs-lib.bash
	need_guest
	script=$BATS_TEST_TMPDIR/script
	cat >"$script" <<-'END'
		make -s install >/dev/null
		groupadd --system dpkeys || true
		mkdir -p /srv/farm-keys /etc/dpkeyfs/certs
		cp tests/data/rings/net10-gcm-a/*.xml /srv/farm-keys/
		cp tests/data/certs/wrap-a.pem /etc/dpkeyfs/certs/
		install -m 0600 tests/data/certs/wrap-a.key /etc/dpkeyfs/wrap.key
		printf 'source = /srv/farm-keys\nwrap_certs = /etc/dpkeyfs/certs\ninterval = 1s\nwait = 3s\n' >/etc/dpkeyfs/prod.conf
		# the process that holds the keys must work within the unit's limits too
		echo 'unwrap_key = /etc/dpkeyfs/wrap.key' >>/etc/dpkeyfs/prod.conf
		mnt=/run/dpkeys/prod
		all=$(ls /srv/farm-keys | grep -c '\.xml$')
		# shows the whole ring, to a process that is none of the service's
		whole() { [ "$(ls $mnt | grep -c '\.xml$')" -eq "$all" ] && cat $mnt/*.xml >/dev/null; }
		# within 10 seconds
		soon() { local i; for i in $(seq 200); do if "$@" >/dev/null 2>&1; then return 0; fi; sleep 0.05; done; echo "never: $*"; false; }
		is() { [ "$(systemctl show -P "$1" ${3-dpkeyfs@prod})" = "$2" ]; }
		absent() { ! "$@"; }
	END
}

@test "the service starts, reloads, stops and leaves no process" {
	cat >>"$script" <<-'END'
		systemctl start dpkeyfs@prod
		is ActiveState active
		whole
		systemctl show -P StatusText dpkeyfs@prod | grep '^generation 1, .*keys, '
		[ "$(stat -c '%a %U:%G' $mnt)" = '550 root:dpkeys' ]
		[ "$(stat -c %a /var/lib/dpkeyfs/prod)" = 700 ]
		: what the unit takes away and leaves
		pid=$(systemctl show -P MainPID dpkeyfs@prod)
		caps=00000000002040e3
		[ ! -e /guest/sanitizer.conf ] || caps=00000000002840e3
		[ "$(awk '/^CapBnd/ { print $2 }' /proc/$pid/status)" = $caps ]
		grep -q '^NoNewPrivs:	1' /proc/$pid/status
		grep -q '^Seccomp:	2' /proc/$pid/status
		awk '/^Max core file size/ { exit !($5 == 0) }' /proc/$pid/limits
		[ "$(readlink /proc/$pid/ns/mnt)" = "$(readlink /proc/1/ns/mnt)" ]
		: a reload
		echo 'mode = 0444' >>/etc/dpkeyfs/prod.conf
		systemctl reload dpkeyfs@prod
		soon eval '[ "$(stat -c %a $mnt/key-*.xml | sort -u)" = 444 ]'
		is ActiveState active
		is MainPID $pid
		: a faulty configuration changes nothing, a mended one does
		echo 'itnerval = 1s' >>/etc/dpkeyfs/prod.conf
		systemctl reload dpkeyfs@prod
		soon eval "journalctl -o cat -u dpkeyfs@prod | grep \"the nearest is 'interval'\""
		whole
		sed -i '/itnerval/d' /etc/dpkeyfs/prod.conf
		: a stop
		begin=$(date +%s%N)
		systemctl stop dpkeyfs@prod
		[ $((($(date +%s%N) - begin) / 1000000)) -lt 2500 ]
		is Result success
		[ "$(ls $mnt)" = NOT-MOUNTED.xml ]
		absent findmnt $mnt
		[ -z "$(pgrep -f 'dpkeyfs -f|store-dir')" ]
		: and from the journal, without the store
		mv /srv/farm-keys /srv/away
		systemctl start dpkeyfs@prod
		whole
		mv /srv/away /srv/farm-keys
		soon dpkeyctl sync
		journalctl -o cat -u dpkeyfs@prod
		systemctl stop dpkeyfs@prod
	END
	guest 90 "$script"
}

@test "after a crash the service mounts again by itself" {
	cat >>"$script" <<-'END'
		systemctl start dpkeyfs@prod
		pid=$(systemctl show -P MainPID dpkeyfs@prod)
		kill -KILL $pid
		soon eval '! is MainPID $pid && ! is MainPID 0 && is ActiveState active'
		soon whole
		is NRestarts 1
		: a mountpoint that was dead for longer
		systemctl kill -s KILL dpkeyfs@prod
		systemctl stop dpkeyfs@prod || true
		systemctl reset-failed dpkeyfs@prod || true
		systemctl start dpkeyfs@prod
		whole
		[ "$(grep -c " $mnt " /proc/self/mounts)" -eq 1 ]
		: ended from outside it stays down, for somebody meant it
		umount $mnt
		soon is ActiveState inactive
		[ "$(ls $mnt)" = NOT-MOUNTED.xml ]
	END
	guest 90 "$script"
}

@test "without a store the service becomes active after wait, and the ring comes by itself" {
	cat >>"$script" <<-'END'
		mv /srv/farm-keys /srv/away
		begin=$(date +%s)
		systemctl start dpkeyfs@prod
		[ $(($(date +%s) - begin)) -ge 2 ]
		is ActiveState active
		ls $mnt 2>&1 | grep 'Input/output error'
		systemctl show -P StatusText dpkeyfs@prod | grep '^no ring: '
		mv /srv/away /srv/farm-keys
		soon whole
		soon eval 'systemctl show -P StatusText dpkeyfs@prod | grep "^generation 1, "'
		systemctl stop dpkeyfs@prod
		: a configuration that is wrong is not tried again and again
		sed -i 's/^wrap_certs.*/wrap_certs = \/nonexistent/' /etc/dpkeyfs/prod.conf
		absent systemctl start dpkeyfs@prod
		is NRestarts 0
		journalctl -o cat -u dpkeyfs@prod | grep "wrap_certs: '/nonexistent'"
		: nor one that is not there
		absent systemctl start dpkeyfs@none
		is AssertResult no dpkeyfs@none
	END
	guest 90 "$script"
}

@test "a hanging store neither delays a stop nor outlives it" {
	cat >>"$script" <<-'END'
		printf '#!/bin/sh\nsleep 1000\n' >/srv/hang
		chmod 755 /srv/hang
		systemctl start dpkeyfs@prod
		sed -i 's,^source.*,source = exec:/srv/hang,' /etc/dpkeyfs/prod.conf
		systemctl reload dpkeyfs@prod
		soon pgrep -x hang
		whole
		begin=$(date +%s%N)
		systemctl stop dpkeyfs@prod
		[ $((($(date +%s%N) - begin) / 1000000)) -lt 2500 ]
		is Result success
		absent pgrep -x hang
		absent pgrep -f 'sleep 1000'
	END
	guest 90 "$script"
}

@test "an application's unit comes after the ring and reads it through the group" {
	cat >>"$script" <<-'END'
		useradd shop
		sed -n '/^```ini$/,/^```$/p' README.md | grep -v '```' >/etc/systemd/system/shop.service
		grep -q '^Environment=ReadOnlyDataProtectionKeyDirectory=/run/dpkeys/prod$' /etc/systemd/system/shop.service
		cat >>/etc/systemd/system/shop.service <<-'U'
			Type=oneshot
			RemainAfterExit=yes
			User=shop
			ProtectSystem=strict
			PrivateTmp=yes
			ExecStart=/bin/sh -c 'cat "$$ReadOnlyDataProtectionKeyDirectory"/key-*.xml'
		U
		systemctl daemon-reload
		systemctl start shop
		is ActiveState active
		journalctl -o cat -u shop | grep -c '<encryptedSecret' | grep -x "$(ls /srv/farm-keys/key-*.xml | wc -l)"
		: with its store unusable and no journal it is not started in vain: the ring is EIO, not empty
		systemctl stop shop dpkeyfs@prod
		rm -rf /var/lib/dpkeyfs/prod
		mv /srv/farm-keys /srv/away
		absent systemctl start shop
		journalctl -o cat -u shop | grep 'Input/output error\|No such file'
	END
	guest 90 "$script"
}

@test "a line in fstab and a mount unit mount at boot time's asking" {
	cat >>"$script" <<-'END'
		grep '^prod /run/dpkeys/prod' dist/fstab.example >>/etc/fstab
		systemctl daemon-reload
		systemctl start run-dpkeys-prod.mount
		whole
		mount -a
		mount -a
		[ "$(grep -c " $mnt " /proc/self/mounts)" -eq 1 ]
		is ActiveState active run-dpkeys-prod.mount
		systemctl stop run-dpkeys-prod.mount
		absent findmnt $mnt
		soon absent dpkeyctl status
		sed -i '/run.dpkeys/d' /etc/fstab
		: the same from a unit
		cp dist/dpkeyfs.mount.example /etc/systemd/system/run-dpkeys-prod.mount
		systemctl daemon-reload
		systemctl enable --now run-dpkeys-prod.mount
		whole
		[ "$(findmnt -no SOURCE $mnt)" = prod ]
		systemctl stop run-dpkeys-prod.mount
		[ "$(ls $mnt)" = NOT-MOUNTED.xml ]
	END
	guest 90 "$script"
}
