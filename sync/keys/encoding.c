/* SPDX-License-Identifier: MIT */
/* Size, UTF-8, the XML declaration and DOCTYPE: all that is asked of bytes, not of XML. */
#include "keys/encoding.h"

#include "keys/gate.h"

#include <string.h>
#include <strings.h>

#define BOM      "\xef\xbb\xbf"
#define BOM_SIZE 3

/* Length of the sequence that LEAD begins and the range of the byte after it; 0 for no lead. */
static size_t sequence_of(uint8_t lead, uint8_t *low, uint8_t *high)
{
	*low = 0x80;
	*high = 0xbf;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 2;
	if (lead >= 0xe0 && lead <= 0xef) {
		if (lead == 0xe0)
			*low = 0xa0; /* shorter forms exist */
		if (lead == 0xed)
			*high = 0x9f; /* surrogates */
		return 3;
	}
	if (lead >= 0xf0 && lead <= 0xf4) {
		if (lead == 0xf0)
			*low = 0x90; /* shorter forms exist */
		if (lead == 0xf4)
			*high = 0x8f; /* past U+10FFFF */
		return 4;
	}
	return 0;
}

/* Unicode 15, table 3-7. The offset of the first byte that is NUL or no UTF-8, or SIZE. */
static size_t utf8_prefix(const uint8_t *data, size_t size)
{
	size_t i = 0;

	while (i < size) {
		uint8_t low, high;
		size_t n;

		if (data[i] > 0 && data[i] < 0x80) {
			i++;
			continue;
		}
		n = sequence_of(data[i], &low, &high);
		if (n == 0 || n > size - i || data[i + 1] < low || data[i + 1] > high)
			return i;
		for (size_t k = 2; k < n; k++)
			if ((data[i + k] & 0xc0) != 0x80)
				return i;
		i += n;
	}
	return size;
}

struct scanner {
	const char *at;
	const char *end;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t skip_space(struct scanner *s)
{
	const char *start = s->at;

	while (s->at < s->end && is_space(*s->at))
		s->at++;
	return (size_t)(s->at - start);
}

static bool skip_text(struct scanner *s, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(s->end - s->at) < len || memcmp(s->at, text, len) != 0)
		return false;
	s->at += len;
	return true;
}

/* Reads `NAME = "value"`. False, with the scanner anywhere, where it does not stand there. */
static bool scan_pair(struct scanner *s, const char *name, const char **ret_value, size_t *ret_len)
{
	const char *close;
	char quote;

	if (!skip_text(s, name))
		return false;
	skip_space(s);
	if (!skip_text(s, "="))
		return false;
	skip_space(s);
	if (s->at == s->end || (*s->at != '"' && *s->at != '\''))
		return false;
	quote = *s->at++;
	close = memchr(s->at, quote, (size_t)(s->end - s->at));
	if (!close)
		return false;
	*ret_value = s->at;
	*ret_len = (size_t)(close - s->at);
	s->at = close + 1;
	return true;
}

static int refuse_declaration(struct dpk_refusal *refusal)
{
	return dpk_refuse(refusal, DPK_VERDICT_XML,
		"the XML declaration is malformed; expected <?xml version=\"1.0\" encoding=\"utf-8\"?> "
		"or none; let .NET write the element anew");
}

/*
 * <?xml version="1.0" [encoding="…"] [standalone="…"]?>. The version is
 * checked because .NET fails the whole ring on another one, which expat
 * accepts. What follows the encoding is expat's to judge.
 */
static int check_declaration(const struct dpk_text *text, struct dpk_refusal *refusal)
{
	struct scanner s = { text->data, text->data + text->size };
	const char *value;
	size_t len;

	if (!skip_text(&s, "<?xml") || s.at == s.end || !is_space(*s.at))
		return 0;
	skip_space(&s);
	if (!scan_pair(&s, "version", &value, &len) || len != 3 || memcmp(value, "1.0", 3) != 0)
		return refuse_declaration(refusal);
	if (!skip_space(&s) || s.at == s.end || *s.at != 'e')
		return 0;
	if (!scan_pair(&s, "encoding", &value, &len))
		return refuse_declaration(refusal);
	if (len != 5 || strncasecmp(value, "utf-8", 5) != 0)
		return dpk_refuse(refusal, DPK_VERDICT_ENCODING,
			"the XML declaration names another encoding (of %zu characters) than utf-8; "
			"dpkeyfs serves bytes as they are and reads only UTF-8; convert the element in "
			"the store",
			len);
	return 0;
}

static int check_utf8(const uint8_t *data, size_t size, struct dpk_refusal *refusal)
{
	size_t good = utf8_prefix(data, size);

	if (good == size)
		return 0;
	if (data[good] == 0)
		return dpk_refuse(refusal, DPK_VERDICT_ENCODING,
			"byte %zu of %zu is a NUL: the element is padded, or in UTF-16; expected UTF-8; "
			"let .NET write it anew",
			good, size);
	return dpk_refuse(refusal, DPK_VERDICT_ENCODING,
		"byte %zu of %zu is not UTF-8; expected UTF-8, which is what .NET writes; convert the "
		"element in the store or write it anew",
		good, size);
}

int dpk_encoding_check(const uint8_t *data, size_t size, size_t max, struct dpk_text *ret_text,
	struct dpk_refusal *refusal)
{
	struct dpk_text text = { (const char *)data, size, 0 };
	int r;

	if (size < 1 || size > max)
		return dpk_refuse(refusal, DPK_VERDICT_SIZE,
			"%zu bytes; expected 1 to %zu; an empty file is an interrupted write: delete it, "
			"or write the element anew",
			size, max);
	r = check_utf8(data, size, refusal);
	if (r)
		return r;
	if (size >= BOM_SIZE && memcmp(data, BOM, BOM_SIZE) == 0) {
		text.data += BOM_SIZE;
		text.size -= BOM_SIZE;
		text.skipped = BOM_SIZE;
	}
	if (text.size >= BOM_SIZE && text.skipped && memcmp(text.data, BOM, BOM_SIZE) == 0)
		return dpk_refuse(refusal, DPK_VERDICT_ENCODING,
			"two byte-order marks; expected one or none; write the element anew with .NET or "
			"dpkeyctl");
	r = check_declaration(&text, refusal);
	if (r)
		return r;
	if (memmem(text.data, text.size, "<!DOCTYPE", 9) ||
		memmem(text.data, text.size, "<!ENTITY", 8))
		return dpk_refuse(refusal, DPK_VERDICT_DOCTYPE,
			"there is a DOCTYPE or ENTITY declaration; expected none, for .NET would expand "
			"it and never writes one; find out who wrote this to the store");
	*ret_text = text;
	return 0;
}

bool dpk_encoding_mentions_revocation(const uint8_t *data, size_t size)
{
	static const char word[] = "<revocation";
	const size_t letters = sizeof(word) - 1;

	/* in UTF-16 and UTF-32, of either byte order, zeros stand between the letters */
	for (size_t width = 1; width <= 4; width *= 2) {
		char pattern[4 * sizeof(word)] = { 0 };

		for (size_t i = 0; i < letters; i++)
			pattern[i * width] = word[i];
		if (size && memmem(data, size, pattern, (letters - 1) * width + 1))
			return true;
	}
	return false;
}
