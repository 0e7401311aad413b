/* SPDX-License-Identifier: MIT */
#include "base/config.h"

#include "base/config_url.h"
#include "fixture.h"

#define MINIMAL_TOKEN(name)                                                                        \
	"token \"" name "\" {\n"                                                                   \
	"    token_url = \"https://as.example/token\"\n"                                           \
	"    client_id = \"id\"\n"                                                                 \
	"    client_secret_file = \"/secret\"\n"                                                   \
	"}\n"

static void assert_strings(const struct config_strings *strings, size_t count,
			   const char *const *expected)
{
	CU_ASSERT_EQUAL_FATAL(strings->count, count);
	for (size_t i = 0; i < count; i++)
		CU_ASSERT_STRING_EQUAL(strings->items[i], expected[i]);
}

static void assert_place(const struct config_place *place, const char *file, unsigned line)
{
	const char *slash = strrchr(place->file, '/');

	CU_ASSERT_PTR_NOT_NULL_FATAL(slash);
	CU_ASSERT_STRING_EQUAL(slash + 1, file);
	CU_ASSERT_EQUAL(place->line, line);
}

/* Loads text alone; the caller frees what it gets. */
static struct config *load_text(const char *text)
{
	CLEANUP(fixture_fini) struct fixture fixture;
	struct config *config;

	fixture_init(&fixture);
	fixture_write(&fixture, FIXTURE_MAIN, text);
	config = fixture_load(&fixture);
	CU_ASSERT(fixture_has_said(&fixture, ""));
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	return config;
}

static void an_empty_file_means_the_documented_defaults(void)
{
	CLEANUP(config_free) struct config *config = load_text("");
	static const char *const admins[] = {"@tokenbroker-admin"};
	static const char *const listen[] = {"127.0.0.1:8437"};

	CU_ASSERT_EQUAL(config->log_level, LOG_LEVEL_INFO);
	CU_ASSERT_EQUAL(config->backing, CONFIG_BACKING_DEFAULT);
	assert_strings(&config->admins, 1, admins);
	CU_ASSERT_PTR_NULL(config->admins_place.file);
	assert_strings(&config->http.listen, 1, listen);
	CU_ASSERT_PTR_NULL(config->http.listen_place.file);
	CU_ASSERT_FALSE(config->http.has_unix_socket);
	CU_ASSERT_STRING_EQUAL(config->http.unix_socket, "");
	CU_ASSERT_EQUAL(config->http.hosts.count, 0);
	CU_ASSERT_STRING_EQUAL(config->http.access_token_file, "");
	CU_ASSERT_FALSE(config->http.allow_cleartext);
	CU_ASSERT_STRING_EQUAL(config->http.user, "tokenbroker-httpd");
	CU_ASSERT_PTR_NULL(config->http.user_place.file);
	CU_ASSERT_EQUAL(config->token_count, 0);
	CU_ASSERT_EQUAL(config->file_count, 1);
}

static void a_token_has_the_documented_defaults(void)
{
	CLEANUP(config_free) struct config *config = load_text(MINIMAL_TOKEN("default"));
	const struct config_token *token = config_find_token(config, "default");

	CU_ASSERT_PTR_NOT_NULL_FATAL(token);
	assert_place(&token->place, FIXTURE_MAIN, 1);
	CU_ASSERT_STRING_EQUAL(token->provider, "none");
	CU_ASSERT_STRING_EQUAL(token->tenant, "");
	CU_ASSERT_STRING_EQUAL(token->revoke_url, "");
	CU_ASSERT_EQUAL(token->client_auth, CONFIG_CLIENT_AUTH_POST);
	CU_ASSERT_STRING_EQUAL(token->scope, "");
	CU_ASSERT_STRING_EQUAL(token->audience, "");
	CU_ASSERT_EQUAL(token->resources.count, 0);
	CU_ASSERT_EQUAL(token->parameter_count, 0);
	CU_ASSERT_EQUAL(token->readers.count, 0);
	CU_ASSERT_PTR_NULL(token->readers_place.file);
	CU_ASSERT_EQUAL(token->refresh_percent, 75);
	CU_ASSERT_EQUAL(token->refresh_jitter_percent, 5);
	CU_ASSERT_EQUAL(token->default_lifetime_s, 3600);
	CU_ASSERT_EQUAL(token->connect_timeout_s, 5);
	CU_ASSERT_EQUAL(token->request_timeout_s, 15);
	CU_ASSERT_EQUAL(token->retry_min_s, 1);
	CU_ASSERT_EQUAL(token->retry_max_s, 300);
	CU_ASSERT_EQUAL(token->reject_interval_s, 10);
	CU_ASSERT_EQUAL(token->revoke_replaced_after_s, -1);
	CU_ASSERT_EQUAL(token->on_stop, CONFIG_ON_STOP_KEEP);
	CU_ASSERT_STRING_EQUAL(token->ca_file, "");
	CU_ASSERT_STRING_EQUAL(token->proxy, "");
	CU_ASSERT_FALSE(token->allow_http);
}

