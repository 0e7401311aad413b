/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

static void on_test_complete(const CU_pTest test, const CU_pSuite suite,
			     const CU_pFailureRecord failure)
{
	printf("%s %s: %s\n", failure == NULL ? "ok    " : "FAILED", suite->pName, test->pName);
	for (CU_pFailureRecord record = failure; record != NULL; record = record->pNext)
		printf("       %s:%u: %s\n", record->strFileName, record->uiLineNumber,
		       record->strCondition);
	fflush(stdout);
}

int harness_run(const char *suite, CU_TestInfo *tests)
{
	CU_SuiteInfo suites[] = {{.pName = suite, .pTests = tests}, CU_SUITE_INFO_NULL};
	CU_ErrorCode run_code = CUE_NOSUITE;
	unsigned failed;
	unsigned ran;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (CU_initialize_registry() == CUE_SUCCESS && CU_register_suites(suites) == CUE_SUCCESS) {
		CU_set_test_complete_handler(on_test_complete);
		run_code = CU_run_all_tests();
	}
	/* CUnit 2.1-3 returns CUE_SUCCESS with failed asserts: count for ourselves. */
	failed = CU_get_number_of_tests_failed();
	ran = CU_get_number_of_tests_run();
	if (failed == 0 &&
	    (run_code != CUE_SUCCESS || ran == 0 || CU_get_number_of_failure_records() != 0))
		failed = 1;
	printf("%s: %u passed, %u failed\n", suite, ran > failed ? ran - failed : 0, failed);
	CU_cleanup_registry();
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
