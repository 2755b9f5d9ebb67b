"""How the country writes dates and numbers, for Django's own formatting."""