static void every_key_outside_of_tokens_is_read(void)
{
	CLEANUP(config_free)
	struct config *config =
		load_text("log_level = debug\n"
			  "backing = directory\n"
			  "admins = {\"ops\",\n"
			  "          \"@wheel\"}\n"
			  "http {\n"
			  "    listen = {\"[::1]:80\", \"0.0.0.0:65535\"}\n"
			  "    unix_socket = \"\"\n"
			  "    hosts = {\"status.example\", \"status.example:8443\"}\n"
			  "    access_token_file = \"/etc/t/access\"\n"
			  "    allow_cleartext = true\n"
			  "    user = www-data\n"
			  "}\n");
	static const char *const admins[] = {"ops", "@wheel"};
	static const char *const listen[] = {"[::1]:80", "0.0.0.0:65535"};
	static const char *const hosts[] = {"status.example", "status.example:8443"};

	CU_ASSERT_EQUAL(config->log_level, LOG_LEVEL_DEBUG);
	CU_ASSERT_EQUAL(config->backing, CONFIG_BACKING_DIRECTORY);
	assert_strings(&config->admins, 2, admins);
	assert_place(&config->admins_place, FIXTURE_MAIN, 3);
	assert_strings(&config->http.listen, 2, listen);
	assert_place(&config->http.listen_place, FIXTURE_MAIN, 6);
	CU_ASSERT_TRUE(config->http.has_unix_socket);
	CU_ASSERT_STRING_EQUAL(config->http.unix_socket, "");
	assert_strings(&config->http.hosts, 2, hosts);
	CU_ASSERT_STRING_EQUAL(config->http.access_token_file, "/etc/t/access");
	assert_place(&config->http.access_token_place, FIXTURE_MAIN, 9);
	CU_ASSERT_TRUE(config->http.allow_cleartext);
	CU_ASSERT_STRING_EQUAL(config->http.user, "www-data");
	assert_place(&config->http.user_place, FIXTURE_MAIN, 11);
}

static void the_addresses_and_texts_of_a_token_are_read(void)
{
	CLEANUP(config_free)
	struct config *config =
		load_text("token t {\n"
			  "    token_url = \"http://127.0.0.1:8080/token?a=b\"\n"
			  "    revoke_url = \"https://[2001:db8::1]:8443/revoke\"\n"
			  "    client_id = \"an id\"\n"
			  "    client_secret_file = \"credential:secret\"\n"
			  "    client_auth = basic_raw\n"
			  "    scope = \"read write\"\n"
			  "    audience = \"https://api.example\"\n"
			  "    resource = {\"urn:api:1\", \"https://api.example/\"}\n"
			  "    parameters = {\"empty=\", \"colour=gr\303\274n=ja\"}\n"
			  "    readers = {}\n"
			  "    ca_file = \"/etc/ssl/own.pem\" tenant = \"\"\n"
			  "    proxy = \"socks5h://proxy.example:1080/\"\n"
			  "    allow_http = true\n"
			  "}\n");
	const struct config_token *token = &config->tokens[0];
	static const char *const resources[] = {"urn:api:1", "https://api.example/"};

	CU_ASSERT_STRING_EQUAL(token->name, "t");
	CU_ASSERT_STRING_EQUAL(token->token_url, "http://127.0.0.1:8080/token?a=b");
	CU_ASSERT_STRING_EQUAL(token->revoke_url, "https://[2001:db8::1]:8443/revoke");
	CU_ASSERT_STRING_EQUAL(token->client_id, "an id");
	CU_ASSERT_STRING_EQUAL(token->client_secret_file, "credential:secret");
	assert_place(&token->client_secret_place, FIXTURE_MAIN, 5);
	CU_ASSERT_EQUAL(token->client_auth, CONFIG_CLIENT_AUTH_BASIC_RAW);
	CU_ASSERT_STRING_EQUAL(token->scope, "read write");
	CU_ASSERT_STRING_EQUAL(token->audience, "https://api.example");
	assert_strings(&token->resources, 2, resources);
	CU_ASSERT_EQUAL_FATAL(token->parameter_count, 2);
	CU_ASSERT_STRING_EQUAL(token->parameters[0].name, "empty");
	CU_ASSERT_STRING_EQUAL(token->parameters[0].value, "");
	CU_ASSERT_STRING_EQUAL(token->parameters[1].name, "colour");
	CU_ASSERT_STRING_EQUAL(token->parameters[1].value, "gr\303\274n=ja");
	CU_ASSERT_STRING_EQUAL(token->ca_file, "/etc/ssl/own.pem");
	CU_ASSERT_STRING_EQUAL(token->proxy, "socks5h://proxy.example:1080/");
	CU_ASSERT_TRUE(token->allow_http);
}

