/* SPDX-License-Identifier: MIT */
/* Every configuration that is refused, with the exact messages: one file, mistake by mistake. */
#include "fixture.h"

struct refused {
	const char *text;
	const char *messages;
};

/* A good token but for what is put in at line 3. */
#define TOKEN(text)                                                                                \
	"token a { provider = blueconic tenant = t.example\n"                                      \
	"client_id = i client_secret_file = /s\n" text "\n}\n"
/* The same without an address. */
#define BARE(text) "token a {\nclient_id = i client_secret_file = /s\n" text "\n}\n"

static void assert_refused(const struct refused *cases, size_t count)
{
	CLEANUP(fixture_fini) struct fixture fixture;

	fixture_init(&fixture);
	for (size_t i = 0; i < count; i++) {
		CLEANUP(config_free) struct config *config = NULL;

		fixture_write(&fixture, FIXTURE_MAIN, cases[i].text);
		config = fixture_load(&fixture);
		CU_ASSERT(fixture_has_said(&fixture, cases[i].messages));
	}
}

#define ASSERT_REFUSED(cases) assert_refused(cases, sizeof(cases) / sizeof(*(cases)))

static void what_libconfuse_refuses_is_named_with_its_line(void)
{
	static const struct refused cases[] = {
		{"log_levl = info", "c:1: log_levl: unknown key\n"},
		{"\n\ninclude(\"/etc/passwd\")", "c:3: include: unknown key\n"},
		{TOKEN("nope = 1"), "c:3: nope: unknown key\n"},
		{"http {\n\n listn = {} }", "c:3: listn: unknown key\n"},
		{TOKEN("client_secret = \"hush\""),
		 "c:3: client_secret: unknown key; the secret stands in a file of its own, which "
		 "client_secret_file names\n"},
		{"log_level info", "c:1: syntax: missing equal sign after option 'log_level'\n"},
		{"log_level = {info}", "c:1: syntax: unexpected token '{'\n"},
		{"log_level += info",
		 "c:1: syntax: attempt to append to non-list option 'log_level'\n"},
		{"\n\"\" = 1", "c:2: syntax: a name is empty\n"},
		{TOKEN("''"), "c:3: syntax: a name is empty\n"},
		{"http {\n\"\" {}}", "c:2: syntax: a name is empty\n"},
		{"= 1", "c:1: syntax: unexpected token '='\n"},
		{"admins = {=}", "c:1: syntax: unexpected token '='\n"},
		{"log_level =", "c:1: syntax: premature end of file\n"},
		{"admins = {\"a\" \"b\"}", "c:1: syntax: unexpected token 'b'\n"},
		{"admins = {\"a\",\n\n", "c:3: syntax: premature end of file\n"},
		{"http = 1", "c:1: syntax: missing opening brace for section 'http'\n"},
		{"token {\n}", "c:1: syntax: missing title for section 'token'\n"},
		{"/* two\nlines */\n}", "c:3: syntax: unexpected closing brace\n"},
		{TOKEN("") "\n" TOKEN(""), "c:6: token: \"a\" is there twice\n"},
	};

	ASSERT_REFUSED(cases);
}

