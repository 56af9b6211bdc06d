/* SPDX-License-Identifier: MIT */
/* Store URLs: which are accepted, and which program answers for them. */
#include "engine/source.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "engine/program.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *scheme;
	const char *program; /* NULL: what follows the scheme is the program */
} schemes[] = {
	{ "dir", "store-dir" },
	{ "https", "store-https" },
	{ "http", "store-https" },
	{ "exec", NULL },
};

/* Words that carry a secret wherever they stand in a URL or a driver string. */
static const char *const secret_words[] = {
	"sig=",
	"pwd=",
	"password=",
	"passwd=",
	"secret=",
	"accountkey=",
	"access_token=",
	"token=",
};

bool dpk_source_is_url(const char *text)
{
	return text[0] == '/' || strchr(text, ':') != NULL;
}

static bool contains_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = text; *at; at++)
		if ((at == text || strchr("?&;", at[-1])) && strncasecmp(at, word, len) == 0)
			return true;
	return false;
}

static int refuse_secrets(const char *url, struct dpk_err *err)
{
	const char *authority = strstr(url, "://");
	const char *end = authority ? authority + 3 + strcspn(authority + 3, "/?#") : NULL;
	bool found = false;

	for (size_t i = 0; i < sizeof(secret_words) / sizeof(secret_words[0]); i++)
		found = found || contains_word(url, secret_words[i]);
	if (end) {
		const char *at = memchr(authority + 3, '@', (size_t)(end - authority - 3));

		found = found || (at && memchr(authority + 3, ':', (size_t)(at - authority - 3)));
	}
	if (found)
		return dpk_err_set(err, -EINVAL,
			"the store URL holds a secret, which every user of this machine could read in "
			"the process list and in the mount table; put it into a file (mode 0600) and "
			"name that with credential=FILE");
	return 0;
}

/* Only what cannot be anything else: a name such as 127.1.example is asked of DNS. */
static bool is_loopback(const char *host, size_t len)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr address;

	if ((len == 9 && strncasecmp(host, "localhost", 9) == 0) ||
		(len == 5 && strncmp(host, "[::1]", 5) == 0))
		return true;
	if (len >= sizeof(text))
		return false;
	memcpy(text, host, len);
	text[len] = '\0';
	return inet_pton(AF_INET, text, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

/* REST is what follows the scheme; of a directory, every byte belongs to the path. */
static bool is_snapshot(const char *rest, bool is_dir)
{
	size_t len;

	if (strncmp(rest, "//", 2) == 0 && !is_dir)
		rest += 2 + strcspn(rest + 2, "/?#");
	len = is_dir ? strlen(rest) : strcspn(rest, "?#");
	return len > 4 && memcmp(rest + len - 4, ".p7m", 4) == 0;
}

static int check_authority(struct dpk_source *source, const char *scheme, struct dpk_err *err)
{
	const char *host = source->url + strlen(scheme) + 1;
	size_t len;

	if (strncmp(host, "//", 2) != 0)
		return dpk_err_set(err, -EINVAL, "'%s://' must be followed by a host", scheme);
	host += 2;
	len = strcspn(host, "/?#");
	if (memchr(host, '@', len))
		return dpk_err_set(err, -EINVAL,
			"the store URL names a user; put a bearer token into credential=FILE instead");
	if (host[0] == '[')
		len = host[strcspn(host, "]/?#")] == ']' ? strcspn(host, "]") + 1 : 0;
	else
		len = strcspn(host, ":/?#");
	if (len == 0 || (host[len] && !strchr(":/?#", host[len])))
		return dpk_err_set(err, -EINVAL, "'%s://' must be followed by a host", scheme);
	source->is_open = strcmp(scheme, "http") == 0 && !is_loopback(host, len);
	if (source->is_open && !source->is_snapshot)
		return dpk_err_set(err, -EINVAL,
			"plain http:// to another machine lets anyone on the way choose the keys; use "
			"https://, or a signed snapshot (.p7m)");
	return 0;
}

static int set_program(
	struct dpk_source *source, const char *scheme, const char *name, struct dpk_err *err)
{
	const char *rest = source->url + strlen(scheme) + 1;

	if (name)
		return dpk_program_find(name, &source->program, err);
	if (rest[0] != '/')
		return dpk_err_set(
			err, -EINVAL, "exec: needs the absolute path of a program, not '%s'", rest);
	source->program = strdup(rest);
	return source->program ? 0 : dpk_err_set(err, -ENOMEM, "no memory");
}

static int parse_scheme(struct dpk_source *source, struct dpk_err *err)
{
	size_t len = strcspn(source->url, ":");

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		const char *scheme = schemes[i].scheme;
		int r = 0;

		if (strlen(scheme) != len || memcmp(scheme, source->url, len) != 0)
			continue;
		source->is_dir = strcmp(scheme, "dir") == 0;
		source->is_snapshot =
			schemes[i].program && is_snapshot(source->url + len + 1, source->is_dir);
		if (source->is_dir && source->url[4] != '/')
			return dpk_err_set(err, -EINVAL, "dir: needs an absolute path, not '%s'",
				source->url + 4);
		if (strncmp(scheme, "http", 4) == 0)
			r = check_authority(source, scheme, err);
		return r < 0 ? r : set_program(source, scheme, schemes[i].program, err);
	}
	return dpk_err_set(err, -EINVAL,
		"this version knows no store '%.*s:'; it knows dir:, https: and exec:", (int)len,
		source->url);
}

int dpk_source_parse(const char *text, struct dpk_source *ret_source, struct dpk_err *err)
{
	struct dpk_source source = { 0 };
	int r;

	if (!dpk_source_is_url(text))
		return dpk_err_set(err, -EINVAL,
			"'%s' is no store URL: an absolute path, dir:/path, https://host/keys.xml or "
			"exec:/program",
			text);
	if (asprintf(&source.url, "%s%s", text[0] == '/' ? "dir:" : "", text) < 0)
		return dpk_err_set(err, -ENOMEM, "no memory");
	source.shown = strndup(source.url, strcspn(source.url, "?#"));
	r = source.shown ? 0 : dpk_err_set(err, -ENOMEM, "no memory");
	if (r == 0)
		r = refuse_secrets(source.url, err);
	if (r == 0)
		r = parse_scheme(&source, err);
	if (r < 0) {
		dpk_source_fini(&source);
		return r;
	}
	*ret_source = source;
	return 0;
}

int dpk_source_check_secret(const struct dpk_source *source, bool has_secret, struct dpk_err *err)
{
	if (source->is_open && has_secret)
		return dpk_err_set(err, -EINVAL,
			"credential and client_cert do not go with plain http:// to another machine, "
			"where anyone on the way could read them; use https://");
	return 0;
}

void dpk_source_fini(struct dpk_source *source)
{
	if (!source)
		return;
	free(source->url);
	free(source->program);
	free(source->shown);
	*source = (struct dpk_source){ 0 };
}
