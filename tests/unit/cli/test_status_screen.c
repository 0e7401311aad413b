/* SPDX-License-Identifier: MIT */
/* The screen of status --watch: what it says, and that it fits whatever the terminal's size. */
#include "cli/status_screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/status_fixture.h"

/* 2026-11-23T10:02:04Z */
#define NOW_S INT64_C(1795428124)

enum { TOKENS = 12 };

static char reason[] = "network";
static char message[] = "no route\033[2J to host";
static char hint[] = "is the network up?";
static char version[] = "0.1.0";

/* Tokens of all sorts, and the terminal they are shown on. */
struct scene {
	struct status_view_token tokens[TOKENS];
	struct status_view view;
	struct status_screen screen;
	char *text;
};

static struct status_view_token good_token(const char *name)
{
	struct status_view_token token = {
		.state = STATUS_VIEW_VALID,
		.generation = 1795428003,
		.fingerprint = "9f86d081884c",
		.obtained_at_s = NOW_S - 1800,
		.expires_at_s = NOW_S + 1800,
		.next_attempt_at_s = NOW_S + 900,
	};

	(void)snprintf(token.name, sizeof(token.name), "%s", name);
	return token;
}

static void make_fail(struct status_view_token *token)
{
	token->failing_since_s = NOW_S - 65;
	token->has_last_error = true;
	token->last_error = (struct status_view_error){
		.at_s = NOW_S - 5,
		.http_status = 0,
		.reason = reason,
		.message = message,
		.hint = hint,
	};
}

/* One good token on a wide terminal without any abilities, and a fresh heartbeat. */
static void set_up(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	scene->tokens[0] = good_token("default");
	scene->view = (struct status_view){
		.version = version,
		.started_at_s = NOW_S - 7200,
		.tokens = scene->tokens,
		.token_count = 1,
	};
	scene->screen = (struct status_screen){
		.view = &scene->view,
		.mark = {.modified_ns = (NOW_S - 4) * NS_PER_S},
		.now_ns = NOW_S * NS_PER_S,
		.width = 100,
		.height = 50,
	};
}

static const char *render(struct scene *scene)
{
	free(scene->text);
	scene->text = NULL;
	if (status_screen_render(&scene->screen, &scene->text) != 0)
		abort();
	return scene->text;
}

static bool shows(struct scene *scene, const char *text)
{
	return strstr(render(scene), text) != NULL;
}

static void cleanup_scene(const struct scene *scene)
{
	free(scene->text);
}

#define WITH_SCENE(name)                                                                           \
	CLEANUP(scene) struct scene name;                                                          \
	set_up(&(name))

static void a_good_token_is_shown_with_all_there_is(void)
{
	WITH_SCENE(scene);

	CU_ASSERT_STRING_EQUAL(
		render(&scene),
		"tokenbrokerd 0.1.0, since 2026-11-23T08:02:04Z (2 h 0 min), heartbeat 4 s ago"
		"   2026-11-23T10:02:04Z\n"
		"1 token, 1 usable\n"
		"\n"
		"default  valid\n"
		"  #################----------------  30:00 left, next attempt in 15:00\n"
		"  generation 1795428003, fingerprint 9f86d081884c\n"
		"  fetches 0 ok, 0 failed; revocations 0 ok, 0 failed; rejections 0 accepted, 0 "
		"not; publishes 0\n"
		"q or Ctrl-C ends this\n");
}

static void it_ticks_each_second(void)
{
	WITH_SCENE(scene);

	scene.screen.now_ns += NS_PER_S;
	CU_ASSERT_TRUE(shows(&scene, "2026-11-23T10:02:05Z\n"));
	CU_ASSERT_TRUE(shows(&scene, "heartbeat 5 s ago"));
	CU_ASSERT_TRUE(shows(&scene, "29:59 left, next attempt in 14:59\n"));
}

