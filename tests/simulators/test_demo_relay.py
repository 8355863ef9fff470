"""The sabotaged wire changes one byte of one panel, and nothing else."""

import asyncio

from simulators.demo.relay import FLIPPED_OFFSET, Relay

PANEL_START = b"\x1bDb;"
PANEL = PANEL_START + b"y;256;" + bytes(400_000) + b"\r"


async def through(relay: Relay, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    writer.write(sent)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def send_all(
    panel: int, messages: list[bytes]
) -> tuple[list[bytes], list[bytes]]:
    """What the printer got, and what the agent was answered."""
    got: list[bytes] = []

    async def printer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        got.append(await reader.read())
        writer.write(b"OK\x00")
        writer.close()

    server = await asyncio.start_server(printer, "127.0.0.1", 0)
    relay = Relay(server.sockets[0].getsockname()[1], PANEL_START, panel)
    await relay.start()
    answers = [await through(relay, each) for each in messages]
    await relay.stop()
    server.close()
    return got, answers


def test_one_byte_of_the_chosen_panel_is_flipped_and_no_other():
    messages = [b"\x1bSr\r\x00", PANEL, b"", PANEL, PANEL]
    got, answers = asyncio.run(send_all(2, messages))
    assert answers == [b"OK\x00"] * 5
    assert got[:3] == messages[:3]
    assert got[4] == messages[4]
    changed = [at for at, byte in enumerate(got[3]) if byte != PANEL[at]]
    assert changed == [FLIPPED_OFFSET]
    assert len(got[3]) == len(PANEL)


def test_a_panel_that_follows_others_on_one_connection_is_spoiled_too():
    sent = b"\x1bSr\r" * 20_001 + PANEL + b"\x1bSr\r" + PANEL + PANEL
    [got], _ = asyncio.run(send_all(2, [sent]))
    second = len(b"\x1bSr\r") * 20_002 + len(PANEL)
    changed = [at for at, byte in enumerate(got) if byte != sent[at]]
    assert changed == [second + FLIPPED_OFFSET]
    assert len(got) == len(sent)
