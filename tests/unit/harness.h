/* SPDX-License-Identifier: MIT */
/*
 * Runs the tests of one program with CUnit and gives the exit status that CUnit does not: 0 only
 * when at least one test ran and none failed. Prints "N passed, N failed" last.
 */
#ifndef TESTS_UNIT_HARNESS_H
#define TESTS_UNIT_HARNESS_H

#include <CUnit/CUnit.h>

/* tests ends with CU_TEST_INFO_NULL; suite is the module's name. */
int harness_run(const char *suite, CU_TestInfo *tests);

#endif
