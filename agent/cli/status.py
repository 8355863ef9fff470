"""`blanko status`: the whole picture on one screen."""

from __future__ import annotations

from pathlib import Path

import click

from agent.cli.ask import Reply, ask, options, show


@click.command()
@options
def status(config: Path | None, socket: Path | None, as_json: bool) -> None:
    """Show printer, broker, current job and blanks."""
    reply = ask({"do": "status"}, config, socket)
    show(reply, _lines(reply), as_json=as_json)


def _lines(reply: Reply) -> list[str]:
    state, broker = reply["state"], reply["broker"]
    printer, ribbon, current = state["printer"], state["ribbon"], state["current"]
    rows = [("printer", state["printer_state"])]
    rows += [("", reason) for reason in state["state_reasons"]]
    if owners := state.get("paused_by"):
        rows.append(("", f"paused by {' and '.join(owners)}"))
    if printer is not None:
        name = f"{printer['family']} {printer['model']}, serial {printer['serial']}"
        rows.append(("", name))
    if ribbon is not None:
        left = "?" if ribbon["left"] is None else ribbon["left"]
        rows.append(("ribbon", f"{ribbon['kind']}, {left} sets left"))
    if broker["connected"]:
        rows.append(("broker", f"connected, connection {broker['connection']}"))
    else:
        rows.append(("broker", f"not connected: {broker['trouble'] or 'not yet'}"))
    if current is not None:
        attempt = f"{current['state']}, attempt {current['attempt']}"
        rows.append(("job", f"{current['job']}: {attempt}, {current['stage']}"))
    rows.append(("queued", str(state["queued"])))
    head = state["head"]
    rows.append(("events", f"{head['no']} written, {head['acked']} at the centre"))
    if state["unsigned_jobs"]:
        rows.append(("warning", "takes jobs that nobody signed"))
    rows += [(f"in {place}", str(count)) for place, count in state["stock"].items()]
    return [f"{name:14} {value}".rstrip() for name, value in rows]
