"""Repeatable measurements of the agent, each beside a peer measured in the same run."""
