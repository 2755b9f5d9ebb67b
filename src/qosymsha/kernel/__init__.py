"""What every room stands on: money, identifiers, time, actors, audit, outbox, idempotency, locks. No domain word here."""
