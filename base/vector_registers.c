/* SPDX-License-Identifier: MIT */
#include "base/vector_registers.h"

#if defined(__x86_64__)

/* The lower half in all its widths; the upper one, which only AVX-512 has, is not touched. */
__attribute__((target("avx"))) static void wipe_with_avx(void)
{
	__asm__ volatile("vzeroall" ::
				 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
				   "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
				   "xmm15");
}

#define CLEAR(number) "vpxorq %%zmm" #number ", %%zmm" #number ", %%zmm" #number "\n\t"

__attribute__((target("avx512f"))) static void wipe_upper_half(void)
{
	__asm__ volatile(CLEAR(16) CLEAR(17) CLEAR(18) CLEAR(19) CLEAR(20) CLEAR(21) CLEAR(22)
				 CLEAR(23) CLEAR(24) CLEAR(25) CLEAR(26) CLEAR(27) CLEAR(28)
					 CLEAR(29) CLEAR(30) CLEAR(31)::
						 : "xmm16", "xmm17", "xmm18", "xmm19", "xmm20",
						   "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",
						   "xmm26", "xmm27", "xmm28", "xmm29", "xmm30",
						   "xmm31");
}

#undef CLEAR
#define CLEAR(number) "pxor %%xmm" #number ", %%xmm" #number "\n\t"

static void wipe_with_sse(void)
{
	__asm__ volatile(CLEAR(0) CLEAR(1) CLEAR(2) CLEAR(3) CLEAR(4) CLEAR(5) CLEAR(6) CLEAR(7)
				 CLEAR(8) CLEAR(9) CLEAR(10) CLEAR(11) CLEAR(12) CLEAR(13) CLEAR(14)
					 CLEAR(15)::
						 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
						   "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
						   "xmm12", "xmm13", "xmm14", "xmm15");
}

void vector_registers_wipe(void)
{
	if (__builtin_cpu_supports("avx512f"))
		wipe_upper_half();
	if (__builtin_cpu_supports("avx"))
		wipe_with_avx();
	else
		wipe_with_sse();
}

#elif defined(__aarch64__)

#define CLEAR(number) "movi v" #number ".2d, #0\n\t"

/* A function keeps v8 to v15 (their lower half) for its caller, so the library's copies use none of
 * them: AAPCS64, section 6.1.2. */
void vector_registers_wipe(void)
{
	__asm__ volatile(CLEAR(0) CLEAR(1) CLEAR(2) CLEAR(3) CLEAR(4) CLEAR(5) CLEAR(6) CLEAR(7)
				 CLEAR(16) CLEAR(17) CLEAR(18) CLEAR(19) CLEAR(20) CLEAR(21)
					 CLEAR(22) CLEAR(23) CLEAR(24) CLEAR(25) CLEAR(26) CLEAR(27)
						 CLEAR(28) CLEAR(29) CLEAR(30) CLEAR(31)::
							 : "v0", "v1", "v2", "v3", "v4", "v5", "v6",
							   "v7", "v16", "v17", "v18", "v19", "v20",
							   "v21", "v22", "v23", "v24", "v25", "v26",
							   "v27", "v28", "v29", "v30", "v31");
}

#else

void vector_registers_wipe(void)
{
}

#endif
