/* SPDX-License-Identifier: MIT */
#include "httpd/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory_stream.h"

/* The closed set of docs/http-api.md. One that is new in a newer broker is shown, too. */
static const char *const reasons[] = {
	"invalid_request",
	"invalid_client",
	"invalid_grant",
	"unauthorized_client",
	"unsupported_grant_type",
	"invalid_scope",
	"invalid_target",
	"server_error",
	"temporarily_unavailable",
	"oauth_other",
	"http",
	"network",
	"timeout",
	"tls",
	"bad_response",
	"secret_unreadable",
	"rejected_token_returned",
	"publish_failed",
	"state_directory",
};

enum { REASON_COUNT = sizeof(reasons) / sizeof(reasons[0]) };

/* Where a sample goes, and of what it is. */
struct sample {
	FILE *stream;
	const char *name; /* of the metric */
	const struct status_view_token *token;
	int64_t now_s;
};

/* A metric with a sample, or some, for each token. */
struct token_metric {
	const char *name;
	const char *type;
	const char *help;
	void (*put)(const struct sample *sample);
};

static void put_head(FILE *stream, const char *name, const char *type, const char *help)
{
	(void)fprintf(stream, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_escaped(FILE *stream, const char *value)
{
	for (; *value != '\0'; value++) {
		if (*value == '\n')
			(void)fputs("\\n", stream);
		else if (*value == '"' || *value == '\\')
			(void)fprintf(stream, "\\%c", *value);
		else
			(void)fputc(*value, stream);
	}
}

/* name_suffix{token="default" */
static void put_name(const struct sample *sample, const char *suffix)
{
	(void)fprintf(sample->stream, "%s%s{token=\"", sample->name, suffix);
	put_escaped(sample->stream, sample->token->name);
	(void)fputc('"', sample->stream);
}

static void put_label(const struct sample *sample, const char *label, const char *value)
{
	(void)fprintf(sample->stream, ",%s=\"", label);
	put_escaped(sample->stream, value);
	(void)fputc('"', sample->stream);
}

static void put_count(const struct sample *sample, uint64_t count)
{
	put_name(sample, "");
	(void)fprintf(sample->stream, "} %" PRIu64 "\n", count);
}

static void put_labelled(const struct sample *sample, const char *label, const char *value,
			 uint64_t count)
{
	put_name(sample, "");
	put_label(sample, label, value);
	(void)fprintf(sample->stream, "} %" PRIu64 "\n", count);
}

/* 0: the document has null. */
static void put_time(const struct sample *sample, int64_t time_s)
{
	if (time_s == 0)
		return;
	put_name(sample, "");
	(void)fprintf(sample->stream, "} %" PRId64 "\n", time_s);
}

static void put_usable(const struct sample *sample)
{
	put_count(sample, status_view_is_usable_at(sample->token, sample->now_s) ? 1 : 0);
}

static void put_generation(const struct sample *sample)
{
	if (sample->token->generation != 0)
		put_count(sample, sample->token->generation);
}

static void put_expiry(const struct sample *sample)
{
	put_time(sample, sample->token->expires_at_s);
}

static void put_obtained(const struct sample *sample)
{
	put_time(sample, sample->token->obtained_at_s);
}

static void put_next_attempt(const struct sample *sample)
{
	put_time(sample, sample->token->next_attempt_at_s);
}

static void put_failures(const struct sample *sample)
{
	put_count(sample, sample->token->consecutive_failures);
}

static void put_fetches(const struct sample *sample)
{
	put_labelled(sample, "result", "ok", sample->token->counters.fetches_ok);
	put_labelled(sample, "result", "failed", sample->token->counters.fetches_failed);
}

static uint64_t count_of(const struct status_view_counters *counters, const char *reason)
{
	for (size_t i = 0; i < counters->fetch_error_count; i++)
		if (strcmp(counters->fetch_errors[i].reason, reason) == 0)
			return counters->fetch_errors[i].count;
	return 0;
}

static bool is_known(const char *reason)
{
	for (size_t i = 0; i < REASON_COUNT; i++)
		if (strcmp(reasons[i], reason) == 0)
			return true;
	return false;
}

static void put_fetch_errors(const struct sample *sample)
{
	const struct status_view_counters *counters = &sample->token->counters;

	for (size_t i = 0; i < REASON_COUNT; i++)
		put_labelled(sample, "reason", reasons[i], count_of(counters, reasons[i]));
	for (size_t i = 0; i < counters->fetch_error_count; i++)
		if (!is_known(counters->fetch_errors[i].reason))
			put_labelled(sample, "reason", counters->fetch_errors[i].reason,
				     counters->fetch_errors[i].count);
}

static void put_bucket(const struct sample *sample, const char *bound, uint64_t count)
{
	put_name(sample, "_bucket");
	put_label(sample, "le", bound);
	(void)fprintf(sample->stream, "} %" PRIu64 "\n", count);
}

static void put_duration(const struct sample *sample)
{
	const struct status_view_duration *duration = &sample->token->fetch_duration;

	for (size_t i = 0; i < duration->bucket_count; i++)
		put_bucket(sample, duration->buckets[i].bound, duration->buckets[i].count);
	put_bucket(sample, "+Inf", duration->count);
	put_name(sample, "_sum");
	(void)fprintf(sample->stream, "} %.3f\n", duration->sum_s); /* the broker counts in ms */
	put_name(sample, "_count");
	(void)fprintf(sample->stream, "} %" PRIu64 "\n", duration->count);
}

static void put_rejections(const struct sample *sample)
{
	const struct status_view_rejections *rejections = &sample->token->counters.rejections;

	put_labelled(sample, "outcome", "accepted", rejections->accepted);
	put_labelled(sample, "outcome", "stale", rejections->stale);
	put_labelled(sample, "outcome", "denied", rejections->denied);
	put_labelled(sample, "outcome", "conflict", rejections->conflict);
	put_labelled(sample, "outcome", "invalid", rejections->invalid);
	put_labelled(sample, "outcome", "busy", rejections->busy);
}

static void put_revocations(const struct sample *sample)
{
	put_labelled(sample, "result", "ok", sample->token->counters.revocations_ok);
	put_labelled(sample, "result", "failed", sample->token->counters.revocations_failed);
}

static void put_publishes(const struct sample *sample)
{
	put_count(sample, sample->token->counters.publishes);
}

static const struct token_metric token_metrics[] = {
	{"tokenbroker_token_usable", "gauge", "Whether readers get a token that has not expired.",
	 put_usable},
	{"tokenbroker_token_generation", "gauge", "Rises with every new token.", put_generation},
	{"tokenbroker_token_expiry_timestamp_seconds", "gauge",
	 "When the current token expires, Unix time.", put_expiry},
	{"tokenbroker_token_obtained_timestamp_seconds", "gauge",
	 "When the current token was obtained, Unix time.", put_obtained},
	{"tokenbroker_token_next_attempt_timestamp_seconds", "gauge",
	 "When a token is fetched next, Unix time.", put_next_attempt},
	{"tokenbroker_token_consecutive_failures", "gauge", "Fetches that failed in a row.",
	 put_failures},
	{"tokenbroker_fetches_total", "counter", "Requests for a token, by how they ended.",
	 put_fetches},
	{"tokenbroker_fetch_errors_total", "counter", "Failures to obtain a token, by reason.",
	 put_fetch_errors},
	{"tokenbroker_fetch_duration_seconds", "histogram", "How long requests for a token took.",
	 put_duration},
	{"tokenbroker_rejections_total", "counter",
	 "Reports of readers that the API refused a token, by what became of them.",
	 put_rejections},
	{"tokenbroker_revocations_total", "counter",
	 "Revocations tried at the token server, by how they ended.", put_revocations},
	{"tokenbroker_publishes_total", "counter", "Tokens that were handed to readers.",
	 put_publishes},
};

/* The broker's version, which after an upgrade is the old one until its restart; ours if it does
 * not tell. */
static void put_build_info(FILE *stream, const struct status_view *view)
{
	bool has_version = view != NULL && view->version[0] != '\0';

	put_head(stream, "tokenbroker_build_info", "gauge", "Always 1, with the version.");
	(void)fputs("tokenbroker_build_info{version=\"", stream);
	put_escaped(stream, has_version ? view->version : TOKENBROKER_VERSION);
	(void)fputs("\"} 1\n", stream);
}

static void put_up(FILE *stream, bool is_up)
{
	put_head(stream, "tokenbroker_up", "gauge", "Whether the broker's heartbeat is fresh.");
	(void)fprintf(stream, "tokenbroker_up %d\n", is_up ? 1 : 0);
}

static void put_start(FILE *stream, const struct status_view *view)
{
	static const char name[] = "tokenbroker_start_timestamp_seconds";

	if (view->started_at_s == 0)
		return;
	put_head(stream, name, "gauge", "When the broker was started, Unix time.");
	(void)fprintf(stream, "%s %" PRId64 "\n", name, view->started_at_s);
}

static void put_token_metric(FILE *stream, const struct token_metric *metric,
			     const struct status_view *view, int64_t now_s)
{
	struct sample sample = {.stream = stream, .name = metric->name, .now_s = now_s};

	put_head(stream, metric->name, metric->type, metric->help);
	for (size_t i = 0; i < view->token_count; i++) {
		sample.token = &view->tokens[i];
		metric->put(&sample);
	}
}

static void put_all(FILE *stream, const struct status_view *view, bool is_up, int64_t now_s)
{
	put_build_info(stream, view);
	put_up(stream, is_up);
	if (view == NULL)
		return;
	put_start(stream, view);
	for (size_t i = 0; i < sizeof(token_metrics) / sizeof(token_metrics[0]); i++)
		put_token_metric(stream, &token_metrics[i], view, now_s);
}

int metrics_render(const struct status_view *view, bool is_up, int64_t now_s, char **ret_text,
		   size_t *ret_length)
{
	struct memory_stream stream;
	int r = memory_stream_open(&stream);

	if (r < 0)
		return r;
	put_all(stream.file, view, is_up && view != NULL, now_s);
	return memory_stream_take(&stream, ret_text, ret_length);
}
