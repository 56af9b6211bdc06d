#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Nodes of a signed ring: who holds what, and what it is good for.

load lib.bash
bats_require_minimum_version 1.5.0

RING=0f6d5a0c-2b1e-4a53-9f3c-5f0d2f6b7a11
OTHER=11111111-2b1e-4a53-9f3c-5f0d2f6b7a11

setup() {
	ring_init
	mkdir "$T/signers" "$T/pub"
	new_signer a
	cp "$T/a.pem" "$T/signers/"
	P7M=$T/pub/ring.p7m
}
teardown() {
	[[ -z ${SRV:-} ]] || kill "$SRV" 2>/dev/null || true
	ring_clean
}

# new_signer NAME: $T/NAME.pem and $T/NAME.key
new_signer() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
		-subj "/CN=signer $1" -keyout "$T/$1.key" -out "$T/$1.pem" 2>/dev/null
}

# sign SIGNER [ARGUMENT...]: the store's elements, to $P7M
sign() {
	local signer=$1
	shift
	"$DPKEYCTL" -o "ring_id=${SIGN_RING:-$RING},wrap_certs=$T/certs" sign --signer "$T/$signer.pem" \
		--key "$T/$signer.key" --in "$STORE" --out "${OUT:-$P7M}" "$@"
}

# elsewhere: signs to another file, which then takes the published one's place
republish() {
	OUT=$T/elsewhere.p7m
	rm -f "$OUT"
	sign "$@"
	mv "$OUT" "$P7M"
	OUT=
}

follow() { ring_start "${1:-$P7M}" "signers=$T/signers" "ring_id=$RING" "${@:2}"; }

signed_ring() {
	give net10-gcm-a
	sign a
	follow "$P7M"
	ring_up
	same_ring "$STORE"
}

# refuses REASON VERSION: sync says so, the ring stays at that version
refuses() {
	run -1 ctl sync
	[[ $(status_of .last_error.reason) = "$1" ]]
	[[ $(status_of .version) = "$2" ]]
	[[ $(status_of .authenticity) = signed ]]
	run -1 ctl health
	[[ $output = *"$1: "* ]]
	[[ $(grep -c ": $1: " "$LOG") -eq 1 ]]
	ctl health --ready
}

@test "a node follows new versions, over HTTP as well, and serves the newest after kill -9 with the store away" {
	give net10-gcm-a
	sign a
	python3 -u -m http.server --bind 127.0.0.1 --directory "$T/pub" 0 >"$T/http" 2>&1 3>&- &
	SRV=$!
	until_true 10 grep -q 'port [1-9]' "$T/http"
	port=$(sed -n 's/.*port \([0-9]*\).*/\1/p' "$T/http")
	follow "http://127.0.0.1:$port/ring.p7m"
	ring_up
	same_ring "$STORE"
	[[ $(status_of .authenticity) = signed && $(status_of .epoch) = 1 && $(status_of .version) = 1 ]]
	run -0 ctl status
	[[ $output = *"(signed)"* && $output = *"epoch 1, version 1,"* ]]
	give net9-many-a
	sign a
	until_true 5 ctl wait --generation 2 --timeout 5
	same_ring "$STORE"
	[[ $(status_of .version) = 2 ]]
	kill "$SRV"
	wait "$SRV" || true
	SRV=
	ring_kill
	umount -l "$MNT"
	follow "http://127.0.0.1:$port/ring.p7m"
	ring_up
	same_ring "$STORE"
	[[ $(status_of .version) = 2 && $(status_of .authenticity) = signed ]]
}

@test "a version without a change of the elements raises the floor and makes no generation" {
	signed_ring
	sign a
	ctl sync
	[[ $(status_of .version) = 2 && $(status_of .generation) = 1 ]]
	ring_stop
	follow
	ring_up
	[[ $(status_of .version) = 2 && $(status_of .generation) = 1 ]]
}

@test "an old snapshot is rollback, also after a restart" {
	signed_ring
	cp "$P7M" "$T/old"
	give net9-many-a
	sign a
	ctl sync
	cp "$T/old" "$P7M"
	refuses rollback 2
	same_ring "$STORE"
	ring_stop
	: >"$LOG"
	follow
	ring_up
	refuses rollback 2
	same_ring "$STORE"
}

