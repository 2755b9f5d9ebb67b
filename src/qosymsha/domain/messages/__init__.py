"""Messages: turns outbox rows into notices, and carries them out by e-mail and SMS.

Owns notices, their deliveries and how each way stands. Promises: each piece of news becomes at most one notice for a
person, whoever is killed and however often a job runs; a notice holds ids, never a name, a number or a category; what a
deadline has overtaken is not sent late; nothing else in the house waits for a gateway.
"""
