"""The same trials of a print system, on the same emulated printer: CUPS, and blanko."""
