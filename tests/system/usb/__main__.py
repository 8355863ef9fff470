"""`make system-test-usb`: boots a Debian under QEMU and lets it meet the printers.

The emulators run here; the guest reaches their USB/IP ports through QEMU's user
network, and their control sockets as virtio ports. TCG alone: a KVM that starts may yet
be unable to run the guest. Whatever goes wrong, the console and the report are shown
and the exit code is not 0; only processes that were started here are ended.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

HERE = Path(__file__).parent
PROJECT = HERE.parents[2]
CACHE = PROJECT / "build" / "system-usb"
QEMU = "qemu-system-x86_64"
BUILD_S, GUEST_S = 900, 220
PRINTERS = (("evolis", "Primacy"), ("magicard", "Alto"))
PROGRAMS = (QEMU, "mmdebstrap")


class FailedError(Exception):
    """The system test cannot be run, or has failed."""


@dataclass
class Printer:
    family: str
    port: str  # of USB/IP
    control: Path
    process: subprocess.Popen[str]


def emulator(stack: ExitStack, folder: Path, family: str, model: str) -> Printer:
    """Start a printer; return once its port and its control socket are open."""
    control = folder / family
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "simulators", "printer", family, "--instant"),
            *("--model", model, "--usbip", "127.0.0.1:0", "--control", str(control)),
        ],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    stack.callback(end, process)
    assert process.stdout is not None
    port = process.stdout.readline().strip().rpartition(":")[2]
    ready = process.stdout.readline()
    if not ready:
        raise FailedError(f"the emulator {family} did not start")
    return Printer(family, port, control, process)


def qemu_command(folder: Path, printers: list[Printer]) -> list[str]:
    shared, lines = [], []
    for tag, path, mode in (
        ("root", CACHE / "root", ",readonly=on"),
        ("site", CACHE / "site", ",readonly=on"),
        ("project", PROJECT, ",readonly=on"),
        ("out", folder, ""),
    ):
        shared += [
            *("-fsdev", f"local,id={tag},path={path},security_model=none{mode}"),
            *("-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"),
        ]
    for printer in printers:
        name = printer.family
        lines += [
            *("-chardev", f"socket,id={name},path={printer.control}"),
            *("-device", f"virtserialport,chardev={name},name={name}"),
        ]
    ports = ",".join(f"{printer.family}:{printer.port}" for printer in printers)
    kernel_words = f"console=ttyS0 quiet panic=-1 USBIP_PORTS={ports}"
    return [
        *(QEMU, "-accel", "tcg,thread=multi,tb-size=96", "-cpu", "max"),
        *("-smp", "2", "-m", "512", "-nodefaults", "-no-user-config"),
        *("-display", "none", "-no-reboot", "-serial", f"file:{folder / 'console'}"),
        *("-kernel", str(CACHE / "vmlinux"), "-initrd", str(CACHE / "initrd")),
        *("-append", kernel_words),
        *shared,
        *("-netdev", "user,id=net"),
        *("-device", "virtio-net-pci,netdev=net,romfile="),
        *("-device", "virtio-serial-pci"),
        *lines,
    ]


def end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def show(file: Path, out: TextIO) -> str:
    text = file.read_text(errors="replace") if file.exists() else ""
    out.write(text)
    return text


def guest(folder: Path, printers: list[Printer]) -> None:
    """Run the guest to its end.

    Raises:
        FailedError: it did not end in time, or did not end well.
    """
    with ExitStack() as stack:
        process = subprocess.Popen(
            qemu_command(folder, printers), stdin=subprocess.DEVNULL, text=True
        )
        stack.callback(end, process)
        try:
            process.wait(GUEST_S)
        except subprocess.TimeoutExpired:
            late = f"the guest did not end within {GUEST_S} s"
        else:
            late = ""
    rc = folder / "rc"
    code = rc.read_text().strip() if rc.exists() else "none"
    report = show(folder / "report", sys.stdout)
    if code != "0" or "all " not in report:
        show(folder / "console", sys.stderr)
        raise FailedError(late or f"the guest's exit code is {code}")


def main() -> None:
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        raise FailedError(f"not installed: {', '.join(missing)}; `make deps` brings it")
    began_s = time.monotonic()
    built = subprocess.run([HERE / "build", CACHE], timeout=BUILD_S)
    if built.returncode:
        raise FailedError("the guest's system could not be built (needs root)")
    with tempfile.TemporaryDirectory(prefix="bl") as name, ExitStack() as stack:
        folder = Path(name)
        out = folder / "out"
        out.mkdir()
        printers = [emulator(stack, folder, *one) for one in PRINTERS]
        booted_s = time.monotonic()
        guest(out, printers)
        for printer in printers:
            if (code := printer.process.poll()) is not None:
                raise FailedError(f"the emulator {printer.family} ended with {code}")
    now_s = time.monotonic()
    sys.stdout.write(
        f"the emulated printers are USB devices to Linux: "
        f"{now_s - booted_s:.0f} s in the guest, {now_s - began_s:.0f} s in all\n"
    )


if __name__ == "__main__":
    try:
        main()
    except (FailedError, subprocess.TimeoutExpired) as error:
        sys.exit(f"make system-test-usb: {error}")
