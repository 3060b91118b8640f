"""The starter kit by the real binary: golden messages of both languages judged by its policy with the models that the build learnt
from its messages; and where they go."""
import json
import pathlib
import re
import subprocess

import pytest
from conftest import NARU, ROOT, running, wait_for

KIT = ROOT / "config" / "starter"
GOLDEN = ROOT / "tests" / "golden"
MODELS = pathlib.Path(NARU).parent / "models"
LEVELS = ["low", "normal", "high", "critical"]

learnt = pytest.mark.skipif(not all((MODELS / f"{kind}.model").exists() for kind in ("intent", "urgency", "sentiment")),
                            reason="this build has no models of the starter kit")


def rows(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return [dict(zip(lines[0].split("\t"), line.split("\t"))) for line in lines[1:]]


def verdicts(texts, policy=KIT / "policy.yaml"):
    got = subprocess.run([NARU, "classify", "--policy", str(policy)], input="\n".join(texts) + "\n", capture_output=True, text=True, timeout=300)
    assert got.returncode == 0, got.stderr[-2000:]
    return [json.loads(line) for line in got.stdout.splitlines()]


@pytest.fixture(scope="module", params=["en", "ko"])
def golden(request):
    wanted = rows(GOLDEN / f"starter.{request.param}.tsv")
    return list(zip(wanted, verdicts([w["text"] for w in wanted])))


def wrong(golden, field):
    """What a golden message is not: out of scope is no intent, told as unsure."""
    said = lambda v: v.get(field) or ("oos" if v["unsure"] else "")
    return [(w["text"], w[field], said(v)) for w, v in golden if said(v) != w[field]]


# ---- the files ----


@pytest.mark.parametrize("path", sorted(KIT.glob("*.tsv")), ids=lambda p: p.name)
def test_labelled_messages_are_whole_and_each_is_there_once(path):
    columns = path.read_text(encoding="utf-8").splitlines()[0].split("\t")
    allowed = {"urgency": set(LEVELS), "sentiment": {"negative", "neutral", "positive"}}
    intents = set(re.findall(r"^\| ([a-z_]+) \| ", (KIT / "README.md").read_text(encoding="utf-8"), re.M)) - {"intent"}
    seen = set()
    for n, row in enumerate(rows(path), 2):
        assert list(row) == columns and all(row.values()), f"{path.name}:{n}"
        assert row["text"].strip().casefold() not in seen, f"{path.name}:{n}: {row['text']} is there twice"
        seen.add(row["text"].strip().casefold())
        assert row.get("intent", "oos") in intents, f"{path.name}:{n}: {row['intent']}"
        assert all(row[c] in words for c, words in allowed.items() if c in row), f"{path.name}:{n}"


def test_the_policy_is_clean_and_a_queue_takes_every_intent_but_those_of_the_front_desk():
    got = subprocess.run([NARU, "check", str(KIT / "policy.yaml")], capture_output=True, text=True, timeout=60)
    told = [line for line in got.stdout.splitlines() if ": warning:" in line]
    absent = [line for line in told if "there is no such file" in line and "triage.models." in line]
    assert got.returncode == 0 and told == absent, got.stdout + got.stderr
    assert not absent or not all((MODELS / f"{kind}.model").exists() for kind in ("intent", "urgency", "sentiment", "language"))
    text = (KIT / "policy.yaml").read_text(encoding="utf-8")
    taken = {i for group in re.findall(r"takes: \{ intent: \[([^]]*)\]", text) for i in group.split(", ")}
    intents = {row["intent"] for row in rows(KIT / "messages.en.tsv")}
    assert intents == {row["intent"] for row in rows(KIT / "messages.ko.tsv")}
    assert intents - taken == {"oos", "greeting", "thanks_bye", "praise", "human_agent"} and taken <= intents


# ---- golden verdicts ----


@learnt
def test_golden_messages_get_their_intent(golden):
    assert len(wrong(golden, "intent")) <= 0.15 * len(golden), wrong(golden, "intent")


@learnt
def test_golden_messages_get_their_sentiment(golden):
    assert len(wrong(golden, "sentiment")) <= 0.15 * len(golden), wrong(golden, "sentiment")


@learnt
def test_golden_messages_get_their_urgency_and_what_is_critical_is_never_left_to_wait(golden):
    missed = wrong(golden, "urgency")
    assert len(missed) <= 0.15 * len(golden), missed
    for text, wanted, said in missed:
        assert abs(LEVELS.index(wanted) - LEVELS.index(said)) == 1, (text, wanted, said)
    for w, v in golden:
        assert w["urgency"] != "critical" or v["urgency"] in ("high", "critical"), w["text"]


@learnt
def test_a_score_is_told_in_its_parts(golden):
    for w, v in golden:
        parts = [r for r in v["reasons"] if r["part"] == "urgency"]
        adds = [float(r["detail"].split()[-1]) for r in parts if re.search(r"[+-]\d\.\d\d$", r["detail"])]
        assert parts[0]["by"] == "model" and 0 <= v["score"] <= 1, w["text"]
        total = min(1, max(0, float(parts[0]["detail"].split()[0]) + sum(adds)))
        assert abs(total - v["score"]) < 0.006 * (len(adds) + 1), (w["text"], parts, v["score"])


@learnt
@pytest.mark.parametrize("calm, pressing", [
    ("is there an emergency exit near our seats?", "we are locked in, there is smoke and the emergency exit does not open"),
    ("URGENT!!! please tell me whether the sale is still on", "please stop the transfer, a thief is sending my money away right now"),
    ("what would I do if I smelled gas one day", "it smells of gas in our kitchen"),
    ("비상구 좌석은 얼마나 더 넓어요?", "지금 주방에서 가스 냄새가 심하게 나요"),
    ("급해요ㅋㅋ 세일 언제까지 해요", "방금 제 카드로 모르는 결제가 또 됐어요 제가 한 거 아니에요"),
])
def test_loud_words_about_nothing_stay_below_calm_words_about_harm(calm, pressing):
    low, high = verdicts([calm, pressing])
    assert low["urgency"] in ("low", "normal"), low
    assert high["urgency"] == "critical" and high["score"] > low["score"], high


# ---- where they go ----


@learnt
def test_messages_reach_the_queue_of_their_intent():
    going = [
        ("I lost my card on the tram, please block it", "fraud-safety"),
        ("주방에서 가스 냄새가 나요", "fraud-safety"),
        ("where is my parcel, it should have come on monday", "orders"),
        ("I was charged twice on my last bill", "payments"),
        ("비밀번호를 잊어버려서 로그인이 안 돼요", "accounts"),
        ("the app crashes when I open it", "technical"),
        ("please move my hotel reservation to the 12th", "bookings"),
        ("이 제품 재입고는 언제 되나요", "sales"),
        ("I want to cancel my subscription", "retention"),
        ("tell me a joke about a parrot", "front-desk"),
    ]
    with running(policy=KIT / "policy.yaml") as naru:
        ids = [naru.event(f"s{n}", text, account="starter-web", customer=f"c{n}", conversation=f"k{n}").json["event"] for n, (text, _) in enumerate(going)]
        for (text, queue), event in zip(going, ids):
            ticket = wait_for("the ticket", lambda: naru.get(f"/v1/events/{event}").json.get("ticket"))
            assert naru.get(f"/v1/tickets/{ticket}").json["queue"] == queue, text
