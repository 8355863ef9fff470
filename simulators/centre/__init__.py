"""A stand-in for the central server, written from `docs/contract` alone."""
