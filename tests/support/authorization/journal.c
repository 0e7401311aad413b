/* SPDX-License-Identifier: MIT */
#include "tests/support/authorization/journal.h"

#include <stdio.h>
#include <string.h>

void journal_init(struct journal *journal)
{
	memset(journal, 0, sizeof(*journal));
	pthread_mutex_init(&journal->lock, NULL);
}

void journal_fini(struct journal *journal)
{
	pthread_mutex_destroy(&journal->lock);
}

void journal_reset(struct journal *journal)
{
	pthread_mutex_lock(&journal->lock);
	for (size_t i = 0; i < ENDPOINT_COUNT; i++) {
		unsigned in_progress = journal->endpoints[i].in_progress;

		journal->endpoints[i] =
			(struct journal_endpoint){.in_progress = in_progress, .peak = in_progress};
	}
	memset(journal->token_requests, 0, sizeof(journal->token_requests));
	journal->token_request_count = 0;
	pthread_mutex_unlock(&journal->lock);
}

uint64_t journal_begin(struct journal *journal, enum endpoint endpoint, int64_t now_ms)
{
	struct journal_endpoint *sums = &journal->endpoints[endpoint];
	uint64_t number = 0;

	pthread_mutex_lock(&journal->lock);
	sums->requests++;
	sums->in_progress++;
	if (sums->in_progress > sums->peak)
		sums->peak = sums->in_progress;
	if (endpoint == ENDPOINT_TOKEN) {
		number = journal->token_request_count++;
		journal->token_requests[number % JOURNAL_REQUESTS] =
			(struct journal_request){.at_ms = now_ms};
	}
	pthread_mutex_unlock(&journal->lock);
	return number;
}

void journal_form(struct journal *journal, enum endpoint endpoint, const struct journal_form *form)
{
	pthread_mutex_lock(&journal->lock);
	journal->endpoints[endpoint].last = *form;
	pthread_mutex_unlock(&journal->lock);
}

/* A reset, or a full turn of the ring, may have forgotten the request meanwhile. */
static struct journal_request *token_request(struct journal *journal, uint64_t number)
{
	if (number >= journal->token_request_count ||
	    journal->token_request_count - number > JOURNAL_REQUESTS)
		return NULL;
	return &journal->token_requests[number % JOURNAL_REQUESTS];
}

void journal_outcome(struct journal *journal, enum endpoint endpoint, uint64_t number,
		     enum outcome outcome, const char *client_id)
{
	struct journal_request *request;

	pthread_mutex_lock(&journal->lock);
	journal->endpoints[endpoint].outcomes[outcome]++;
	request = endpoint == ENDPOINT_TOKEN ? token_request(journal, number) : NULL;
	if (request != NULL) {
		request->outcome = outcome;
		(void)snprintf(request->client_id, sizeof(request->client_id), "%s",
			       client_id != NULL ? client_id : "");
	}
	pthread_mutex_unlock(&journal->lock);
}

void journal_answer(struct journal *journal, enum endpoint endpoint, uint64_t number,
		    int64_t now_ns)
{
	struct journal_request *request;

	pthread_mutex_lock(&journal->lock);
	request = endpoint == ENDPOINT_TOKEN ? token_request(journal, number) : NULL;
	if (request != NULL)
		request->answered_ns = now_ns;
	pthread_mutex_unlock(&journal->lock);
}

void journal_end(struct journal *journal, enum endpoint endpoint)
{
	pthread_mutex_lock(&journal->lock);
	journal->endpoints[endpoint].in_progress--;
	pthread_mutex_unlock(&journal->lock);
}
