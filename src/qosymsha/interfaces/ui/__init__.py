"""Shared by the doors: base templates, components, formats, sentences for refusals."""
