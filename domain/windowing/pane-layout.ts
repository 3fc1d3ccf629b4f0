/*
 * One pane is a run of words in one flat array: integers and doubles look at the same memory, so a pane is a cache line and
 * a half, and no garbage.
 */

/** Integers (of four bytes) in a pane. */
export const WORDS = 24
export const DOUBLES = WORDS / 2

/** Where the doubles are, counted in doubles. */
export const F_FIRST_OFFSET = 0
export const F_LAST_OFFSET = 1
/** The offset of the event that named the actor. */
export const F_ACTOR_OFFSET = 2

/** Where the integers are, counted in integers. */
export const I_PANE = 6
/** The slot of the key's next pane in time; of its newest pane, that of its oldest: most events and drops look at no other. */
export const I_NEXT = 7
/** Zero in a slot that no pane has. */
export const I_COUNT = 8
export const I_KEY = 9
/** Number of the actor's string, or -1. */
export const I_ACTOR = 10
/** How many distinct values there are; the first few are inline. */
export const I_VALUES = 11
export const I_INLINE = 12
export const INLINE_VALUES = 3
export const I_FLAGS = 15
/** Four words of an event id, or the number of its text in the first of them. */
export const I_FIRST_ID = 16
export const I_LAST_ID = 20

/** Whether an id is a text, and whether the pane has changed since changed ones were last taken. */
export const FIRST_ID_IS_TEXT = 1
export const LAST_ID_IS_TEXT = 2
export const CHANGED = 4

export const NONE = -1
