#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The judge of the main promise: real ASP.NET Core reads the ring through the mount.

load lib.bash
load ../dotnet/dotnet.bash
bats_require_minimum_version 1.5.0

PFX=$DATA/certs/wrap-a.pfx:$DATA/certs/wrap-b.pfx:$DATA/certs/wrap-c.pfx:$DATA/certs/expired.pfx
RINGS="net10-cbc-c net10-expired-cert net10-gcm-a net10-managed-a net10-revoked-all net10-revoked-one
	net10-sha512-a net10-two-certs net8-cbc-a net8-gcm128-b net8-revoked-one net9-cbc-b
	net9-cbc192-a net9-many-a"

setup() {
	dotnet_available || skip "no .NET SDK on this machine"
	ring_init
	APP_TMP=$T
	APP_PID=
}
teardown() {
	[[ -z ${APP_PID:-} ]] || app_stop || true
	[[ -z ${T:-} ]] || ring_clean
}

consumer() { # FRAMEWORK [ENV=VALUE...]
	app_start consumer "$1" "$MNT" CONSUMER_PFX="$PFX" CONSUMER_PFX_PASSWORD=fixture "${@:2}"
}

payload_of() { sed -n 's/^payload //p' "$DATA/rings/$1/ring.txt"; }

# The application that runs sees the ring: keys, default, and what others wrote.
reads_ring() { # RING
	local payload sealed
	[[ $(app_get /keys | wc -l) -eq $(find "$DATA/rings/$1" -name 'key-*.xml' | wc -l) ]]
	sealed=$(app_get '/protect?text=abc')
	[[ $(app_get "/unprotect?payload=$sealed") = abc ]]
	# what dpkeyctl says is the default is what .NET protects with
	[[ $(app_get /default) = "$(ctl inspect "$sealed" | cut -d' ' -f1)" ]]
	payload=$(payload_of "$1")
	[[ -z $payload || $(app_get "/unprotect?payload=$payload") = "hello from the writer" ]]
}

every_ring() { # FRAMEWORK
	local ring
	for ring in $RINGS; do
		echo "$ring on $1"
		rm -f "$STORE"/*.xml
		rm -rf "$T/state"
		give "$ring"
		ring_start "$STORE"
		ring_up
		same_ring "$DATA/rings/$ring"
		consumer "$1"
		reads_ring "$ring"
		[[ $(status_of ".default.${2}.now") = "$(app_get /default)" ]]
		app_stop
		APP_PID=
		ring_stop 0
	done
}

@test "ASP.NET Core 8 reads every ring and opens its payload" { every_ring net8.0 net8; }
@test "ASP.NET Core 9 reads every ring and opens its payload" { every_ring net9.0 net9; }
@test "ASP.NET Core 10 reads every ring and opens its payload" { every_ring net10.0 net9; }

@test "an application without code for keys: a PFX in its X509 store" {
	local framework
	give net9-cbc192-a
	ring_start "$STORE"
	ring_up
	for framework in net8.0 net10.0; do
		rm -rf "${T:?}/home"
		mkdir -m 0700 "$T/home"
		app_store_pfx "$T/home" "$DATA/certs/wrap-a.pfx" fixture
		app_start zerocode "$framework" "$MNT" HOME="$T/home"
		[[ $(app_get "/unprotect?payload=$(payload_of net9-cbc192-a)") = "hello from the writer" ]]
		app_stop
		APP_PID=
	done
}

@test "a ring of a foreign certificate never appears" {
	give net10-cbc-c net10-foreign
	ring_start "$STORE"
	ring_up
	[[ $(names "$MNT") = key-845e7bed-f900-4a2e-ac49-3ec906feb78b.xml ]]
	[[ $(status_of '.rejected[0].reason') = wrap-cert ]]
	consumer net10.0
	[[ $(app_get /keys | wc -l) -eq 1 ]]
}

@test "a ring of plaintext keys appears with unwrapped=accept only" {
	give net10-plain
	ring_start "$STORE" nofail wait=0
	until_true 10 test -S "$SOCK"
	ctl sync || true
	fails_eio ls "$MNT"
	[[ $(status_of '.rejected|map(.reason)|unique|.[]') = unwrapped ]]
	ring_stop 0
	ring_start "$STORE" unwrapped=accept
	ring_up
	same_ring "$STORE"
	run ctl health
	[[ $output = *"plaintext keys are accepted"* ]]
	consumer net10.0
	reads_ring net10-plain
}

@test "an application that started without a ring answers its next request when one comes" {
	local framework
	for framework in net8.0 net10.0; do
		rm -rf "$T/state" "$T/late"
		ring_start "$T/late" nofail wait=0 interval=200ms
		until_true 10 test -S "$SOCK"
		until_true 10 is_mounted
		consumer "$framework"
		run app_get '/protect?text=abc'
		[[ $status -ne 0 ]]
		cp -r "$DATA/rings/net10-gcm-a" "$T/late"
		ctl wait --timeout 10 >/dev/null
		[[ $(app_get "/unprotect?payload=$(payload_of net10-gcm-a)") = "hello from the writer" ]]
		app_stop
		APP_PID=
		ring_stop 0
	done
}

@test "after an unmount an application that runs as root fails and finds no empty ring" {
	give net10-cbc-c
	ring_start "$STORE"
	ring_up
	ring_stop 0
	consumer net10.0
	run app_get /keys
	[[ $status -ne 0 && $output = *Xml* ]]
	run app_get '/protect?text=abc'
	[[ $status -ne 0 ]]
}

@test "a ring with every refusable element beside it loads in .NET" {
	local case verdict
	give net10-gcm-a
	while IFS=$'\t' read -r case _ verdict; do
		# the bad one of each, under a name of its own; those that hold the ring are for gate.bats
		case $verdict in
		size | encoding | xml | root | doctype | element | attribute | type | key-* | xmlenc-*)
			cp "$DATA/odd/$case/key-a.xml" "$STORE/key-$case.xml" ;;
		esac
	done <"$DATA/odd/expected.tsv"
	cp -r "$STORE" "$T/mixed"
	ring_start "$STORE"
	ring_up
	same_ring "$DATA/rings/net10-gcm-a"
	(($(status_of '.rejected|length') >= 20))
	consumer net10.0
	reads_ring net10-gcm-a
	app_stop
	# the negative twin: .NET on the store itself
	app_start consumer net10.0 "$T/mixed" CONSUMER_PFX="$PFX" CONSUMER_PFX_PASSWORD=fixture
	run app_get /keys
	[[ $status -ne 0 ]]
}
