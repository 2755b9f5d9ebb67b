"""The front doors: parse a request, call the domain once, answer."""
