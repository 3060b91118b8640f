"""naru train, eval and classify by the real binary, on small tables made here; and, where public data sets lie beside the project or
in $NARU_DATASETS, on one of them."""
import gzip
import itertools
import json
import os
import pathlib
import random
import signal
import subprocess

import pytest
from conftest import NARU, ROOT, wait_for

DATA = pathlib.Path(os.environ.get("NARU_DATASETS", ROOT.parent / "shared" / "data"))

# Words of four desks, and of nobody's business.
DESKS = {
    "refund": (["refund", "money back", "환불", "돈을 돌려"], ["broken kettle", "torn coat", "wrong lamp", "구두", "찻잔"]),
    "delivery": (["parcel", "courier", "배송", "택배"], ["still not here", "late again", "at the wrong door", "안 와요", "늦어요"]),
    "login": (["password", "sign in", "로그인", "비밀번호"], ["locked me out", "is refused", "forgotten", "틀려요", "잊었어요"]),
    "invoice": (["invoice", "billing", "청구서", "영수증"], ["charged twice", "wrong amount", "tax number", "두 번", "금액이 달라요"]),
}
ELSEWHERE = (["a poem", "the weather", "a joke", "축구", "노래"], ["about the sea", "for tomorrow", "please", "불러줘", "알려줘"])
TRAIN = 120  # rows learnt from
OPENINGS = ["hello,", "hi there", "please help:", "안녕하세요", "저기요", "once more:", "since monday"]


def sentences(heads, tails, rng, count):
    every = [" ".join(words) for words in itertools.product(OPENINGS, heads, tails)]
    return rng.sample(every, count)


