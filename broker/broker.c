/* SPDX-License-Identifier: MIT */
/*
 * The broker's one loop: start, what is due in each turn, signals, stop. The steps of the flow do
 * not know each other; broker_private.h says which file joins what.
 */
#include "broker.h"
#include "broker_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/vector_registers.h"
#include "publish/boot_id.h"
#include "source/http_source.h"

/* on_stop = revoke: how long a stop waits for the server. */
#define STOP_MS        INT64_C(10000)
#define STOP_POLL_USEC 10000 /* scrubs go on meanwhile */
/* For each request that may be open: begin, connected, and room for an answer. */
#define FIRST_EVENTS (4U * BROKER_REQUESTS_MAX)

uint32_t broker_random(void)
{
	uint32_t random;

	/* Only before the kernel's pool is ready could this fail or block, at boot: then any number
	 * does, because it only spreads requests in time. */
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = (uint32_t)clock_monotonic_ns();
	return random;
}

void broker_block_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

static int on_stop_signal(sd_event_source *source, const struct signalfd_siginfo *info,
			  void *userdata)
{
	struct broker *broker = userdata;

	(void)source;
	log_info(broker->log, "stopping: %s", strsignal((int)info->ssi_signo));
	broker->is_stopping = true;
	return 0;
}

static int on_reload_signal(sd_event_source *source, const struct signalfd_siginfo *info,
			    void *userdata)
{
	struct broker *broker = userdata;

	(void)source;
	(void)info;
	if (broker->is_stopping) /* what has been withdrawn must not come back */
		return 0;
	if (broker->is_ready)
		(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
				 (long long)(clock_monotonic_ns() / 1000));
	broker_reload(broker);
	if (broker->is_ready)
		(void)sd_notify(0, "READY=1");
	return 0;
}

static void look_at_names(struct broker *broker)
{
	for (size_t i = 0; i < broker->token_count; i++) {
		struct managed_token *token = broker->tokens[i];
		bool was_gone = false;
		int r = publication_check_name(token->publication, clock_boottime_ns(), &was_gone);

		if (was_gone && r == 0) {
			log_warning(broker->log,
				    "token %s: its name in the runtime directory was gone: "
				    "published again",
				    token->config->name);
			managed_token_changed(token);
		}
		managed_token_look_at_publish_error(token);
	}
}

static int open_control(struct broker *broker, struct error_text *error)
{
	broker->control_pauses = 0;
	return control_server_new(&broker->control, broker->event, broker->runtime_dir->fd,
				  broker->runtime_dir->path, &broker_control_ops, broker, error);
}

/* Deleted by hand: commands and rejections would be lost until a restart. */
static void look_at_control_socket(struct broker *broker)
{
	struct error_text error = {.text = ""};
	struct stat st;

	if (fstatat(broker->runtime_dir->fd, TOKENBROKER_CONTROL_SOCKET, &st,
		    AT_SYMLINK_NOFOLLOW) == 0 ||
	    errno != ENOENT)
		return;
	control_server_free(broker->control);
	broker->control = NULL;
	if (open_control(broker, &error) < 0)
		log_error(broker->log, "%s", error.text);
	else
		log_warning(broker->log, TOKENBROKER_CONTROL_SOCKET " was gone: made again");
}

