"""Beacons for the draw: `drand` (a public network), `typed` (a value two officers type), `fake` (demo and tests)."""
