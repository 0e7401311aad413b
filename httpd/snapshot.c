/* SPDX-License-Identifier: MIT */
#include "httpd/snapshot.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/runtime_path.h"

void snapshot_init(struct snapshot *snapshot, const char *runtime_path)
{
	*snapshot = (struct snapshot){.runtime_path = runtime_path};
}

static void forget(struct snapshot *snapshot)
{
	if (snapshot->document != NULL)
		snapshot->version++;
	document_free(snapshot->document);
	status_view_free(snapshot->view);
	snapshot->document = NULL;
	snapshot->view = NULL;
}

void snapshot_fini(struct snapshot *snapshot)
{
	forget(snapshot);
	shared_text_release(snapshot->metrics.text);
	shared_text_release(snapshot->readiness.text);
	snapshot->metrics.text = NULL;
	snapshot->readiness.text = NULL;
}

static void explain(struct snapshot *snapshot, int error, const struct error_text *detail)
{
	const char *path = snapshot->runtime_path;

	switch (-error) {
	case ENOENT:
		error_text_set(&snapshot->error,
			       "there is no status.json in %s: is tokenbrokerd running?", path);
		break;
	case EPERM:
		error_text_set(&snapshot->error,
			       "%s or its status.json is not the broker's own: not believed", path);
		break;
	case EFBIG:
		error_text_set(&snapshot->error, "status.json in %s is too large", path);
		break;
	case EBADMSG:
		error_text_set(&snapshot->error, "status.json in %s is damaged: %s", path,
			       detail->text);
		break;
	default:
		error_text_set(&snapshot->error, "status.json in %s cannot be read: %s", path,
			       strerror(-error));
	}
}

static int load(struct snapshot *snapshot, int directory_fd, uid_t owner, int64_t now_s,
		struct error_text *detail)
{
	CLEANUP(status_file) struct status_file file = {0};
	CLEANUP(status_view_free) struct status_view *view = NULL;
	struct document *document;
	int r = status_file_read(directory_fd, owner, &file);

	snapshot->has_heartbeat = r == 0;
	if (r < 0)
		return r;
	snapshot->mark = file.mark;
	r = status_view_parse(file.text, file.length, &view, detail);
	if (r < 0)
		return r;
	r = document_new(&document, file.text, file.length, view, now_s);
	if (r < 0)
		return r;
	/* A touched file is the same document: who watches it is told nothing. */
	if (snapshot->document == NULL || strcmp(snapshot->document->etag, document->etag) != 0)
		snapshot->version++;
	document_free(snapshot->document);
	status_view_free(snapshot->view);
	snapshot->document = document;
	snapshot->view = view;
	view = NULL;
	return 0;
}

static bool is_current(const struct snapshot *snapshot, const struct status_file_mark *mark,
		       int64_t now_s)
{
	return snapshot->has_mark && snapshot->mark.inode == mark->inode &&
	       snapshot->mark.modified_ns == mark->modified_ns &&
	       (snapshot->document == NULL || now_s < snapshot->document->true_until_s);
}

static int refresh(struct snapshot *snapshot, int64_t now_s, struct error_text *detail)
{
	CLEANUP(close_fd) int directory_fd = -1;
	struct status_file_mark mark;
	uid_t owner;
	int r = runtime_path_open(snapshot->runtime_path, &directory_fd, &owner);

	if (r == 0)
		r = status_file_look(directory_fd, &mark);
	if (r < 0) {
		snapshot->has_heartbeat = false;
		return r;
	}
	if (is_current(snapshot, &mark, now_s))
		return 0;
	snapshot->mark = mark;
	snapshot->has_mark = true;
	return load(snapshot, directory_fd, owner, now_s, detail);
}

void snapshot_refresh(struct snapshot *snapshot, int64_t now_realtime_ns)
{
	struct error_text detail = {.text = ""};
	int r = refresh(snapshot, now_realtime_ns / NS_PER_S, &detail);

	if (r == 0)
		return;
	/* A file that is wrong stays so until it changes; any other trouble may pass. */
	if (r != -EBADMSG && r != -EFBIG)
		snapshot->has_mark = false;
	forget(snapshot);
	explain(snapshot, r, &detail);
}

bool snapshot_is_up(const struct snapshot *snapshot, int64_t now_realtime_ns)
{
	return snapshot->has_heartbeat && !status_file_is_stale(&snapshot->mark, now_realtime_ns);
}
