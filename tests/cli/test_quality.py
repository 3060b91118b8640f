"""The scenarios of tests/quality: what is compared passes the check without a word, and each comparison of scripts/quality runs."""
import json
import re
import subprocess

import pytest
from conftest import NARU, ROOT

FOLDERS = sorted((ROOT / "tests" / "quality").glob("[0-9]-*"))
PLAIN = {"naru.yaml", "fifo.yaml", "round-robin.yaml", "own-first.yaml", "known-speeds.yaml"}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f.name)
def test_policies_have_nothing_to_complain_about(folder):
    policies = [p for p in folder.glob("*.yaml") if not p.name.startswith("arrivals")]
    assert "naru.yaml" in [p.name for p in policies] and len(policies) > 1
    for policy in policies:
        said = subprocess.run([NARU, "check", "--json", policy], capture_output=True, text=True, timeout=60)
        assert said.returncode == 0, f"{policy}: {said.stdout}"
        findings = json.loads(said.stdout)["findings"]
        if policy.name in PLAIN:
            assert findings == [], f"{policy}: {findings}"
        else:  # strict priority: that nothing bounds the wait of what is less urgent is true, and the point
            assert all("age-cap" in f["text"] for f in findings), f"{policy}: {findings}"


def test_each_comparison_is_a_line_of_the_table():
    ran = subprocess.run([ROOT / "scripts" / "quality", "--naru", NARU, "--replications", "1", "1-"], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    lines = [line for line in ran.stdout.splitlines() if re.match(r"\| [1-5]-", line)]
    assert [line.split("|")[1].strip() for line in lines[:2]] == ["1-sla-classes, fifo", "1-sla-classes, priority"]
    assert all(re.search(r"→ \d", line) for line in lines)


def test_a_word_that_no_scenario_has_is_answered_with_those_there_are():
    ran = subprocess.run([ROOT / "scripts" / "quality", "--naru", NARU, "nonesuch"], capture_output=True, text=True, timeout=60)
    assert ran.returncode and "1-sla-classes" in ran.stderr