def table(path, rows, names=("text", "intent")):
    lines = ["\t".join(names), *("\t".join(r) for r in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def messages(seed=1, each=36, oos=26):
    rng = random.Random(seed)
    rows = [(text, label) for label, (heads, tails) in DESKS.items() for text in sentences(heads, tails, rng, each)]
    rows += [(text, "oos") for text in sentences(*ELSEWHERE, rng, oos)]
    rng.shuffle(rows)
    return rows


def naru(*args, status=0, **kw):
    got = subprocess.run([NARU, *map(str, args)], capture_output=True, text=True, timeout=kw.pop("timeout", 300), **kw)
    assert got.returncode == status, (got.returncode, got.stderr[-2000:], got.stdout[-500:])
    assert "Sanitizer" not in got.stderr and "runtime error" not in got.stderr, got.stderr
    return got


def train(data, out, *more, status=0, label="intent"):
    return naru("train", "--data", data, "--text", "text", "--label", label, "--out", out, *more, status=status)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with train.tsv, dev.tsv and a model learnt from the first."""
    folder = tmp_path_factory.mktemp("models")
    rows = messages()
    table(folder / "train.tsv", rows[:TRAIN])
    table(folder / "dev.tsv", rows[TRAIN:])
    said = train(folder / "train.tsv", folder / "desk.model", "--oos", "oos", "--json")
    (folder / "report.json").write_text(said.stdout)
    return folder


def test_training_says_what_was_learnt_and_how_good_it_is(made):
    report = json.loads((made / "report.json").read_text())
    assert report["rows"] == TRAIN and report["labels"] == 5 and report["kind"] == "intent"
    assert report["accuracy"] > 0.8 and report["macro_f1"] > 0.7
    assert 0 <= report["ece"] <= 1 and report["bytes"] == (made / "desk.model").stat().st_size
    assert {c["label"] for c in report["classes"]} == {*DESKS, "oos"}
    assert report["measured_on"] == "cross-validation" and report["chosen"]


def test_the_report_for_people(made, tmp_path):
    said = train(made / "train.tsv", tmp_path / "m.model", "--oos", "oos", "--dev", made / "dev.tsv")
    for part in ("intent, 5 labels", f"learnt from {TRAIN} rows", "chosen by validation", "dev.tsv", "accuracy", "threshold", "  refund\n"):
        assert part in said.stdout, part
    assert "train" in said.stderr  # progress, a line a step
    quiet = train(made / "train.tsv", tmp_path / "m.model", "--oos", "oos", "--quiet")
    assert quiet.stdout == "" and quiet.stderr == ""


def test_the_same_data_and_seed_give_the_same_bytes(made, tmp_path):
    train(made / "train.tsv", tmp_path / "again.model", "--oos", "oos", "--quiet")
    assert (tmp_path / "again.model").read_bytes() == (made / "desk.model").read_bytes()


def test_eval_gives_the_figures_that_others_give(made):
    got = json.loads(naru("eval", "--model", made / "desk.model", "--data", made / "dev.tsv", "--text", "text", "--label", "intent",
                          "--oos", "oos", "--json").stdout)
    assert set(got) == {"n", "accuracy", "macro_f1", "in_scope_accuracy", "oos_recall", "auroc", "ece", "us_per_message", "threshold",
                        "labels", "kind", "model"}
    assert got["n"] == 50 and got["accuracy"] > 0.8 and got["auroc"] > 0.8 and got["us_per_message"] > 0


def test_figures_that_nothing_defines_are_null(made, tmp_path):
    rows = [r for r in messages() if r[1] != "oos"][:20]
    got = json.loads(naru("eval", "--model", made / "desk.model", "--data", table(tmp_path / "in.tsv", rows), "--text", "1",
                          "--label", "2", "--json").stdout)
    assert got["oos_recall"] is None and got["auroc"] is None and got["accuracy"] > 0.8


def test_eval_without_data_tells_what_a_model_is(made):
    said = naru("eval", "--model", made / "desk.model").stdout
    assert "intent, 5 labels" in said and "oos  (out of scope)" in said
    facts = json.loads(naru("eval", "--model", made / "desk.model", "--json").stdout)
    assert facts["names"] == sorted([*DESKS, "oos"]) or set(facts["names"]) == {*DESKS, "oos"}
    assert facts["oos"] == "oos" and facts["kind"] == "intent"


def test_a_label_that_the_model_does_not_know_is_named_and_counts_as_wrong(made, tmp_path):
    rows = [("my parcel", "delivery"), ("parcel for a friend", "gifts"), ("courier", "gifts")]
    got = naru("eval", "--model", made / "desk.model", "--data", table(tmp_path / "g.tsv", rows), "--text", "text", "--label",
               "intent", "--json")
    assert 'does not know the label "gifts": 2 rows count as wrong' in got.stderr and "g.tsv:3" in got.stderr
    assert json.loads(got.stdout)["accuracy"] <= 1 / 3 + 1e-6


def test_classify_answers_each_line_with_one_object(made):
    lines = ["where is my parcel, courier at the wrong door", "", "환불 해 주세요", "x" * 300000, "\u00e9\u0301\u200b🙂", "last line without end"]
    got = naru("classify", "--model", made / "desk.model", "--features", 3, input="\n".join(lines)).stdout.splitlines()
    assert len(got) == len(lines)
    for line in map(json.loads, got):
        assert set(line) == {"label", "p", "second", "margin", "oos", "features"}
        assert line["label"] in DESKS and 0 <= line["p"] <= 1 and len(line["features"]) <= 3
        assert abs(line["margin"]) <= line["p"] + 1e-6
    assert json.loads(got[0])["label"] == "delivery" and json.loads(got[2])["label"] == "refund"


def test_classify_answers_bytes_that_are_no_text(made):
    noise = bytes(b if b != 10 else 11 for b in random.Random(2).randbytes(200000))
    got = subprocess.run([NARU, "classify", "--model", made / "desk.model"], input=noise + b"\n\xff\xfe\0x\n", capture_output=True,
                         timeout=60)
    assert got.returncode == 0, got.stderr
    assert [set(json.loads(line)) >= {"label"} for line in got.stdout.splitlines()] == [True, True]


def test_a_program_on_a_pipe_gets_each_answer_at_once(made):
    with subprocess.Popen([NARU, "classify", "--model", made / "desk.model"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as p:
        for _ in range(3):
            p.stdin.write("my password is refused\n")
            p.stdin.flush()
            assert json.loads(p.stdout.readline())["label"] == "login"
        p.stdin.close()
        assert p.wait(20) == 0


def test_bad_rows_are_named_by_line_and_the_good_ones_used(made, tmp_path):
    good = (made / "train.tsv").read_bytes()
    bad = tmp_path / "bad.tsv.gz"
    with gzip.open(bad, "wb") as f:
        f.write(good + b"no label\n\trefund\nb\xffd\trefund\nn\0l\trefund\n")
    said = train(bad, tmp_path / "bad.model", "--oos", "oos", "--json")
    for line, why in ((2, "no such column in this row"), (3, "empty text"), (4, "not UTF-8"), (5, "NUL")):
        assert any(f"bad.tsv.gz:{TRAIN + line}:" in s and why in s for s in said.stderr.splitlines()), (line, said.stderr)
    report = json.loads(said.stdout)
    assert report["rows"] == TRAIN and report["rows_not_used"] == 4
    assert (tmp_path / "bad.model").read_bytes() == (made / "desk.model").read_bytes()


def test_csv_and_tsv_with_the_same_rows_give_the_same_model(made, tmp_path):
    rows = [line.split("\t") for line in (made / "train.tsv").read_text().splitlines()]
    quoted = tmp_path / "train.csv"
    quoted.write_bytes(b"\xef\xbb\xbf" + "".join(f'{label},"{text}"\r\n' for text, label in rows).encode())
    train(quoted, tmp_path / "csv.model", "--oos", "oos", "--quiet")
    assert (tmp_path / "csv.model").read_bytes() == (made / "desk.model").read_bytes()


@pytest.mark.parametrize("args, why", [
    (["--text", "txt", "--label", "intent"], 'did you mean "text"?'),
    (["--text", "text", "--label", "9"], "the columns are: text, intent"),
    (["--text", "text", "--label", "intent", "--kind", "urgencey"], 'did you mean "urgency"?'),
    (["--text", "text", "--label", "intent", "--kind", "urgency"], "not a label of this kind"),
    (["--text", "text", "--label", "intent", "--map", "refund"], "is not FROM=TO"),
    (["--text", "text"], "--label: is missing"),
])
def test_mistakes_are_answered_with_the_nearest_right_thing(made, tmp_path, args, why):
    said = naru("train", "--data", made / "train.tsv", "--out", tmp_path / "m.model", *args, status=2)
    assert why in said.stderr, said.stderr
    assert not list(tmp_path.iterdir())


def test_one_label_is_too_few(tmp_path):
    said = train(table(tmp_path / "one.tsv", [("a b", "x"), ("c d", "x")]), tmp_path / "m.model", status=2)
    assert "naru train: learning:" in said.stderr
    assert not (tmp_path / "m.model").exists()


def test_a_place_that_cannot_be_written_is_told_before_the_work(made, tmp_path):
    said = train(made / "train.tsv", tmp_path / "absent" / "m.model", status=2)
    assert "absent: No such file" in said.stderr


def test_a_damaged_model_is_refused_with_the_reason(made, tmp_path):
    whole = (made / "desk.model").read_bytes()
    damaged = tmp_path / "d.model"
    for what, content in (("empty", b""), ("short", whole[:-1]), ("long", whole + b"x"), ("foreign", b"PK\3\4" + whole[4:]),
                          ("flipped", whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1:])):
        damaged.write_bytes(content)
        for command in ("eval", "classify"):
            said = naru(command, "--model", damaged, status=1, input="")
            assert "d.model" in said.stderr, (what, said.stderr)


def test_a_stop_leaves_the_old_model_and_nothing_else(made, tmp_path):
    rows = messages(seed=3, each=100, oos=60)
    more = [(f"{text} {i}", label) for i in range(60) for text, label in rows]
    data = table(tmp_path / "large.tsv", more)
    (tmp_path / "m.model").write_bytes(b"the old one")
    p = subprocess.Popen([NARU, "train", "--data", data, "--text", "text", "--label", "intent", "--oos", "oos", "--out",
                          tmp_path / "m.model"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert p.stderr.readline().startswith("train")  # it is at work
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=60)
    assert p.returncode == 1 and "stopped: nothing was written" in err, (p.returncode, err[-500:])
    assert out == ""
    assert (tmp_path / "m.model").read_bytes() == b"the old one"
    assert sorted(f.name for f in tmp_path.iterdir()) == ["large.tsv", "m.model"]


def test_sentiment_with_numbered_labels(tmp_path):
    rng = random.Random(5)
    moods = {"0": ["awful", "angry", "최악", "짜증"], "1": ["question about", "whether", "문의", "궁금"], "2": ["lovely", "thanks", "최고", "감사"]}
    rows = [(f"{o} {w} {t}", label) for label, words in moods.items() for o in OPENINGS for w in words for t in ("lamp", "찻잔", "coat")]
    rng.shuffle(rows)
    data = table(tmp_path / "s.tsv", rows, ("text", "mood"))
    change = "0=negative,1=neutral,2=positive"
    train(data, tmp_path / "s.model", "--kind", "sentiment", "--map", change, "--quiet", label="mood")
    got = json.loads(naru("eval", "--model", tmp_path / "s.model", "--data", data, "--text", "text", "--label", "mood", "--map", change,
                          "--json").stdout)
    assert got["kind"] == "sentiment" and got["accuracy"] > 0.9


def test_urgency_is_judged_as_a_ladder(tmp_path):
    words = {"low": ["curious", "잡담"], "normal": ["address", "주소"], "high": ["blocked", "막혔"], "critical": ["gas leak", "누출"]}
    rows = [(f"{o} {w} {t}", label) for label, heads in words.items() for o in OPENINGS for w in heads for t in ("now", "here", "지금")]
    data = table(tmp_path / "u.tsv", rows, ("text", "urgency"))
    train(data, tmp_path / "u.model", "--kind", "urgency", "--quiet", label="urgency")
    got = json.loads(naru("eval", "--model", tmp_path / "u.model", "--data", data, "--text", "text", "--label", "urgency",
                          "--json").stdout)
    assert got["quadratic_kappa"] > 0.9 and got["recall_high"] > 0.9


def test_a_policys_whole_verdict_is_judged(tmp_path):
    rows = [("환불 해 주세요", "refund_request"), ("hello", "oos"), ("the weather", "oos"), ("환불", "other")]
    data = table(tmp_path / "p.tsv", rows)
    policy = ROOT / "config" / "hanbit.yaml"
    args = ["--policy", policy, "--data", data, "--text", "text", "--at", "2026-03-02T10:00:00+09:00"]
    got = json.loads(naru("eval", *args, "--field", "intent", "--label", "intent", "--oos", "oos", "--json").stdout)
    assert got["n"] == 4 and got["accuracy"] == 0.75 and got["oos_recall"] == 1
    rows = [("환불", "normal"), ("결제 오류, 접속이 안 돼요", "critical"), ("hello", "normal")]
    table(data, rows, ("text", "urgency"))
    got = json.loads(naru("eval", *args, "--field", "urgency", "--label", "urgency", "--json").stdout)
    assert set(got) >= {"quadratic_kappa", "recall_high", "version"} and got["ece"] is None
    said = naru("eval", *args, "--field", "urgency", "--label", "urgency", "--account", "kr-sm", status=2)
    assert 'did you mean "kr-sms"?' in said.stderr


def test_a_policy_with_a_model_alone_is_as_good_as_the_model(made):
    """The verdict's intent is the model's, out of scope included."""
    policy = made / "policy.yaml"
    policy.write_text("""naru: 1
workspace: desk
channels: { webchat: { cost: 30, offer: 20s } }
accounts: { web: { channel: webchat } }
queues: { all: { takes: default, sla: { answer: { within: 15m } } } }
triage: { models: { intent: desk.model }, unsure: { below: 0, queue: all } }
""")
    args = ["--data", made / "dev.tsv", "--text", "text", "--label", "intent", "--oos", "oos", "--json"]
    of_model = json.loads(naru("eval", "--model", made / "desk.model", *args).stdout)
    of_policy = json.loads(naru("eval", "--policy", policy, "--field", "intent", *args).stdout)
    for figure in ("n", "accuracy", "macro_f1", "in_scope_accuracy", "oos_recall"):
        assert of_policy[figure] == of_model[figure], (figure, of_policy, of_model)


def test_classify_by_a_policy_gives_whole_verdicts():
    got = naru("classify", "--policy", ROOT / "config" / "hanbit.yaml", input="환불 해 주세요\n\n").stdout.splitlines()
    assert len(got) == 2
    verdict = json.loads(got[0])
    assert verdict["language"] == "ko" and verdict["intent"] == "refund_request" and verdict["reasons"]


@pytest.mark.skipif(not (DATA / "bitext27" / "train.tsv").exists(), reason=f"no data set bitext27 in {DATA}")
def test_a_public_set_that_is_easy(tmp_path):
    header, *rows = (DATA / "bitext27" / "train.tsv").read_text().splitlines(keepends=True)
    part = tmp_path / "part.tsv"
    part.write_text(header + "".join(rows[::5]))
    train(part, tmp_path / "b.model", "--quiet")
    got = json.loads(naru("eval", "--model", tmp_path / "b.model", "--data", DATA / "bitext27" / "dev.tsv", "--text", "text", "--label",
                          "intent", "--json").stdout)
    assert got["n"] == 810 and got["accuracy"] > 0.97, got