static void what_libconfuse_would_take_silently_is_refused(void)
{
#define VARIABLE                                                                                   \
	"${...} is not expanded; write the value itself, or \\${ for these two characters in "     \
	"double quotes\n"
	static const struct refused cases[] = {
		{TOKEN("scope = \"a ${HOME}\""), "c:3: scope: " VARIABLE},
		{TOKEN("scope = ${HOME}"), "c:3: scope: " VARIABLE},
		{TOKEN("readers = {\"a\",\n\"${HOME}\",\n${USER}}\nscope = b"),
		 "c:4: readers: " VARIABLE "c:5: readers: " VARIABLE},
		{"token \"${HOME}\" {}", "c:1: syntax: " VARIABLE},
		{"log_level = \"info",
		 "c:1: log_level: the quotes that open here are never closed\n"},
		{"\nlog_level = 'info\n",
		 "c:2: log_level: the quotes that open here are never closed\n"},
		{"log_level = \"info\\",
		 "c:1: log_level: the quotes that open here are never closed\n"},
		{"\n/* /*\n\n", "c:2: syntax: the comment that begins here is never closed\n"},
		{"\ntoken a {\n\nscope = {b\n",
		 "c:2: syntax: the section that begins here is never closed\n"},
		{"\ntoken a {\n\nscope = b\n",
		 "c:2: syntax: the section that begins here is never closed\n"},
		{TOKEN("scope = \"a\\0b\""), "c:3: scope: numeric escapes are not allowed\n"},
		{TOKEN("scope = \"a\\x41\""), "c:3: scope: numeric escapes are not allowed\n"},
		{TOKEN("scope = \"a\001\""), "c:3: scope: a control character\n"},
		{TOKEN("scope = a\177"), "c:3: scope: a control character\n"},
		{TOKEN("refresh_percent = *7"),
		 "c:3: refresh_percent: '*' and '+' must stand in double quotes\n"},
		{TOKEN("scope = +a"), "c:3: scope: '*' and '+' must stand in double quotes\n"},
		{TOKEN("client_auth * = post"),
		 "c:3: syntax: '*' and '+' must stand in double quotes\n"},
		{"http {}\nhttp|user = a", "c:2: http|user: unknown key\n"},
		{"log_level = info\nlog_level = info",
		 "c:2: log_level: is set twice in this section\n"},
		{"admins = {a}\nadmins = {b,\nc}", "c:2: admins: is set twice in this section\n"},
		{"http { user = a }\nhttp {\nuser = b\n}",
		 "c:3: user: is set twice in this section\n"},
	};
#undef VARIABLE

	ASSERT_REFUSED(cases);
}

static void numbers_flags_and_choices_are_exact(void)
{
#define NUMBER(key, value, range)                                                                  \
	{                                                                                          \
		TOKEN(key " = " value), "c:3: " key ": must be a whole number from " range "\n"    \
	}
	static const struct refused cases[] = {
		NUMBER("refresh_percent", "75abc", "1 to 99"),
		NUMBER("refresh_percent", "0", "1 to 99"),
		NUMBER("refresh_percent", "100", "1 to 99"),
		NUMBER("refresh_percent", "\"\"", "1 to 99"),
		NUMBER("refresh_percent", "\" 7\"", "1 to 99"),
		NUMBER("refresh_percent", "0x10", "1 to 99"),
		NUMBER("refresh_percent", "7.5", "1 to 99"),
		NUMBER("refresh_jitter_percent", "-1", "0 to 50"),
		NUMBER("refresh_jitter_percent", "51", "0 to 50"),
		NUMBER("default_lifetime", "0", "1 to 315360000"),
		NUMBER("default_lifetime", "99999999999999999999", "1 to 315360000"),
		NUMBER("default_lifetime", "4294967297", "1 to 315360000"),
		NUMBER("connect_timeout", "0", "1 to 300"),
		NUMBER("connect_timeout", "301", "1 to 300"),
		NUMBER("request_timeout", "0", "1 to 300"),
		NUMBER("request_timeout", "301", "1 to 300"),
		NUMBER("retry_min", "0", "1 to 86400"),
		NUMBER("retry_max", "86401", "1 to 86400"),
		NUMBER("reject_interval", "0", "1 to 86400"),
		NUMBER("revoke_replaced_after", "-2", "-1 to 86400"),
		NUMBER("revoke_replaced_after", "-", "-1 to 86400"),
		{"log_level = Info", "c:1: log_level: must be one of: error warning info debug\n"},
		{"backing = \"\"", "c:1: backing: must be one of: shm directory\n"},
		{TOKEN("client_auth = none"),
		 "c:3: client_auth: must be one of: post basic basic_raw\n"},
		{TOKEN("on_stop = kill"), "c:3: on_stop: must be one of: keep revoke\n"},
		{TOKEN("allow_http = 1"), "c:3: allow_http: must be true or false\n"},
		{"http { allow_cleartext = TRUE }",
		 "c:1: allow_cleartext: must be true or false\n"},
	};
#undef NUMBER

	ASSERT_REFUSED(cases);
}

