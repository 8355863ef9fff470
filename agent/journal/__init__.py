"""One SQLite file: the chain of events, what follows from it, and the sealed jobs."""
