/* SPDX-License-Identifier: MIT */
/*
 * Any text as an option list, as a configuration file, as a store URL and as a
 * mountpoint. What must hold: an error has a text, what is accepted is within
 * its bounds, a URL with a secret is never accepted, and a name can be one.
 */
#include "base/err.h"
#include "engine/config.h"
#include "engine/source.h"

#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void check_config(const struct dpk_config *config)
{
	const char *const paths[] = { config->config, config->state, config->socket,
		config->credential, config->ca, config->client_cert, config->client_key,
		config->wrap_certs, config->on_change };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		must(!paths[i] || paths[i][0] == '/');
	must(config->mode <= 0777 && config->dmode <= 0777);
	must(config->max_remove <= 1000000);
	must(config->unwrapped <= 1 && config->no_default <= 1 && config->on_bad_revocation <= 1);
	must(config->audit <= 1);
	must(config->uid != (uid_t)-1 && config->gid != (gid_t)-1);
}

static void check_list(const char *text, bool sloppy)
{
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_config config;
	int r;

	dpk_config_init(&config);
	r = dpk_config_apply_list(&config, text, sloppy, &err);
	must((r == 0) == (err.text[0] == '\0'));
	check_config(&config);
	dpk_config_fini(&config);
}

static void check_file(const uint8_t *data, size_t size)
{
	int fd = memfd_create("config", MFD_CLOEXEC);
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_config config;
	char path[64];
	int r;

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size && fchmod(fd, 0600) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	dpk_config_init(&config);
	r = dpk_config_apply_file(&config, path, &err);
	must((r == 0) == (err.text[0] == '\0'));
	must(r == 0 || strncmp(err.text, path, strlen(path)) == 0 || strstr(err.text, "larger"));
	check_config(&config);
	dpk_config_fini(&config);
	close(fd);
}

static void check_source(const char *text)
{
	struct dpk_err err = DPK_ERR_INIT;
	struct dpk_source source;

	if (dpk_source_parse(text, &source, &err) < 0) {
		must(err.text[0] != '\0');
		return;
	}
	must(source.program[0] == '/');
	must(strstr(source.url, text) != NULL);
	must(!strchr(source.shown, '?'));
	must(!strcasestr(source.url, "?sig=") && !strcasestr(source.url, "&sig="));
	if (strncmp(source.url, "http", 4) == 0) {
		size_t len = strcspn(strstr(source.url, "//") + 2, "/?#");

		must(!memchr(strstr(source.url, "//") + 2, '@', len) && len > 0);
	}
	dpk_source_fini(&source);
}

static void check_name(const char *text)
{
	char *name = dpk_config_name_of_path(text);

	must(name && name[0]);
	must(!strchr(name, '/') && name[0] != '.');
	must(strlen(name) > 128 || dpk_config_name_is_valid(name));
	free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	must(text != NULL);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	/* group and user names would ask the system's databases */
	if (!strstr(text, "uid") && !strstr(text, "gid")) {
		check_list(text, false);
		check_list(text, true);
		check_file(data, size);
	}
	check_source(text);
	check_name(text);
	free(text);
	return 0;
}