static void addresses_are_https_and_hold_no_credentials(void)
{
#define URL(value, reason)                                                                         \
	{                                                                                          \
		BARE("token_url = \"" value "\""), "c:3: token_url: " reason "\n"                  \
	}
#define HTTPS(rest) "must begin with https:// " rest
	static const struct refused cases[] = {
		URL("as.example/token", "must begin with https://"),
		URL("ftp://as.example/", "must begin with https://"),
		URL("https:/as.example", "must begin with https://"),
		URL("https://", "has no valid host name"),
		URL("https:///token", "has no valid host name"),
		URL("https://-a.example/", "has no valid host name"),
		URL("https://a..example/", "has no valid host name"),
		URL("https://[::g]/", "has no valid host name"),
		URL("https://[::1/", "has no valid host name"),
		URL("https://a.example:/", "has no valid port after the host name"),
		URL("https://a.example:0/", "has no valid port after the host name"),
		URL("https://a.example:65536/", "has no valid port after the host name"),
		URL("https://a.example:8o/", "has no valid port after the host name"),
		URL("https://u:p@a.example/", "must not hold a user name or password"),
		URL("https://u@a.example", "must not hold a user name or password"),
		URL("https://a.example/#f", "must not hold a fragment (#...)"),
		URL("https://a.example/a b", "holds a character that must not stand in a URL"),
		URL("https://a.example\\\\b", "holds a character that must not stand in a URL"),
		URL("https://b\303\274.example", "holds a character that must not stand in a URL"),
		URL("https://a.example/\\n", "holds a control character or line break"),
		URL("http://127.0.0.1/", HTTPS("(or set allow_http = true)")),
		URL("HTTP://localhost/", HTTPS("(or set allow_http = true)")),
		{BARE("token_url = http://as.example/ allow_http = true"),
		 "c:3: token_url: " HTTPS("(http:// is for loopback alone)\n")},
		{BARE("token_url = http://127.0.0.1.example/ allow_http = true"),
		 "c:3: token_url: " HTTPS("(http:// is for loopback alone)\n")},
		{BARE("token_url = \"http://[::2]/\" allow_http = true"),
		 "c:3: token_url: " HTTPS("(http:// is for loopback alone)\n")},
		{TOKEN("revoke_url = http://128.0.0.1/ allow_http = true"),
		 "c:3: revoke_url: " HTTPS("(http:// is for loopback alone)\n")},
		{TOKEN("revoke_url = nonsense on_stop = revoke"),
		 "c:3: revoke_url: must begin with https://\n"},
	};
#undef HTTPS
#undef URL

	ASSERT_REFUSED(cases);
}

static void proxies_resources_and_tenants_have_their_own_rules(void)
{
#define URI "must be an absolute URI, such as https://api.example.com/\n"
	static const struct refused cases[] = {
		{TOKEN("proxy = \"socks4://p\""),
		 "c:3: proxy: must begin with http://, https:// or socks5h://\n"},
		{TOKEN("proxy = \"http://u:p@p:80\""),
		 "c:3: proxy: must not hold a user name or password\n"},
		{TOKEN("proxy = \"http://p:80/x\""), "c:3: proxy: must end after the port\n"},
		{TOKEN("proxy = \"http://p#\""), "c:3: proxy: must not hold a fragment (#...)\n"},
		{TOKEN("resource = {\"a\"}"), "c:3: resource: \"a\": " URI},
		{TOKEN("resource = {\"\"}"), "c:3: resource: \"\": " URI},
		{TOKEN("resource = {\"urn:\"}"), "c:3: resource: \"urn:\": " URI},
		{TOKEN("resource = {\"1:a\"}"), "c:3: resource: \"1:a\": " URI},
		{TOKEN("resource = {\"urn:a\",\n\"urn:b#c\"}"),
		 "c:4: resource: \"urn:b#c\": must not hold a fragment (#...)\n"},
		{BARE("provider = blueconic tenant = https://t.example"),
		 "c:3: tenant: must be a host name alone (example.blueconic.net), without "
		 "https://\n"},
		{BARE("provider = blueconic tenant = t.example/path"),
		 "c:3: tenant: must be a host name (example.blueconic.net), not a URL or path\n"},
		{BARE("provider = blueconic tenant = \"t.example:x\" on_stop = revoke"),
		 "c:3: tenant: must be a host name (example.blueconic.net), not a URL or path\n"},
		{BARE("provider = blueconic"), "c:1: tenant: is required with provider = blueconic "
					       "(or token_url in its place)\n"},
		{BARE("provider = Blueconic"), "c:3: provider: must be one of: blueconic none\n"},
		{BARE("token_url = https://a/ tenant = a"),
		 "c:3: tenant: has a meaning with provider = blueconic only\n"},
	};
#undef URI

	ASSERT_REFUSED(cases);
}

