"""The clock's door: queue tasks and their schedule."""