static void the_numbers_and_readers_of_a_token_are_read(void)
{
	CLEANUP(config_free)
	struct config *config =
		load_text("token t {\n"
			  "    provider = blueconic tenant = t.example:8443\n"
			  "    client_id = id client_secret_file = /secret\n"
			  "    refresh_percent = 49 refresh_jitter_percent = 48\n"
			  "    default_lifetime = 315360000\n"
			  "    connect_timeout = 300 request_timeout = 300\n"
			  "    retry_min = 86400 retry_max = 86400\n"
			  "    reject_interval = 1\n"
			  "    revoke_replaced_after = 0\n"
			  "    on_stop = revoke\n"
			  "    readers = {\"@www-data\", \"dom\\\\user\"}\n"
			  "    readers += {\"4294967294\", \"@0\", \"@staff@ad.example\"}\n"
			  "}\n");
	const struct config_token *token = &config->tokens[0];
	static const char *const readers[] = {"@www-data", "dom\\user", "4294967294", "@0",
					      "@staff@ad.example"};

	CU_ASSERT_EQUAL(token->refresh_percent, 49);
	CU_ASSERT_EQUAL(token->refresh_jitter_percent, 48);
	CU_ASSERT_EQUAL(token->default_lifetime_s, 315360000);
	CU_ASSERT_EQUAL(token->connect_timeout_s, 300);
	CU_ASSERT_EQUAL(token->request_timeout_s, 300);
	CU_ASSERT_EQUAL(token->retry_min_s, 86400);
	CU_ASSERT_EQUAL(token->retry_max_s, 86400);
	CU_ASSERT_EQUAL(token->reject_interval_s, 1);
	CU_ASSERT_EQUAL(token->revoke_replaced_after_s, 0);
	CU_ASSERT_EQUAL(token->on_stop, CONFIG_ON_STOP_REVOKE);
	assert_strings(&token->readers, 5, readers);
	assert_place(&token->readers_place, FIXTURE_MAIN, 11);
}

static void the_preset_makes_the_addresses_and_given_ones_win(void)
{
	CLEANUP(config_free)
	struct config *config = load_text(
		"token preset {\n"
		"    provider = blueconic tenant = x.blueconic.net\n"
		"    client_id = i client_secret_file = /s\n"
		"}\n"
		"token given {\n"
		"    provider = blueconic tenant = x.blueconic.net token_url = https://as/t\n"
		"    client_id = i client_secret_file = /s\n"
		"}\n"
		"token without {\n"
		"    provider = blueconic tenant = x.blueconic.net revoke_url = \"\"\n"
		"    client_id = i client_secret_file = /s\n"
		"}\n");
	const char *revoke = "https://x.blueconic.net/rest/v2/oauth/revoke";

	CU_ASSERT_STRING_EQUAL(config_find_token(config, "preset")->token_url,
			       "https://x.blueconic.net/rest/v2/oauth/token");
	CU_ASSERT_STRING_EQUAL(config_find_token(config, "preset")->revoke_url, revoke);
	CU_ASSERT_STRING_EQUAL(config_find_token(config, "given")->token_url, "https://as/t");
	CU_ASSERT_STRING_EQUAL(config_find_token(config, "given")->revoke_url, revoke);
	CU_ASSERT_STRING_EQUAL(config_find_token(config, "without")->revoke_url, "");
	CU_ASSERT_PTR_NULL(config_find_token(config, "other"));
}

