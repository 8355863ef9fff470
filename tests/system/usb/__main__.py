"""`make system-test-usb`: boots a Debian guest under QEMU and lets it meet the printer.

The emulator runs here; the guest reaches its USB/IP port through QEMU's user network,
and its control socket as a virtio port. TCG alone: a KVM that starts may yet be unable
to run the guest. Whatever goes wrong, the console and the report are shown and the exit
code is not 0; only processes that were started here are ended.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

HERE = Path(__file__).parent
PROJECT = HERE.parents[2]
CACHE = PROJECT / "build" / "system-usb"
QEMU = "qemu-system-x86_64"
BUILD_S, GUEST_S = 900, 220
PROGRAMS = (QEMU, "mmdebstrap")


class FailedError(Exception):
    """The system test cannot be run, or has failed."""


def emulator(stack: ExitStack, control: Path) -> tuple[str, subprocess.Popen[str]]:
    """Start a printer; return its USB/IP port once control socket and port are open."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "simulators", "printer", "evolis", "--instant"),
            *("--usbip", "127.0.0.1:0", "--control", str(control)),
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
        raise FailedError("the emulator did not start")
    return port, process


def qemu_command(folder: Path, control: Path, port: str) -> list[str]:
    shared = []
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
    kernel_words = f"console=ttyS0 quiet panic=-1 USBIP_PORT={port}"
    return [
        *(QEMU, "-accel", "tcg,thread=multi,tb-size=96", "-cpu", "max"),
        *("-smp", "2", "-m", "512", "-nodefaults", "-no-user-config"),
        *("-display", "none", "-no-reboot", "-serial", f"file:{folder / 'console'}"),
        *("-kernel", str(CACHE / "vmlinux"), "-initrd", str(CACHE / "initrd")),
        *("-append", kernel_words),
        *shared,
        *("-netdev", "user,id=net"),
        *("-device", "virtio-net-pci,netdev=net,romfile="),
        *("-chardev", f"socket,id=control,path={control}"),
        *("-device", "virtio-serial-pci"),
        *("-device", "virtserialport,chardev=control,name=control"),
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


def guest(folder: Path, control: Path, port: str) -> None:
    """Run the guest to its end.

    Raises:
        FailedError: it did not end in time, or did not end well.
    """
    with ExitStack() as stack:
        process = subprocess.Popen(
            qemu_command(folder, control, port), stdin=subprocess.DEVNULL, text=True
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
        control = folder / "control"
        out = folder / "out"
        out.mkdir()
        port, printer = emulator(stack, control)
        booted_s = time.monotonic()
        guest(out, control, port)
        if printer.poll() is not None:
            raise FailedError(f"the emulator ended with {printer.returncode}")
    now_s = time.monotonic()
    sys.stdout.write(
        f"the emulated printer is a USB device to Linux: "
        f"{now_s - booted_s:.0f} s in the guest, {now_s - began_s:.0f} s in all\n"
    )


if __name__ == "__main__":
    try:
        main()
    except (FailedError, subprocess.TimeoutExpired) as error:
        sys.exit(f"make system-test-usb: {error}")