static void the_bar_empties_with_the_lifetime(void)
{
	static const struct {
		int64_t left_s;
		const char *bar;
	} table[] = {
		{3600, "  ####################  "}, {3599, "  ####################  "},
		{1800, "  ###########---------  "}, {1799, "  ##########----------  "},
		{1, "  #-------------------  "},    {7200, "  ####################  "},
	};
	WITH_SCENE(scene);

	scene.screen.width = 60;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		scene.tokens[0].expires_at_s = NOW_S + table[i].left_s;
		scene.tokens[0].obtained_at_s = scene.tokens[0].expires_at_s - 3600;
		CU_ASSERT_TRUE(shows(&scene, table[i].bar));
	}
	scene.tokens[0].obtained_at_s = 0;
	CU_ASSERT_TRUE(shows(&scene, "\n  2:00:00 left, next"));
}

static void the_states_are_words(void)
{
	WITH_SCENE(scene);

	scene.tokens[0].state = STATUS_VIEW_SUSPENDED;
	CU_ASSERT_TRUE(shows(&scene, "default  suspended\n"));
	CU_ASSERT_TRUE(shows(&scene,
			     "suspended by an administrator until `tokenbroker resume default`\n"));
	CU_ASSERT_TRUE(shows(&scene, "1 token, 0 usable\n"));
	scene.tokens[0] = good_token("default");
	scene.tokens[0].expires_at_s = NOW_S - 7;
	scene.tokens[0].next_attempt_at_s = NOW_S;
	CU_ASSERT_TRUE(shows(&scene, "default  expired\n  expired 7 s ago, next attempt now\n"));
	scene.tokens[0] = (struct status_view_token){.name = "default"};
	CU_ASSERT_TRUE(shows(&scene, "default  pending\n"));
}

static void what_is_wrong_is_told_with_its_hint(void)
{
	WITH_SCENE(scene);

	make_fail(&scene.tokens[0]);
	CU_ASSERT_TRUE(shows(&scene, "default  valid, with an error\n"));
	CU_ASSERT_TRUE(shows(&scene,
			     "  failing since 2026-11-23T10:00:59Z (1 min 5 s): network: no "
			     "route\\x1b[2J to host\n"
			     "  check: is the network up?\n"));
	scene.tokens[0].failing_since_s = 0;
	CU_ASSERT_TRUE(shows(&scene, "default  valid\n"));
	CU_ASSERT_TRUE(shows(&scene, "  last error, over: 2026-11-23T10:01:59Z network: no "));
	CU_ASSERT_FALSE(shows(&scene, "check:"));
	scene.tokens[0].pending_revocation_count = 2;
	CU_ASSERT_TRUE(shows(&scene, "  2 old tokens not yet revoked at the server\n"));
}

static void the_last_outcomes_are_a_picture(void)
{
	static struct status_view_outcome history[60];
	WITH_SCENE(scene);

	for (size_t i = 0; i < 60; i++)
		(void)strcpy(history[i].result, i == 0 || i == 58 ? "network" : "ok");
	scene.tokens[0].history = history;
	scene.tokens[0].history_count = 60;
	CU_ASSERT_TRUE(shows(&scene,
			     "\n  x.........................................................x.\n"));
	scene.screen.width = 12; /* the newest ten */
	CU_ASSERT_TRUE(shows(&scene, "\n  ........x.\n"));
	scene.screen.has_utf8 = true;
	CU_ASSERT_TRUE(shows(&scene, "\xe2\x96\xaa\xe2\x9c\x97\xe2\x96\xaa\n"));
}

static void a_lost_broker_is_told_in_words(void)
{
	WITH_SCENE(scene);

	scene.screen.mark.modified_ns = (NOW_S - 100) * NS_PER_S;
	CU_ASSERT_TRUE(shows(&scene, "\ntokenbrokerd has not written for 1 min 40 s: stopped or "
				     "stuck; this is what it wrote last\n"));
	CU_ASSERT_FALSE(shows(&scene, "heartbeat"));
	scene.screen.mark.modified_ns = 0;
	CU_ASSERT_TRUE(shows(&scene, "\ntokenbrokerd was stopped; this is what it wrote last\n"));
	scene.screen.problem = "no status.json here";
	CU_ASSERT_TRUE(shows(&scene, "\nno status.json here\n"));
}