static void credentials_are_required_and_never_repeated(void)
{
	static const struct refused cases[] = {
		{"\ntoken a {}", "c:2: token_url: is required (or provider = blueconic with a "
				 "tenant)\n"
				 "c:2: client_id: is required\n"
				 "c:2: client_secret_file: is required\n"},
		{TOKEN("client_id = j"), "c:3: client_id: is set twice in this section\n"},
		{"token a { token_url = https://a/\nclient_id = \"\"\nclient_secret_file = \"\" }",
		 "c:2: client_id: must not be empty\n"
		 "c:3: client_secret_file: must be an absolute path or credential:NAME, never the "
		 "secret itself\n"},
		{"token a { token_url = https://a/\nclient_id = \"\303\274\"\n"
		 "client_secret_file = hush }",
		 "c:2: client_id: must be printable ASCII\n"
		 "c:3: client_secret_file: must be an absolute path or credential:NAME, never the "
		 "secret itself\n"},
		{"token a { token_url = https://a/ client_id = i\n"
		 "client_secret_file = credential:a/b }",
		 "c:2: client_secret_file: must name a systemd credential after credential:, "
		 "without a slash\n"},
		{"token a { token_url = https://a/ client_id = i\n"
		 "client_secret_file = credential:.. }",
		 "c:2: client_secret_file: must name a systemd credential after credential:, "
		 "without a slash\n"},
		{"token a { token_url = https://a/ client_id = i\n"
		 "client_secret_file = credential: }",
		 "c:2: client_secret_file: must name a systemd credential after credential:, "
		 "without a slash\n"},
		{TOKEN("ca_file = own.pem"), "c:3: ca_file: must be an absolute path\n"},
		{TOKEN("ca_file = /"), "c:3: ca_file: must be an absolute path\n"},
	};

	ASSERT_REFUSED(cases);
}

static void parameters_are_pairs_and_never_there_twice(void)
{
#define TAKEN "must not set grant_type, client_id, client_secret, scope, audience or resource\n"
	static const struct refused cases[] = {
		{TOKEN("parameters = {\"a\"}"), "c:3: parameters: must be \"name=value\"\n"},
		{TOKEN("parameters = {\"=a\"}"), "c:3: parameters: must be \"name=value\"\n"},
		{TOKEN("parameters = {\"a=1\",\n\"aa=1\",\n\"a=\"}"),
		 "c:5: parameters: names the same parameter twice\n"},
		{TOKEN("parameters = {\"grant_type=a\", \"client_id=a\",\n\"client_secret=a\"}"),
		 "c:3: parameters: " TAKEN "c:3: parameters: " TAKEN "c:4: parameters: " TAKEN},
		{TOKEN("parameters = {\"scope=a\", \"audience=a\", \"resource=a\"}"),
		 "c:3: parameters: " TAKEN "c:3: parameters: " TAKEN "c:3: parameters: " TAKEN},
		{TOKEN("parameters = {\"a=b\\nc\"}"),
		 "c:3: parameters: holds a control character or line break\n"},
		{TOKEN("scope = \"a\\tb\""),
		 "c:3: scope: holds a control character or line break\n"},
		{TOKEN("audience = \"a\nb\""),
		 "c:4: audience: holds a control character or line break\n"},
		{TOKEN("audience = \"\303\""), "c:3: audience: is not UTF-8\n"},
		{TOKEN("audience = \"\377\""), "c:3: audience: is not UTF-8\n"},
		{TOKEN("audience = \"\340\200\200\""), "c:3: audience: is not UTF-8\n"},
		{TOKEN("audience = \"\355\240\200\""), "c:3: audience: is not UTF-8\n"},
		{TOKEN("audience = \"\360\200\200\200\""), "c:3: audience: is not UTF-8\n"},
		{TOKEN("audience = \"\364\220\200\200\""), "c:3: audience: is not UTF-8\n"},
		{TOKEN("audience = \"\342\202x\""), "c:3: audience: is not UTF-8\n"},
	};
#undef TAKEN

	ASSERT_REFUSED(cases);
}

