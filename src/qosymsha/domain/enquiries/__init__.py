"""Enquiries: an official looks a child up for a stated purpose, sees it masked, and opens it by a second act.

Owns enquiries, what each found, and what was opened. What was typed is never stored. The family reads who asked; each
account has a day's number of enquiries, beside the day's number of children that `people` keeps.
"""
