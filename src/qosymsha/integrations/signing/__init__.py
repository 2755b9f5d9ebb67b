"""Electronic signatures: a demo signer without legal force, and a client for NCANode, which knows the national keys."""
