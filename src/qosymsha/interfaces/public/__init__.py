"""The public door: landing, results and proofs, sign-in later."""
