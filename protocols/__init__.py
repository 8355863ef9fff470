"""Talking to card printers: wires and what they prove; no jobs, no MQTT, no files."""
