"""The Evolis command protocol: text commands over a raw port, status in a trailer.

PROTOCOL.md lists every fact used here, with its source.
"""
