"""Choice: choice rounds (who goes where), the lists of wishes, and places that free up between rounds.

Promises: filing first or last is equal; a closed list never changes; one draw per round; what is stored was found
stable by a second judge; a freed place is offered to one child at a time, the best on the group's list; nobody's
position gets worse without a recorded cause.
"""
