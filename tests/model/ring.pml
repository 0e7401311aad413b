/* SPDX-License-Identifier: MIT */
/*
 * The ring of slots: one writer that may die before and after any store and is followed by another
 * one, and a reader. Memory is sequentially consistent here: what weaker memory may do is the
 * subject of the litmus files.
 *
 * A slot holds its count, a generation, a state, a token of two words that both say the generation,
 * and a sum. A second reader would change nothing: readers write nothing that another process reads.
 *
 * Bounds: OPS orders to the broker (a new token, a successor of a revoked one, a withdraw), DEATHS,
 * READS of one reader with TRIES each. Other names that are asked for here take a precaution away:
 * tests/proofs/model says what must be found then. The comment on an assertion is the property's name.
 */
#ifndef N
#define N 4
#endif
#ifndef BOUND
#define BOUND (N - 1) /* the last try accepts a head that moved by less */
#endif
#ifndef REPEATS
#define REPEATS (N - 1) /* of a scrub */
#endif

#if defined(WRITES_CURRENT_SLOT) /* with every other publish */
#define SLOT(n) ((n) / 2 % N)
#elif defined(ONE_COPY)
#define SLOT(n) 0
#else
#define SLOT(n) ((n) % N)
#endif

#define NONE  0
#define VALID 1

#define SUM(n, gen, state, w0, w1) (((((n) * 8 + (gen)) * 2 + (state)) * 8 + (w0)) * 8 + (w1))

typedef slot {
	byte seq;
	byte gen;
	bit state;
	byte word[2];
	short sum;
}

slot ring[N];
byte head;

/* What only the properties look at: the content that head stands for, and the oldest generation
 * whose token may still lie somewhere. */
byte current_gen;
bit current_state;
byte oldest_gen;

byte deaths = DEATHS;

/* One step of the writer: it is taken, or the writer dies before it. */
#define STEP(what)                        \
	if                                \
	:: what                           \
	:: deaths > 0 -> goto dead        \
	fi

#define IS_SUM_RIGHT(at, n)                                                           \
	(ring[at].sum == SUM(n, ring[at].gen, ring[at].state, ring[at].word[0], ring[at].word[1]))

#define COMMIT                                                                        \
	d_step {                                                                      \
		head = n;                                                             \
		current_gen = gen;                                                    \
		current_state = state;                                                \
		if                                                                    \
		:: scrubs -> oldest_gen = (state == VALID -> gen : gen + 1)           \
		:: else                                                               \
		fi                                                                    \
	}

#if N > 2
#define SLOTS_HOLD_NOTHING_OLD                                                        \
	(HOLDS_NOTHING_OLD(0) && HOLDS_NOTHING_OLD(1) && HOLDS_NOTHING_OLD(2) &&      \
	 HOLDS_NOTHING_OLD(3))
#else
#define SLOTS_HOLD_NOTHING_OLD (HOLDS_NOTHING_OLD(0) && HOLDS_NOTHING_OLD(1))
#endif
#define IS_NOT_OLD(w)        ((w) == 0 || (w) >= oldest_gen)
#define HOLDS_NOTHING_OLD(i) (IS_NOT_OLD(ring[i].word[0]) && IS_NOT_OLD(ring[i].word[1]))

