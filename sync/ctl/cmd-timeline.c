/* SPDX-License-Identifier: MIT */
/* timeline: the ring drawn, one line for each key. */
#include "ctl/ctl.h"

#include "base/cleanup.h"
#include "base/ticks.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define WIDTH_MIN 40
#define WIDTH_MAX 160
#define LABEL     15 /* the first characters of an id and its state */

struct canvas {
	int64_t from, to, now; /* ticks */
	int width;
};

static int64_t ticks_of(const json_t *item, const char *name)
{
	const char *text = json_string_value(json_object_get(item, name));
	int64_t ticks = 0;

	if (!text || dpk_ticks_parse(text, strlen(text), &ticks) < 0)
		return 0;
	return ticks;
}

static int column(const struct canvas *canvas, int64_t ticks)
{
	int64_t span = canvas->to - canvas->from;
	int at;

	if (ticks <= canvas->from)
		return 0;
	if (ticks >= canvas->to)
		return canvas->width - 1;
	at = (int)((double)(ticks - canvas->from) / (double)span * (canvas->width - 1));
	return at;
}

static void draw_key(const struct canvas *canvas, const json_t *item)
{
	const char *state = dpk_ctl_text(item, "state");
	int created = column(canvas, ticks_of(item, "created"));
	int active = column(canvas, ticks_of(item, "activates"));
	int expires = column(canvas, ticks_of(item, "expires"));
	char fill = strcmp(state, "revoked") == 0 ? 'x' : strcmp(state, "default") == 0 ? '#' : '=';
	char line[WIDTH_MAX + 1];
	int now = column(canvas, canvas->now);

	for (int i = 0; i < canvas->width; i++) {
		line[i] = ' ';
		if (i >= created && i < active)
			line[i] = '.';
		if (i >= active && i <= expires)
			line[i] = fill;
		if (i == expires && ticks_of(item, "expires") <= canvas->to)
			line[i] = ']';
		if (i == now && line[i] == ' ')
			line[i] = ':';
	}
	line[canvas->width] = '\0';
	printf("%.8s %-8s %s\n", dpk_ctl_text(item, "id"), state, line);
}

static void draw(const json_t *status, struct canvas *canvas)
{
	const json_t *keys = json_object_get(status, "keys"), *item;
	char from[DPK_TICKS_STRING_MAX], to[DPK_TICKS_STRING_MAX];
	size_t i;
	int now;

	canvas->from = canvas->to = canvas->now = dpk_ticks_now();
	json_array_foreach(keys, i, item)
	{
		if (ticks_of(item, "created") < canvas->from)
			canvas->from = ticks_of(item, "created");
		if (ticks_of(item, "expires") > canvas->to)
			canvas->to = ticks_of(item, "expires");
	}
	if (canvas->to == canvas->from)
		canvas->to += DPK_TICKS_PER_DAY;
	now = column(canvas, canvas->now);
	printf("%*s%.10s%*.10s\n", LABEL + 3, "", dpk_ticks_to_string(canvas->from, from),
		canvas->width - 10, dpk_ticks_to_string(canvas->to, to));
	printf("%*s%*sv now\n", LABEL + 3, "", now, "");
	json_array_foreach(keys, i, item) draw_key(canvas, item);
	puts("\n. created, not yet active   = active   # default   x revoked   ] expires");
	json_array_foreach(json_object_get(status, "revocations"), i, item)
		printf("%s revokes %s, dated %.19sZ\n", dpk_ctl_text(item, "name"),
			dpk_ctl_text(item, "revokes"), dpk_ctl_text(item, "date"));
}

static int terminal_width(void)
{
	struct winsize size;
	int width = 80;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		width = size.ws_col;
	width -= LABEL + 4;
	return width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : width;
}

static json_t *as_json(const json_t *status)
{
	json_t *all = json_array(), *item;
	static const char *const names[] = { "id", "state", "created", "activates", "expires" };
	size_t i;

	json_array_foreach(json_object_get(status, "keys"), i, item)
	{
		json_t *one = json_object();

		for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
			json_object_set(one, names[n], json_object_get(item, names[n]));
		json_array_append_new(all, one);
	}
	return json_pack("{s:O, s:o, s:O, s:O}", "ring", json_object_get(status, "ring"), "keys",
		all, "revocations", json_object_get(status, "revocations"), "default",
		json_object_get(status, "default"));
}

int dpk_ctl_timeline(const struct dpk_ctl *ctl)
{
	struct canvas canvas = { .width = terminal_width() };
	int r = DPK_CTL_USAGE;
	json_t *status, *part;

	if (!dpk_ctl_no_arguments(ctl, "timeline"))
		return r;
	status = dpk_ctl_ask(ctl, "status", 10000, NULL, &r);
	if (!status)
		return r;
	if (ctl->json) {
		part = as_json(status);
		dpk_ctl_print_json(part);
		json_decref(part);
	} else {
		draw(status, &canvas);
	}
	json_decref(status);
	return DPK_CTL_OK;
}
