/* SPDX-License-Identifier: MIT */
#include "cli/terminal.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* xterm's control sequences: the other screen without cursor, and back. */
#define ENTER_SCREEN "\033[?1049h\033[?25l"
#define LEAVE_SCREEN "\033[?25h\033[?1049l"

static void tell_terminal(const char *sequence)
{
	(void)fputs(sequence, stdout);
	(void)fflush(stdout);
}

/* Of a shell, while another program has the terminal: reading from it, or changing its settings,
 * would stop this one, and writing would disturb the other. */
static bool is_in_background(int fd)
{
	pid_t group = tcgetpgrp(fd);

	return group >= 0 && group != getpgrp();
}

/* Keys come one by one and unseen; Ctrl-C and Ctrl-Z stay signals. */
static void take_keys(struct terminal *terminal)
{
	struct termios wanted;

	if (is_in_background(STDIN_FILENO) ||
	    (!terminal->has_keys && tcgetattr(STDIN_FILENO, &terminal->saved) < 0))
		return; /* or no terminal at all */
	wanted = terminal->saved;
	wanted.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	/* Ctrl-C discards what is not shown yet, and the kernel does so after the signal: without
	 * this the way back to the ordinary screen may be lost. */
	wanted.c_lflag |= NOFLSH;
	wanted.c_cc[VMIN] = 1;
	wanted.c_cc[VTIME] = 0;
	terminal->has_keys = tcsetattr(STDIN_FILENO, TCSADRAIN, &wanted) == 0;
}

static void give_keys_back(const struct terminal *terminal)
{
	if (terminal->has_keys && !is_in_background(STDIN_FILENO))
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->saved);
}

static void enter(struct terminal *terminal)
{
	if (!terminal->has_screen || is_in_background(STDOUT_FILENO))
		return;
	take_keys(terminal);
	if (!terminal->is_drawing)
		tell_terminal(ENTER_SCREEN);
	terminal->is_drawing = true;
}

static void leave(struct terminal *terminal)
{
	if (!terminal->is_drawing)
		return;
	tell_terminal(LEAVE_SCREEN);
	give_keys_back(terminal);
	terminal->is_drawing = false;
}

int terminal_begin(struct terminal *terminal, bool has_screen)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH};
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaddset(&set, signals[i]);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	*terminal = (struct terminal){.has_screen = has_screen, .signal_fd = fd};
	enter(terminal);
	return 0;
}

void terminal_end(struct terminal *terminal)
{
	if (terminal->signal_fd < 0)
		return;
	leave(terminal);
	(void)close(terminal->signal_fd);
	*terminal = (struct terminal)TERMINAL_NULL;
}

static enum terminal_event take_signal(struct terminal *terminal)
{
	struct signalfd_siginfo info;

	if (read(terminal->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return TERMINAL_TIMEOUT;
	switch (info.ssi_signo) {
	case SIGTSTP: /* the shell gets its screen back until it continues us */
		leave(terminal);
		(void)raise(SIGSTOP);
		enter(terminal);
		return TERMINAL_CHANGED;
	case SIGCONT: /* to the foreground, or after a stop that nobody announced */
		enter(terminal);
		return TERMINAL_CHANGED;
	case SIGWINCH:
		return TERMINAL_CHANGED;
	}
	return TERMINAL_END;
}

static enum terminal_event take_key(struct terminal *terminal)
{
	char keys[16];
	ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

	if (n <= 0) {
		terminal->has_keys = false;
		return TERMINAL_TIMEOUT;
	}
	return memchr(keys, 'q', (size_t)n) != NULL ? TERMINAL_END : TERMINAL_TIMEOUT;
}

enum terminal_event terminal_wait(struct terminal *terminal, int timeout_ms)
{
	enum { SIGNALS, OUTPUT, KEYS, COUNT };
	bool can_read = terminal->has_keys && !is_in_background(STDIN_FILENO);
	struct pollfd ready[COUNT] = {
		[SIGNALS] = {.fd = terminal->signal_fd, .events = POLLIN},
		[OUTPUT] = {.fd = STDOUT_FILENO}, /* only whether its reader is gone */
		[KEYS] = {.fd = can_read ? STDIN_FILENO : -1, .events = POLLIN},
	};

	if (poll(ready, COUNT, timeout_ms) <= 0)
		return TERMINAL_TIMEOUT;
	if (ready[SIGNALS].revents != 0)
		return take_signal(terminal);
	if (ready[OUTPUT].revents != 0)
		return TERMINAL_GONE;
	return take_key(terminal);
}

void terminal_size(size_t *ret_columns, size_t *ret_lines)
{
	struct winsize size = {0};

	(void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	*ret_columns = size.ws_col == 0 ? 80 : size.ws_col;
	*ret_lines = size.ws_row == 0 ? 24 : size.ws_row;
}

bool terminal_has_utf8(void)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
	bool has_utf8;

	if (locale == (locale_t)0)
		return false;
	has_utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
	freelocale(locale);
	return has_utf8;
}
