"""Pure allocation: who is funded (a round), who goes where (a choice round), and how anyone can check it.

The room owns no table and knows no database: each function is a pure function of a frozen input, so that a run can be
repeated to the byte. It promises: the order of input rows and the time of filing never matter (unless a rule set ties
by arrival); all 256 bits of a lottery number are compared; a result is checked by code that shares nothing with its
maker.

Read in this order. The draw: `draw` (ticket, line id, seed, number), `announcement` and `canonical` (the terms, the
closed list and their leaves), `merkle` (root and proofs), `hashing` (the loops of all three, by chunks). Problem A:
`round_terms` (what is asked), `round_order` (the queue), `round_reserves` with `overlapping_claims` and `round_budgets`
(who of the queue is funded), `round_answer`, `round` (`solve`), `round_check` and `round_replay` (the independent
checker). Problem B: `market` (what is asked), `places_keys`, `seats`, `reserves`, `places` (`solve`), `freed` (places
that free up), `stability` (the checker).
Around both: `exchange` (files), `small_classes` and `protocol` (what the public sees), `explain` (plain words).
"""
