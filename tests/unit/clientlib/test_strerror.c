/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>

#include "harness.h"
#include "stage.h"

static void every_error_of_the_library_has_a_text_of_its_own(void)
{
	static const int errors[] = {0,           ENOENT,  EACCES, EPERM,       EPROTO,    ENOKEY,
				     EKEYEXPIRED, ENOBUFS, ESTALE, EAGAIN,      ETIMEDOUT, EINTR,
				     EKEYREVOKED, EINVAL,  ENOMEM, ECONNREFUSED};
	size_t count = sizeof(errors) / sizeof(*errors);

	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < i; k++)
			CU_ASSERT_STRING_NOT_EQUAL(tokenbroker_strerror(errors[i]),
						   tokenbroker_strerror(errors[k]));
}

static void both_signs_mean_the_same(void)
{
	CU_ASSERT_PTR_EQUAL(tokenbroker_strerror(ENOKEY), tokenbroker_strerror(-ENOKEY));
	CU_ASSERT_STRING_EQUAL(tokenbroker_strerror(-ENOKEY),
			       "no token has been fetched yet, or the last one was revoked");
}

static void an_error_of_the_system_has_the_systems_text(void)
{
	CU_ASSERT_STRING_EQUAL(tokenbroker_strerror(-EMFILE), "Too many open files");
	CU_ASSERT_STRING_EQUAL(tokenbroker_strerror(EMFILE), "Too many open files");
}

static void any_number_has_a_text(void)
{
	CU_ASSERT_STRING_EQUAL(tokenbroker_strerror(INT_MIN), "unknown error");
	CU_ASSERT_STRING_EQUAL(tokenbroker_strerror(INT_MAX), "unknown error");
	CU_ASSERT_STRING_EQUAL(tokenbroker_strerror(-4095), "unknown error");
	CU_ASSERT_STRING_EQUAL(tokenbroker_strerror(99999), "unknown error");
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"every_error_of_the_library_has_a_text_of_its_own",
		 every_error_of_the_library_has_a_text_of_its_own},
		{"both_signs_mean_the_same", both_signs_mean_the_same},
		{"an_error_of_the_system_has_the_systems_text",
		 an_error_of_the_system_has_the_systems_text},
		{"any_number_has_a_text", any_number_has_a_text},
		CU_TEST_INFO_NULL,
	};

	return harness_run("strerror", tests);
}
