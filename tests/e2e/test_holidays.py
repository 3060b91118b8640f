"""`naru holidays`, and files of closed days that a policy file names."""
import json
import os
import signal
import subprocess

from conftest import NARU, POLICY, wait_for

EVENT = "BEGIN:VEVENT\r\nUID:{0}\r\nSUMMARY:{1}\r\nDTSTART;VALUE=DATE:{0}\r\nEND:VEVENT\r\n"


def ics(**days):
    return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + "".join(EVENT.format(d[1:], n) for d, n in days.items()) + "END:VCALENDAR\r\n"


def holidays(*args):
    return subprocess.run([NARU, "holidays", *map(str, args)], capture_output=True, text=True, timeout=60)


def test_a_country_s_days_can_be_pasted_written_as_ics_and_read_back(tmp_path):
    years = ("--from", 2026, "--to", 2028)
    text = holidays("kr", *years).stdout
    assert "closed:\n  - 2026-01-01 # Thu 1월 1일 New Year's Day\n" in text
    assert "  - 2027-02-09 # Tue 대체공휴일(설날 Seollal)\n" in text
    file = tmp_path / "kr.ics"
    file.write_text(holidays("kr", *years, "--ics").stdout)
    assert holidays(file, *years).stdout.split("\n")[2:] == text.split("\n")[2:]
    days = json.loads(holidays("kr", *years, "--json").stdout)["days"]
    assert days[0] == {"date": "2026-01-01", "weekday": "thu", "name": "1월 1일 New Year's Day"}
    assert len(days) == text.count("\n  - ")


def test_days_are_added_and_left_out(tmp_path):
    text = holidays("kr", "--from", 2025, "--to", 2026, "--add", "12-31", "--add", "2025-01-27", "--add", "labour-day", "--without", "elections").stdout
    for day in ("2025-01-27 # Mon added", "2025-05-01 # Thu 노동절 Labour Day", "2025-12-31 # Wed added", "2026-12-31 # Thu added"):
        assert day in text
    assert "2026-06-03" not in text


def test_what_is_not_known_is_refused_with_what_is():
    for args, why in (
        (("jp",), 'no rules are known for "jp"; known are kr (Korea)'),
        (("kr", "--without", "chusok"), 'did you mean "chuseok"?'),
        (("kr", "--add", "2026-02-30"), '"2026-02-30" is no day of Korea'),
        (("kr", "--from", "1999", "--to", "2000"), "known for 2024 to 2050"),
        (("kr", "--from", "2027", "--to", "2026"), "--from 2027 is after --to 2026"),
        ((), "name one country or .ics file"),
        (("none.ics",), "cannot be read"),
    ):
        got = holidays(*args)
        assert got.returncode in (1, 2) and why in got.stderr, (args, got.stderr)


def test_a_policy_file_s_calendar_is_read_with_it_and_again_on_hup(start, tmp_path):
    policy, calendar = tmp_path / "policy.yaml", tmp_path / "kr.ics"
    hours = 'hours:\n  h: { timezone: Asia/Seoul, open: { mon-sun: "00:00-24:00" }, closed: [2026-05-05, file:kr.ics] }\n'
    policy.write_text(POLICY.read_text() + hours)
    calendar.write_text(ics(d20260924="Chuseok"))
    naru = start(policy=policy)
    served = lambda: naru.get("/v1/policy").text
    assert "closed: [2026-05-05, [2026-09-24]] }" in served()
    calendar.write_text(ics(d20260924="Chuseok", d20260925="Chuseok"))
    os.kill(naru.children()["router-1"], signal.SIGHUP)
    wait_for("the new dates", lambda: "[2026-09-24, 2026-09-25]" in served())
    calendar.write_text("broken")
    os.kill(naru.children()["router-1"], signal.SIGHUP)
    wait_for("the last good policy to be said to serve", lambda: any(
        "serving with the last good policy" in f.read_text(errors="replace") for f in (naru.folder / "data" / "log").glob("*.log")))
    assert "[2026-09-24, 2026-09-25]" in served()

    by_api = naru.post("/v1/policy", raw=policy.read_bytes(), headers={"Content-Type": "application/yaml"})
    assert by_api.status in (400, 422), by_api.text
    assert 'naru holidays kr.ics\\" prints them' in by_api.text
