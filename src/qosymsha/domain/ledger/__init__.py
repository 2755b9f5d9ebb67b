"""Ledger: accounts and double-entry postings, the only code that moves money.

Promises: a posting's entries sum to zero per budget line; each cause posts once; no balance row goes below zero.
"""
