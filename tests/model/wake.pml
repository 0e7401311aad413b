/* SPDX-License-Identifier: MIT */
/*
 * The futex word: a writer that may die before any step, waiters, and a thief who moves sleepers to
 * another futex, as every reader of the segment can. What a waiter finds when it looks is one number
 * here, the generation that was committed last: ring.pml shows that it may be.
 *
 * FUTEX_WAIT compares and goes to sleep in one step; FUTEX_WAKE wakes one sleeper here, where the
 * broker wakes 64, and is due again in the next turn of the loop if it found as many as it may wake.
 *
 * Bounds: PUBLISHES, DEATHS, THEFTS, WAITERS. With SLICE a sleep may end by itself; WITHOUT_NEXT: no
 * broker may come after the one that died.
 *
 * Other names that are asked for here take a precaution away, as in ring.pml.
 */
#define AWAKE     0
#define ASLEEP    1
#define ELSEWHERE 2 /* asleep where no FUTEX_WAKE of the broker reaches */

byte published = 1; /* the generation that head leads to */
byte wake;
byte sleeper[WAITERS];
byte slices[WAITERS]; /* that ended since the last commit while this one slept */
byte deaths = DEATHS;

#define STEP(what)                        \
	if                                \
	:: what                           \
	:: deaths > 0 -> goto dead        \
	fi

#define COMMIT                            \
	d_step {                          \
		published++;              \
		slices[0] = 0;            \
		slices[WAITERS - 1] = 0   \
	}

active proctype broker()
{
	byte left = PUBLISHES;
	bit wake_is_due;

loop:
	do
	:: wake_is_due ->
		if
		:: atomic { sleeper[0] == ASLEEP -> sleeper[0] = AWAKE }
		:: atomic { sleeper[WAITERS - 1] == ASLEEP -> sleeper[WAITERS - 1] = AWAKE }
		:: atomic { sleeper[0] != ASLEEP && sleeper[WAITERS - 1] != ASLEEP -> wake_is_due = 0 }
		:: deaths > 0 -> goto dead
		fi;
#ifdef ONE_BATCH
		wake_is_due = 0
#endif
	:: left > 0 ->
		left--;
#ifdef WAKE_BEFORE_HEAD
		STEP(wake++);
		STEP(wake_is_due = 1);
		STEP(COMMIT);
#else
		STEP(COMMIT);
		STEP(wake++);
		STEP(wake_is_due = 1);
#endif
	:: left == 0 && !wake_is_due -> goto end_of_model
	:: deaths > 0 -> goto dead
	od;

dead:
	atomic { deaths--; wake_is_due = 0 };
#ifdef WITHOUT_NEXT
	if
	:: goto end_of_model
	:: true
	fi;
#endif
#ifndef ADOPTER_DOES_NOT_WAKE
	STEP(wake++);
	STEP(wake_is_due = 1);
#endif
	goto loop;

end_of_model:
	skip
}

active[WAITERS] proctype waiter()
{
	byte me = _pid - 1;
	byte after = 1;
	byte seen_wake;
	byte found;

look:
#ifdef LOOKS_BEFORE_LOAD
	found = published;
	seen_wake = wake;
#else
	seen_wake = wake;
	found = published;
#endif
	if
	:: found > after ->
		atomic { after = found; found = 0; seen_wake = 0 };
		if
		:: after == PUBLISHES + 1 -> goto end_of_model
		:: else -> goto look
		fi
	:: else -> found = 0
	fi;

sleep:
	atomic { /* FUTEX_WAIT */
		if
#ifndef SLEEPS_WITHOUT_COMPARE
		:: wake != seen_wake -> seen_wake = 0; goto look
#endif
		:: else -> sleeper[me] = ASLEEP
		fi;
		seen_wake = 0
	};
	if
	:: sleeper[me] == AWAKE
	:: atomic { timeout && published == after -> goto end_of_model } /* its caller gives up */
#ifdef SLICE
	:: atomic {
		sleeper[me] != AWAKE ->
		sleeper[me] = AWAKE;
		if
		:: published > after -> slices[me]++
		:: else
		fi;
		assert(slices[me] <= 1) /* at most one slice late */
	   };
#ifdef SLEEPS_ON
	   seen_wake = wake;
	   goto sleep
#endif
#endif
	fi;
	goto look;

end_of_model:
	skip
}

#if THEFTS > 0
active proctype thief()
{
	byte left = THEFTS;

	do
	:: atomic { left > 0 && sleeper[0] == ASLEEP -> sleeper[0] = ELSEWHERE; left-- }
	:: atomic { left > 0 && sleeper[WAITERS - 1] == ASLEEP -> sleeper[WAITERS - 1] = ELSEWHERE; left-- }
	:: goto end_of_model
	od;

end_of_model:
	skip
}
#endif
