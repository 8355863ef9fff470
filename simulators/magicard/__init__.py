"""A Magicard card printer as its wire shows it, written from public facts alone."""
