"""Byte pipes to printers: they know addresses and failures, and no protocol."""
