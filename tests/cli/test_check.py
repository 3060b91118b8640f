"""`naru check` on the faulty policies of tests/policies: what each expects is printed with its place, and the exit status is 1 where
there are errors, 0 where there are only warnings."""
import os
import re
import subprocess
from pathlib import Path

from conftest import NARU

FOLDER = Path(__file__).resolve().parents[1] / "policies"
EXPECT = re.compile(r"^# expect: (\d+): (error|warning): (\S+): (.*)$", re.M)


def expected(path):
    return EXPECT.findall(path.read_text())


def check(paths):
    return subprocess.run([NARU, "check", *(os.path.relpath(p) for p in paths)], capture_output=True, text=True, timeout=60)


def assert_printed(path, out):
    name = os.path.relpath(path)
    for line, level, key, parts in expected(path):
        start = rf"{re.escape(name)}:{line}:[1-9]\d*: {level}: {re.escape(key)}: "
        text = ".*".join(re.escape(part) for part in parts.split(" … "))
        assert re.search(f"^{start}.*{text}", out, re.M), f"{name}:{line}: {level}: {key}: {parts}"


def test_each_fault_of_each_faulty_policy_is_printed_with_its_place():
    paths = sorted(FOLDER.glob("*.yaml"))
    assert len(paths) >= 40
    told = check(paths)
    assert told.returncode == 1 and told.stderr == ""
    for path in paths:
        assert_printed(path, told.stdout)


def test_warnings_alone_are_no_failure_and_one_error_is():
    warned = [p for p in sorted(FOLDER.glob("*.yaml")) if not any(level == "error" for _, level, _, _ in expected(p))]
    wrong = [p for p in sorted(FOLDER.glob("*.yaml")) if p not in warned]
    assert len(warned) >= 40 and len(wrong) >= 5
    told = check(warned)
    assert told.returncode == 0 and told.stdout.count(": good: ") == len(warned), told.stdout[-400:]
    for path in wrong:
        assert check([path]).returncode == 1, path
