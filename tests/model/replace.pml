/* SPDX-License-Identifier: MIT */
/*
 * From segment to segment: a broker that replaces, retires and removes what it publishes and may die
 * before any step; a reader that gets the token, and one that waits for the next. Both follow the
 * link. What a segment says is one number here, the generation of its token, or 0 for none: ring.pml
 * shows that it may be.
 *
 * Bounds: PUBLISHES, REPLACEMENTS, REMOVALS, DEATHS, READS of the reader. The waiter's
 * sleep has no end of its own, but where nobody would wake it: without a segment.
 *
 * Other names that are asked for here take a precaution away, as in ring.pml.
 */
#define N        4
#define SEGMENTS (REPLACEMENTS + PUBLISHES + 2) /* number 0 is none */
#define NONE     0

#ifndef REPEATS
#define REPEATS (N - 1) /* of the withdraw */
#endif

/* The file system. */
byte link; /* which segment tokens/NAME leads to */
bit is_named[SEGMENTS];

/* The memory of each segment. */
byte published[SEGMENTS];
byte slots_with_token[SEGMENTS];
bit is_retired[SEGMENTS];
byte wake[SEGMENTS];

bit is_begun;
byte sleeps_on; /* where the waiter is in FUTEX_WAIT */
byte newest = 1; /* generation that was committed where the link leads */
byte deaths = DEATHS;

#define STEP(what)                        \
	if                                \
	:: what                           \
	:: deaths > 0 -> goto dead        \
	fi

#define IS_LINKED_OR_GONE(segment) (!is_named[segment] || link == segment)
#define ONLY_THE_LINKED_IS_THERE                                                       \
	(IS_LINKED_OR_GONE(1) && IS_LINKED_OR_GONE(2) && IS_LINKED_OR_GONE(SEGMENTS - 1))

/* In one segment a publish is one step: the token, and then the word that sleepers compare. */
#define PUBLISH(segment, gen)                                                          \
	d_step {                                                                       \
		published[segment] = gen;                                              \
		if                                                                     \
		:: slots_with_token[segment] < N -> slots_with_token[segment]++        \
		:: else                                                                \
		fi                                                                     \
	}
#define WITHDRAW(segment)                                                              \
	d_step {                                                                       \
		published[segment] = 0;                                                \
		if                                                                     \
		:: slots_with_token[segment] > 0 -> slots_with_token[segment]--        \
		:: else                                                                \
		fi                                                                     \
	}
#define FUTEX_WAKE(segment)                                                            \
	d_step {                                                                       \
		if                                                                     \
		:: sleeps_on == segment -> sleeps_on = NONE                          \
		:: else                                                                \
		fi                                                                     \
	}

active proctype broker()
{
	byte publishes = PUBLISHES;
	byte replacements = REPLACEMENTS;
	byte removals = REMOVALS;
	byte made; /* segments so far: names are random, so none comes twice */
	/* Its own memory: */
	byte own;          /* the segment it publishes into */
	byte gen;          /* of the newest token */
	byte fresh;
	byte retiring;     /* one at a time here */
	byte repeats_left; /* of its withdraw */
	bit wake_is_due;   /* in the one that retires */

	d_step {
		made = 1;
		own = 1;
		gen = 1;
		published[1] = 1;
		slots_with_token[1] = N; /* it has been there for long */
		is_named[1] = 1;
		link = 1;
		is_begun = 1
	};

loop:
	if
	:: publishes > 0 && own != NONE -> /* a new token, in place */
		publishes--;
		STEP(d_step { gen++; PUBLISH(own, gen); newest = gen });
		STEP(wake[own]++);
		STEP(FUTEX_WAKE(own));
		goto loop
	:: replacements > 0 && retiring == NONE && own != NONE ->
		d_step { replacements--; made++; fresh = made };
		if
		:: publishes > 0 -> publishes--; gen++ /* a token that did not fit */
		:: true
		fi;
#ifdef LINK_FIRST
		STEP(link = fresh);
#endif
#if defined(EMPTY_FIRST)
		STEP(is_named[fresh] = 1);
#elif defined(FORMER_TOKEN_FIRST)
		STEP(d_step { PUBLISH(fresh, published[own]); is_named[fresh] = 1 });
#else
		STEP(d_step { PUBLISH(fresh, gen); is_named[fresh] = 1 });
#endif
#ifdef RETIRES_FIRST
		STEP(WITHDRAW(own));
#endif
#ifndef LINK_FIRST
		STEP(d_step { link = fresh; newest = gen });
#endif
#if defined(EMPTY_FIRST) || defined(FORMER_TOKEN_FIRST)
		STEP(PUBLISH(fresh, gen));
#endif
		d_step { retiring = own; own = fresh; fresh = NONE };
		goto retire
	:: removals > 0 && retiring == NONE && own != NONE ->
		d_step { removals--; retiring = own; own = NONE };
		goto retire
	:: own == NONE && retiring == NONE && publishes > 0 -> /* it is configured again */
		d_step { publishes--; made++; fresh = made; gen++ };
		STEP(d_step { PUBLISH(fresh, gen); is_named[fresh] = 1 });
		STEP(d_step { link = fresh; newest = gen });
		d_step { own = fresh; fresh = NONE };
		goto loop
	:: wake_is_due ->
		STEP(FUTEX_WAKE(retiring));
		wake_is_due = 0;
		goto loop
	:: repeats_left > 0 ->
		STEP(WITHDRAW(retiring));
		repeats_left--;
		if
		:: repeats_left == 0 ->
			assert(slots_with_token[retiring] == 0); /* no retired segment holds a token */
			STEP(is_retired[retiring] = 1);
			STEP(wake[retiring]++);
			wake_is_due = 1
		:: else
		fi;
		goto loop
	:: retiring != NONE && repeats_left == 0 && !wake_is_due ->
		STEP(is_named[retiring] = 0);
		retiring = NONE;
		goto loop
	:: retiring == NONE -> goto end_of_model
	:: deaths > 0 -> goto dead
	fi;

retire: /* the withdraw first; a removal takes the link away after it */
	STEP(WITHDRAW(retiring));
	STEP(wake[retiring]++);
	d_step { wake_is_due = 1; repeats_left = REPEATS };
	if
	:: own == NONE -> STEP(link = NONE)
	:: else
	fi;
	goto loop;

dead:
	atomic { deaths--; own = 0; fresh = 0; retiring = 0; repeats_left = 0; wake_is_due = 0 };
	atomic { /* the next one reads the link, and what it finds there */
		own = link;
		gen = newest;
		if
		:: own != NONE && is_retired[own] -> own = NONE
		:: else
		fi
	};
	if
	:: own != NONE ->
		STEP(wake[own]++);
		STEP(FUTEX_WAKE(own))
	:: else
	fi;
#ifndef NO_SWEEP
	/* One at most is without a link here, since one at a time retires. */
	d_step {
		fresh = 1;
		do
		:: fresh < SEGMENTS && !(is_named[fresh] && link != fresh) -> fresh++
		:: else -> break
		od;
		retiring = (fresh < SEGMENTS -> fresh : NONE);
		fresh = NONE
	};
	if
	:: retiring != NONE ->
		STEP(WITHDRAW(retiring));
		STEP(wake[retiring]++);
		d_step { wake_is_due = 1; repeats_left = REPEATS }
	:: else
	fi;
#endif
	goto loop;

end_of_model:
	assert(ONLY_THE_LINKED_IS_THERE) /* no segment is left over */
}