static void keys_must_agree_with_each_other(void)
{
	static const struct refused cases[] = {
		{TOKEN("refresh_percent = 60\nrefresh_jitter_percent = 40"),
		 "c:4: refresh_jitter_percent: and refresh_percent must be less than 100 "
		 "together\n"},
		{TOKEN("refresh_percent = 95"), "c:1: refresh_jitter_percent: and refresh_percent "
						"must be less than 100 together\n"},
		{TOKEN("refresh_percent = 5"),
		 "c:1: refresh_jitter_percent: must be less than refresh_percent\n"},
		{TOKEN("connect_timeout = 16"),
		 "c:3: connect_timeout: must not exceed request_timeout\n"},
		{TOKEN("request_timeout = 4"),
		 "c:1: connect_timeout: must not exceed request_timeout\n"},
		{TOKEN("retry_min = 301"), "c:1: retry_max: must not be less than retry_min\n"},
		{TOKEN("retry_min = 5\nretry_max = 4"),
		 "c:4: retry_max: must not be less than retry_min\n"},
		{BARE("token_url = https://a/\non_stop = revoke\nrevoke_replaced_after = 0"),
		 "c:4: on_stop: needs a revoke_url\nc:5: revoke_replaced_after: needs a "
		 "revoke_url\n"},
		{TOKEN("revoke_url = \"\" on_stop = revoke"), "c:3: on_stop: needs a revoke_url\n"},
	};

	ASSERT_REFUSED(cases);
}

static void users_and_token_names_are_plausible(void)
{
#define NAME(value, reason)                                                                        \
	{                                                                                          \
		TOKEN("readers = {\"x\",\n\"" value "\"}"),                                        \
			"c:4: readers: \"" value "\": " reason "\n"                                \
	}
#define TITLE(title)                                                                               \
	{                                                                                          \
		"\ntoken \"" title "\" { token_url = https://a/ client_id = i "                    \
		"client_secret_file = /s }",                                                       \
			"c:2: token: \"" title "\" is no valid name: 1 to 48 of a-z 0-9 _ -, "     \
			"beginning with a letter or digit\n"                                       \
	}
	static const struct refused cases[] = {
		NAME("", "a name must not be empty"),
		NAME("@", "a name must not be empty"),
		NAME("4294967295", "a numeric id is at most 4294967294"),
		NAME("@4294967295", "a numeric id is at most 4294967294"),
		NAME("99999999999999999999", "a numeric id is at most 4294967294"),
		NAME("65534", "65534 stands for unknown ids and can be nobody's"),
		NAME("@65534", "65534 stands for unknown ids and can be nobody's"),
		NAME("-a", "not a valid name of a user or group"),
		NAME("a:b", "not a valid name of a user or group"),
		NAME("@@a", "not a valid name of a user or group"),
		NAME("a ", "not a valid name of a user or group"),
		NAME(" a", "not a valid name of a user or group"),
		{"admins = {\"a/b\"}",
		 "c:1: admins: \"a/b\": not a valid name of a user or group\n"},
		{"http { user = \"@a\" }", "c:1: user: must be a user, not a group\n"},
		{"http { user = \"\" }", "c:1: user: a name must not be empty\n"},
		TITLE(""),
		TITLE("A"),
		TITLE("_a"),
		TITLE("a.b"),
		TITLE("../a"),
		TITLE("0123456789012345678901234567890123456789012345678"),
	};
#undef TITLE
#undef NAME

	ASSERT_REFUSED(cases);
}

static void listening_addresses_are_numeric(void)
{
#define LISTEN(value)                                                                              \
	{                                                                                          \
		"http { listen = {\"127.0.0.1:1\",\n\"" value "\"} }",                             \
			"c:2: listen: \"" value "\": must be IPV4:PORT or [IPV6]:PORT, in "        \
			"numbers, with a port from 1 to 65535\n"                                   \
	}
	static const struct refused cases[] = {
		LISTEN(""),
		LISTEN("localhost:80"),
		LISTEN("127.0.0.1"),
		LISTEN("127.0.0.1:0"),
		LISTEN("127.0.0.1:65536"),
		LISTEN("127.0.0.1:http"),
		LISTEN("::1:80"),
		LISTEN("[::1]"),
		LISTEN("[fe80::1%lo]:80"),
		LISTEN("[127.0.0.1]:80"),
	};
#undef LISTEN

	ASSERT_REFUSED(cases);
}

