#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Missing never looks like empty: whatever happens to the store, the ring stays.

load lib.bash
bats_require_minimum_version 1.5.0

setup() { ring_init; }
teardown() {
	[[ -z ${SRV:-} ]] || kill "$SRV" 2>/dev/null || true
	ring_clean
}

# A mounted ring of net10-gcm-a, and a copy of what it shows.
mounted() {
	give net10-gcm-a
	cp -r "$STORE" "$T/good"
	ring_start "${1:-$STORE}" "${@:2}"
	ring_up
	same_ring "$T/good"
}

# stays REASON: sync tells of it, the ring is the good one, status and health say so.
stays() {
	run ctl sync
	[[ $status -eq 1 ]]
	[[ $(status_of .last_error.reason) = "$1" ]]
	[[ $(status_of .last_error.at) = 20* ]]
	[[ $(status_of .age_s) =~ ^[0-9]+$ ]]
	[[ $(status_of '.keys|length') -eq 2 ]]
	run -1 ctl health
	ctl health --ready
	same_ring "$T/good"
}

comes_back() {
	ctl sync
	[[ $(status_of .last_error) = null ]]
	[[ $(status_of .state) = fresh ]]
	same_ring "$T/good"
}

@test "store renamed away" {
	mounted
	mv "$STORE" "$T/away"
	stays not-found
	[[ $(status_of .state) = offline ]]
	mv "$T/away" "$STORE"
	comes_back
}

@test "store emptied" {
	mounted
	rm "$STORE"/*.xml
	stays removal
	run -1 ctl health
	[[ $output = *"removal: the store has no usable key at all"* ]]
	cp "$T/good"/*.xml "$STORE/"
	comes_back
}

@test "store replaced by a half copy" {
	mounted
	rm "$STORE/$(names "$STORE" | head -1)"
	stays removal
	cp "$T/good"/*.xml "$STORE/"
	comes_back
}

@test "a key cut short in the store stays whole in the mount" {
	mounted
	local key
	key=$(names "$STORE" | head -1)
	truncate -s 700 "$STORE/$key"
	stays removal
	[[ $(status_of '.rejected[0].reason') = xml ]]
	cp "$T/good/$key" "$STORE/"
	comes_back
}

@test "store unreadable" {
	mounted
	# root reads everything, so the store's program is given an entry that nobody can open
	ln -s /nonexistent "$STORE/x.xml"
	stays transient
	rm "$STORE/x.xml"
	comes_back
}

@test "store replaced by a file" {
	mounted
	mv "$STORE" "$T/away"
	echo "no directory" >"$STORE"
	stays bad-data
	rm "$STORE"
	mv "$T/away" "$STORE"
	comes_back
}

# An exec: store whose behaviour is the content of $T/mode.
exec_store() {
	cat >"$T/prog" <<-EOF
		#!/bin/bash
		[[ \$1 = fetch ]] || exit 21
		mode=\$(cat "$T/mode")
		case \$mode in
		good) ;;
		hang) sleep 1000; exit 0 ;;
		exit*) exit "\${mode#exit}" ;;
		half) printf 'element 5000 a b\nxx'; exit 0 ;;
		noend) printf 'element 2 a b\nxx'; exit 0 ;;
		flood) head -c 30000000 /dev/zero; exit 0 ;;
		nonsense) echo "<html>it works</html>"; exit 0 ;;
		nothing) printf 'end -\n'; exit 0 ;;
		esac
		for f in "$T/good/"*.xml; do
			printf 'element %d x %s\n' "\$(stat -c %s "\$f")" "\${f##*/}"
			cat "\$f"
		done
		printf 'end -\n'
	EOF
	chmod +x "$T/prog"
	echo good >"$T/mode"
}

@test "a store program that hangs, fails, lies and floods" {
	give net10-gcm-a
	cp -r "$STORE" "$T/good"
	exec_store
	ring_start "exec:$T/prog" deadline=500ms interval=1h
	ring_up
	echo hang >"$T/mode"; stays deadline
	echo exit11 >"$T/mode"; stays not-found
	echo exit14 >"$T/mode"; stays auth
	echo exit99 >"$T/mode"; stays transient
	echo half >"$T/mode"; stays bad-data
	echo noend >"$T/mode"; stays bad-data
	echo flood >"$T/mode"; stays bad-data
	echo nonsense >"$T/mode"; stays bad-data
	echo nothing >"$T/mode"; stays removal
	echo good >"$T/mode"; comes_back
	# nothing of the hanging program is left
	run pgrep -f "bash $T/prog"
	[[ $status -eq 1 ]]
}

@test "SIGTERM ends it within 2 s while the store hangs" {
	give net10-gcm-a
	cp -r "$STORE" "$T/good"
	exec_store
	ring_start "exec:$T/prog" deadline=60s interval=200ms
	ring_up
	echo hang >"$T/mode"
	until_true 5 pgrep -f "prog fetch"
	ring_stop 0
	((STOP_MS < 2000))
	run pgrep -f "bash $T/prog"
	[[ $status -eq 1 ]]
}

