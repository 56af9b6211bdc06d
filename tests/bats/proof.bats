#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Proof that keys open: what no private key opens is never shown, and each is tried once.

load lib.bash
bats_require_minimum_version 1.5.0

setup() {
	ring_init
	mkdir "$T/keys"
	for name in wrap-a wrap-b wrap-c expired; do
		install -m 0600 "$DATA/certs/$name.key" "$T/keys/$name.key"
	done
}
teardown() { ring_clean; }

proving() { ring_start "$STORE" "unwrap_key=$T/keys" "$@"; }

# when each was tried: trying again would write a later time
tries() { sqlite3 "file:$T/state/journal.db?immutable=1" 'select hex(sha256),at from opened order by 1'; }

tried() { sqlite3 "file:$T/state/journal.db?immutable=1" "select count(*) from opened where opens=$1"; }

@test "every wrapped ring of .NET opens, and is shown byte for byte" {
	local ring
	for ring in "$DATA"/rings/*/; do
		ring=${ring%/}
		[[ $(cat "$ring"/*.xml) = *EncryptedData* ]] || continue
		ring=${ring##*/}
		[[ $ring != *foreign* ]] || continue
		rm -rf "$STORE" "$T/state"
		mkdir "$STORE"
		give "$ring"
		proving
		ring_up
		same_ring "$STORE"
		[[ $(status_of '.rejected|length') -eq 0 ]]
		ring_stop
	done
}

@test "what does not open is never shown, and the rest is" {
	local key
	give net10-gcm-a
	# of the right shape, wrapped to a pinned certificate, and not openable
	"$MKKEY" --cert "$T/certs/wrap-a.pem" --count 3 "$STORE" >/dev/null
	proving
	ring_up
	[[ $(status_of '.keys|length') -eq 2 ]]
	[[ $(status_of '[.rejected[].reason]|unique|join(",")') = unwrap ]]
	[[ $(status_of '.rejected|length') -eq 3 ]]
	run -1 ctl health
	[[ $output = *"unwrap"* ]]
	ring_stop
	[[ $(tried 1) -eq 2 && $(tried 0) -eq 3 ]]
}

@test "each element is tried once: a second start asks nothing" {
	local before
	give net10-gcm-a
	proving
	ring_up
	ring_stop
	[[ $(tried 1) -eq 2 ]]
	before=$(tries)
	proving
	ring_up
	ctl sync
	same_ring "$STORE"
	ring_stop
	[[ $(tries) = "$before" ]]
	# and the negative twin: what is forgotten is tried again
	sqlite3 "$T/state/journal.db" 'delete from opened'
	proving
	ring_up
	ring_stop
	[[ $(tried 1) -eq 2 && $(tries) != "$before" ]]
}

@test "other keys get a new look" {
	give net10-gcm-a
	rm "$T/keys/wrap-a.key"
	proving wait=0
	until_true 10 ctl health --live
	run -1 ctl sync
	fails_eio ls "$MNT"
	[[ $(status_of '.rejected[0].reason') = unwrap ]]
	install -m 0600 "$DATA/certs/wrap-a.key" "$T/keys/wrap-a.key"
	kill -HUP "$DAEMON"
	until_true 10 ctl sync
	same_ring "$STORE"
}

@test "an unsigned ring gives 64 new tries a day after the first" {
	give net10-gcm-a
	proving
	ring_up
	"$MKKEY" --cert "$T/certs/wrap-a.pem" --count 80 "$STORE" >/dev/null
	run -1 ctl sync
	[[ $(status_of '[.rejected[]|select(.reason=="unwrap")]|length') -eq 64 ]]
	[[ $(status_of '[.rejected[]|select(.reason=="too-many")]|length') -eq 16 ]]
	[[ $(status_of '.keys|length') -eq 2 ]]
}

@test "key files that others can read, or that are none, are refused at the mount" {
	give net10-gcm-a
	chmod 0644 "$T/keys/wrap-a.key"
	run -32 "$DPKEYFS" -f -o "$(ring_opts "unwrap_key=$T/keys")" "$STORE" "$MNT"
	[[ $output = *wrap-a.key* ]]
	run -32 "$DPKEYFS" -f -o "$(ring_opts "unwrap_key=$T/none")" "$STORE" "$MNT"
	run -32 "$DPKEYFS" -f -o "$(ring_opts "unwrap_key=$T/certs/wrap-a.pem")" "$STORE" "$MNT"
	run -1 "$DPKEYFS" -f -o "$(ring_opts "unwrap_key=relative")" "$STORE" "$MNT"
}

@test "private keys are in no memory of the daemon" {
	local word text
	give net10-gcm-a
	proving
	ring_up
	# a line of its private part: the first ones hold the modulus, which certificates hold too
	text=$(sed -n 20p "$T/keys/wrap-a.key")
	[[ ${#text} -eq 64 ]]
	word=$(openssl rsa -in "$T/keys/wrap-a.key" -noout -text 2>/dev/null | sed -n '/prime1/,/prime2/p' | sed '1d;$d' | tr -d ' :\n' | cut -c3-66)
	[[ ${#word} -eq 64 ]]
	python3 - "$DAEMON" "$word" "$text" <<-'END'
		import re, sys
		word = bytes.fromhex(sys.argv[2])
		words = (word, word[::-1], sys.argv[3].encode())
		def places(pid):
		    mem, found = open(f"/proc/{pid}/mem", "rb", 0), set()
		    for line in list(open(f"/proc/{pid}/maps")):
		        m = re.match(r"([0-9a-f]+)-([0-9a-f]+) r", line)
		        if not m or "[v" in line:
		            continue
		        start, end = (int(x, 16) for x in m.groups())
		        try:
		            mem.seek(start)
		            data = mem.read(end - start)
		        except OSError:
		            continue
		        found.update(i for i, w in enumerate(words) if w in data)
		    return found
		assert places("self") == {0, 1, 2}  # the search finds what is there
		found = places(sys.argv[1])
		assert not found, found
	END
}
