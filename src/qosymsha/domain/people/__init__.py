"""People: territories, departments, users and their dated roles, guardians, children, statuses, consents, secrets.

Promises: a name, birth date, phone or IIN stands in one encrypted table only; a right is a dated relation valid today.
"""