@test "other bytes at the same version are equivocation" {
	signed_ring
	cp -r "$STORE" "$T/good"
	give net9-many-a
	republish a --version 1
	refuses equivocation 1
	same_ring "$T/good"
}

@test "a higher epoch without changed pins is fast-forward, with them it is taken" {
	signed_ring
	cp "$P7M" "$T/first"
	republish a --epoch 2 --version 1
	refuses fast-forward 1
	# the node reads the old snapshot once more under the new pins, and takes the epoch all the same
	mv "$P7M" "$T/next"
	cp "$T/first" "$P7M"
	new_signer b
	cp "$T/b.pem" "$T/signers/"
	kill -HUP "$DAEMON"
	until_true 10 grep -q 'reload: the configuration' "$LOG"
	ctl sync
	mv "$T/next" "$P7M"
	ctl sync
	[[ $(status_of .epoch) = 2 && $(status_of .version) = 1 ]]
	same_ring "$STORE"
}

@test "another signer, another farm's ring, plain elements and garbage are refused" {
	signed_ring
	new_signer b
	cp "$P7M" "$T/good.p7m"
	republish b --version 2
	refuses signer 1
	SIGN_RING=$OTHER republish a --version 2
	refuses ring-id 1
	head -c -1 "$T/good.p7m" >"$P7M"
	refuses envelope 1
	same_ring "$STORE"
}

@test "one of two needed signers is not enough; both are" {
	new_signer b
	cp "$T/b.pem" "$T/signers/"
	give net10-gcm-a
	sign a
	follow "$P7M" threshold=2 wait=0
	until_true 10 ctl health --live
	run -1 ctl sync
	[[ $(status_of .last_error.reason) = signer ]]
	fails_eio ls "$MNT"
	republish a --version 1 --cosign "$T/b.pem" --cosign-key "$T/b.key"
	ctl sync
	same_ring "$STORE"
}

@test "a signer is rotated in overlap" {
	signed_ring
	new_signer b
	cp "$T/b.pem" "$T/signers/"
	kill -HUP "$DAEMON"
	republish a --version 2 --cosign "$T/b.pem" --cosign-key "$T/b.key"
	until_true 10 ctl sync
	rm "$T/signers/a.pem"
	kill -HUP "$DAEMON"
	until_true 10 grep -q 'reload: the configuration' "$LOG"
	republish b --version 3
	until_true 10 ctl sync
	[[ $(status_of .version) = 3 ]]
	ring_stop
	follow
	ring_up
	[[ $(status_of .version) = 3 ]]
}

@test "pins that do not vouch for the ring: it stays while the daemon runs, not over a restart" {
	signed_ring
	new_signer b
	rm "$T/signers/a.pem"
	cp "$T/b.pem" "$T/signers/"
	kill -HUP "$DAEMON"
	until_true 10 grep -q ': unpinned: ' "$LOG"
	same_ring "$STORE"
	run -1 ctl health
	[[ $output = *"unpinned: "* ]]
	[[ $(status_of .authenticity) = unsigned ]]
	ring_stop
	follow "$P7M" wait=0
	until_true 10 ctl health --live
	run -1 ctl sync
	fails_eio ls "$MNT"
	republish b --version 2
	ctl sync
	same_ring "$STORE"
}

