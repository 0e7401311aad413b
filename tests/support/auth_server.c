/* SPDX-License-Identifier: MIT */
/*
 * A BlueConic-like authorization server and API on loopback, for tests and the demonstration. It
 * prints one line when it serves: READY {"port":…,"url":…,"control":…,"pid":…}; never a secret or a
 * token. SIGTERM or SIGINT ends it.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/support/authorization/control.h"
#include "tests/support/authorization/provider.h"

#define FILE_MAX_BYTES 65536
#define EXIT_USAGE     2

struct options {
	uint16_t port;
	const char *certificate_file;
	const char *key_file;
	const char *client_id;
	const char *client_secret_file;
	int64_t lifetime_s;
};

static const char usage[] =
	"auth_server [--port N] [--tls CERTIFICATE KEY] [--client-id ID --client-secret-file "
	"FILE]\n"
	"            [--lifetime SECONDS]\n"
	"\n"
	"Serves /rest/v2/oauth/{token,revoke}, /rest/v2/profiles and /oauth2/{token,revoke} on\n"
	"127.0.0.1. Port 0, the default, takes a free one.\n";

/* A new NUL-terminated string without the newline at its end. */
static int read_text(const char *path, char **ret)
{
	CLEANUP(close_file) FILE *file = fopen(path, "re");
	CLEANUP(free_memory) char *text = calloc(1, FILE_MAX_BYTES);
	size_t length;

	if (file == NULL)
		return -errno;
	if (text == NULL)
		return -ENOMEM;
	length = fread(text, 1, FILE_MAX_BYTES - 1, file);
	if (ferror(file))
		return -EIO;
	if (length > 0 && text[length - 1] == '\n')
		text[length - 1] = '\0';
	*ret = text;
	text = NULL;
	return 0;
}

static int parse_number(const char *text, int64_t max, int64_t *ret)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || number < 0 || number > max)
		return -EINVAL;
	*ret = number;
	return 0;
}

static int parse_option(int option, char **argv, struct options *options)
{
	int64_t number;

	switch (option) {
	case 'p':
		if (parse_number(optarg, UINT16_MAX, &number) < 0)
			return -EINVAL;
		options->port = (uint16_t)number;
		return 0;
	case 't':
		if (argv[optind] == NULL)
			return -EINVAL;
		options->certificate_file = optarg;
		options->key_file = argv[optind++];
		return 0;
	case 'i':
		options->client_id = optarg;
		return 0;
	case 's':
		options->client_secret_file = optarg;
		return 0;
	case 'l':
		return parse_number(optarg, INT32_MAX, &options->lifetime_s);
	default:
		return -EINVAL;
	}
}

static int parse_arguments(int argc, char **argv, struct options *ret)
{
	static const struct option known[] = {
		{"port", required_argument, NULL, 'p'},
		{"tls", required_argument, NULL, 't'},
		{"client-id", required_argument, NULL, 'i'},
		{"client-secret-file", required_argument, NULL, 's'},
		{"lifetime", required_argument, NULL, 'l'},
		{NULL, 0, NULL, 0},
	};
	struct options options = {0};
	int option;

	/* "+": a key's name after --tls must not be moved away as an operand. */
	while ((option = getopt_long(argc, argv, "+", known, NULL)) != -1) {
		if (parse_option(option, argv, &options) < 0)
			return -EINVAL;
	}
	if (optind != argc || (options.client_id == NULL) != (options.client_secret_file == NULL))
		return -EINVAL;
	*ret = options;
	return 0;
}

static int add_client(struct provider *provider, const struct options *options)
{
	CLEANUP(free_memory) char *secret = NULL;
	int r;

	if (options->client_id == NULL)
		return 0;
	r = read_text(options->client_secret_file, &secret);
	if (r < 0)
		return r;
	return store_set_client(&provider->store, options->client_id, secret, AUTH_METHOD_ANY,
				false);
}

static void say_ready(const struct server *front, const struct server *control, bool has_tls)
{
	printf("READY {\"port\":%u,\"url\":\"%s://127.0.0.1:%u\","
	       "\"control\":\"http://127.0.0.1:%u\",\"pid\":%ld}\n",
	       server_port(front), has_tls ? "https" : "http", server_port(front),
	       server_port(control), (long)getpid());
	(void)fflush(stdout);
}

/* Serves until a signal of set arrives. */
static int serve(struct provider *provider, const struct options *options, const sigset_t *set)
{
	static const struct server_tls no_tls = {0};
	CLEANUP(free_memory) char *certificate = NULL;
	CLEANUP(free_memory) char *key = NULL;
	struct http_service front_service = provider_service(provider);
	struct http_service back_service = control_service(provider);
	struct server *front = NULL;
	struct server *control = NULL;
	int signal_number;
	int r = 0;

	if (options->certificate_file != NULL)
		r = read_text(options->certificate_file, &certificate);
	if (r == 0 && options->key_file != NULL)
		r = read_text(options->key_file, &key);
	if (r == 0)
		r = server_start(&front_service, options->port,
				 &(struct server_tls){certificate, key}, &front);
	if (r == 0)
		r = server_start(&back_service, 0, &no_tls, &control);
	if (r == 0) {
		say_ready(front, control, certificate != NULL);
		(void)sigwait(set, &signal_number);
	}
	server_stop(control);
	server_stop(front);
	return r;
}

static int run(const struct options *options, const sigset_t *set)
{
	CLEANUP(free_memory) struct provider *provider = calloc(1, sizeof(*provider));
	int r;

	if (provider == NULL)
		return -ENOMEM;
	provider_init(provider);
	if (options->lifetime_s > 0) {
		struct token_shape shape = provider_shape(provider);

		shape.lifetime_s = options->lifetime_s;
		provider_set_shape(provider, &shape);
	}
	r = add_client(provider, options);
	if (r == 0)
		r = serve(provider, options, set);
	provider_fini(provider);
	return r;
}

int main(int argc, char **argv)
{
	struct options options;
	sigset_t set;
	int r;

	if (parse_arguments(argc, argv, &options) < 0) {
		(void)fputs(usage, stderr);
		return EXIT_USAGE;
	}
	/* Blocked before threads start, so that only sigwait() sees them. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	r = run(&options, &set);
	if (r < 0)
		(void)fprintf(stderr, "auth_server: %s\n", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
