/* SPDX-License-Identifier: MIT */
/*
 * inspect: the header of a protected payload names its key
 * (Microsoft.AspNetCore.DataProtection.KeyManagement.KeyRingBasedDataProtector:
 * 09 F0 C9 F0, then the id as System.Guid.ToByteArray writes it).
 */
#include "ctl/ctl.h"

#include "base/guid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES 20
#define PAYLOAD_MAX  65536

static int base64_value(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *at;

	if (c == '+')
		c = '-';
	if (c == '/')
		c = '_';
	at = c ? strchr(digits, c) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* The first HEADER_BYTES bytes of base64 or base64url text. */
static bool decode_header(const char *text, uint8_t header[static HEADER_BYTES])
{
	uint32_t bits = 0;
	int have = 0;

	for (size_t n = 0; n < HEADER_BYTES; text++) {
		int value = base64_value(*text);

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		have += 6;
		if (have >= 8) {
			have -= 8;
			header[n++] = (uint8_t)(bits >> have);
		}
	}
	return true;
}

static bool find_key(const char *payload, struct dpk_guid *ret_id)
{
	static const uint8_t magic[] = { 0x09, 0xF0, 0xC9, 0xF0 };
	uint8_t header[HEADER_BYTES];

	/* a whole Cookie line may have been pasted */
	for (const char *at = strstr(payload, "CfDJ8"); at; at = strstr(at + 1, "CfDJ8")) {
		if (!decode_header(at, header) || memcmp(header, magic, sizeof(magic)) != 0)
			continue;
		dpk_guid_from_net_bytes(header + sizeof(magic), ret_id);
		return true;
	}
	return false;
}

/* What the mounted ring knows of the key; NULL where nobody can be asked. */
static char *ask_state(const struct dpk_ctl *ctl, const char *id)
{
	struct dpk_ctl asking = *ctl;
	const char *word = "unknown";
	char *state;
	json_t *status, *item;
	size_t i;
	int r;

	asking.quiet = true;
	status = dpk_ctl_ask(&asking, "status", 2000, NULL, &r);
	if (!status)
		return NULL;
	json_array_foreach(json_object_get(status, "keys"), i,
		item) if (strcmp(dpk_ctl_text(item, "id"), id) == 0) word =
		dpk_ctl_text(item, "state");
	state = strdup(word);
	json_decref(status);
	return state;
}

static void print(const struct dpk_ctl *ctl, const char *id, const char *state)
{
	if (ctl->json) {
		json_t *answer = json_pack("{s:s, s:s?}", "key", id, "state", state);

		dpk_ctl_print_json(answer);
		json_decref(answer);
		return;
	}
	printf("%s", id);
	if (state && strcmp(state, "unknown") == 0)
		printf("  not in the ring that is mounted here");
	else if (state)
		printf("  %s", state);
	putchar('\n');
}

static const char *read_payload(const char *argument, char *buf)
{
	size_t n;

	if (strcmp(argument, "-") != 0)
		return argument;
	n = fread(buf, 1, PAYLOAD_MAX, stdin);
	buf[n] = '\0';
	return buf;
}

int dpk_ctl_inspect(const struct dpk_ctl *ctl)
{
	char id[DPK_GUID_STRING_MAX], *state, *buf;
	struct dpk_guid guid;
	bool found;

	if (ctl->argc != 1)
		return dpk_ctl_usage(
			"inspect needs one payload, or - to read it from standard input");
	buf = malloc(PAYLOAD_MAX + 1);
	if (!buf)
		return DPK_CTL_UNREACHABLE;
	found = find_key(read_payload(ctl->argv[0], buf), &guid);
	explicit_bzero(buf, PAYLOAD_MAX + 1);
	free(buf);
	if (!found) {
		fputs("dpkeyctl: this is no payload that ASP.NET Core Data Protection made (they begin "
		      "with CfDJ8)\n",
			stderr);
		return DPK_CTL_UNVERIFIED;
	}
	dpk_guid_to_string(&guid, id);
	state = ask_state(ctl, id);
	print(ctl, id, state);
	free(state);
	return DPK_CTL_OK;
}
