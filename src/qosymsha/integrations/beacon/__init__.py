"""Beacons for the draw: `drand` (a public network), `typed` (a value that two officers type), `fake` (demo and tests)."""
