"""What every room stands on: money, numbers, time, actors, audit, outbox, idempotency, locks. No domain word here."""
