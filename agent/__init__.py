"""The blanko daemon and the technician's command line: one process a printer."""
