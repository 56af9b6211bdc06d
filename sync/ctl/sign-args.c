/* SPDX-License-Identifier: MIT */
/* The command line of sign. */
#include "ctl/sign.h"

#include "base/num.h"
#include "base/ticks.h"

#include <string.h>

/* As it was typed. */
struct texts {
	const char *epoch, *version, *lifetime, *remove_max;
};

/* Where the value of WORD goes; NULL for no option of ours. */
static const char **place_of(struct dpk_sign_args *args, struct texts *texts, const char *word)
{
	struct dpk_sign_who *first = &args->who[0], *last = &args->who[args->who_count - 1];
	const struct {
		const char *word;
		const char **place;
	} places[] = {
		{ "--in", &args->in },
		{ "--out", &args->out },
		{ "--signer", &first->cert },
		{ "--key", &first->key },
		{ "--passphrase", &first->passphrase },
		{ "--cosign-key", args->who_count > 1 ? &last->key : NULL },
		{ "--cosign-passphrase", args->who_count > 1 ? &last->passphrase : NULL },
		{ "--epoch", &texts->epoch },
		{ "--version", &texts->version },
		{ "--lifetime", &texts->lifetime },
		{ "--remove-max", &texts->remove_max },
	};

	if (strcmp(word, "--cosign") == 0)
		return args->who_count < DPK_SIGNATURES_MAX ? &args->who[args->who_count++].cert :
							      NULL;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (strcmp(places[i].word, word) == 0)
			return places[i].place;
	return NULL;
}

static int take_words(const struct dpk_ctl *ctl, struct dpk_sign_args *args, struct texts *texts)
{
	for (int i = 0; i < ctl->argc; i++) {
		const char *word = ctl->argv[i];
		const char **place;

		if (strcmp(word, "--allow-no-default") == 0) {
			args->allow_no_default = true;
			continue;
		}
		place = place_of(args, texts, word);
		if (!place)
			return dpk_ctl_usage("sign does not take '%s' here; see dpkeyctl(8)", word);
		if (*place)
			return dpk_ctl_usage("%s is given twice; another signer is --cosign "
					     "CERT.pem --cosign-key KEY",
				word);
		if (++i == ctl->argc || !ctl->argv[i][0])
			return dpk_ctl_usage("%s needs a value", word);
		*place = ctl->argv[i];
	}
	return DPK_CTL_OK;
}

static int take_number(
	const char *word, const char *text, uint64_t min, uint64_t max, uint64_t *ret_value)
{
	if (!text)
		return DPK_CTL_OK;
	if (dpk_parse_u64(text, strlen(text), max, ret_value) < 0 || *ret_value < min)
		return dpk_ctl_usage("%s must be a number from %llu to %llu, not %s", word,
			(unsigned long long)min, (unsigned long long)max, text);
	return DPK_CTL_OK;
}

static int take_lifetime(const char *text, int64_t *ret_ticks)
{
	const int64_t max = DPK_MANIFEST_MAX_DAYS * DPK_TICKS_PER_DAY;
	uint64_t ms;

	if (dpk_parse_duration_ms(text, &ms) < 0 || ms < 1000 || ms % 1000 != 0 ||
		(int64_t)ms > max / DPK_TICKS_PER_MS)
		return dpk_ctl_usage("--lifetime must be from 1s to %dd in whole seconds, not %s",
			DPK_MANIFEST_MAX_DAYS, text);
	*ret_ticks = (int64_t)ms * DPK_TICKS_PER_MS;
	return DPK_CTL_OK;
}

static int check(const struct dpk_sign_args *args)
{
	if (!args->out)
		return dpk_ctl_usage("sign needs --out FILE");
	for (size_t i = 0; i < args->who_count; i++)
		if (!args->who[i].cert || !args->who[i].key)
			return dpk_ctl_usage(
				i == 0 ? "sign needs --signer CERT.pem and --key KEY" :
					 "each --cosign CERT.pem needs its --cosign-key KEY");
	return DPK_CTL_OK;
}

int dpk_sign_parse(const struct dpk_ctl *ctl, struct dpk_sign_args *ret_args)
{
	struct dpk_sign_args args = { .who_count = 1 };
	struct texts texts = { .lifetime = NULL };
	int r = take_words(ctl, &args, &texts);

	if (r == DPK_CTL_OK)
		r = take_number("--epoch", texts.epoch, 1, DPK_MANIFEST_NUMBER_MAX, &args.epoch);
	if (r == DPK_CTL_OK)
		r = take_number(
			"--version", texts.version, 1, DPK_MANIFEST_NUMBER_MAX, &args.version);
	if (r == DPK_CTL_OK)
		r = take_number(
			"--remove-max", texts.remove_max, 0, DPK_SIGN_REMOVE_MAX, &args.remove_max);
	if (r == DPK_CTL_OK)
		r = take_lifetime(texts.lifetime ? texts.lifetime : "7d", &args.lifetime);
	if (r == DPK_CTL_OK)
		r = check(&args);
	*ret_args = args;
	return r;
}
