"""What the centre sees: messages, envelope, and their export to docs/contract."""
