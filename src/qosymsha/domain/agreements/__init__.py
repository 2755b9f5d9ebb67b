"""Family and provider: contract, enrolment papers, refusal, renewal, charge, a group's own waiting list.

Promises: a child is refused on stated grounds only, in time, and an officer can undo it before it harms; what both
sides signed is never changed; a freed seat is offered in the order of asking; the programme's money moves by the
vouchers' own steps alone.
"""