static void faults_of_the_configuration_are_shown_some_of_them(void)
{
	static char fault[] = "a.conf:3: x";
	char *warnings[] = {fault, fault, fault, fault, fault};
	WITH_SCENE(scene);

	scene.view.config_error = fault;
	scene.view.config_warnings = warnings;
	scene.view.config_warning_count = 5;
	CU_ASSERT_TRUE(shows(&scene, "\nconfiguration not taken over: a.conf:3: x\n"
				     "warning: a.conf:3: x\n"
				     "warning: a.conf:3: x\n"
				     "warning: a.conf:3: x\n"
				     "and 2 more warnings: `tokenbroker status` shows all\n"));
	scene.view.token_count = 0;
	CU_ASSERT_TRUE(shows(&scene, "\nno tokens: tokenbroker.conf names none\n"));
}

/* t0 to t11; t5 is suspended and t9 fails. */
static void add_tokens(struct scene *scene)
{
	char name[8];

	for (unsigned i = 0; i < TOKENS; i++) {
		(void)snprintf(name, sizeof(name), "t%u", i);
		scene->tokens[i] = good_token(name);
	}
	scene->tokens[5].state = STATUS_VIEW_SUSPENDED;
	scene->tokens[5].next_attempt_at_s = 0;
	make_fail(&scene->tokens[9]);
	scene->view.token_count = TOKENS;
}

static void tokens_that_are_well_get_a_line_each_where_room_is_short(void)
{
	WITH_SCENE(scene);

	add_tokens(&scene);
	scene.screen.height = 30;
	CU_ASSERT_TRUE(shows(&scene, "\nt0   valid  30:00 left  next attempt in 15:00\n"
				     "t1   valid  30:00 left"));
	CU_ASSERT_TRUE(shows(&scene, "\nt11  valid"));
	CU_ASSERT_TRUE(shows(&scene, "\n  check: is the network up?\n"));
	CU_ASSERT_FALSE(shows(&scene, "left out"));
	/* What does not fit on the line as a whole is not on it. */
	scene.screen.width = 40;
	CU_ASSERT_TRUE(shows(&scene, "\nt0   valid  30:00 left\nt1 "));
}

