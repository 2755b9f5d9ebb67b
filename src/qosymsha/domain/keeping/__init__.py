"""How long each table keeps what it holds, and who lets it go: the register of retention, without tables of its own.

Facts: for every table of every room what leaves, when, by which job (`tables`); the installation's periods (`terms`),
never shorter than the law's floor (`rules.FLOORS`). Promise: a page of the docs, a test and the jobs read one list.
"""