static void tick(struct broker *broker, int64_t now_ms)
{
	if (now_ms < broker->next_tick_ms)
		return;
	broker->next_tick_ms = now_ms + BROKER_TICK_MS;
	broker_look_at_clocks(broker);
	look_at_names(broker);
	look_at_control_socket(broker);
	broker_look_at_memory(broker);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Everything that is due, then the timer for what is due next. */
static int turn(struct broker *broker)
{
	int64_t now_ns = clock_boottime_ns();
	int64_t now_ms = now_ns / NS_PER_MS;
	int64_t next_ms;
	int64_t next_ns;

	tick(broker, now_ms);
	if (publisher_next_ns(broker->publisher) <= now_ns)
		publisher_run(broker->publisher, now_ns);
	next_ms = broker_run_tokens(broker, now_ms);
	next_ms = earlier(next_ms, broker_run_revocations(broker, now_ms));
	next_ms = earlier(next_ms, broker_look_at_control(broker, now_ms));
	next_ms = earlier(next_ms, broker_look_up_names(broker, now_ms));
	/* Whoever is told READY finds a status document. */
	next_ns = broker_run_status(broker, clock_boottime_ns());
	next_ms = earlier(next_ms, broker_notify(broker, now_ms));
	next_ms = earlier(next_ms, broker->next_tick_ms);
	next_ns = earlier(next_ns, next_ms * NS_PER_MS);
	next_ns = earlier(next_ns, publisher_next_ns(broker->publisher));

	if (sd_event_source_set_time(broker->timer, (uint64_t)(next_ns > 0 ? next_ns : 0) / 1000) <
	    0)
		return -EINVAL;
	return sd_event_source_set_enabled(broker->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	(void)userdata;
	return 0; /* the turn that follows does what is due */
}

/*
 * One wait and all that it brought. Measures how long the loop was away from waiting. Most events
 * of a request are libcurl's own: no turn follows, which would look at every token for nothing.
 */
static int iterate(struct broker *broker)
{
	const uint64_t inner_events = broker->source->inner_events;
	int64_t started_ns;
	int64_t duration_ns;
	int r;

	vector_registers_wipe(); /* of what the last event moved, for as long as we wait */
	r = sd_event_prepare(broker->event);
	if (r == 0)
		r = sd_event_wait(broker->event, UINT64_MAX);
	started_ns = clock_monotonic_ns();
	if (r > 0)
		r = sd_event_dispatch(broker->event);
	if (r >= 0 && broker->source->inner_events == inner_events)
		r = turn(broker);
	duration_ns = clock_monotonic_ns() - started_ns;
	if (duration_ns > broker->longest_dispatch_ns)
		broker->longest_dispatch_ns = duration_ns;
	return r;
}

static int open_event_loop(struct broker *broker)
{
	int r = sd_event_default(&broker->event);

	if (r >= 0)
		r = sd_event_add_signal(broker->event, NULL, SIGTERM, on_stop_signal, broker);
	if (r >= 0)
		r = sd_event_add_signal(broker->event, NULL, SIGINT, on_stop_signal, broker);
	if (r >= 0)
		r = sd_event_add_signal(broker->event, NULL, SIGHUP, on_reload_signal, broker);
	if (r >= 0)
		r = sd_event_add_time(broker->event, &broker->timer, CLOCK_BOOTTIME, 0, 1, on_timer,
				      broker);
	if (r >= 0)
		r = broker_watch_clocks(broker);
	if (r >= 0)
		r = sd_event_set_watchdog(broker->event, true);
	return r < 0 ? r : 0;
}

static int open_source(struct broker *broker)
{
	const struct http_source_settings settings = {
		.user_agent = "tokenbroker/" TOKENBROKER_VERSION,
		.secret_rules =
			{
				.whose = "the broker",
				.credentials_directory = secure_getenv("CREDENTIALS_DIRECTORY"),
				.uid = geteuid(),
				.gid = getegid(),
			},
	};

	return http_source_new(&broker->source, broker->event, &settings);
}

/* The runtime directory is judged before anything is read or written on its behalf. */
static enum broker_exit open_runtime_dir(struct broker *broker, enum runtime_dir_backing backing)
{
	struct error_text error = {.text = ""};
	int r = runtime_dir_new(&broker->runtime_dir, broker->paths->runtime_dir, backing, &error);

	if (r == 0)
		return BROKER_EXIT_OK;
	log_error(broker->log, "%s", error.text);
	return r == -EWOULDBLOCK ? BROKER_EXIT_LOCKED : BROKER_EXIT_FAILURE;
}

static bool is_foreign(const char *directory)
{
	struct stat st;

	return stat(directory, &st) == 0 && st.st_uid != geteuid();
}

enum runtime_dir_backing broker_backing(const struct broker *broker)
{
	switch (broker->loaded->config->backing) {
	case CONFIG_BACKING_SHM:
		return RUNTIME_DIR_BACKING_SHM;
	case CONFIG_BACKING_DIRECTORY:
		return RUNTIME_DIR_BACKING_DIRECTORY;
	case CONFIG_BACKING_DEFAULT:
		break;
	}
	return broker->paths->is_user_run ? RUNTIME_DIR_BACKING_DIRECTORY : RUNTIME_DIR_BACKING_SHM;
}

static int open_publisher(struct broker *broker)
{
	int r = publisher_new(&broker->publisher, broker->runtime_dir);

	if (r < 0 && r != -ENOMEM)
		log_error(broker->log,
			  BOOT_ID_FILE " cannot be read; does the service have all of /proc "
				       "(ProcSubset=all)?");
	return r;
}

/* What takes its time locally, as the sweep and looking up users and groups, is done while the
 * servers are at work. */
static void send_first_requests(struct broker *broker)
{
	(void)broker_run_tokens(broker, clock_boottime_ms());
	for (unsigned events = 0; events < FIRST_EVENTS; events++)
		if (sd_event_run(broker->event, 0) <= 0)
			break;
}

static int open_steps(struct broker *broker)
{
	struct error_text error = {.text = ""};
	int r;

	status_writer_init(&broker->status_writer, broker->runtime_dir->fd, clock_boottime_ns());
	broker->document = status_document_new();
	if (broker->document == NULL)
		return -ENOMEM;
	r = open_event_loop(broker);
	if (r == 0)
		r = open_source(broker);
	if (r == 0)
		r = open_publisher(broker);
	if (r == 0)
		r = broker_begin_tokens(broker);
	if (r < 0)
		return r;
	send_first_requests(broker);
	r = publisher_sweep(broker->publisher);
	if (r < 0)
		log_warning(broker->log, "segments of an earlier broker could not be removed: %s",
			    strerror(-r));
	broker_resolve_common(broker);
	r = open_control(broker, &error);
	if (r < 0)
		log_error(broker->log, "%s", error.text);
	return r;
}

static enum broker_exit start(struct broker *broker)
{
	enum broker_exit status;
	int r;

	/* With a wrong owner nothing else matters, not even the configuration: the directory's own
	 * check says what to do, and writes nothing. */
	if (is_foreign(broker->paths->runtime_dir))
		return open_runtime_dir(broker, RUNTIME_DIR_BACKING_SHM);
	r = broker_load_first_config(broker);
	if (r < 0)
		return r == -EINVAL ? BROKER_EXIT_CONFIG : BROKER_EXIT_FAILURE;
	status = open_runtime_dir(broker, broker_backing(broker));
	if (status != BROKER_EXIT_OK)
		return status;
	if (state_directory_is_open_to_others(&broker->state_directory)) {
		log_error(broker->log,
			  "%s: other users may write to it, and could end a suspension: it must "
			  "belong to the broker's user, with mode 0700",
			  broker->state_directory.path);
		return BROKER_EXIT_FAILURE;
	}
	r = open_steps(broker);
	if (r < 0) {
		log_error(broker->log, "cannot start: %s", strerror(-r));
		return BROKER_EXIT_FAILURE;
	}
	return BROKER_EXIT_OK;
}

/* Those that were waiting for a later time go with it: nobody will come back for them. */
static void wait_for_revocations(struct broker *broker)
{
	int64_t deadline_ms = clock_boottime_ms() + STOP_MS;

	while (broker->revocation_count > 0 && clock_boottime_ms() < deadline_ms) {
		(void)broker_run_revocations(broker, clock_boottime_ms());
		publisher_run(broker->publisher, clock_boottime_ns());
		vector_registers_wipe();
		if (broker->revocations_in_flight == 0 ||
		    sd_event_run(broker->event, STOP_POLL_USEC) < 0)
			break;
	}
	for (size_t i = 0; i < broker->revocation_count; i++)
		log_warning(broker->log,
			    "token %s: %s is not revoked at the server: it lives until it expires",
			    broker->revocations[i]->name, broker->revocations[i]->fingerprint);
}

static bool must_die_at_stop(const struct managed_token *token)
{
	return token->config->on_stop == CONFIG_ON_STOP_REVOKE || token->lifecycle.is_revoking;
}

/* on_stop = revoke, or an administrator's order that still waits for a successor: readers lose the
 * token, then the server is told, as far as that is quick. */
static void revoke_at_stop(struct broker *broker)
{
	size_t count = broker->token_count;
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (must_die_at_stop(broker->tokens[i]))
			managed_token_revoke_current(broker->tokens[i], clock_boottime_ms());
	for (size_t i = 0; i < count; i++) {
		struct managed_token *token = broker->tokens[i];

		if (must_die_at_stop(token))
			managed_token_remove(token);
		else
			broker->tokens[kept++] = token;
	}
	broker->token_count = kept;
	wait_for_revocations(broker);
}

static void stop(struct broker *broker)
{
	if (broker->is_stopping) {
		(void)sd_notify(0, "STOPPING=1");
		revoke_at_stop(broker);
	}
	control_server_free(broker->control);
	if (broker->is_stopping)
		status_writer_end(&broker->status_writer);
	for (size_t i = 0; i < broker->token_count; i++)
		managed_token_free(broker->tokens[i]);
	free(broker->tokens);
	broker->token_count = 0;
	broker_free_revocations(broker);
	publisher_free(broker->publisher);
	token_source_free(broker->source);
	status_document_free(broker->document);
	sd_event_source_unref(broker->timer);
	sd_event_source_unref(broker->clock_set);
	sd_event_unref(broker->event);
	loaded_config_unref(broker->loaded);
	principals_free(&broker->admins);
	config_errors_free(&broker->warnings);
	runtime_dir_free(broker->runtime_dir);
}

static enum broker_exit run(struct broker *broker)
{
	int r = turn(broker);

	while (r >= 0 && !broker->is_stopping)
		r = iterate(broker);
	if (r >= 0)
		return BROKER_EXIT_OK;
	log_error(broker->log, "the event loop failed: %s", strerror(-r));
	return BROKER_EXIT_FAILURE;
}

enum broker_exit broker_run(const struct paths *paths, struct log *log)
{
	struct broker broker = {
		.paths = paths,
		.log = log,
		.state_directory = {.path = paths->state_dir,
				    .has_parents_to_make = paths->is_user_run},
		.is_memory_locked = true, /* the first look says if not */
		.started_boottime_ms = clock_boottime_ms(),
		.started_realtime_ns = clock_realtime_ns(),
		.clock_difference_ns = clock_realtime_ns() - clock_boottime_ns(),
	};
	enum broker_exit status;

	broker.shown_difference_ns = broker.clock_difference_ns;
	status = start(&broker);
	if (status == BROKER_EXIT_OK)
		status = run(&broker);
	stop(&broker);
	return status;
}