static void comments_quotes_and_escapes_read_as_usual(void)
{
	CLEANUP(config_free)
	struct config *config =
		load_text("#\n"
			  "# ${HOME} \" in a comment\n"
			  "/* one ${HOME} ' {\n"
			  "   two */ log_level = warning // three\n"
			  "//four\n"
			  "admins = {'a${x}\\'b', \"\\${x}\\\"\", \"# x\"} # five\r\n"
			  "\n" MINIMAL_TOKEN("a"));
	static const char *const admins[] = {"a${x}'b", "${x}\"", "# x"};

	CU_ASSERT_EQUAL(config->log_level, LOG_LEVEL_WARNING);
	assert_strings(&config->admins, 3, admins);
	CU_ASSERT_EQUAL(config->admins_place.line, 6);
	CU_ASSERT_EQUAL(config->tokens[0].place.line, 8);
}

static void drop_ins_are_read_in_the_order_of_strcmp(void)
{
	CLEANUP(fixture_fini) struct fixture fixture;
	CLEANUP(config_free) struct config *config = NULL;

	fixture_init(&fixture);
	fixture_make_directory(&fixture, "conf.d");
	fixture_write(&fixture, FIXTURE_MAIN, MINIMAL_TOKEN("main"));
	fixture_write(&fixture, "conf.d/b.conf", MINIMAL_TOKEN("b"));
	fixture_write(&fixture, "conf.d/B.conf", MINIMAL_TOKEN("upper"));
	fixture_write(&fixture, "conf.d/10.conf", "\n" MINIMAL_TOKEN("ten"));
	fixture_write(&fixture, "conf.d/9.conf", MINIMAL_TOKEN("nine"));
	fixture_write(&fixture, "conf.d/.hidden.conf", "nonsense");
	fixture_write(&fixture, "conf.d/.conf", "nonsense");
	fixture_write(&fixture, "conf.d/a.conf.bak", "nonsense");
	config = fixture_load(&fixture);

	CU_ASSERT(fixture_has_said(&fixture, ""));
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	CU_ASSERT_EQUAL(config->file_count, 5);
	CU_ASSERT_EQUAL_FATAL(config->token_count, 5);
	CU_ASSERT_STRING_EQUAL(config->tokens[0].name, "main");
	CU_ASSERT_STRING_EQUAL(config->tokens[1].name, "ten");
	assert_place(&config->tokens[1].place, "10.conf", 2);
	CU_ASSERT_STRING_EQUAL(config->tokens[2].name, "nine");
	CU_ASSERT_STRING_EQUAL(config->tokens[3].name, "upper");
	CU_ASSERT_STRING_EQUAL(config->tokens[4].name, "b");
}

static void a_later_file_overrides_only_what_it_gives(void)
{
	CLEANUP(fixture_fini) struct fixture fixture;
	CLEANUP(config_free) struct config *config = NULL;
	static const char *const admins[] = {"c"};
	static const char *const hosts[] = {"one.example"};

	fixture_init(&fixture);
	fixture_make_directory(&fixture, "conf.d");
	fixture_write(&fixture, FIXTURE_MAIN,
		      "log_level = error\nbacking = shm\nadmins = {a, b}\n"
		      "http { user = u hosts = {one.example} allow_cleartext = true\n"
		      "access_token_file = /first }\n");
	fixture_write(&fixture, "conf.d/1.conf",
		      "\nlog_level = debug\nadmins = {c}\n"
		      "http { listen = {} unix_socket = /s access_token_file = /second }\n");
	config = fixture_load(&fixture);

	CU_ASSERT(fixture_has_said(&fixture, ""));
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	CU_ASSERT_EQUAL(config->log_level, LOG_LEVEL_DEBUG);
	CU_ASSERT_EQUAL(config->backing, CONFIG_BACKING_SHM);
	assert_strings(&config->admins, 1, admins);
	assert_place(&config->admins_place, "1.conf", 3);
	CU_ASSERT_EQUAL(config->http.listen.count, 0);
	CU_ASSERT_STRING_EQUAL(config->http.unix_socket, "/s");
	CU_ASSERT_TRUE(config->http.has_unix_socket);
	assert_strings(&config->http.hosts, 1, hosts);
	CU_ASSERT_STRING_EQUAL(config->http.access_token_file, "/second");
	assert_place(&config->http.access_token_place, "1.conf", 4);
	CU_ASSERT_STRING_EQUAL(config->http.user, "u");
	assert_place(&config->http.user_place, FIXTURE_MAIN, 4);
	CU_ASSERT_TRUE(config->http.allow_cleartext);
}

