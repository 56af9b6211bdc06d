#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# store-https: one document behind a URL, from servers good and bad.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034

bats_require_minimum_version 1.5.0

# Throw-away certificates, for these tests only: two authorities and what they signed.
make_pki() {
	local pki=$1
	mkdir "$pki"
	authority "$pki/ca"
	authority "$pki/other-ca"
	certificate "$pki/server" "$pki/ca" "IP:127.0.0.1,DNS:localhost" 1
	certificate "$pki/expired" "$pki/ca" "IP:127.0.0.1" -1
	certificate "$pki/elsewhere" "$pki/ca" "DNS:elsewhere.example" 1
	certificate "$pki/client" "$pki/ca" "DNS:node" 1
	certificate "$pki/stranger" "$pki/other-ca" "DNS:node" 1
	mkdir "$pki/ca.d"
	cp "$pki/ca.pem" "$pki/ca.d/$(openssl x509 -hash -noout -in "$pki/ca.pem").0"
	cat "$pki/client.pem" "$pki/client.key" >"$pki/both.pem"
	chmod 600 "$pki/both.pem" "$pki"/*.key
}

new_key() {
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null
}

authority() {
	new_key "$1.key"
	openssl req -x509 -new -key "$1.key" -subj "/CN=test authority" -days 2 -out "$1.pem"
}

certificate() {
	new_key "$1.key"
	openssl req -new -key "$1.key" -subj "/CN=test" -out "$1.csr"
	openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -days "$4" -out "$1.pem" \
		-extfile <(echo "subjectAltName=$3") 2>/dev/null
}

start_nginx() {
	local dir=$BATS_FILE_TMPDIR/nginx pki=$BATS_FILE_TMPDIR/pki
	nginx_port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1])')
	mkdir -p "$dir/www"
	cat >"$dir/conf" <<-CONF
		daemon off; master_process off; pid $dir/pid; error_log $dir/error.log;
		events { }
		http {
			access_log $dir/access.log; client_body_temp_path $dir; proxy_temp_path $dir;
			fastcgi_temp_path $dir; uwsgi_temp_path $dir; scgi_temp_path $dir;
			gzip on; gzip_types *; gzip_min_length 1;
			server {
				listen 127.0.0.1:$nginx_port ssl; root $dir/www;
				ssl_certificate $pki/server.pem; ssl_certificate_key $pki/server.key;
				ssl_client_certificate $pki/ca.pem; ssl_verify_client optional;
				location /mtls/ {
					alias $dir/www/;
					if (\$ssl_client_verify != SUCCESS) { return 403; }
				}
			}
		}
	CONF
	nginx -p "$dir" -c "$dir/conf" 2>"$dir/start.log" {hold}>&- 3>&- &
	echo $! >"$BATS_FILE_TMPDIR/nginx.pid"
	until_true answers "$nginx_port"
}

answers() {
	(: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# The servers end with the last writer of this FIFO, however the tests end.
start_badsrv() {
	local pki=$BATS_FILE_TMPDIR/pki
	mkfifo "$BATS_FILE_TMPDIR/hold"
	exec {hold}<>"$BATS_FILE_TMPDIR/hold"
	"$tools/badsrv.py" --log "$BATS_FILE_TMPDIR/requests" plain \
		"tls,cert=$pki/server.pem,key=$pki/server.key" \
		"expired,cert=$pki/expired.pem,key=$pki/expired.key" \
		"elsewhere,cert=$pki/elsewhere.pem,key=$pki/elsewhere.key" \
		"old,cert=$pki/server.pem,key=$pki/server.key,tls=1.1" \
		"mtls,cert=$pki/server.pem,key=$pki/server.key,client_ca=$pki/ca.pem" \
		<"$BATS_FILE_TMPDIR/hold" >"$BATS_FILE_TMPDIR/ports" {hold}>&- 3>&- &
	echo $! >"$BATS_FILE_TMPDIR/badsrv.pid"
	until_true grep -q mtls "$BATS_FILE_TMPDIR/ports"
}

setup_file() {
	load store-lib.bash
	make_pki "$BATS_FILE_TMPDIR/pki"
	start_badsrv
	start_nginx
	export nginx_port
}

teardown_file() {
	kill "$(<"$BATS_FILE_TMPDIR/nginx.pid")" "$(<"$BATS_FILE_TMPDIR/badsrv.pid")" || true
}

setup() {
	load store-lib.bash
	pki=$BATS_FILE_TMPDIR/pki
	www=$BATS_FILE_TMPDIR/nginx/www
	while read -r name port; do
		printf -v "$name" %s "127.0.0.1:$port"
	done <"$BATS_FILE_TMPDIR/ports"
	: >"$BATS_FILE_TMPDIR/requests"
}

# bad PATH [OPTION...]: asks the server that misbehaves
bad() {
	store https fetch "http://$plain$1" "${@:2}"
}

sent() {
	cat "$BATS_FILE_TMPDIR/requests"
}

@test "a document is sent as it is, with a redacted origin" {
	bad "/ok?sig=SECRET"
	expect 0 ""
	run -0 frames
	port=${plain#*:}
	[[ ${lines[0]} = "document 60 127.0.0.1%3A$port%2Fok ok "* ]]
	[ "${lines[1]}" = "end -" ]
	[[ $(<"$out") != *SECRET* ]]
	[ "$(sent)" = "plain /ok?sig=SECRET - -" ]
}

@test "TLS with a private authority, given as a file or as a directory" {
	store https fetch "https://$tls/ok" "ca = $pki/ca.pem"
	expect 0
	store https fetch "https://$tls/ok" "ca = $pki/ca.d"
	expect 0
	store https fetch "https://localhost:${tls#*:}/ok" "ca = $pki/ca.pem"
	expect 0
}

@test "TLS failures say why and what to do" {
	store https fetch "https://$tls/ok"
	expect 16 "ca="
	store https fetch "https://$tls/ok" "ca = $pki/other-ca.pem"
	expect 16 "ca="
	store https fetch "https://$expired/ok" "ca = $pki/ca.pem"
	expect 16 "expired"
	store https fetch "https://$elsewhere/ok" "ca = $pki/ca.pem"
	expect 16 "127.0.0.1"
	store https fetch "https://$old/ok" "ca = $pki/ca.pem"
	expect 16
	store https fetch "https://$plain/ok" "ca = $pki/ca.pem"
	expect 16
	[ -z "$(sent)" ]
}

@test "ca= stands instead of the system's authorities, not beside them" {
	store https fetch "https://$tls/ok" "ca = $pki/other-ca.pem"
	expect 16
	# strace and the leak checker both want to be the tracer
	ASAN_OPTIONS=detect_leaks=0 run -0 strace -f -e trace=openat,stat,newfstatat -o "$BATS_TEST_TMPDIR/trace" \
		"$stores/store-https" fetch "https://$tls/ok" 3< <(echo "ca = $pki/ca.pem")
	run ! grep -q '/etc/ssl/certs' "$BATS_TEST_TMPDIR/trace"
}

@test "a client certificate is shown, and its absence or strangeness told" {
	store https fetch "https://$mtls/ok" "ca = $pki/ca.pem" \
		"client_cert = $pki/client.pem" "client_key = $pki/client.key"
	expect 0
	store https fetch "https://$mtls/ok" "ca = $pki/ca.pem" "client_cert = $pki/both.pem"
	expect 0
	# with TLS 1.3 the server's alert may be lost with the connection; the hint is not
	store https fetch "https://$mtls/ok" "ca = $pki/ca.pem"
	[ "$status" -eq 17 ] || expect 16
	[[ $text = *"client_cert="* ]]
	store https fetch "https://$mtls/ok" "ca = $pki/ca.pem" \
		"client_cert = $pki/stranger.pem" "client_key = $pki/stranger.key"
	[ "$status" -eq 17 ] || expect 16
	[[ $text = *"client_cert="* ]]
	store https fetch "https://$mtls/ok" "ca = $pki/ca.pem" \
		"client_cert = $pki/client.pem" "client_key = $pki/stranger.key"
	expect 16 "client_key"
	store https fetch "https://$mtls/ok" "ca = $pki/ca.pem" "client_key = $pki/client.key"
	expect 21 "client_cert"
}

@test "a locked client key fails instead of asking for its passphrase" {
	openssl pkey -in "$pki/client.key" -aes128 -passout pass:secret \
		-out "$BATS_TEST_TMPDIR/locked.key"
	chmod 600 "$BATS_TEST_TMPDIR/locked.key"
	store https fetch "https://$mtls/ok" "ca = $pki/ca.pem" \
		"client_cert = $pki/client.pem" "client_key = $BATS_TEST_TMPDIR/locked.key"
	expect 16 "client_key"
}

@test "secrets that others can read are not used" {
	cp "$pki/client.key" "$BATS_TEST_TMPDIR/open.key"
	chmod 644 "$BATS_TEST_TMPDIR/open.key"
	store https fetch "https://$mtls/ok" "ca = $pki/ca.pem" \
		"client_cert = $pki/client.pem" "client_key = $BATS_TEST_TMPDIR/open.key"
	expect 15 "chmod 0600"
	echo token >"$BATS_TEST_TMPDIR/bearer"
	chmod 640 "$BATS_TEST_TMPDIR/bearer"
	bad /ok "credential = $BATS_TEST_TMPDIR/bearer"
	expect 15 "chmod 0600"
	cp "$pki/ca.pem" "$BATS_TEST_TMPDIR/ca.pem"
	chmod 666 "$BATS_TEST_TMPDIR/ca.pem"
	store https fetch "https://$tls/ok" "ca = $BATS_TEST_TMPDIR/ca.pem"
	expect 15 "chmod go-w"
	bad /ok "credential = $BATS_TEST_TMPDIR/missing"
	expect 15 "missing"
	[ -z "$(sent)" ]
}

@test "a credential is sent as a bearer token, to its own server only" {
	umask 077
	echo "Secret.Token-1" >"$BATS_TEST_TMPDIR/bearer"
	store https fetch "https://$tls/redirect-1" "ca = $pki/ca.pem" \
		"credential = $BATS_TEST_TMPDIR/bearer"
	expect 0
	[ "$(sent)" = "tls /redirect-1 Bearer Secret.Token-1 -
tls /ok Bearer Secret.Token-1 -" ]
	: >"$BATS_FILE_TMPDIR/requests"
	for target in host port downgrade user; do
		store https fetch "https://$tls/redirect-$target" "ca = $pki/ca.pem" \
			"credential = $BATS_TEST_TMPDIR/bearer"
		expect 19
		[[ $text != *Secret* ]]
	done
	[ "$(sent | grep -vc '^tls /redirect-')" -eq 0 ]
	printf 'a\r\nX-Injected: 1\n' >"$BATS_TEST_TMPDIR/bearer"
	bad /ok "credential = $BATS_TEST_TMPDIR/bearer"
	expect 15 "bearer token"
	: >"$BATS_TEST_TMPDIR/bearer"
	bad /ok "credential = $BATS_TEST_TMPDIR/bearer"
	expect 15 "empty"
}

@test "redirects stay on one server and end" {
	bad /redirect-3
	expect 0
	[[ $(frames) = *"%2Fok ok "* ]]
	bad /redirect-4
	expect 19 "more than 3"
	bad /loop
	expect 19 "more than 3"
	bad /redirect-host
	expect 19 "127.0.0.2"
	bad /redirect-port
	expect 19 "another server"
	for target in file gopher metadata nowhere; do
		bad "/redirect-$target"
		expect 19
	done
	store https fetch "https://$tls/redirect-downgrade" "ca = $pki/ca.pem"
	expect 19 "another server"
}

@test "floods end at the limit" {
	for flood in chunked known endless too-large; do
		bad "/$flood"
		expect 20 "4194304"
	done
	bad /largest
	expect 0
	[ "$(stat -c %s "$out")" -gt 4194304 ]
	for flood in header-flood long-header continue-flood; do
		bad "/$flood"
		expect 20 "65536 bytes of headers"
	done
}

@test "what was not asked for is not unpacked" {
	bad /gzip
	expect 19 "gzip"
	bad /encoding-br
	expect 19 "br"
	bad /encoding-identity
	expect 0
}

@test "servers that are slow or silent are left at the deadline" {
	for slow in drip header-drip black-hole; do
		bad "/$slow" "deadline_ms = 400"
		expect 17
	done
}

@test "a server that drips without a deadline is left for its speed" {
	started=$SECONDS
	bad /drip
	expect 17
	[ $((SECONDS - started)) -lt 15 ]
}

@test "answers that break off are failures, not documents" {
	for fault in short reset hang-up; do
		bad "/$fault"
		expect 17
	done
	bad /garbage
	expect 19
	# without a length the end cannot be proven; whether it is XML is the daemon's to see
	bad /no-length
	expect 0
	bad /empty
	expect 19 "empty document"
	store https fetch "http://127.0.0.1:1/nobody"
	expect 17
}

@test "each status has its exit code" {
	while read -r code want; do
		bad "/status/$code"
		expect "$want" "$code"
	done <<-END
		400 19
		401 14
		403 15
		404 11
		407 14
		408 17
		410 11
		418 19
		429 18
		500 17
		502 17
		503 17
		204 19
		206 19
		300 19
		304 19
	END
	bad /throttled
	expect 18 "retry after 7"
	bad /unavailable
	expect 18 "retry after 11"
}

@test "validators come back as conditions, and 304 is unchanged" {
	for path in /etag /weak /date; do
		bad "$path"
		expect 0
		known=$(token)
		[[ $known =~ ^[A-Za-z0-9._~%-]+$ ]]
		bad "$path" "token = $known"
		expect 10 ""
		bad "$path" "token = -"
		expect 0
	done
	for path in /two-etags /long-etag /bare-etag; do
		bad "$path"
		expect 0
		[ "$(token)" = - ]
	done
	bad /not-modified
	expect 19
}

@test "a token that is none asks for the whole document" {
	while read -r wrong; do
		bad /etag "token = $wrong"
		expect 0
	done <<-'END'
		x
		etag.
		etag.abc
		etag.%22a%0D%0AX-Injected:%201%22
		etag.%22a%00b%22
		etag.%2
		date.
		date.%0A
		page.%22a%22
		%%%%%%
	END
	[ "$(sent | sort -u)" = "plain /etag - -" ]
}

@test "URLs that could harm are refused before anything is sent" {
	while read -r url want; do
		store https fetch "$url"
		expect 21 "$want"
		[[ $text != *SECRET* ]]
	done <<-END
		http://192.0.2.1/ring.xml https://
		http://localhost.example/ring.xml https://
		https://me:SECRET@$tls/ok credential=
		http://me@$plain/ok credential=
		file:///etc/passwd URL
		ftp://$plain/ok neither
		gopher://$plain/ok
		https:// URL
		nonsense
		http://192.0.2.1/ring.xml?x=.p7m https://
		http://me:SECRET@192.0.2.1/ring.p7m credential=
		http://169.254.169.254/ring.p7m link-local
		https://169.254.169.254/latest link-local
		https://[fe80::1]/ring link-local
		https://[::ffff:169.254.169.254]/ring link-local
	END
	[ -z "$(sent)" ]
}

@test "the environment has no say" {
	export http_proxy="http://$plain" https_proxy="http://$plain" ALL_PROXY="http://$plain"
	export SSL_CERT_FILE=$pki/ca.pem CURL_CA_BUNDLE=$pki/ca.pem SSLKEYLOGFILE=$BATS_TEST_TMPDIR/keys
	export HOME=$BATS_TEST_TMPDIR
	printf 'machine 127.0.0.1\nlogin me\npassword NETRC\n' >"$HOME/.netrc"
	store https fetch "https://$tls/ok"
	expect 16
	store https fetch "https://$tls/ok" "ca = $pki/ca.pem"
	expect 0
	[ "$(sent)" = "tls /ok - -" ]
	[ ! -e "$BATS_TEST_TMPDIR/keys" ]
}

@test "nginx: fetched once, then unchanged, then changed" {
	echo "<repository/>" >"$www/ring.xml"
	store https fetch "https://127.0.0.1:$nginx_port/ring.xml" "ca = $pki/ca.pem"
	expect 0
	[ "$(frames | head -n1)" = "document 14 127.0.0.1%3A$nginx_port%2Fring.xml ring.xml $(sha <"$www/ring.xml")" ]
	known=$(token)
	store https fetch "https://127.0.0.1:$nginx_port/ring.xml" "ca = $pki/ca.pem" "token = $known"
	expect 10 ""
	echo "<repository></repository>" >"$www/ring.xml"
	store https fetch "https://127.0.0.1:$nginx_port/ring.xml" "ca = $pki/ca.pem" "token = $known"
	expect 0
	store https fetch "https://127.0.0.1:$nginx_port/missing.xml" "ca = $pki/ca.pem"
	expect 11 "404"
}

@test "a path that ends in .p7m is a signed snapshot, with a limit of its own" {
	bad "/ring.p7m?sig=SECRET"
	expect 0 ""
	[[ $(frames) = "snapshot 60 127.0.0.1%3A${plain#*:}%2Fring.p7m ring.p7m "* ]]
	[[ $(<"$out") != *SECRET* ]]
	known=$(token)
	bad /ring.p7m "token = $known"
	expect 10 ""
	store https probe "http://$plain/ring.p7m"
	expect 0 "a signed snapshot of 60 bytes"
	bad /largest.p7m
	expect 0
	[[ $(frames) = "snapshot 4456448 "* ]]
	bad /too-large.p7m
	expect 20 "4456448"
	bad /chunked.p7m
	expect 20 "4456448"
	bad /empty.p7m
	expect 19 "empty signed snapshot"
}

@test "a redirect makes no signed ring of an unsigned one, nor the reverse" {
	bad /redirect.p7m
	expect 0
	[[ $(frames) = "snapshot 60 "* ]]
	bad /redirect-signed
	expect 0
	[[ $(frames) = "document 60 "* ]]
	store https fetch "https://$tls/redirect-downgrade.p7m" "ca = $pki/ca.pem"
	expect 19 "another server"
}

@test "a signed snapshot may come over http from elsewhere, but no secret goes there" {
	umask 077
	echo "Secret.Token-1" >"$BATS_TEST_TMPDIR/bearer"
	# nobody is there, but it was tried
	store https fetch "http://192.0.2.1/ring.p7m" "deadline_ms = 300"
	expect 17 "192.0.2.1"
	for option in "credential = $BATS_TEST_TMPDIR/bearer" "client_cert = $pki/both.pem"; do
		store https fetch "http://192.0.2.1/ring.p7m" "$option"
		expect 21 "neither credential= nor client_cert="
		[[ $text != *Secret* ]]
	done
	bad /ring.p7m "credential = $BATS_TEST_TMPDIR/bearer"
	expect 0
	[ "$(sent)" = "plain /ring.p7m Bearer Secret.Token-1 -" ]
}

@test "nginx: mutual TLS" {
	echo "<repository/>" >"$www/ring.xml"
	store https fetch "https://127.0.0.1:$nginx_port/mtls/ring.xml" "ca = $pki/ca.pem"
	expect 15 "403"
	store https fetch "https://127.0.0.1:$nginx_port/mtls/ring.xml" "ca = $pki/ca.pem" \
		"client_cert = $pki/client.pem" "client_key = $pki/client.key"
	expect 0
}

@test "probe looks, wait and the verbs of later versions are unsupported" {
	store https probe "http://$plain/etag"
	expect 0 "only after it changed"
	[ ! -s "$out" ]
	store https probe "http://$plain/ok"
	expect 0 "all of it"
	store https probe "http://$plain/status/404"
	expect 11
	for verb in wait put delete; do
		store https "$verb" "http://$plain/ok"
		expect 21
	done
}
