"""Registries of people (births, guardianship, social statuses): a client for a JSON gateway, and fakes."""
