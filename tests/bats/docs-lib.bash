# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the tests of manuals, README and units share: reading mdoc, and a guest,
# a throw-away Debian with systemd on an overlay of this machine's root.

# section PAGE FROM [TO]: the mdoc source between two headings
section() {
	awk -v from="^\\.S[hs] $2" -v to="${3:+^\\.S[hs] $3}" '
		on && (to == "" ? /^\.Sh/ : $0 ~ to) { exit }
		$0 ~ from { on = 1; next }
		on' "$ROOT/man/$1"
}

# items MACRO: what the .It lines of standard input name by it first, one a line
items() {
	sed -n "s/^\\.It $1 //p" | sed 's/ .*//' | sort -u
}

# same_set A B: two lists, one word a line; says what one of them lacks
same_set() {
	local only_a only_b
	[[ -n $1 && -n $2 ]] || { echo "an empty list"; return 1; }
	only_a=$(comm -23 <(sort -u <<<"$1") <(sort -u <<<"$2"))
	only_b=$(comm -13 <(sort -u <<<"$1") <(sort -u <<<"$2"))
	[[ -z $only_a$only_b ]] && return 0
	echo "only in the first: $only_a"
	echo "only in the second: $only_b"
	return 1
}

# The options of dpkeyfs --help, "word=VALUE" or "word", one a line.
help_options() {
	"$DPKEYFS" --help | sed -n '/^Options:/,/^$/p' | sed -n 's/^  \([^ ]*\).*/\1/p'
}

# readme_blocks DIRECTORY: writes each ```sh block of README.md to a file
# 01, 02, ... there, and the heading it stands under to 01.section
readme_blocks() {
	awk -v dir="$1" '
		/^## / { heading = substr($0, 4) }
		/^ *```sh$/ { on = 1; match($0, /^ */); indent = RLENGTH; n++
			file = sprintf("%s/%02d", dir, n); print heading >(file ".section"); next }
		/^ *```$/ { on = 0; next }
		on { print substr($0, indent + 1) >file }' "$ROOT/README.md"
}

# need_guest: skips where the kernel does not let a guest boot
need_guest() {
	need_root
	CGROUP=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
	[[ -x /lib/systemd/systemd ]] || guest_missing "there is no systemd"
	[[ -n $CGROUP ]] || guest_missing "there is no cgroup2 hierarchy"
	CGROUP=$CGROUP/dpkeyfs-guest-$$
	mkdir "$CGROUP" 2>/dev/null || guest_missing "the cgroup2 hierarchy is read-only"
	unshare --mount bash -c 'mount -t tmpfs t /mnt && mkdir /mnt/u /mnt/w /mnt/m &&
		mount -t overlay o -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w /mnt/m' 2>/dev/null ||
		guest_missing "the kernel has no overlay"
}

guest_missing() {
	[[ ${DPK_TEST_STRICT:-0} != 1 ]] || { echo "no guest: $1" >&2; return 1; }
	skip "$1"
}

# guest SECONDS SCRIPT: boots, runs SCRIPT in it as root with this source tree
# as its directory, and powers off. SCRIPT finds a directory /guest that stays:
# $GUEST here. Its exit status is this function's; its output is $GUEST/out.
guest() {
	GUEST=$BATS_TEST_TMPDIR/guest
	mkdir -p "$GUEST" "$BATS_TEST_TMPDIR/root"
	{
		echo "trap 'journalctl --no-pager -o cat -n 40 _TRANSPORT=stdout _TRANSPORT=journal' ERR"
		cat "$2"
	} >"$GUEST/script"
	cat >"$GUEST/dpk-guest.service" <<-END
		[Unit]
		Requires=systemd-journald.service
		After=systemd-journald.service
		[Service]
		Type=oneshot
		WorkingDirectory=$ROOT
		Environment=B=$BUILD HOME=/root
		ExecStart=/bin/bash -c 'bash -eux /guest/script >/guest/out 2>&1; echo \$? >/guest/status'
		ExecStopPost=-/bin/systemctl poweroff --force --force
		TimeoutStartSec=infinity
	END
	# the leak checker looks at its own process with ptrace(2)
	if grep -qa __asan_init "$DPKEYFS"; then
		printf '[Service]\nSystemCallFilter=@debug\nCapabilityBoundingSet=CAP_SYS_PTRACE\n' \
			>"$GUEST/sanitizer.conf"
	fi
	timeout -k 5 "$1" unshare --fork --pid --kill-child --mount --uts --ipc --propagation private \
		bash "$ROOT/tests/bats/docs-guest.sh" "$BATS_TEST_TMPDIR/root" "$GUEST" "$CGROUP" "$ROOT" \
		>"$GUEST/console" 2>&1 3>&- 4>&- || true
	for _ in $(seq 50); do
		find "$CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null || true
		[[ -d $CGROUP ]] || break
		sleep 0.1
	done
	[[ -s $GUEST/status && $(<"$GUEST/status") = 0 ]] && return 0
	tail -15 "$GUEST/console"
	tail -60 "$GUEST/out" || true
	return 1
}
