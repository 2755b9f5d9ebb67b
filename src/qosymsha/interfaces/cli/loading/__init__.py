"""Rosters into the rooms: one engine that reads, batches and reports, and one loader per roster."""
