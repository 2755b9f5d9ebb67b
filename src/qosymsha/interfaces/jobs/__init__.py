"""The clock's door: queue tasks and their schedule.

`schedule` says when, `duties`, `treasury` and `upkeep` say what (one command each, keyed by what it is about, so that
twice is once), `worker` runs it all, `reaper`, a program beside it, brings back what a dead, frozen or hanging worker
left.
"""