# An HTTPS document store that answers as $T/answer says.
http_store() {
	cat >"$T/srv.py" <<-EOF
		import http.server, sys
		class H(http.server.BaseHTTPRequestHandler):
		    def log_message(self, *a): pass
		    def do_GET(self):
		        mode = open("$T/mode").read().strip()
		        body = open("$T/doc.xml", "rb").read()
		        code = int(mode) if mode.isdigit() else 200
		        if code != 200: body = b"no"
		        if mode == "empty": body = b""
		        self.send_response(code)
		        self.send_header("Content-Length", str(len(body)))
		        self.end_headers()
		        self.wfile.write(body[: len(body) // 2] if mode == "cut" else body)
		s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
		print(s.server_port, flush=True)
		s.serve_forever()
	EOF
	{
		echo '<repository>'
		for f in "$STORE"/*.xml; do sed '1s/^\xef\xbb\xbf//; /^<?xml/d' "$f"; echo; done
		echo '</repository>'
	} >"$T/doc.xml"
	echo good >"$T/mode"
	python3 "$T/srv.py" >"$T/port" 2>/dev/null 3>&- &
	SRV=$!
	until_true 10 test -s "$T/port"
	URL="http://127.0.0.1:$(cat "$T/port")/keys.xml"
}

@test "an HTTPS store: 404, 500, empty 200, truncated body, gone" {
	give net10-gcm-a
	http_store
	ring_start "$URL" interval=1h
	ring_up
	mkdir "$T/good"
	cp "$MNT"/*.xml "$T/good/"
	[[ $(names "$T/good" | wc -l) -eq 2 ]]
	echo 404 >"$T/mode"; stays not-found
	echo 500 >"$T/mode"; stays transient
	echo empty >"$T/mode"; stays bad-data
	echo cut >"$T/mode"; stays transient
	head -c 3000 "$T/doc.xml" >"$T/doc.cut"
	mv "$T/doc.xml" "$T/doc.whole"
	mv "$T/doc.cut" "$T/doc.xml"
	echo good >"$T/mode"; stays xml
	echo '<repository />' >"$T/doc.xml"; stays removal
	mv "$T/doc.whole" "$T/doc.xml"; comes_back
	kill "$SRV"
	wait "$SRV" || true
	SRV=
	stays transient
}

@test "first start with no store and no journal: the command fails with 32, nothing stays" {
	run -32 "$DPKEYFS" -o "$(ring_opts wait=500ms)" "$T/nowhere" "$MNT"
	[[ $output = *"not-found"* || $output = *"No such file"* ]]
	[[ $output = *nofail* ]]
	is_not_mounted
}

@test "first start with nofail or wait=0: EIO until the store comes" {
	local opt
	for opt in nofail,wait=300ms wait=0; do
		rm -rf "$T/state" "$T/nowhere"
		"$DPKEYFS" -o "$(ring_opts "$opt" interval=300ms)" "$T/nowhere" "$MNT" 3>&-
		is_mounted
		fails_eio ls "$MNT"
		fails_eio cat "$MNT/key-845e7bed-f900-4a2e-ac49-3ec906feb78b.xml"
		# once the first cycle has ended; before it the state is offline
		until_true 10 eval '[[ $(status_of .state) = empty ]]'
		run -1 ctl health --ready
		mkdir "$T/nowhere"
		cp "$DATA/rings/net10-cbc-c/"*.xml "$T/nowhere/"
		until_true 10 ls "$MNT"/key-845e7bed-f900-4a2e-ac49-3ec906feb78b.xml
		ctl health --ready
		umount "$MNT"
		until_true 10 test ! -S "$SOCK"
	done
}

@test "after an unmount root finds no empty ring" {
	mounted
	umount "$MNT"
	wait "$DAEMON"
	DAEMON=
	[[ $(names "$MNT") = NOT-MOUNTED.xml ]]
	run -1 xmllint_or_python "$MNT/NOT-MOUNTED.xml"
}

xmllint_or_python() { python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$1" 2>/dev/null; }

@test "the ring is served from the journal when the store is away at start" {
	mounted
	ring_stop 0
	mv "$STORE" "$T/away"
	ring_start "$STORE"
	ring_up
	same_ring "$T/good"
	run ctl status --json
	[[ $(status_of .generation) = 1 ]]
	ctl sync || true
	[[ $(status_of .state) = offline ]]
	same_ring "$T/good"
}

@test "a damaged journal is set aside with a word, and the daemon carries on" {
	mounted
	ring_stop 0
	# 64 bytes of noise in every page
	python3 - "$T/state/journal.db" <<-'EOF'
		import sys
		with open(sys.argv[1], "r+b") as f:
		    size = f.seek(0, 2)
		    for page in range(0, min(size, 400000), 4096):
		        f.seek(page + 100); f.write(b"\xa5" * 64)
	EOF
	rm "$T/state/journal.db-journal"
	ring_start "$STORE"
	ring_up
	same_ring "$T/good"
	ls "$T/state/"journal.db.damaged-*
	grep -q "set aside" "$LOG"
	run ctl events
	[[ $output = *"journal"*"set aside"* ]]
}

@test "hard_expiry withdraws with EIO, and a store that is back ends it" {
	mounted "$STORE" hard_expiry=1s stale_after=500ms interval=200ms
	mv "$STORE" "$T/away"
	until_true 4 fails_eio ls "$MNT"
	fails_eio cat "$MNT/$(names "$T/good" | head -1)"
	[[ $(status_of .state) = empty ]]
	mv "$T/away" "$STORE"
	until_true 4 ls "$MNT"
	same_ring "$T/good"
}

@test "stale beyond stale_after: health says 5, the ring stays" {
	mounted "$STORE" stale_after=500ms interval=200ms
	mv "$STORE" "$T/away"
	until_true 4 eval '[[ $(status_of .state) = stale ]]'
	run -5 ctl health
	[[ $output = *stale* ]]
	same_ring "$T/good"
}
