/* SPDX-License-Identifier: MIT */
/* Store URLs: what is accepted, and what is refused with a remedy. */
#include "base/err.h"
#include "engine/source.h"

#include "tests/tap.h"

#include <errno.h>
#include <stdlib.h>

static void good(const char *text, const char *url, const char *program, const char *shown)
{
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_source source;

	if (!ok(dpk_source_parse(text, &source, &err) == 0, "%s %s", text, err.text))
		return;
	is_str(source.url, url, "its URL");
	is_str(source.shown, shown, "what is shown of it");
	ok(strlen(source.program) >= strlen(program) &&
			strcmp(source.program + strlen(source.program) - strlen(program),
				program) == 0,
		"its program %s", source.program);
	is_num(source.is_dir, strncmp(url, "dir:", 4) == 0, "polled without back-off?");
	dpk_source_fini(&source);
}

static void bad(const char *text, const char *want)
{
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_source source;
	int r = dpk_source_parse(text, &source, &err);

	ok(r == -EINVAL && strstr(err.text, want), "%s: %s", text, err.text);
	if (r == 0)
		dpk_source_fini(&source);
}

static void test_good(void)
{
	good("/srv/ring", "dir:/srv/ring", "/store-dir", "dir:/srv/ring");
	good("dir:/srv/a,b", "dir:/srv/a,b", "/store-dir", "dir:/srv/a,b");
	good("https://h/keys.xml", "https://h/keys.xml", "/store-https", "https://h/keys.xml");
	good("https://h:8443/k?v=1#x", "https://h:8443/k?v=1#x", "/store-https",
		"https://h:8443/k");
	good("http://localhost/k", "http://localhost/k", "/store-https", "http://localhost/k");
	good("http://LocalHost:80/k", "http://LocalHost:80/k", "/store-https",
		"http://LocalHost:80/k");
	good("http://127.0.0.1:80/k", "http://127.0.0.1:80/k", "/store-https",
		"http://127.0.0.1:80/k");
	good("http://127.3.2.1", "http://127.3.2.1", "/store-https", "http://127.3.2.1");
	good("http://[::1]:80/k", "http://[::1]:80/k", "/store-https", "http://[::1]:80/k");
	good("https://[2001:db8::1]/k", "https://[2001:db8::1]/k", "/store-https",
		"https://[2001:db8::1]/k");
	good("exec:/usr/bin/true", "exec:/usr/bin/true", "/usr/bin/true", "exec:/usr/bin/true");
}

static void snapshot(const char *text, bool is_snapshot, bool is_open)
{
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_source source;

	if (!ok(dpk_source_parse(text, &source, &err) == 0, "%s %s", text, err.text))
		return;
	is_num(source.is_snapshot, is_snapshot, "a signed snapshot?");
	is_num(source.is_open, is_open, "open to anyone on the way?");
	is_num(dpk_source_check_secret(&source, false, &err), 0, "without a secret");
	is_num(dpk_source_check_secret(&source, true, &err), is_open ? -EINVAL : 0, "with one");
	dpk_source_fini(&source);
}

static void test_snapshot(void)
{
	snapshot("/srv/ring.p7m", true, false);
	snapshot("dir:/srv/ring.p7m", true, false);
	snapshot("/srv/ring.p7m/", false, false);
	snapshot("/srv/ring.p7m/a", false, false);
	snapshot("/srv/ring.P7M", false, false);
	snapshot("/srv/ring?.p7m", true, false);
	snapshot("//srv.p7m", true, false);
	snapshot("https://h/ring.p7m", true, false);
	snapshot("https://h/ring.p7m?v=1#x", true, false);
	snapshot("https://h/ring.xml?v=.p7m", false, false);
	snapshot("https://h/ring.xml#.p7m", false, false);
	snapshot("https://h.p7m", false, false);
	snapshot("https://h.p7m/", false, false);
	snapshot("http://h/ring.p7m", true, true);
	snapshot("http://192.0.2.1:80/ring.p7m?v=1", true, true);
	snapshot("http://localhost/ring.p7m", true, false);
	snapshot("exec:/bin/ring.p7m", false, false);
	bad("http://h/ring.xml?x=.p7m", "plain http://");
	bad("http://h/ring.p7m/x", "plain http://");
	bad("http://h.p7m", "plain http://");
	bad("http://u@h/ring.p7m", "credential=FILE");
}

static void test_forms(void)
{
	bad("", "no store URL");
	bad("ring", "no store URL");
	bad("./ring", "no store URL");
	bad("dir:ring", "absolute path");
	bad("dir:", "absolute path");
	bad("exec:bin/x", "absolute path");
	bad("exec:", "absolute path");
	bad("ftp://h/x", "no store 'ftp:'");
	bad("HTTPS://h/x", "no store 'HTTPS:'");
	bad(":x", "no store ':'");
	bad("https:h/x", "followed by a host");
	bad("https:/h/x", "followed by a host");
	bad("https://", "followed by a host");
	bad("https:///x", "followed by a host");
	bad("https://:443/x", "followed by a host");
	bad("https://[::1/x", "followed by a host");
	bad("https://[::1]x/y", "followed by a host");
}

static void test_loopback(void)
{
	bad("http://h/x", "plain http://");
	bad("http://localhost.example/x", "plain http://");
	bad("http://localhostx/x", "plain http://");
	bad("http://127.0.0.1.example/x", "plain http://");
	bad("http://127.1/x", "plain http://");
	bad("http://127.0.0.256/x", "plain http://");
	bad("http://128.0.0.1/x", "plain http://");
	bad("http://0127.0.0.1/x", "plain http://");
	bad("http://[::2]/x", "plain http://");
	bad("http://[::1].example/x", "followed by a host");
}

static void test_secrets(void)
{
	bad("https://u:p@h/x", "credential=FILE");
	bad("https://u@h/x", "credential=FILE");
	bad("https://h@evil/x", "credential=FILE");
	bad("http://localhost:80@evil/x", "credential=FILE");
	bad("https://h/x?sig=abc", "credential=FILE");
	bad("https://h/x?sv=1&SIG=abc", "credential=FILE");
	bad("https://h/x?token=abc", "credential=FILE");
	bad("https://h/x?access_token=abc", "credential=FILE");
	bad("exec:/p;Pwd=x", "credential=FILE");
	bad("exec:/p;password=x", "credential=FILE");
	good("https://h/design=1?v=sig", "https://h/design=1?v=sig", "/store-https",
		"https://h/design=1");
	good("https://h/a@b", "https://h/a@b", "/store-https", "https://h/a@b");
}

int main(void)
{
	ok(dpk_source_is_url("/x") && dpk_source_is_url("a:b") && !dpk_source_is_url("ring"),
		"what looks like a URL");
	test_good();
	test_snapshot();
	test_forms();
	test_loopback();
	test_secrets();
	return tap_done();
}
