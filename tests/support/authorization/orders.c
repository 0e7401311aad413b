/* SPDX-License-Identifier: MIT */
#include "tests/support/authorization/orders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void orders_init(struct orders *orders)
{
	memset(orders, 0, sizeof(*orders));
	pthread_mutex_init(&orders->lock, NULL);
}

void order_fini(struct order *order)
{
	free(order->body);
	*order = (struct order){0};
}

void orders_clear(struct orders *orders)
{
	pthread_mutex_lock(&orders->lock);
	for (size_t i = 0; i < orders->count; i++)
		order_fini(&orders->items[i]);
	orders->count = 0;
	pthread_mutex_unlock(&orders->lock);
}

void orders_fini(struct orders *orders)
{
	orders_clear(orders);
	pthread_mutex_destroy(&orders->lock);
}

int orders_add(struct orders *orders, struct order *order)
{
	int r = -ENOSPC;

	pthread_mutex_lock(&orders->lock);
	if (orders->count < ORDERS_MAX) {
		orders->items[orders->count++] = *order;
		*order = (struct order){0};
		r = 0;
	}
	pthread_mutex_unlock(&orders->lock);
	return r;
}

static bool is_match(const struct order *order, enum endpoint endpoint, const char *client_id)
{
	if (order->endpoint != endpoint)
		return false;
	return order->client_id[0] == '\0' ||
	       (client_id != NULL && strcmp(order->client_id, client_id) == 0);
}

static void remove_at(struct orders *orders, size_t index)
{
	orders->count--;
	memmove(&orders->items[index], &orders->items[index + 1],
		(orders->count - index) * sizeof(orders->items[0]));
}

static int take_at(struct orders *orders, size_t index, struct order *ret)
{
	struct order *order = &orders->items[index];
	struct order taken = *order;

	if (order->count == 1) {
		remove_at(orders, index);
		*ret = taken;
		return 0;
	}
	if (order->body != NULL) {
		taken.body = malloc(order->body_length + 1);
		if (taken.body == NULL)
			return -ENOMEM;
		memcpy(taken.body, order->body, order->body_length + 1);
	}
	if (order->count > 0)
		order->count--;
	*ret = taken;
	return 0;
}

int orders_take(struct orders *orders, enum endpoint endpoint, const char *client_id,
		struct order *ret)
{
	int r = -ENOENT;

	pthread_mutex_lock(&orders->lock);
	for (size_t i = 0; i < orders->count && r == -ENOENT; i++) {
		if (is_match(&orders->items[i], endpoint, client_id))
			r = take_at(orders, i, ret);
	}
	pthread_mutex_unlock(&orders->lock);
	return r;
}
