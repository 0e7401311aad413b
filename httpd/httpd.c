/* SPDX-License-Identifier: MIT */
#include "httpd/httpd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/vector_registers.h"
#include "httpd/listener.h"
#include "httpd/server.h"
#include "httpd/settings.h"

struct httpd {
	const struct paths *paths;
	struct log *log;
	sd_event *event;
	struct settings settings;
	struct listeners listeners;
	struct server *server;
};

void httpd_block_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

static void log_errors(const struct log *log, const struct config_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++)
		log_error(log, "%s", errors->items[i].text);
}

/* Each connection is a descriptor, and so is each command. How many there may be. */
static uint64_t raise_descriptors(const struct log *log)
{
	struct rlimit limit = {.rlim_cur = 1024};
	struct rlimit raised;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
		log_warning(log, "cannot read RLIMIT_NOFILE: %s", strerror(errno));
		return limit.rlim_cur;
	}
	raised = limit;
	raised.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
		return raised.rlim_cur;
	log_warning(log, "cannot raise RLIMIT_NOFILE: %s", strerror(errno));
	return limit.rlim_cur;
}

static unsigned connections_max(const struct httpd *httpd)
{
	uint64_t descriptors = raise_descriptors(httpd->log);
	unsigned max = server_connections_max(descriptors, httpd->listeners.count);

	if (max < server_connections_max(UINT64_MAX, httpd->listeners.count))
		log_warning(httpd->log,
			    "RLIMIT_NOFILE is %llu: each address takes %u connections at a time "
			    "only",
			    (unsigned long long)descriptors, max);
	return max;
}

static void log_addresses(const struct httpd *httpd)
{
	for (size_t i = 0; i < httpd->listeners.count; i++)
		log_info(httpd->log, "listening on %s", httpd->listeners.items[i].name);
}

static void reload(struct httpd *httpd)
{
	CLEANUP(config_errors) struct config_errors errors = {.count = 0};
	CLEANUP(settings) struct settings former = {.config = NULL};
	CLEANUP(settings) struct settings settings = {.config = NULL};
	struct error_text error = {.text = ""};
	struct access_rules rules;
	int r = settings_load(&settings, httpd->paths, &errors);

	if (r == 0)
		r = listeners_check(&httpd->listeners, &settings.config->http, &error);
	if (r < 0) {
		log_errors(httpd->log, &errors);
		log_error(httpd->log, "configuration not taken over, the former one holds%s%s",
			  error.text[0] == '\0' ? "" : ": ", error.text);
		return;
	}
	rules = settings_rules(&settings);
	server_set_rules(httpd->server, &rules);
	former = httpd->settings;
	httpd->settings = settings;
	settings = (struct settings){.config = NULL};
	httpd->log->level = httpd->settings.config->log_level;
	log_info(httpd->log, "configuration read again; addresses change with a restart only");
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	(void)source;
	(void)info;
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
			 (long long)(clock_monotonic_ns() / 1000));
	reload(userdata);
	(void)sd_notify(0, "READY=1");
	return 0;
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct httpd *httpd = userdata;

	log_info(httpd->log, "stopping: %s", strsignal((int)info->ssi_signo));
	(void)sd_notify(0, "STOPPING=1");
	return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int open_loop(struct httpd *httpd)
{
	int r = sd_event_default(&httpd->event);

	if (r >= 0)
		r = sd_event_add_signal(httpd->event, NULL, SIGTERM, on_stop, httpd);
	if (r >= 0)
		r = sd_event_add_signal(httpd->event, NULL, SIGINT, on_stop, httpd);
	if (r >= 0)
		r = sd_event_add_signal(httpd->event, NULL, SIGHUP, on_reload, httpd);
	if (r >= 0)
		r = sd_event_set_watchdog(httpd->event, true);
	return r < 0 ? r : 0;
}

static enum httpd_exit open_listeners(struct httpd *httpd)
{
	struct error_text error = {.text = ""};
	int r = listeners_open(&httpd->listeners, &httpd->settings.config->http,
			       httpd->settings.unix_socket, &error);

	if (r == 0)
		return HTTPD_EXIT_OK;
	log_error(httpd->log, "%s", error.text);
	return r == -EINVAL ? HTTPD_EXIT_CONFIG : HTTPD_EXIT_FAILURE;
}

static enum httpd_exit start(struct httpd *httpd)
{
	CLEANUP(config_errors) struct config_errors errors = {.count = 0};
	struct server_settings settings = {.log = httpd->log, .listeners = &httpd->listeners};
	struct access_rules rules;
	enum httpd_exit status;
	int r = settings_load(&httpd->settings, httpd->paths, &errors);

	if (r < 0) {
		log_errors(httpd->log, &errors);
		return r == -EINVAL ? HTTPD_EXIT_CONFIG : HTTPD_EXIT_FAILURE;
	}
	httpd->log->level = httpd->settings.config->log_level;
	status = open_listeners(httpd);
	if (status != HTTPD_EXIT_OK)
		return status;
	r = open_loop(httpd);
	settings.event = httpd->event;
	settings.runtime_path = httpd->paths->runtime_dir;
	settings.connections_max = connections_max(httpd);
	if (r == 0)
		r = server_new(&httpd->server, &settings);
	if (r < 0) {
		log_error(httpd->log, "cannot start: %s", strerror(-r));
		return HTTPD_EXIT_FAILURE;
	}
	rules = settings_rules(&httpd->settings);
	server_set_rules(httpd->server, &rules);
	return HTTPD_EXIT_OK;
}

static enum httpd_exit serve(struct httpd *httpd)
{
	int r = 0;

	log_addresses(httpd);
	(void)sd_notify(0, "READY=1");
	while (r >= 0 && sd_event_get_state(httpd->event) != SD_EVENT_FINISHED) {
		vector_registers_wipe(); /* of an access token, for as long as we wait */
		r = sd_event_run(httpd->event, UINT64_MAX);
	}
	if (r >= 0)
		return HTTPD_EXIT_OK;
	log_error(httpd->log, "the event loop failed: %s", strerror(-r));
	return HTTPD_EXIT_FAILURE;
}

static void stop(struct httpd *httpd)
{
	server_free(httpd->server);
	listeners_close(&httpd->listeners);
	settings_fini(&httpd->settings);
	sd_event_unref(httpd->event);
}

enum httpd_exit httpd_run(const struct paths *paths, struct log *log)
{
	struct httpd httpd = {.paths = paths, .log = log};
	enum httpd_exit status = start(&httpd);

	if (status == HTTPD_EXIT_OK)
		status = serve(&httpd);
	stop(&httpd);
	return status;
}

enum httpd_exit httpd_check_config(const struct paths *paths)
{
	CLEANUP(config_errors) struct config_errors errors = {.count = 0};
	CLEANUP(settings) struct settings settings = {.config = NULL};
	int r = settings_load(&settings, paths, &errors);

	for (size_t i = 0; i < errors.count; i++)
		(void)fprintf(stderr, "%s\n", errors.items[i].text);
	if (r == 0)
		return printf("%s: no mistakes\n", paths->config_file) < 0 || fflush(stdout) != 0
			       ? HTTPD_EXIT_FAILURE
			       : HTTPD_EXIT_OK;
	return r == -EINVAL ? HTTPD_EXIT_CONFIG : HTTPD_EXIT_FAILURE;
}
