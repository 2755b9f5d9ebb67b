"""Pure allocation: who is funded (a round), who goes where (a choice round), and how anyone can check it.

The room owns no table and knows no database: each function is a pure function of a frozen input, so that a run can be
repeated to the byte. It promises: the order of input rows and the time of filing never matter (unless a rule set
ties by arrival); all 256 bits of a lottery number are compared; a result is checked by code that shares nothing with
its maker.

Read in this order: `draw` (ticket, line id, seed, number), `canonical` (the closed list and its leaves), `merkle`
    (root and
proofs); then problem A: `round_terms` (what is asked), `round_order` (the queue), `round_reserves` and
`round_budgets` (who of the queue is funded), `round_answer` (what is answered), `round` (`solve`), `round_check`
(the independent checker); then `exchange` (files), `small_classes` and `protocol` (what the public sees), `explain`
(plain words).
"""
