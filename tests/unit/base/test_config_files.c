/* SPDX-License-Identifier: MIT */
/* Files that cannot be read, several files at odds with each other, and the bounds. */
#include "base/text.h"
#include "fixture.h"

#define TOKEN(name)                                                                                \
	"token " name " { provider = blueconic tenant = t.example\n"                               \
	"client_id = i client_secret_file = /s }\n"

/* What config_load() says about the files that are there now. */
static void assert_refused(struct fixture *fixture, const char *messages)
{
	CLEANUP(config_free) struct config *config = fixture_load(fixture);

	CU_ASSERT(fixture_has_said(fixture, messages));
	CU_ASSERT_PTR_NULL(config);
}

static void a_missing_file_is_a_mistake(void)
{
	CLEANUP(fixture_fini) struct fixture fixture;

	fixture_init(&fixture);
	assert_refused(&fixture, "c: No such file or directory\n");
}

static void a_missing_file_does_not_hide_the_drop_ins_mistakes(void)
{
	CLEANUP(fixture_fini) struct fixture fixture;

	fixture_init(&fixture);
	fixture_make_directory(&fixture, "conf.d");
	fixture_write(&fixture, "conf.d/a.conf", "backing = tape");
	assert_refused(&fixture, "c: No such file or directory\n"
				 "conf.d/a.conf:1: backing: must be one of: shm directory\n");
}

static void only_regular_files_are_read(void)
{
	CLEANUP(fixture_fini) struct fixture fixture;
	char path[64];

	fixture_init(&fixture);
	fixture_path(&fixture, FIXTURE_MAIN, path);
	CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
	fixture_make_directory(&fixture, "conf.d");
	fixture_make_directory(&fixture, "conf.d/d.conf");
	assert_refused(&fixture, "c: is not a regular file\n"
				 "conf.d/d.conf: is not a regular file\n");
}

static void a_conf_d_that_is_no_directory_is_a_mistake(void)
{
	CLEANUP(fixture_fini) struct fixture fixture;

	fixture_init(&fixture);
	fixture_write(&fixture, FIXTURE_MAIN, "backing = tape");
	fixture_write(&fixture, "conf.d", "");
	assert_refused(&fixture, "conf.d: Not a directory\n"
				 "c:1: backing: must be one of: shm directory\n");
}

static void a_nul_byte_is_refused(void)
{
	static const char text[] = "log_level = info\0\nbacking = shm\n";
	CLEANUP(fixture_fini) struct fixture fixture;

	fixture_init(&fixture);
	fixture_write_bytes(&fixture, FIXTURE_MAIN, text, sizeof(text) - 1);
	assert_refused(&fixture, "c: holds a NUL byte: this is no text file\n");
}

static void a_file_may_have_one_mebibyte(void)
{
	enum { MEBIBYTE = 1024 * 1024 };
	CLEANUP(fixture_fini) struct fixture fixture;
	CLEANUP(free_memory) char *blanks = malloc(MEBIBYTE + 1);
	CLEANUP(config_free) struct config *config = NULL;

	CU_ASSERT_PTR_NOT_NULL_FATAL(blanks);
	memset(blanks, ' ', MEBIBYTE + 1);
	fixture_init(&fixture);
	fixture_write_bytes(&fixture, FIXTURE_MAIN, blanks, MEBIBYTE + 1);
	assert_refused(&fixture, "c: is longer than 1 MiB\n");

	fixture_write_bytes(&fixture, FIXTURE_MAIN, blanks, MEBIBYTE);
	config = fixture_load(&fixture);
	CU_ASSERT(fixture_has_said(&fixture, ""));
	CU_ASSERT_PTR_NOT_NULL(config);
}

static void a_token_is_named_once_in_all_files(void)
{
	CLEANUP(fixture_fini) struct fixture fixture;

	fixture_init(&fixture);
	fixture_make_directory(&fixture, "conf.d");
	fixture_write(&fixture, FIXTURE_MAIN, TOKEN("a"));
	fixture_write(&fixture, "conf.d/1.conf", TOKEN("b") "\n" TOKEN("a"));
	fixture_write(&fixture, "conf.d/2.conf", TOKEN("b"));
	assert_refused(&fixture,
		       "conf.d/1.conf:4: token: \"a\" is there already, at c:1\n"
		       "conf.d/2.conf:1: token: \"b\" is there already, at conf.d/1.conf:1\n");
}