/* One look, as tokenbroker_get() and tokenbroker_wait() take it: read, follow the link, read again.
 * Between the steps of opening the broker may have gone on: then it starts over from the link. */
inline see()
{
	turns = 0;
turn:
	gen = published[mapping];
	retired = is_retired[mapping];
	if
	:: gen > 0 && !retired && turns == 0 -> goto seen /* not every look goes on */
	:: turns < 4 -> turns++
	:: turns == 4 -> goto seen
	fi;
	if
	:: !is_retired[mapping] ->
		to = link;
		if
		:: to == mapping -> looked = 1; goto seen
		:: else
		fi
	:: else
	fi;
	races = 0;
open:
	to = link;
	if
	:: to == NONE -> goto seen /* what is mapped serves while it is good */
	:: else
	fi;
	assert(races < 8); /* fewer races than tries */
	races++;
	if
	:: is_named[to]
	:: !is_named[to] -> goto open
	fi;
	if
	:: is_retired[to] -> goto open
	:: else -> mapping = to; goto turn
	fi;
seen:
	skip
}

#if READS > 0
active proctype reader()
{
	byte reads = READS;
	byte mapping = 1;
	byte last_gen;
	byte newest_at_start;
	byte gen, to, turns, races;
	bit retired, looked;

	is_begun;
	do
	:: reads > 0 ->
		d_step { reads--; newest_at_start = newest };
#ifdef FORGETS_WHAT_IT_FOLLOWED
		mapping = 1;
#endif
		see();
		if
		:: gen > 0 ->
			assert(gen >= last_gen); /* generations rise */
			assert(!looked || gen >= newest_at_start); /* a look at the link finds the newest */
			last_gen = gen
		:: else ->
			assert(REMOVALS > 0) /* never none while one is replaced by another */
		fi;
		atomic { gen = 0; retired = 0; looked = 0; turns = 0; to = 0; races = 0 }
	:: else -> break
	od
}

#endif

#if WAITERS > 0
active proctype waiter()
{
	byte mapping = 1;
	byte after = 1;
	byte seen_mapping, seen_wake;
	byte gen, to, turns, races;
	bit retired, looked;

	is_begun;
look:
	atomic { to = mapping; looked = 0; seen_mapping = mapping; seen_wake = wake[mapping] };
	see();
	if
	:: gen > after ->
		after = gen;
		goto look
#ifndef SLEEPS_ON_ANY_WORD
	:: gen <= after && mapping != seen_mapping -> goto look /* that is not the word to sleep on */
#endif
	:: else
	fi;
	atomic { /* FUTEX_WAIT */
		gen = 0;
		turns = 0;
		races = 0;
		if
		:: wake[seen_mapping] != seen_wake -> goto look
		:: else -> sleeps_on = seen_mapping
		fi
	};
	if
	:: sleeps_on == NONE
	:: to == NONE || retired -> sleeps_on = NONE /* without a segment it is a nap */
	:: atomic { timeout && published[link] <= after -> goto end_of_model } /* its caller gives up */
	fi;
	goto look;

end_of_model:
	skip
}
#endif
