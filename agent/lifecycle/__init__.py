"""The rules of the card cycle: pure functions and tables; no clock, disk or wire."""