static void a_syntax_error_does_not_hide_the_other_files(void)
{
	CLEANUP(fixture_fini) struct fixture fixture;

	fixture_init(&fixture);
	fixture_make_directory(&fixture, "conf.d");
	fixture_write(&fixture, FIXTURE_MAIN,
		      "http { listen = {\"0.0.0.0:80\"} }\nbacking = tape\nbacking shm\n");
	fixture_write(&fixture, "conf.d/1.conf", "\nlog_level = \"${LEVEL}\"\nnope\n");
	fixture_write(&fixture, "conf.d/2.conf", "token a { retry_min = 0 }\n\nnope = 1\n");
	fixture_write(&fixture, "conf.d/3.conf", "admins = {\"\"}\n" TOKEN("b"));
	assert_refused(&fixture,
		       "c:2: backing: must be one of: shm directory\n"
		       "c:3: syntax: missing equal sign after option 'backing'\n"
		       "conf.d/1.conf:2: log_level: ${...} is not expanded; write the value "
		       "itself, or \\${ for these two characters in double quotes\n"
		       "conf.d/2.conf:1: retry_min: must be a whole number from 1 to 86400\n"
		       "conf.d/2.conf:3: nope: unknown key\n"
		       "conf.d/3.conf:1: admins: \"\": a name must not be empty\n"
		       "conf.d/2.conf:1: token_url: is required (or provider = blueconic with a "
		       "tenant)\n"
		       "conf.d/2.conf:1: client_id: is required\n"
		       "conf.d/2.conf:1: client_secret_file: is required\n");
}

static void cross_checks_look_at_all_files_together(void)
{
	CLEANUP(fixture_fini) struct fixture fixture;
	CLEANUP(config_free) struct config *config = NULL;

	fixture_init(&fixture);
	fixture_make_directory(&fixture, "conf.d");
	fixture_write(&fixture, FIXTURE_MAIN, "http { listen = {\"0.0.0.0:80\"} }");
	fixture_write(&fixture, "conf.d/1.conf",
		      "http { allow_cleartext = true access_token_file = /a }");
	config = fixture_load(&fixture);
	CU_ASSERT(fixture_has_said(&fixture, ""));
	CU_ASSERT_PTR_NOT_NULL(config);

	fixture_write(&fixture, "conf.d/2.conf", "http { allow_cleartext = false }");
	assert_refused(&fixture, "c:1: listen: \"0.0.0.0:80\": an address that is not loopback "
				 "needs access_token_file and allow_cleartext = true\n");
}

static void the_access_token_lies_outside_of_the_secrets(void)
{
	CLEANUP(fixture_fini) struct fixture fixture;
	CLEANUP(config_free) struct config *config = NULL;
	char text[256];

	fixture_init(&fixture);
	(void)snprintf(text, sizeof(text), "http { access_token_file = \"%s/secrets/http\" }",
		       fixture.directory);
	fixture_write(&fixture, FIXTURE_MAIN, text);
	assert_refused(&fixture, "c:1: access_token_file: must lie outside of the secrets "
				 "directory, which tokenbroker-httpd cannot read\n");

	(void)snprintf(text, sizeof(text), "http { access_token_file = \"%s/secrets2/http\" }",
		       fixture.directory);
	fixture_write(&fixture, FIXTURE_MAIN, text);
	config = fixture_load(&fixture);
	CU_ASSERT(fixture_has_said(&fixture, ""));
	CU_ASSERT_PTR_NOT_NULL(config);
}

