/* SPDX-License-Identifier: MIT */
/* status --watch on a terminal: a pseudo-terminal that is the child's controlling one, so that its
 * keys make signals. */
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "capture.h"
#include "fake_broker.h"
#include "harness.h"

#define ENTERED "\033[?1049h\033[?25l"
#define LEFT    "\033[?25h\033[?1049l"

static const struct fake_status valid = {.state = "valid", .generation = 7};
static const struct fake_status suspended = {.state = "suspended", .generation = 7};

/* A terminal with status --watch on it, and what it has shown. */
struct show {
	struct capture_child child; /* its out_fd is our end */
	int terminal;               /* the other end, kept open so that settings can be compared */
	struct termios before;
	struct capture got;
};

static void resize(const struct show *show, unsigned short columns, unsigned short lines)
{
	const struct winsize size = {.ws_col = columns, .ws_row = lines};

	STAGE_MUST(ioctl(show->child.out_fd, TIOCSWINSZ, &size) == 0);
}

static void be_on(const char *path)
{
	static const char *const words[] = {"status", "--watch", NULL};
	int fd;

	STAGE_MUST(setsid() > 0);
	fd = open(path, O_RDWR); /* becomes the controlling terminal */
	STAGE_MUST(fd >= 0);
	(void)dup2(fd, STDIN_FILENO);
	(void)dup2(fd, STDOUT_FILENO);
	(void)setenv("TERM", "xterm", 1);
	(void)setenv("LC_ALL", "C", 1);
	(void)unsetenv("NO_COLOR");
	capture_be(words);
}

static void begin(struct show *show)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	memset(show, 0, sizeof(*show));
	STAGE_MUST(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	show->child.out_fd = master;
	show->terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	STAGE_MUST(show->terminal >= 0 && tcgetattr(show->terminal, &show->before) == 0);
	resize(show, 80, 24);
	(void)fflush(stdout);
	show->child.pid = fork();
	STAGE_MUST(show->child.pid >= 0);
	if (show->child.pid == 0)
		be_on(ptsname(master));
	capture_expect(&show->child, &show->got, ENTERED);
	capture_expect(&show->child, &show->got, "valid");
}

static void press(const struct show *show, char key)
{
	STAGE_MUST(write(show->child.out_fd, &key, 1) == 1);
}

static void forget(struct show *show)
{
	show->got.out_length = 0;
	show->got.out[0] = '\0';
}

static bool is_as_before(const struct show *show)
{
	struct termios now;

	STAGE_MUST(tcgetattr(show->terminal, &now) == 0);
	return now.c_lflag == show->before.c_lflag && now.c_iflag == show->before.c_iflag &&
	       now.c_oflag == show->before.c_oflag &&
	       memcmp(now.c_cc, show->before.c_cc, sizeof(now.c_cc)) == 0;
}

/* Else the kernel may throw away what is written in answer to Ctrl-C: termios(3), NOFLSH. */
static bool keeps_output_on_a_signal(const struct show *show)
{
	struct termios now;

	STAGE_MUST(tcgetattr(show->terminal, &now) == 0);
	return (now.c_lflag & NOFLSH) != 0;
}

static void expect_end(struct show *show)
{
	int status;

	capture_expect(&show->child, &show->got, LEFT);
	STAGE_MUST(waitpid(show->child.pid, &status, 0) == show->child.pid);
	CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CU_ASSERT_TRUE(is_as_before(show));
	(void)close(show->terminal);
	(void)close(show->child.out_fd);
}

static void it_is_drawn_in_place_and_never_cleared(void)
{
	ON_STAGE(stage);
	struct show show;

	fake_show_status(&stage, &valid);
	begin(&show);
	capture_expect(&show.child, &show.got, "\033[H\033[1mtokenbrokerd\033[0m");
	capture_expect(&show.child, &show.got, "\033[32mvalid\033[0m\033[K\r\n");
	fake_show_status(&stage, &suspended);
	capture_expect(&show.child, &show.got, "\033[33msuspended\033[0m\033[K\r\n");
	capture_expect(&show.child, &show.got, "\033[0m\033[K\033[J");
	CU_ASSERT_PTR_NULL(strstr(show.got.out, "\033[2J"));
	press(&show, 'q');
	expect_end(&show);
}

static void ctrl_c_leaves_the_terminal_as_it_was(void)
{
	ON_STAGE(stage);
	struct show show;

	fake_show_status(&stage, &valid);
	begin(&show);
	CU_ASSERT_FALSE(is_as_before(&show));
	CU_ASSERT_TRUE(keeps_output_on_a_signal(&show));
	press(&show, 'x'); /* is not echoed, and does nothing */
	press(&show, 3);
	expect_end(&show);
	CU_ASSERT_PTR_NULL(strchr(strstr(show.got.out, ENTERED), 'x'));
}

static void another_size_is_drawn_for_at_once(void)
{
	static const char line[] = "revocations 0 ok, 0 failed; rejections 0 accepted, 0 not;";
	ON_STAGE(stage);
	struct show show;

	fake_show_status(&stage, &valid);
	begin(&show);
	capture_expect(&show.child, &show.got, "Ctrl-C");
	CU_ASSERT_PTR_NULL(strstr(show.got.out, line));
	resize(&show, 150, 24);
	capture_expect(&show.child, &show.got, line);
	press(&show, 'q');
	expect_end(&show);
}

static void ctrl_z_gives_the_screen_back_until_it_is_continued(void)
{
	ON_STAGE(stage);
	struct show show;
	int status;

	fake_show_status(&stage, &valid);
	begin(&show);
	press(&show, 26);
	capture_expect(&show.child, &show.got, LEFT);
	STAGE_MUST(waitpid(show.child.pid, &status, WUNTRACED) == show.child.pid);
	CU_ASSERT_TRUE(WIFSTOPPED(status));
	CU_ASSERT_TRUE(is_as_before(&show));
	forget(&show);
	STAGE_MUST(kill(show.child.pid, SIGCONT) == 0);
	capture_expect(&show.child, &show.got, ENTERED);
	capture_expect(&show.child, &show.got, "valid");
	CU_ASSERT_FALSE(is_as_before(&show));
	press(&show, 'q');
	expect_end(&show);
}

static void a_termination_leaves_the_terminal_as_it_was(void)
{
	ON_STAGE(stage);
	struct show show;

	fake_show_status(&stage, &valid);
	begin(&show);
	STAGE_MUST(kill(show.child.pid, SIGTERM) == 0);
	expect_end(&show);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"it_is_drawn_in_place_and_never_cleared", it_is_drawn_in_place_and_never_cleared},
		{"ctrl_c_leaves_the_terminal_as_it_was", ctrl_c_leaves_the_terminal_as_it_was},
		{"another_size_is_drawn_for_at_once", another_size_is_drawn_for_at_once},
		{"ctrl_z_gives_the_screen_back_until_it_is_continued",
		 ctrl_z_gives_the_screen_back_until_it_is_continued},
		{"a_termination_leaves_the_terminal_as_it_was",
		 a_termination_leaves_the_terminal_as_it_was},
		CU_TEST_INFO_NULL,
	};

	return harness_run("terminal", tests);
}
