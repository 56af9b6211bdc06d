#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The main job, shown on a genuine ring: `make demo`. Leaves nothing behind.
set -euo pipefail
cd "$(dirname "$0")/.."
BUILD=$PWD/${DPK_BUILD:-build}
DATA=$PWD/tests/data
PATH=$BUILD/bin:$PATH

if [[ $(id -u) -ne 0 ]]; then
	echo "demo: mounting needs root; run: sudo make demo" >&2
	exit 1
fi

D=$(mktemp -d /tmp/dpkeyfs-demo.XXXXXX)
STORE=$D/store MNT=$D/mnt SOCK=$D/sock
OPTS=name=demo,state=$D/state,socket=$SOCK,wrap_certs=$D/certs,interval=1s,max_remove=0
APP_PID=

is_mounted() { grep -q " $MNT .* - fuse.dpkeyfs " /proc/self/mountinfo; }

# Waits for the daemon to be gone after an unmount: its socket goes last but one.
await_end() {
	local i
	for ((i = 0; i < 250; i++)); do
		[[ -S $SOCK ]] || return 0
		sleep 0.02
	done
	echo "demo: the daemon did not end" >&2
	return 1
}

cleanup() {
	[[ -z $APP_PID ]] || kill "$APP_PID" 2>/dev/null || true
	! is_mounted || umount "$MNT" || umount -l "$MNT" || true
	await_end || true
	rm -rf "$D"
}
trap cleanup EXIT

say() { printf '\n== %s\n' "$*"; }
show() {
	printf '$ %s\n' "$*"
	"$@" || true
}
ctl() { dpkeyctl -S "$SOCK" "$@"; }
show_ctl() {
	printf '$ dpkeyctl %s\n' "$*"
	ctl "$@" || true
}

mkdir "$STORE" "$MNT" "$D/certs"
cp "$DATA"/certs/{wrap-a,wrap-b,wrap-c}.pem "$D/certs/"
cp "$DATA"/rings/net8-cbc-a/*.xml "$STORE/"

say "A directory holds a ring that a real ASP.NET Core 8 wrote. Mount it, verified:"
printf '$ dpkeyfs -o wrap_certs=...,interval=1s %s %s\n' "$STORE" "$MNT"
dpkeyfs -o "$OPTS" "$STORE" "$MNT"
show ls -l "$MNT"

say "What the daemon says of it, and which key .NET uses now, tomorrow and in three days:"
show_ctl status
show_ctl keys

say "A key is added to the store: it arrives by itself, at once."
before=$(ctl status --json | jq .generation)
cp "$DATA"/rings/net10-gcm-a/*.xml "$STORE/"
ctl wait --generation $((before + 1)) --timeout 10 >/dev/null
show ls "$MNT"

say "A hostile file beside it (a second root, which alone makes .NET refuse the whole ring):"
cp "$DATA/odd/06-two-roots/key-a.xml" "$STORE/key-hostile.xml"
ctl sync >/dev/null || true
show_ctl health
show ls "$MNT"
rm "$STORE/key-hostile.xml"

say "The store goes away: nothing changes for readers, and the status says why."
mv "$STORE" "$D/away"
ctl sync >/dev/null || true
ctl status | grep -E '^(state|generation|last error)'
show ls "$MNT"

say "The daemon is restarted while the store is still away: the journal serves."
umount "$MNT"
await_end
dpkeyfs -o "$OPTS" "$STORE" "$MNT"
show ls "$MNT"
ctl status | grep -E '^(state|generation)'

# shellcheck source=tests/dotnet/dotnet.bash
. tests/dotnet/dotnet.bash
if dotnet_available consumer net10.0; then
	say "A real ASP.NET Core application reads the mount, and opens what another process protected:"
	export APP_TMP=$D
	app_start consumer net10.0 "$MNT" CONSUMER_PFX="$DATA/certs/wrap-a.pfx" \
		CONSUMER_PFX_PASSWORD=fixture
	payload=$(sed -n 's/^payload //p' "$DATA/rings/net8-cbc-a/ring.txt")
	echo "payload:   ${payload:0:60}..."
	echo "its key:   $(ctl inspect "$payload")"
	echo "unprotect: $(app_get "/unprotect?payload=$payload")"
	app_stop
	APP_PID=
else
	say "There is no .NET SDK on this machine, so no ASP.NET Core application reads the ring here."
fi

say "Unmounted, the directory is no empty ring: even root's application would fail, not start anew."
umount "$MNT"
await_end
show ls "$MNT"

say "Done; nothing is left behind."
