/* SPDX-License-Identifier: MIT */
#ifndef DPK_TESTS_MADE_H
#define DPK_TESTS_MADE_H

/* Verified elements out of nothing: plaintext keys and revocations with the dates that a test
 * wants. */

#include "base/err.h"
#include "base/ticks.h"
#include "engine/ring.h"
#include "keys/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MADE_NOW (DPK_TICKS_UNIX_EPOCH + INT64_C(20000) * DPK_TICKS_PER_DAY) /* 2024-10-04 */
#define DAY      DPK_TICKS_PER_DAY
#define HOUR     DPK_TICKS_PER_HOUR

#define MADE_TYPE                                                                                  \
	"Microsoft.AspNetCore.DataProtection.AuthenticatedEncryption.ConfigurationModel."          \
	"AuthenticatedEncryptorDescriptorDeserializer, Microsoft.AspNetCore.DataProtection"

struct made {
	unsigned int id;                     /* the first eight digits of the key's id */
	unsigned int variant;                /* another secret, hence other bytes; below 26 */
	int64_t created, activates, expires; /* from MADE_NOW */
	size_t padding;                      /* bytes of comment */
};

static inline void made_bail(const char *text)
{
	printf("Bail out! %s\n", text);
	exit(1);
}

/* Passes TEXT through the one door to a key. */
__attribute__((unused)) static struct dpk_key *made_verified(const char *text, size_t len)
{
	const struct dpk_trust trust = { .accept_unwrapped = true };
	struct dpk_refusal refusal;
	struct dpk_key *key = NULL;
	struct dpk_blob blob;

	if (dpk_blob_init(&blob, "made", "-", text, len) < 0)
		made_bail("no memory");
	if (dpk_verify(&trust, &blob, &key, &refusal) != 0)
		made_bail(refusal.text);
	dpk_blob_fini(&blob);
	return key;
}

/* The text of a key; free() it. */
__attribute__((unused)) static char *made_text(const struct made *made)
{
	char created[DPK_TICKS_STRING_MAX], activates[DPK_TICKS_STRING_MAX];
	char expires[DPK_TICKS_STRING_MAX];
	char *padding = malloc(made->padding + 1), *text = NULL;

	if (!padding)
		made_bail("no memory");
	memset(padding, 'p', made->padding);
	padding[made->padding] = '\0';
	if (asprintf(&text,
		    "<key id=\"%08x-0000-4000-8000-000000000000\" version=\"1\">"
		    "<creationDate>%s</creationDate><activationDate>%s</activationDate>"
		    "<expirationDate>%s</expirationDate><descriptor deserializerType=\"" MADE_TYPE
		    "\">"
		    "<descriptor><encryption algorithm=\"AES_256_CBC\"/>"
		    "<validation "
		    "algorithm=\"HMACSHA256\"/><masterKey><!--%s--><value>%c8uff+jAm2hgrFboi"
		    "Qhr9XHiRXqwT+/q5TxyONiz7+KmLj19SHyVGJZuufOr+0bh5/LG0z+hFnExNTC7y9UNLg==</"
		    "value>"
		    "</masterKey></descriptor></descriptor></key>",
		    made->id, dpk_ticks_to_string(MADE_NOW + made->created, created),
		    dpk_ticks_to_string(MADE_NOW + made->activates, activates),
		    dpk_ticks_to_string(MADE_NOW + made->expires, expires), padding,
		    'A' + (int)made->variant) < 0)
		made_bail("no memory");
	free(padding);
	return text;
}

__attribute__((unused)) static struct dpk_key *made_key(const struct made *made)
{
	char *text = made_text(made);
	struct dpk_key *key = made_verified(text, strlen(text));

	free(text);
	return key;
}

/* A revocation of key ID, or with ID 0 of all that was created before AT (from MADE_NOW). */
__attribute__((unused)) static struct dpk_key *made_revocation(
	unsigned int id, int64_t at, const char *reason)
{
	char date[DPK_TICKS_STRING_MAX], of[64] = "*", text[512];
	int n;

	if (id)
		snprintf(of, sizeof(of), "%08x-0000-4000-8000-000000000000", id);
	n = snprintf(text, sizeof(text),
		"<revocation version=\"1\"><revocationDate>%s</revocationDate><key id=\"%s\"/>"
		"<reason>%s</reason></revocation>",
		dpk_ticks_to_string(MADE_NOW + at, date), of, reason);
	return made_verified(text, (size_t)n);
}

/* Gives KEY away to RING. */
__attribute__((unused)) static void made_add(
	struct dpk_ring *ring, struct dpk_key *key, int64_t first_seen)
{
	if (dpk_ring_add(ring, key, first_seen) < 0)
		made_bail("the ring does not take the key");
	dpk_key_unref(key);
}

/* COUNT keys that are good for a year, each of about SIZE bytes, ids from FIRST. */
__attribute__((unused)) static struct dpk_ring made_ring(
	unsigned int first, unsigned int count, size_t padding)
{
	struct dpk_ring ring = { 0 };

	for (unsigned int i = 0; i < count; i++) {
		const struct made made = { first + i, first % 26, -10 * DAY, -10 * DAY, 365 * DAY,
			padding };

		made_add(&ring, made_key(&made), MADE_NOW + first + i);
	}
	return ring;
}

#endif
