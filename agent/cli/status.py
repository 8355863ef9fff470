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
    rows += _duty(state.get("duty"))
    head = state["head"]
    rows.append(("events", f"{head['no']} written, {head['acked']} at the centre"))
    rows += [
        ("refused", f"{count} since the start: {reason}")
        for reason, count in state.get("refused", {}).items()
    ]
    if state["unsigned_jobs"]:
        rows.append(("warning", "takes jobs that nobody signed"))
    rows += [(f"in {place}", str(count)) for place, count in state["stock"].items()]
    return [f"{name:14} {value}".rstrip() for name, value in rows]


def _duty(duty: Reply | None) -> list[tuple[str, str]]:
    """When no card may start, and when all of them can be done."""
    if duty is None:
        return []
    rows: list[tuple[str, str]] = []
    if reason := duty["rests_for"]:
        until = duty["rests_until"]
        what = f"until {until}" if until else "until the printer is cool"
        rows.append(("rests", f"{what}: {reason}"))
    rows.append(("at most", f"{duty['cards_a_day']} cards a day, day and night"))
    if end := duty["queue_ends_at"]:
        rows.append(("queue done", f"{end} at the earliest"))
    if (left := duty["run_left"]) is not None:
        end = duty["run_ends_at"]
        when = f", {end} at the earliest" if end else ""
        rows.append(("run", f"{left} cards left{when}"))
    return rows
