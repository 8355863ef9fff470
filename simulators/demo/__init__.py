"""The whole story once: broker, agent, emulated printer and centre, and an operator."""