/* Writes head, then "item," count times, then tail. */
static void write_repeated(const struct fixture *fixture, const char *const parts[3], size_t count)
{
	size_t size = strlen(parts[0]) + strlen(parts[2]) + count * strlen(parts[1]) + 1;
	CLEANUP(free_memory) char *data = malloc(size);
	struct text text;

	CU_ASSERT_PTR_NOT_NULL_FATAL(data);
	text_init(&text, data, size);
	text_add(&text, parts[0]);
	for (size_t i = 0; i < count; i++)
		text_add(&text, parts[1]);
	text_add(&text, parts[2]);
	fixture_write(fixture, FIXTURE_MAIN, data);
}

/* count repetitions are accepted, one more is refused. */
static void assert_bound(const char *const parts[3], size_t count, const char *messages)
{
	CLEANUP(fixture_fini) struct fixture fixture;
	CLEANUP(config_free) struct config *config = NULL;

	fixture_init(&fixture);
	write_repeated(&fixture, parts, count);
	config = fixture_load(&fixture);
	CU_ASSERT(fixture_has_said(&fixture, ""));
	CU_ASSERT_PTR_NOT_NULL(config);
	write_repeated(&fixture, parts, count + 1);
	assert_refused(&fixture, messages);
}

static void lists_and_values_are_bounded(void)
{
#define REQUIRED "token a { client_id = i client_secret_file = /s\n"
	static const char *const list[] = {"admins = {", "a,", "a}"};
	static const char *const user[] = {"admins = {", "a", "}"};
	static const char *const text[] = {REQUIRED "provider = blueconic tenant = t scope = \"",
					   "a", "\" }"};
	static const char *const url[] = {REQUIRED "token_url = https://a/", "a", " }"};
	static const char *const path[] = {"http { unix_socket = /", "a", " }"};
	static const char *const label[] = {"http { hosts = {", "a", "} }"};
	static const char *const host[] = {"http { hosts = {", "a.", "a} }"};
#undef REQUIRED

	assert_bound(list, 1023, "c:1: admins: holds more than 1024 entries\n");
	assert_bound(text, 4096, "c:2: scope: is longer than 4096 bytes\n");
	assert_bound(url, 2048 - 10, "c:2: token_url: is longer than 2048 bytes\n");
	assert_bound(path, 106,
		     "c:1: unix_socket: is longer than the 107 bytes that a socket's "
		     "name may have\n");
	assert_bound(
		user, 256,
		"c:1: admins: \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"\": not a valid name of a user or group\n");
	assert_bound(
		label, 63,
		"c:1: hosts: \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"\": has no valid host name\n");
	assert_bound(
		host, 126,
		"c:1: hosts: \"a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
		"\": has no valid host name\n");
}

static void the_number_of_files_is_bounded(void)
{
	enum { LIMIT = 1024 };
	CLEANUP(fixture_fini) struct fixture fixture;
	CLEANUP(config_free) struct config *config = NULL;
	char name[32];

	fixture_init(&fixture);
	fixture_write(&fixture, FIXTURE_MAIN, "");
	fixture_make_directory(&fixture, "conf.d");
	for (unsigned i = 0; i < LIMIT; i++) {
		(void)snprintf(name, sizeof(name), "conf.d/%u.conf", i);
		fixture_write(&fixture, name, "");
	}
	config = fixture_load(&fixture);
	CU_ASSERT(fixture_has_said(&fixture, ""));
	CU_ASSERT_PTR_NOT_NULL(config);
	fixture_write(&fixture, "conf.d/more.conf", "");
	assert_refused(&fixture, "conf.d: holds more than 1024 files\n");
}

static void the_number_of_tokens_is_bounded(void)
{
	enum { LIMIT = 4096, SIZE = 1024 * 1024 };
	CLEANUP(fixture_fini) struct fixture fixture;
	CLEANUP(free_memory) char *data = malloc(SIZE);
	CLEANUP(config_free) struct config *config = NULL;
	struct text text;

	CU_ASSERT_PTR_NOT_NULL_FATAL(data);
	fixture_init(&fixture);
	text_init(&text, data, SIZE);
	for (unsigned i = 0; i < LIMIT; i++)
		text_addf(&text, TOKEN("t%u"), i);
	fixture_write(&fixture, FIXTURE_MAIN, data);
	config = fixture_load(&fixture);
	CU_ASSERT(fixture_has_said(&fixture, ""));
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	CU_ASSERT_EQUAL(config->token_count, LIMIT);

	text_add(&text, TOKEN("more") TOKEN("evenmore"));
	CU_ASSERT_FALSE(text.is_cut);
	fixture_write(&fixture, FIXTURE_MAIN, data);
	assert_refused(&fixture, "c:8193: token: more than 4096 tokens\n");
}

