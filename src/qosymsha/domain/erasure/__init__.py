"""Persons whose time is over: who is due, what holds one back, that one was erased; legal holds.

Facts: who was erased when (`erasure`, ids alone), each night's run, legal holds. Promises: nobody is erased while
anything about them is open, unpaid, disputed or held; what is erased is erased whole, in one transaction with its audit
event; what stays is ids of nobody.
"""
