"""Assistance: a guardian at a consultation point, helped by a clerk.

Owns visits: who helped whom, where, how the guardian proved to be there, what the guardian confirmed. Promises: a clerk
acts for nobody who has not proved to be there, never after the visit, and each act needs the guardian's own word; an
account that helps very many families in a day is stopped and told to the auditor.
"""
