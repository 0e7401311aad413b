/* SPDX-License-Identifier: MIT */
/*
 * memcpy() and its like move up to 64 bytes at a time through the processor's vector registers, and
 * leave them there: long enough for a whole secret, and every core file and debugger has them.
 */
#ifndef BASE_VECTOR_REGISTERS_H
#define BASE_VECTOR_REGISTERS_H

/*
 * Clears those of the calling thread that a function need not keep for its caller. Costs some
 * nanoseconds. On processors other than x86-64 and AArch64 it does nothing.
 */
void vector_registers_wipe(void);

#endif
