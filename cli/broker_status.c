/* SPDX-License-Identifier: MIT */
#include "cli/broker_status.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/runtime_path.h"

static int explain_no_path(int r, struct error_text *error)
{
	if (r == -EINVAL)
		error_text_set(error, "TOKENBROKER_RUNTIME_DIR is not an absolute path");
	else if (r == -ENOENT)
		error_text_set(error, "no broker has run here: start tokenbrokerd, or name its "
				      "runtime directory in TOKENBROKER_RUNTIME_DIR");
	else
		error_text_set(error, "no runtime directory: %s", strerror(-r));
	return r;
}

int broker_status_open(struct broker_status *status, struct error_text *error)
{
	char path[RUNTIME_PATH_BYTES];
	int r = runtime_path_find(path);

	if (r < 0)
		return explain_no_path(r, error);
	r = runtime_path_open(path, &status->runtime_fd, &status->owner);
	if (r == -EPERM)
		error_text_set(
			error,
			"%s is not to be trusted: it must be a directory of the broker's user "
			"that nobody else can write to",
			path);
	else if (r == -ENOENT)
		error_text_set(error, "no broker has run here: there is no %s; start tokenbrokerd",
			       path);
	else if (r < 0)
		error_text_set(error, "%s: %s", path, strerror(-r));
	return r;
}

static int explain_no_file(int r, struct error_text *error)
{
	if (r == -ENOENT)
		error_text_set(error, "no " STATUS_FILE_NAME " here: is tokenbrokerd running?");
	else if (r == -EPERM)
		error_text_set(error,
			       STATUS_FILE_NAME " is not the broker's: it must be a file that "
						"belongs to the owner of its directory");
	else
		error_text_set(error, STATUS_FILE_NAME ": %s", strerror(-r));
	return r;
}

static bool is_same_text(const struct status_file *a, const struct status_file *b)
{
	return a->text != NULL && b->text != NULL && a->length == b->length &&
	       memcmp(a->text, b->text, a->length) == 0;
}

int broker_status_load(struct broker_status *status, struct error_text *error)
{
	CLEANUP(status_file) struct status_file file = {0};
	struct error_text detail = {0};
	struct status_view *view;
	int r = status_file_read(status->runtime_fd, status->owner, &file);

	if (r < 0)
		return explain_no_file(r, error);
	r = status_view_parse(file.text, file.length, &view, &detail);
	if (r == -ENOMEM)
		return explain_no_file(r, error);
	if (r < 0) {
		error_text_set(error, "%s%.*s", r == -EBADMSG ? STATUS_FILE_NAME ": " : "",
			       (int)sizeof(detail.text) - 32, detail.text);
		return r;
	}
	status->is_new = !is_same_text(&status->file, &file);
	status_view_free(status->view);
	status->view = view;
	status_file_fini(&status->file);
	status->file = file;
	file.text = NULL;
	return 0;
}

bool broker_status_has_moved(const struct broker_status *status)
{
	struct status_file_mark mark;

	return status_file_look(status->runtime_fd, &mark) < 0 ||
	       mark.inode != status->file.mark.inode ||
	       mark.modified_ns != status->file.mark.modified_ns;
}

void broker_status_fini(struct broker_status *status)
{
	cleanup_close_fd(&status->runtime_fd);
	status_file_fini(&status->file);
	status_view_free(status->view);
	*status = (struct broker_status)BROKER_STATUS_NULL;
}
