"""The scanner for harmful programs: clamd over its own protocol."""