static void those_in_trouble_come_first_where_not_all_fit(void)
{
	const char *suspended, *failing, *first_good;
	WITH_SCENE(scene);

	add_tokens(&scene);
	scene.screen.height = 12;
	suspended = strstr(render(&scene), "\nt5   suspended");
	failing = strstr(scene.text, "\nt9   valid, with an error");
	first_good = strstr(scene.text, "\nt0   valid");
	CU_ASSERT_PTR_NOT_NULL_FATAL(suspended);
	CU_ASSERT_PTR_NOT_NULL_FATAL(failing);
	CU_ASSERT_PTR_NOT_NULL_FATAL(first_good);
	CU_ASSERT(suspended < failing && failing < first_good);
	CU_ASSERT_PTR_NOT_NULL(strstr(scene.text, "\nt2   valid"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(scene.text, "\nnot all fits; left out: 0 in trouble, 7 well\nq or"));
	scene.screen.height = 6;
	CU_ASSERT_TRUE(shows(&scene, "\nnot all fits; left out: 1 in trouble, 10 well\nq or"));
}

/* Cells, for text whose characters take one each. */
static size_t cells(const char *line, size_t length)
{
	size_t count = 0;

	for (size_t i = 0; i < length; i++)
		count += ((unsigned char)line[i] & 0xc0) != 0x80;
	return count;
}

/* How many lines are too many or too long. */
static size_t excess(const struct status_screen *screen, const char *text)
{
	size_t lines = 0;
	size_t wrong = 0;

	while (*text != '\0') {
		size_t length = strcspn(text, "\n");

		wrong += text[length] != '\n' || cells(text, length) > screen->width;
		lines++;
		text += length + (text[length] == '\n');
	}
	return wrong + (lines == 0) + (lines > screen->height);
}

static void nothing_is_larger_than_the_terminal(void)
{
	size_t wrong = 0;
	WITH_SCENE(scene);

	add_tokens(&scene);
	for (size_t i = 0; i < 2; i++) {
		scene.screen.has_utf8 = i == 1;
		for (size_t width = 1; width <= 200; width += width < 20 ? 1 : 9) {
			for (size_t height = 1; height <= 120; height += height < 20 ? 1 : 25) {
				scene.screen.width = width;
				scene.screen.height = height;
				wrong += excess(&scene.screen, render(&scene));
			}
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void strip_colours(char *text)
{
	char *to = text;

	while (*text != '\0') {
		if (*text == '\033')
			text += strcspn(text, "m") + 1;
		else
			*to++ = *text++;
	}
	*to = '\0';
}

static void colours_add_nothing_that_words_do_not_say(void)
{
	CLEANUP(free_memory) char *plain = NULL;
	WITH_SCENE(scene);

	add_tokens(&scene);
	plain = strdup(render(&scene));
	CU_ASSERT_PTR_NULL(strchr(plain, '\033'));
	scene.screen.has_colours = true;
	CU_ASSERT_TRUE(shows(&scene, "\033[32mvalid\033[0m  30:00 left"));
	CU_ASSERT_TRUE(shows(&scene, "\033[33msuspended\033[0m\n"));
	strip_colours(scene.text);
	CU_ASSERT_STRING_EQUAL(scene.text, plain);
}

static void all_that_a_broker_can_say_is_shown(void)
{
	CLEANUP(status_view_free) struct status_view *view = NULL;
	CLEANUP(free_memory) char *golden = status_read_golden();
	WITH_SCENE(scene);

	CU_ASSERT_EQUAL_FATAL(status_parse(golden, &view, NULL), 0);
	scene.screen.view = view;
	scene.screen.width = 150;
	scene.screen.has_utf8 = true;
	CU_ASSERT_TRUE(shows(&scene, "2 tokens, 1 usable\n"));
	CU_ASSERT_TRUE(shows(&scene, "invalid_client (HTTP 401): The \"client\" is\\x0aunknown"));
	CU_ASSERT_TRUE(shows(&scene, "fetches 3 ok, 1 failed; revocations 1 ok, 1 failed; "
				     "rejections 1 accepted, 1 not; publishes 1\n"));
	CU_ASSERT_TRUE(shows(&scene, "\xe2\x96\xaa\xe2\x9c\x97\n"));
	CU_ASSERT_TRUE(shows(&scene, "\nsecond   pending\n"));
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a_good_token_is_shown_with_all_there_is",
		 a_good_token_is_shown_with_all_there_is},
		{"it_ticks_each_second", it_ticks_each_second},
		{"the_bar_empties_with_the_lifetime", the_bar_empties_with_the_lifetime},
		{"the_states_are_words", the_states_are_words},
		{"what_is_wrong_is_told_with_its_hint", what_is_wrong_is_told_with_its_hint},
		{"the_last_outcomes_are_a_picture", the_last_outcomes_are_a_picture},
		{"a_lost_broker_is_told_in_words", a_lost_broker_is_told_in_words},
		{"faults_of_the_configuration_are_shown_some_of_them",
		 faults_of_the_configuration_are_shown_some_of_them},
		{"tokens_that_are_well_get_a_line_each_where_room_is_short",
		 tokens_that_are_well_get_a_line_each_where_room_is_short},
		{"those_in_trouble_come_first_where_not_all_fit",
		 those_in_trouble_come_first_where_not_all_fit},
		{"nothing_is_larger_than_the_terminal", nothing_is_larger_than_the_terminal},
		{"colours_add_nothing_that_words_do_not_say",
		 colours_add_nothing_that_words_do_not_say},
		{"all_that_a_broker_can_say_is_shown", all_that_a_broker_can_say_is_shown},
		CU_TEST_INFO_NULL,
	};

	return harness_run("status_screen", tests);
}
