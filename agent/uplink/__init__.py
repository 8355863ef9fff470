"""The session with the centre: what it sends is taken in, what it is owed goes out."""
