"""Template tags of the provider's door."""
