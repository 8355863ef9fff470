"""The blanko daemon and the technician's command line: one process a printer."""

__version__ = "0.1.0"
