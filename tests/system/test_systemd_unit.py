"""The unit file, judged by systemd itself (`systemd-analyze`, on every Debian).

`verify` wants the program of ExecStart to exist: what is judged is a copy of the unit
that differs in that one path.
"""

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from protocols.transports.usb_bus import udev_line
from tests.conftest import needs

pytestmark = pytest.mark.systemd

FOLDER = Path(__file__).parents[2] / "systemd"
EXPOSURE_MAX = 20  # of 100: 2.0 as `systemd-analyze security` writes it
EXPOSURE_ON_USB_MAX = 21  # devices are a fact there


@pytest.fixture
def unit(tmp_path):
    """The instance for a printer named p1."""
    text = (FOLDER / "blanko@.service").read_text()
    assert text.count("/usr/bin/blanko") == 1
    copy = tmp_path / "blanko@.service"
    copy.write_text(text.replace("/usr/bin/blanko", sys.executable))
    return tmp_path / "blanko@p1.service"


def analyze(*arguments):
    program = needs("systemd-analyze", shutil.which("systemd-analyze"))
    return subprocess.run(
        [program, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_systemd_finds_nothing_to_complain_about(unit):
    done = analyze("verify", "--man=no", unit)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_verify_would_have_said_so(unit):
    copy = unit.parent / "blanko@.service"
    copy.write_text(copy.read_text() + "[Service]\nProtectSystm=strict\n")
    assert "ProtectSystm" in analyze("verify", "--man=no", unit).stderr


def test_the_sandbox_stays_tight(unit):
    done = analyze(
        "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", "--no-pager", unit
    )
    assert done.returncode == 0, done.stdout[-400:]


def test_the_program_and_the_configuration_are_where_the_package_puts_them():
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[method-assign,assignment]  # as documented
    parser.read(FOLDER / "blanko@.service")
    service = parser["Service"]
    assert service["ExecStart"] == "/usr/bin/blanko run /etc/blanko/%i.toml"
    assert service["Type"] == "notify"
    assert service["LoadCredential"] == "agent.jwk:/etc/blanko/%i.jwk"


def test_the_user_of_the_unit_is_the_one_that_sysusers_makes():
    lines = (FOLDER / "sysusers.d" / "blanko.conf").read_text().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("u ")]
    assert users == ["blanko"]
    assert "User=blanko\n" in (FOLDER / "blanko@.service").read_text()


def test_with_the_drop_in_for_usb_the_sandbox_is_whole_and_stays_tight(unit):
    folder = unit.parent / "blanko@.service.d"
    folder.mkdir()
    shutil.copy(FOLDER / "usb.conf", folder)
    done = analyze("verify", "--man=no", unit)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    whole = (unit.parent / "blanko@.service").read_text()
    whole += (FOLDER / "usb.conf").read_text()
    unit.write_text(whole)
    limit = f"--threshold={EXPOSURE_ON_USB_MAX}"
    done = analyze("security", "--offline=true", limit, "--no-pager", unit)
    assert done.returncode == 0, done.stdout[-400:]


def test_the_udev_rule_gives_what_the_error_for_a_missing_permission_asks_for():
    text = (FOLDER / "udev" / "60-blanko.rules").read_text()
    (rule,) = [line for line in text.splitlines() if not line.startswith("#")]
    asked = udev_line(0x0F49, 0x0A00).split(", ")
    assert asked[0] in rule
    assert rule.endswith(", ".join(asked[-2:]))
    assert 'ATTR{idVendor}=="0c1f|0f49"' in rule
