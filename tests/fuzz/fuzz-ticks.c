/* SPDX-License-Identifier: MIT */
/* The strict parsers of base/: whatever one accepts, it accepts again when written out. */
#include "base/guid.h"
#include "base/num.h"
#include "base/ticks.h"

#include "tests/fuzz/fuzz.h"

#include <strings.h>

static void check_ticks(const char *text, size_t len)
{
	char written[DPK_TICKS_STRING_MAX], brief[DPK_TICKS_STRING_MAX];
	int64_t ticks, again;

	if (dpk_ticks_parse(text, len, &ticks) < 0)
		return;
	must(ticks >= 0);
	dpk_ticks_to_string(ticks, written);
	must(dpk_ticks_parse(written, strlen(written), &again) == 0 && again == ticks);
	dpk_ticks_to_short(ticks, brief);
	must(dpk_ticks_parse(brief, strlen(brief), &again) == 0 && again <= ticks);
	must(ticks - again < DPK_TICKS_PER_SEC);
}

static void check_timespec(const char *text, size_t len)
{
	struct timespec ts;
	int64_t ticks;

	if (dpk_ticks_parse(text, len, &ticks) < 0)
		return;
	ts = dpk_ticks_to_timespec(ticks);
	must(ts.tv_nsec >= 0 && ts.tv_nsec < 1000000000);
	must(dpk_ticks_from_timespec(&ts) == ticks);
}

static void check_guid(const char *text, size_t len)
{
	struct dpk_guid guid, again;
	char written[DPK_GUID_STRING_MAX];

	if (dpk_guid_parse(text, len, &guid) < 0)
		return;
	dpk_guid_to_string(&guid, written);
	must(strncasecmp(written, text, len) == 0 && strlen(written) == len);
	must(dpk_guid_parse(written, len, &again) == 0 && dpk_guid_equal(&guid, &again));
}

static void check_number(const char *text, size_t len)
{
	char written[32];
	uint64_t value;

	if (dpk_parse_u64(text, len, UINT64_MAX, &value) < 0)
		return;
	must((size_t)snprintf(written, sizeof(written), "%llu", (unsigned long long)value) == len);
	must(memcmp(written, text, len) == 0);
}

static void check_words(const char *text)
{
	unsigned int mode;
	char shown[32];
	uint64_t ms;

	if (dpk_parse_mode(text, &mode) == 0)
		must(mode <= 0777);
	if (dpk_parse_duration_ms(text, &ms) == 0) {
		must(ms <= UINT64_C(3650) * 24 * 3600 * 1000);
		must(strlen(dpk_duration_to_string(ms, shown)) < sizeof(shown));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	must(text != NULL);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	check_ticks(text, size);
	check_timespec(text, size);
	check_guid(text, size);
	check_number(text, size);
	check_words(text);
	free(text);
	return 0;
}