static void http_is_closed_to_the_network_by_default(void)
{
#define OPEN(value)                                                                                \
	"listen: \"" value "\": an address that is not loopback needs access_token_file and "      \
	"allow_cleartext = true\n"
	static const struct refused cases[] = {
		{"http { listen = {\"127.1.2.3:80\", \"0.0.0.0:80\", \"[::]:80\"} }",
		 "c:1: " OPEN("0.0.0.0:80") "c:1: " OPEN("[::]:80")},
		{"http { allow_cleartext = true\nlisten = {\"10.0.0.1:80\"} }",
		 "c:2: " OPEN("10.0.0.1:80")},
		{"http { access_token_file = /a\nlisten = {\"[::2]:80\"} }",
		 "c:2: " OPEN("[::2]:80")},
		{"http { hosts = {\"https://a\"} }",
		 "c:1: hosts: \"https://a\": must be a host name alone, without a scheme\n"},
		{"http { hosts = {\"a/b\", \"\"} }", "c:1: hosts: \"a/b\": has no valid host name\n"
						     "c:1: hosts: \"\": has no valid host name\n"},
		{"http { hosts = {\"a:0\"} }",
		 "c:1: hosts: \"a:0\": has no valid port after the host name\n"},
		{"http { unix_socket = run/http.sock }",
		 "c:1: unix_socket: must be an absolute path\n"},
		{"http { access_token_file = access }",
		 "c:1: access_token_file: must be an absolute path\n"},
		{"http { access_token_file = /a/../b }",
		 "c:1: access_token_file: must not hold \"..\"\n"},
		{"http { access_token_file = /etc/tokenbroker/secrets/http }",
		 "c:1: access_token_file: must lie outside of the secrets directory, which "
		 "tokenbroker-httpd cannot read\n"},
		{"http { access_token_file = \"//etc/./tokenbroker//secrets/./http\" }",
		 "c:1: access_token_file: must lie outside of the secrets directory, which "
		 "tokenbroker-httpd cannot read\n"},
	};
#undef OPEN

	ASSERT_REFUSED(cases);
}

static void all_mistakes_of_a_file_come_at_once(void)
{
	static const struct refused cases[] = {
		{"log_level = loud\n"
		 "http {\n"
		 "    listen = {\"nowhere\"}\n"
		 "}\n"
		 "token a {\n"
		 "    retry_min = x\n"
		 "    retry_max = y\n"
		 "}\n"
		 "token b {\n"
		 "    retry_min = 0\n"
		 "    what = 1\n"
		 "}\n"
		 "token c {}\n",
		 "c:1: log_level: must be one of: error warning info debug\n"
		 "c:3: listen: \"nowhere\": must be IPV4:PORT or [IPV6]:PORT, in numbers, with a "
		 "port from 1 to 65535\n"
		 "c:6: retry_min: must be a whole number from 1 to 86400\n"
		 "c:7: retry_max: must be a whole number from 1 to 86400\n"
		 "c:10: retry_min: must be a whole number from 1 to 86400\n"
		 "c:11: what: unknown key\n"
		 "c:5: token_url: is required (or provider = blueconic with a tenant)\n"
		 "c:5: client_id: is required\n"
		 "c:5: client_secret_file: is required\n"},
	};

	ASSERT_REFUSED(cases);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"what_libconfuse_refuses_is_named_with_its_line",
		 what_libconfuse_refuses_is_named_with_its_line},
		{"what_libconfuse_would_take_silently_is_refused",
		 what_libconfuse_would_take_silently_is_refused},
		{"numbers_flags_and_choices_are_exact", numbers_flags_and_choices_are_exact},
		{"addresses_are_https_and_hold_no_credentials",
		 addresses_are_https_and_hold_no_credentials},
		{"proxies_resources_and_tenants_have_their_own_rules",
		 proxies_resources_and_tenants_have_their_own_rules},
		{"credentials_are_required_and_never_repeated",
		 credentials_are_required_and_never_repeated},
		{"parameters_are_pairs_and_never_there_twice",
		 parameters_are_pairs_and_never_there_twice},
		{"keys_must_agree_with_each_other", keys_must_agree_with_each_other},
		{"users_and_token_names_are_plausible", users_and_token_names_are_plausible},
		{"listening_addresses_are_numeric", listening_addresses_are_numeric},
		{"http_is_closed_to_the_network_by_default",
		 http_is_closed_to_the_network_by_default},
		{"all_mistakes_of_a_file_come_at_once", all_mistakes_of_a_file_come_at_once},
		CU_TEST_INFO_NULL,
	};

	return harness_run("config_errors", tests);
}
