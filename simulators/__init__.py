"""Pretending: card printers, a centre and whole stations; imports nothing of ours."""
