"""The printer's side: one card at a time, what is done between two, what is watched."""
