/* SPDX-License-Identifier: MIT */
/* dpkeyctl: words to functions. */
#include "ctl/ctl.h"

#include "base/log.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct dpk_ctl_verb verbs[] = {
	{ "status", "", "what the daemon serves, and how it stands", dpk_ctl_status },
	{ "keys", "", "the keys, their dates and states", dpk_ctl_keys },
	{ "timeline", "", "the ring drawn over time", dpk_ctl_timeline },
	{ "sync", "", "read the store now and wait for the result", dpk_ctl_sync },
	{ "wait", "[--generation N] [--timeout DURATION]", "wait for a ring, or a generation",
		dpk_ctl_wait },
	{ "history", "", "the generations this node has shown", dpk_ctl_history },
	{ "events", "", "what happened", dpk_ctl_events },
	{ "health", "[--live | --ready]", "0 well, 1 degraded, 3 no daemon, 5 stale",
		dpk_ctl_health },
	{ "accept-removal", "", "let go what has left the store", dpk_ctl_accept_removal },
	{ "accept-floor", "", "know that the accepted versions were lost", dpk_ctl_accept_floor },
	{ "accept-unsigned", "", "give up signatures for this ring", dpk_ctl_accept_unsigned },
	{ "verify", "[--at TIME|+DURATION] [--after FILE] FILE|DIRECTORY|URL...",
		"judge elements, or a signed snapshot, as a node would", dpk_ctl_verify },
	{ "sign",
		"--signer CERT.pem --key KEY [--passphrase FILE]\n"
		"                [--cosign CERT.pem --cosign-key KEY [--cosign-passphrase FILE]]...\n"
		"                [--in URL] --out FILE [--epoch N] [--version N] [--lifetime DURATION]\n"
		"                [--remove-max N] [--allow-no-default]",
		"write a signed snapshot that a node would accept", dpk_ctl_sign },
	{ "diff", "A B", "what differs between two rings", dpk_ctl_diff },
	{ "simulate", "[--at TIME|+DURATION]... FILE|DIRECTORY|URL...",
		"the default key that .NET would pick", dpk_ctl_simulate },
	{ "inspect", "PAYLOAD|-", "which key made this cookie or token", dpk_ctl_inspect },
};

#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

int dpk_ctl_usage(const char *format, ...)
{
	va_list ap;

	fputs("dpkeyctl: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return DPK_CTL_USAGE;
}

bool dpk_ctl_no_arguments(const struct dpk_ctl *ctl, const char *verb)
{
	if (ctl->argc == 0)
		return true;
	dpk_ctl_usage("%s takes no argument '%s'", verb, ctl->argv[0]);
	return false;
}

static void print_help(FILE *out)
{
	fputs("Usage: dpkeyctl [-r NAME | -S SOCKET] [-o OPTION[,OPTION...]] [--json] VERB ...\n"
	      "Asks a dpkeyfs daemon, and judges keys without one.\n\n"
	      "  -r NAME       the ring, as in /etc/dpkeyfs/NAME.conf (needed where there are several)\n"
	      "  -S SOCKET     its control socket\n"
	      "  -o OPTIONS    mount options, for verify, sign and the like: wrap_certs=..., signers=...\n"
	      "  --json        print JSON\n"
	      "  -h, --help    print this\n"
	      "  -V, --version\n\nVerbs:\n",
		out);
	for (size_t i = 0; i < N_VERBS; i++)
		fprintf(out, "  %s%s%s\n                %s\n", verbs[i].word,
			verbs[i].arguments[0] ? " " : "", verbs[i].arguments, verbs[i].text);
	fputs("\nExit status: 0 ok, 1 findings, 2 usage, 3 no daemon or store, 4 verification failed,\n"
	      "5 stale. See dpkeyctl(8).\n",
		out);
}

static int run_verb(struct dpk_ctl *ctl, const char *word)
{
	for (size_t i = 0; i < N_VERBS; i++)
		if (strcmp(verbs[i].word, word) == 0)
			return verbs[i].function(ctl);
	return dpk_ctl_usage("unknown verb '%s'; see dpkeyctl --help", word);
}

/* --json is taken anywhere, also after the verb. */
static int take_json(struct dpk_ctl *ctl, int argc, char **argv)
{
	int kept = 0;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			ctl->json = true;
		else
			argv[kept++] = argv[i];
	}
	argv[kept] = NULL;
	return kept;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = { { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 } };
	struct dpk_ctl ctl = { 0 };
	int c;

	dpk_log_init("dpkeyctl", NULL, DPK_LOG_WARNING);
	argc = take_json(&ctl, argc, argv);
	while ((c = getopt_long(argc, argv, "+r:S:o:hV", longs, NULL)) != -1) {
		switch (c) {
		case 'r': ctl.ring = optarg; break;
		case 'S': ctl.socket = optarg; break;
		case 'o': ctl.options = optarg; break;
		case 'h': print_help(stdout); return DPK_CTL_OK;
		case 'V': printf("dpkeyctl %s\n", DPK_VERSION); return DPK_CTL_OK;
		default: return dpk_ctl_usage("see dpkeyctl --help");
		}
	}
	if (optind == argc)
		return dpk_ctl_usage("a verb is needed; see dpkeyctl --help");
	ctl.argc = argc - optind - 1;
	ctl.argv = argv + optind + 1;
	return run_verb(&ctl, argv[optind]);
}
