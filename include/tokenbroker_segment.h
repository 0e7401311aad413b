/* SPDX-License-Identifier: MIT */
/*
 * The shared-memory segment, layout version 1: what the broker writes and the library reads.
 *
 * Frozen: tests/unit/publish/ compares every offset and one whole segment with a golden file. A new
 * minor version only appends, a new major version is another file format. docs/segment-format.md
 * explains the protocol; this header holds numbers only and the two sums both sides compute.
 *
 * All words are in host byte order and naturally aligned. Geometry is read from the header of the
 * segment at hand, never from the constants here.
 */
#ifndef TOKENBROKER_SEGMENT_H
#define TOKENBROKER_SEGMENT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#if ATOMIC_LLONG_LOCK_FREE != 2 || UINTPTR_MAX != UINT64_MAX
#error "tokenbroker needs a 64-bit machine with lock-free 8-byte atomics"
#endif

#define TOKENBROKER_SEGMENT_MAGIC      UINT64_C(0x315242544b4f5442) /* "BTOKTBR1" on little-endian */
#define TOKENBROKER_SEGMENT_MAJOR      1
#define TOKENBROKER_SEGMENT_MINOR      0
#define TOKENBROKER_SEGMENT_BYTE_ORDER UINT32_C(0x01020304)
#define TOKENBROKER_SEGMENT_SLOTS      4
#define TOKENBROKER_SEGMENT_NAME_BYTES 64

/* What a reader accepts of a geometry. The upper bound is four slots of 64 KiB and the header, with
 * room for a later version to grow. */
#define TOKENBROKER_SEGMENT_BYTES_MIN 0x400
#define TOKENBROKER_SEGMENT_BYTES_MAX 0x200000
#define TOKENBROKER_SEGMENT_SLOTS_MIN 4 /* and a power of two */
#define TOKENBROKER_SEGMENT_SLOTS_MAX 64

enum tokenbroker_segment_state {
	TOKENBROKER_SEGMENT_NONE = 0,
	TOKENBROKER_SEGMENT_VALID = 1,
	TOKENBROKER_SEGMENT_EXPIRED = 2,
	TOKENBROKER_SEGMENT_SUSPENDED = 3,
};

/* Written once, before the segment has a name that readers look for. */
struct tokenbroker_segment_header {
	uint64_t magic;
	uint16_t abi_major; /* must match */
	uint16_t abi_minor;
	uint32_t header_bytes; /* of this block: what header_sum covers, itself included */
	uint32_t byte_order;
	uint32_t incompat_flags; /* a reader refuses a bit that it does not know */
	uint32_t compat_flags;   /* a reader ignores a bit that it does not know */
	uint32_t reserved0;
	uint64_t segment_bytes; /* the size of the file */
	uint32_t slot_offset;
	uint32_t slot_stride;
	uint32_t slot_count;
	uint32_t token_offset;   /* within a slot */
	uint32_t token_capacity; /* longest token, without the NUL */
	uint32_t meta_bytes;     /* of a slot: what stands before the token */
	uint8_t segment_id[16];
	uint8_t boot_id[16];
	uint64_t runtime_id; /* of the broker: SHA-256 of its runtime directory, cut */
	uint64_t created_realtime_ns;
	uint32_t broker_uid; /* for people: the reader believes st_uid */
	uint32_t reserved1;
	char name[TOKENBROKER_SEGMENT_NAME_BYTES]; /* of the token, zero padded */
	uint64_t reserved2[8];
	uint64_t header_sum; /* tokenbroker_segment_header_sum() */
};

#define TOKENBROKER_SEGMENT_HEAD_OFFSET  0x100
#define TOKENBROKER_SEGMENT_WAKE_OFFSET  0x180
#define TOKENBROKER_SEGMENT_EPOCH_OFFSET 0x184
#define TOKENBROKER_SEGMENT_SLOT_OFFSET  0x200
#define TOKENBROKER_SEGMENT_TOKEN_OFFSET 0x80
#define TOKENBROKER_SEGMENT_SLOT_ALIGN   0x80

#define TOKENBROKER_SEGMENT_RETIRED      (UINT64_C(1) << 63) /* in head */
#define TOKENBROKER_SEGMENT_COUNT        (~TOKENBROKER_SEGMENT_RETIRED)

/* The mutable words between header and slots, each in cache lines of its own. */
struct tokenbroker_segment_lines {
	_Alignas(128) _Atomic uint64_t head; /* publish count and RETIRED */
	_Alignas(128) _Atomic uint32_t wake; /* the futex word */
	_Atomic uint32_t broker_epoch;       /* adoptions, for people */
};

