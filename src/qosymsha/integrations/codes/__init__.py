"""Sending one-time codes to phones. Port: `domain.people.ports.CodeSender`."""