static void the_number_of_mistakes_is_bounded(void)
{
	static const char *const parts[] = {"admins = {", "\"\",", "a}"};
	CLEANUP(fixture_fini) struct fixture fixture;
	CLEANUP(config_free) struct config *config = NULL;
	size_t lines = 0;

	fixture_init(&fixture);
	write_repeated(&fixture, parts, 1000);
	config = fixture_load(&fixture);
	CU_ASSERT_PTR_NULL(config);
	for (const char *at = fixture.messages; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	CU_ASSERT_EQUAL(lines, CONFIG_ERRORS_MAX);
	CU_ASSERT_PTR_NOT_NULL(strstr(fixture.messages, "\nfurther mistakes are not shown\n"));
}

static void a_mistake_is_one_line_with_the_place_that_is_known(void)
{
	CLEANUP(config_errors) struct config_errors errors = {0};
	const struct config_place none = {0};
	const struct config_place file = {.file = "f"};
	const struct config_place line = {.file = "f", .line = 7};

	CU_ASSERT_EQUAL(config_errors_add(&errors, &none, "key", "%s", "reason"), 0);
	CU_ASSERT_EQUAL(config_errors_add(&errors, &file, "key", "%s", "reason"), 0);
	CU_ASSERT_EQUAL(config_errors_add(&errors, &line, "key", "a\nb\033\177c"), 0);
	CU_ASSERT_EQUAL(config_errors_add(&errors, &line, NULL, "%s", "reason"), 0);
	CU_ASSERT_EQUAL_FATAL(errors.count, 4);
	CU_ASSERT_STRING_EQUAL(errors.items[0].text, "key: reason");
	CU_ASSERT_STRING_EQUAL(errors.items[1].text, "f: key: reason");
	CU_ASSERT_STRING_EQUAL(errors.items[2].text, "f:7: key: a?b??c");
	CU_ASSERT_STRING_EQUAL(errors.items[3].text, "f:7: reason");
	CU_ASSERT_FALSE(errors.is_short);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a_missing_file_is_a_mistake", a_missing_file_is_a_mistake},
		{"a_missing_file_does_not_hide_the_drop_ins_mistakes",
		 a_missing_file_does_not_hide_the_drop_ins_mistakes},
		{"only_regular_files_are_read", only_regular_files_are_read},
		{"a_conf_d_that_is_no_directory_is_a_mistake",
		 a_conf_d_that_is_no_directory_is_a_mistake},
		{"a_nul_byte_is_refused", a_nul_byte_is_refused},
		{"a_file_may_have_one_mebibyte", a_file_may_have_one_mebibyte},
		{"a_token_is_named_once_in_all_files", a_token_is_named_once_in_all_files},
		{"a_syntax_error_does_not_hide_the_other_files",
		 a_syntax_error_does_not_hide_the_other_files},
		{"cross_checks_look_at_all_files_together",
		 cross_checks_look_at_all_files_together},
		{"the_access_token_lies_outside_of_the_secrets",
		 the_access_token_lies_outside_of_the_secrets},
		{"lists_and_values_are_bounded", lists_and_values_are_bounded},
		{"the_number_of_files_is_bounded", the_number_of_files_is_bounded},
		{"the_number_of_tokens_is_bounded", the_number_of_tokens_is_bounded},
		{"the_number_of_mistakes_is_bounded", the_number_of_mistakes_is_bounded},
		{"a_mistake_is_one_line_with_the_place_that_is_known",
		 a_mistake_is_one_line_with_the_place_that_is_known},
		CU_TEST_INFO_NULL,
	};

	return harness_run("config_files", tests);
}