static void a_relative_path_finds_its_drop_ins(void)
{
	CLEANUP(fixture_fini) struct fixture fixture;
	CLEANUP(config_free) struct config *config = NULL;
	CLEANUP(config_errors) struct config_errors errors = {0};
	CLEANUP(free_memory) char *before = getcwd(NULL, 0);

	fixture_init(&fixture);
	fixture_make_directory(&fixture, "conf.d");
	fixture_write(&fixture, FIXTURE_MAIN, "");
	fixture_write(&fixture, "conf.d/1.conf", MINIMAL_TOKEN("a"));
	CU_ASSERT_EQUAL_FATAL(chdir(fixture.directory), 0);
	CU_ASSERT_EQUAL(config_load(&config, FIXTURE_MAIN, &errors), 0);
	CU_ASSERT_EQUAL_FATAL(chdir(before), 0);
	CU_ASSERT_EQUAL(config->token_count, 1);
	CU_ASSERT_STRING_EQUAL(config->files[1], "conf.d/1.conf");
}

static void loopback_addresses_are_told_from_others(void)
{
	CU_ASSERT_TRUE(config_url_is_loopback("http://127.255.0.1:80/x"));
	CU_ASSERT_TRUE(config_url_is_loopback("https://[::1]/"));
	CU_ASSERT_TRUE(config_url_is_loopback("http://LOCALHOST"));
	CU_ASSERT_FALSE(config_url_is_loopback("http://localhost.example/"));
	CU_ASSERT_FALSE(config_url_is_loopback("http://[::ffff:127.0.0.1]/"));
	CU_ASSERT_FALSE(config_url_is_loopback("http://as.example/?http://127.0.0.1/"));
	CU_ASSERT_FALSE(config_url_is_loopback(""));
	CU_ASSERT_FALSE(config_url_is_cleartext(""));
	CU_ASSERT_FALSE(config_url_is_cleartext("https://127.0.0.1/"));
}

static void freeing_nothing_is_fine(void)
{
	struct config_strings strings = {0};

	config_free(NULL);
	config_strings_free(&strings);
	CU_ASSERT_PTR_NULL(strings.items);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"an_empty_file_means_the_documented_defaults",
		 an_empty_file_means_the_documented_defaults},
		{"a_token_has_the_documented_defaults", a_token_has_the_documented_defaults},
		{"every_key_outside_of_tokens_is_read", every_key_outside_of_tokens_is_read},
		{"the_addresses_and_texts_of_a_token_are_read",
		 the_addresses_and_texts_of_a_token_are_read},
		{"the_numbers_and_readers_of_a_token_are_read",
		 the_numbers_and_readers_of_a_token_are_read},
		{"the_preset_makes_the_addresses_and_given_ones_win",
		 the_preset_makes_the_addresses_and_given_ones_win},
		{"comments_quotes_and_escapes_read_as_usual",
		 comments_quotes_and_escapes_read_as_usual},
		{"drop_ins_are_read_in_the_order_of_strcmp",
		 drop_ins_are_read_in_the_order_of_strcmp},
		{"a_later_file_overrides_only_what_it_gives",
		 a_later_file_overrides_only_what_it_gives},
		{"a_relative_path_finds_its_drop_ins", a_relative_path_finds_its_drop_ins},
		{"loopback_addresses_are_told_from_others",
		 loopback_addresses_are_told_from_others},
		{"freeing_nothing_is_fine", freeing_nothing_is_fine},
		CU_TEST_INFO_NULL,
	};

	return harness_run("config", tests);
}
