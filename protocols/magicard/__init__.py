"""The Magicard job language: a card as one job over USB, and three requests beside it.

PROTOCOL.md lists every fact used here, with its source.
"""
