"""The family door: a guardian's pages."""