@test "a journal that somebody changed is not shown" {
	signed_ring
	ring_stop
	rm "$P7M"
	# a forged key, consistent in every row that the journal itself checks but the signature
	mkdir "$T/forged"
	"$MKKEY" --cert "$T/certs/wrap-a.pem" --count 1 "$T/forged" >/dev/null
	python3 - "$T/state/journal.db" "$T"/forged/*.xml <<-'END'
		import hashlib, sqlite3, struct, sys
		db = sqlite3.connect(sys.argv[1])
		body = open(sys.argv[2], "rb").read()
		name = sys.argv[2].rsplit("/", 1)[1]
		sha = hashlib.sha256(body).digest()
		n = db.execute("select max(number) from generation").fetchone()[0]
		db.execute("insert into blob(sha256,first_seen,body) values(?,1,?)", (sha, body))
		db.execute("insert into entry values(?,?,?,NULL)", (n, name, sha))
		digest = hashlib.sha256(struct.pack("<Q", n)).digest()
		rows = db.execute("select name,sha256 from entry where generation=? order by name", (n,)).fetchall()
		for name, sha in rows:
		    digest = hashlib.sha256(digest + sha + name.encode() + b"\0").digest()
		db.execute("update generation set keys=keys+1, digest=? where number=?", (digest, n))
		db.commit()
	END
	follow "$P7M" wait=0
	until_true 10 ctl health --live
	run -1 ctl sync
	grep -q 'do not vouch for the ring of the journal' "$LOG"
	fails_eio ls "$MNT"
}

@test "a lost journal: FLOOR LOST until acknowledged, and nothing that has expired" {
	signed_ring
	republish a --version 5
	ctl sync
	ring_stop
	rm "$T/state/journal.db"
	follow
	ring_up
	run -1 ctl health
	[[ $output = *"FLOOR LOST"* ]]
	grep -q 'FLOOR LOST' "$LOG"
	ring_stop
	follow
	ring_up
	run -1 ctl health
	[[ $output = *"FLOOR LOST"* ]]
	ctl accept-floor
	run ctl health
	[[ $output != *"FLOOR LOST"* ]]
	ring_stop
	rm "$T/state/journal.db"
	follow "$P7M" wait=0 min_epoch=1 min_version=6
	until_true 10 ctl health --live
	run -1 ctl sync
	[[ $(status_of .last_error.reason) = rollback ]]
	fails_eio ls "$MNT"
}

@test "a ring that was signed stays so until root says otherwise" {
	signed_ring
	ring_stop
	give net9-many-a
	mkdir "$T/was"
	cp "$DATA/rings/net10-gcm-a/"*.xml "$T/was/"
	ring_start "$STORE"
	ring_up
	run -1 ctl sync
	[[ $(status_of .last_error.reason) = downgrade ]]
	same_ring "$T/was"
	run -1 ctl health
	[[ $output = *"accept-unsigned"* ]]
	ctl accept-unsigned
	same_ring "$STORE"
	grep -q 'gave up signatures' "$LOG"
	[[ $(status_of .authenticity) = unsigned ]]
}

@test "a key that left is gone with its snapshot, if remove-max allows it" {
	local gone
	signed_ring
	gone=$(names "$STORE" | head -1)
	mv "$STORE/$gone" "$T/"
	republish a --version 2
	run -1 ctl sync
	[[ $(status_of .last_error.reason) = removal && $(status_of .version) = 1 ]]
	[[ -f $MNT/$gone ]]
	republish a --version 2 --remove-max 1
	ctl sync
	same_ring "$STORE"
	[[ $(status_of .version) = 2 ]]
}

@test "freshness: resign-due at half, stale and still served at the end, hard_expiry withdraws" {
	give net10-gcm-a
	sign a --lifetime 8s
	follow "$P7M" hard_expiry=14s
	ring_up
	until_true 8 bash -c "\"$DPKEYCTL\" -S \"$SOCK\" health | grep -q resign-due"
	until_true 10 bash -c "\"$DPKEYCTL\" -S \"$SOCK\" health | grep -q '^stale'"
	run -5 ctl health
	same_ring "$STORE"
	[[ $(status_of .state) = stale ]]
	until_true 15 fails_eio ls "$MNT"
	sign a --lifetime 1h
	ctl sync
	same_ring "$STORE"
}

@test "configuration: signers, ring_id, threshold and a .p7m belong together" {
	for options in "signers=$T/signers" "ring_id=$RING" threshold=2 min_version=3 \
		"signers=$T/signers,ring_id=nonsense" "signers=$T/none,ring_id=$RING" \
		"signers=$T/signers,ring_id=$RING,threshold=0"; do
		run -1 "$DPKEYFS" -f -o "$(ring_opts "$options")" "$STORE" "$MNT"
	done
	run -1 "$DPKEYFS" -f -o "$(ring_opts)" "$P7M" "$MNT"
	[[ $output = *signers=* ]]
	run -32 "$DPKEYFS" -f -o "$(ring_opts "signers=$T/signers,ring_id=$RING,threshold=2")" "$P7M" "$MNT"
	[[ $output = *"threshold=2"* ]]
}
