"""The clock's door: queue tasks and their schedule.

`schedule` says when, `duties` and `treasury` say what (one command each, keyed by what it is about, so that twice is
once), `reaper` brings back what a killed worker left, `worker` runs it all.
"""