/* Offsets of the 8-byte words of a slot's metadata. All are accessed as _Atomic uint64_t. */
enum tokenbroker_segment_slot_word {
	TOKENBROKER_SLOT_SEQ = 0x00, /* the count that led here, 0 while filling */
	TOKENBROKER_SLOT_GENERATION = 0x08,
	TOKENBROKER_SLOT_EXPIRES_BOOTTIME = 0x10, /* int64_t, ns */
	TOKENBROKER_SLOT_EXPIRES_REALTIME = 0x18, /* int64_t, ns */
	TOKENBROKER_SLOT_ISSUED_REALTIME = 0x20,  /* int64_t, ns */
	TOKENBROKER_SLOT_LENGTH_STATE = 0x28,     /* length in bits 0-31, state in bits 32-63 */
	TOKENBROKER_SLOT_FLAGS_ERROR = 0x30,      /* flags in bits 0-31, error in bits 32-63 */
	TOKENBROKER_SLOT_SOURCE_ID = 0x38,
	TOKENBROKER_SLOT_SUM =
		0x40, /* tokenbroker_segment_slot_sum(); the adopter's, not the reader's */
	TOKENBROKER_SLOT_META_BYTES = 0x48,
};

_Static_assert(sizeof(struct tokenbroker_segment_header) == TOKENBROKER_SEGMENT_HEAD_OFFSET, "ABI");
_Static_assert(offsetof(struct tokenbroker_segment_header, abi_major) == 0x08, "ABI");
_Static_assert(offsetof(struct tokenbroker_segment_header, abi_minor) == 0x0a, "ABI");
_Static_assert(offsetof(struct tokenbroker_segment_header, header_bytes) == 0x0c, "ABI");
_Static_assert(offsetof(struct tokenbroker_segment_header, byte_order) == 0x10, "ABI");
_Static_assert(offsetof(struct tokenbroker_segment_header, incompat_flags) == 0x14, "ABI");
_Static_assert(offsetof(struct tokenbroker_segment_header, compat_flags) == 0x18, "ABI");
_Static_assert(offsetof(struct tokenbroker_segment_header, segment_bytes) == 0x20, "ABI");
_Static_assert(offsetof(struct tokenbroker_segment_header, slot_offset) == 0x28, "ABI");
_Static_assert(offsetof(struct tokenbroker_segment_header, slot_stride) == 0x2c, "ABI");
_Static_assert(offsetof(struct tokenbroker_segment_header, slot_count) == 0x30, "ABI");
_Static_assert(offsetof(struct tokenbroker_segment_header, token_offset) == 0x34, "ABI");
_Static_assert(offsetof(struct tokenbroker_segment_header, token_capacity) == 0x38, "ABI");
_Static_assert(offsetof(struct tokenbroker_segment_header, meta_bytes) == 0x3c, "ABI");
_Static_assert(offsetof(struct tokenbroker_segment_header, segment_id) == 0x40, "ABI");
_Static_assert(offsetof(struct tokenbroker_segment_header, boot_id) == 0x50, "ABI");
_Static_assert(offsetof(struct tokenbroker_segment_header, runtime_id) == 0x60, "ABI");
_Static_assert(offsetof(struct tokenbroker_segment_header, created_realtime_ns) == 0x68, "ABI");
_Static_assert(offsetof(struct tokenbroker_segment_header, broker_uid) == 0x70, "ABI");
_Static_assert(offsetof(struct tokenbroker_segment_header, name) == 0x78, "ABI");
_Static_assert(offsetof(struct tokenbroker_segment_header, header_sum) == 0xf8, "ABI");
_Static_assert(offsetof(struct tokenbroker_segment_lines, head) == 0, "ABI");
_Static_assert(offsetof(struct tokenbroker_segment_lines, wake) == 0x80, "ABI");
_Static_assert(offsetof(struct tokenbroker_segment_lines, broker_epoch) == 0x84, "ABI");
_Static_assert(sizeof(struct tokenbroker_segment_lines) == 0x100, "ABI");
_Static_assert(sizeof(_Atomic uint64_t) == 8 && sizeof(_Atomic uint32_t) == 4, "ABI");
_Static_assert(TOKENBROKER_SLOT_META_BYTES <= TOKENBROKER_SEGMENT_TOKEN_OFFSET, "ABI");

/* FNV-1a, 64 bit, over bytes; parameters from draft-eastlake-fnv. It finds damage, not malice: who
 * may write a segment is decided by its owner. */
#define TOKENBROKER_SEGMENT_SUM_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t tokenbroker_segment_sum(uint64_t sum, const void *data, size_t size)
{
	const unsigned char *bytes = (const unsigned char *)data;

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
	return sum;
}

static inline uint64_t
tokenbroker_segment_header_sum(const struct tokenbroker_segment_header *header)
{
	return tokenbroker_segment_sum(TOKENBROKER_SEGMENT_SUM_START, header,
				       offsetof(struct tokenbroker_segment_header, header_sum));
}

/* meta: the words from TOKENBROKER_SLOT_GENERATION to TOKENBROKER_SLOT_SOURCE_ID, 56 bytes; seq:
 * the publish count they are stored under; token: its length bytes, without padding and NUL. */
static inline uint64_t tokenbroker_segment_slot_sum(uint64_t seq, const uint64_t meta[7],
						    const void *token, size_t length)
{
	uint64_t sum = TOKENBROKER_SEGMENT_SUM_START;

	sum = tokenbroker_segment_sum(sum, &seq, sizeof(seq));
	sum = tokenbroker_segment_sum(sum, meta, 7 * sizeof(*meta));
	return tokenbroker_segment_sum(sum, token, length);
}

#endif
