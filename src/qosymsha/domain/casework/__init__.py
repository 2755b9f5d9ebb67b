"""Casework: consultation points now; appeals, feedback and appointments later."""