active proctype broker()
{
	byte ops = OPS;
	byte count;       /* its own memory, and so are the next three */
	byte gen;
	bit state;
	byte scrubs_left;
	bit scrubs;       /* this publish begins a scrub */
	byte n;
	byte at;

	/* Header and first slot are complete before a link leads here. */
	d_step {
		head = 1;
		current_gen = 1;
		current_state = VALID;
		at = SLOT(1);
		ring[at].seq = 1;
		ring[at].gen = 1;
		ring[at].state = VALID;
		ring[at].word[0] = 1;
		ring[at].word[1] = 1;
		ring[at].sum = SUM(1, 1, VALID, 1, 1);
		count = 1;
		gen = 1;
		state = VALID;
		at = 0
	};

idle:
	assert(scrubs_left > 0 || SLOTS_HOLD_NOTHING_OLD); /* a scrub leaves nothing behind */
	if
	:: scrubs_left > 0 ->
		scrubs_left--;
		goto publish
	:: ops > 0 -> /* a new token */
		d_step { ops--; gen++; state = VALID };
		goto publish_anew
	:: ops > 0 -> /* a successor, and the token before it was revoked */
		d_step { ops--; gen++; state = VALID; scrubs = 1 };
#ifdef REVOKES_FIRST
		oldest_gen = gen;
#endif
		goto publish_anew
	:: ops > 0 && state == VALID -> /* a withdraw keeps the generation */
		d_step { ops--; state = NONE; scrubs = 1 };
#ifdef WITHDRAW_FORGETS_GENERATION
		gen = 0;
#endif
		goto publish_anew
	:: scrubs_left == 0 -> goto end_of_model
	:: deaths > 0 -> goto dead
	fi;

publish_anew: /* also covers a slot that a scrub in progress was to cover */
	atomic {
		if
		:: scrubs -> scrubs_left = REPEATS
		:: !scrubs && scrubs_left > 0 -> scrubs_left--
		:: else
		fi
	};

publish:
	atomic { n = count + 1; at = SLOT(n) };
	STEP(ring[at].seq = 0);
	STEP(ring[at].gen = gen);
	STEP(ring[at].state = state);
#ifdef HEAD_BEFORE_TOKEN
	STEP(ring[at].seq = n);
	STEP(COMMIT);
#endif
	STEP(ring[at].word[0] = (state == VALID -> gen : 0));
	STEP(ring[at].word[1] = (state == VALID -> gen : 0));
	STEP(ring[at].sum = SUM(n, gen, state, ring[at].word[0], ring[at].word[1]));
	STEP(ring[at].seq = n);
#ifndef HEAD_BEFORE_TOKEN
	STEP(COMMIT);
#endif
	d_step { count = n; n = 0; at = 0; scrubs = 0 };
	goto idle;

dead: /* its own memory is gone; no other broker may come, which is the reader's problem alone */
	atomic {
		deaths--;
		count = 0;
		gen = 0;
		state = 0;
		scrubs_left = 0;
		scrubs = 0;
		n = 0;
		at = 0
	};
	if
	:: goto end_of_model
#ifndef NO_NEXT
	:: true
#endif
	fi;

	/* The next broker alone writes now, so it may as well look in one step. What is current is
	 * whole, wherever the last one died. */
	d_step {
#ifdef ADOPTS_WHAT_IS_NOT_COMMITTED
		count = (ring[SLOT(head + 1)].seq == head + 1 -> head + 1 : head);
#else
		count = head;
#endif
		at = SLOT(count);
		gen = ring[at].gen;
		state = ring[at].state;
		assert(ring[at].seq == count); /* the adopter finds a whole slot */
		assert(IS_SUM_RIGHT(at, count)); /* the adopter finds a whole slot */
		assert(gen == current_gen && state == current_state); /* the adopter finds the last commit */
		scrubs = 1;
		at = 0
	};
#ifdef NO_SCRUB
	scrubs = 0;
#endif
#ifdef FINISHES_WHAT_IT_FINDS
	/* Takes the slot in progress for a publish that lacks its last steps. */
	if
	:: ring[SLOT(count + 1)].seq == 0 && ring[SLOT(count + 1)].gen == gen + 1 ->
		d_step {
			count++;
			gen++;
			state = VALID;
			ring[SLOT(count)].seq = count;
			head = count;
			current_gen = gen;
			current_state = state
		}
	:: else
	fi;
#endif
	if
	:: true                                  /* the token is kept */
	:: state == VALID -> state = NONE        /* expired, suspended, another source */
	fi;
#ifdef NO_REPUBLISH
	scrubs = 0;
	goto idle;
#endif
	goto publish_anew;

end_of_model:
	skip
}

active proctype reader()
{
	byte reads = READS;
	byte tries;
	byte last_gen;
	byte want_gen;
	bit want_state;
	byte oldest_at_start;
	byte q, e, seq, gen, word[2];
	bit state;
	bit sound;

	head > 0; /* the link is there */
	do
	:: reads > 0 ->
		d_step { reads--; tries = 1; oldest_at_start = oldest_gen };
again:
		atomic { q = head; want_gen = current_gen; want_state = current_state };
		state = ring[SLOT(q)].state;
		seq = ring[SLOT(q)].seq;
		gen = ring[SLOT(q)].gen;
		sound = (seq == q);
#ifdef ONE_COPY
		if
		:: !sound -> ring[0].seq != 0; goto again /* as readers of a seqlock do */
		:: else
		fi;
#endif
		if
		:: sound && state == VALID ->
			word[0] = ring[SLOT(q)].word[0];
			word[1] = ring[SLOT(q)].word[1]
		:: else
		fi;
#ifdef ONE_COPY
		e = (ring[0].seq == q -> q : q + N);
#else
		e = head;
#endif
		if
#ifdef NO_SECOND_LOOK
		:: true ->
#else
		:: e == q || (tries == TRIES && e - q < BOUND) ->
#endif
			d_step {
				assert(sound); /* no whole slot looks damaged */
				assert(gen == want_gen && state == want_state); /* never torn */
				assert(state == NONE || word[0] == gen); /* never torn */
				assert(state == NONE || word[1] == gen); /* never torn */
				assert(state == NONE || gen >= oldest_at_start); /* nothing withdrawn is read */
				assert(gen >= last_gen); /* generations rise */
				last_gen = gen
			}
		:: else ->
			if
			:: tries < TRIES ->
				d_step { tries++; seq = 0; gen = 0; word[0] = 0; word[1] = 0; e = 0 };
				goto again
			:: else /* as many publishes as that during one try, and a try for each */
			fi
		fi;
		d_step {
			tries = 0; q = 0; e = 0; seq = 0; gen = 0; word[0] = 0; word[1] = 0;
			state = 0; sound = 0; want_gen = 0; want_state = 0; oldest_at_start = 0
		}
	:: reads == 0 -> break
	od
}
