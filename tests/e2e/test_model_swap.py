"""Models in a running service: named by the policy, replaced under load, damaged, missing."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest
from conftest import NARU, Hand, by_hand, wait_for

MODELS = "  models: { intent: intent.model }\n"
YAML = """naru: 1
workspace: test
channels:
  webchat: { cost: 30, offer: 5s }
accounts:
  web: { channel: webchat }
triage:
""" + MODELS + """  rules:
    - { name: outage, when: { text: [outage] }, then: { intent: outage, queue: general } }
queues:
  billing: { takes: { intent: [refund_*] }, sla: { answer: { within: 2m } } }
  general: { takes: default, sla: { answer: { within: 10m } } }
"""
ROWS = {
    "refund": ["i want my money back", "refund the torn coat please", "please refund me", "a refund for the kettle", "refund my order",
               "환불 해 주세요", "구두 환불 되나요", "환불 받고 싶어요"],
    "delivery": ["where is my parcel", "the parcel is late", "no courier has come", "parcel at the wrong door", "when will the courier come",
                 "택배가 안 와요", "배송이 늦어요", "배송이 언제 오나요"],
    "login": ["i cannot log in", "my password is refused", "forgot my password", "password does not work", "log in is locked",
              "로그인이 안 돼요", "비밀번호를 잊었어요", "비밀번호가 틀려요"],
}


@pytest.fixture(scope="module")
def learnt():
    """Two models of the same rows; the second one's labels end in _new."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="naru-e2e-"))
    for tail in ("old", "new"):
        rows = "".join(f"{text}\t{label}_{tail}\n" for label, texts in ROWS.items() for text in texts)
        (folder / f"{tail}.tsv").write_text("text\tintent\n" + rows)
        said = subprocess.run([NARU, "train", "--data", folder / f"{tail}.tsv", "--text", "text", "--label", "intent", "--out",
                               folder / f"{tail}.model", "--quiet"], capture_output=True, text=True, timeout=120)
        assert said.returncode == 0, said.stderr
    yield {tail: (folder / f"{tail}.model").read_bytes() for tail in ("old", "new")}
    shutil.rmtree(folder, ignore_errors=True)


class Place:
    """A policy's folder, and a service on it with one worker that keeps copies of models."""

    def __init__(self, hand, folder):
        self.hand, self.folder, self.door, self.count = hand, folder, hand.routers[1], 0
        hand.argv = lambda name: [*Hand.argv(hand, name), *(["--models", str(folder / "given"), "--model-copies", str(folder / "copies")]
                                                           if name.startswith("triage") else [])]

    def put(self, content, name="intent.model"):
        """As naru train does it: a new file renamed into place."""
        (self.folder / "draft").write_bytes(content)
        os.rename(self.folder / "draft", self.folder / name)

    def write_over(self, content):
        with open(self.folder / "intent.model", "r+b") as f:
            f.write(content)
            f.truncate()

    def send(self, text):
        self.count += 1
        said = self.door.event(f"m{self.count}", text, customer=f"m{self.count}")
        assert said.status == 202, said.text
        return said.json["event"]

    def taken(self, event):
        """The ticket of an event, with what explains it."""
        state = lambda: self.door.get(f"/v1/events/{event}").json
        wait_for("it to be taken", lambda: state()["state"] == "taken")
        ticket = self.door.get(f"/v1/tickets/{state()['ticket']}").json
        return ticket, self.door.get(f"/v1/tickets/{state()['ticket']}/explain").text

    def ask(self, text):
        ticket, why = self.taken(self.send(text))
        assert self.door.post(f"/v1/tickets/{ticket['ticket']}/cancel", {}).status == 200
        return ticket, why

    def intent(self, text="please refund the kettle"):
        return self.ask(text)[0].get("intent", "")

    def loads(self, result):
        return self.door.metric(f'naru_model_loads_total{{process="triage-1",result="{result}"}}')

    def log(self):
        return (self.hand.folder / "triage-1.log").read_text()


@pytest.fixture(scope="module")
def place(learnt):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="naru-e2e-"))
    (folder / "given").mkdir()
    (folder / "policy.yaml").write_text(YAML)
    (folder / "intent.model").write_bytes(learnt["old"])
    with by_hand(policy=folder / "policy.yaml") as hand:
        p = Place(hand, folder)
        hand.start("redis", "router-1", "triage-1", "assign-1").ready()
        yield p
    shutil.rmtree(folder, ignore_errors=True)


def check(folder, yaml, *more, status=0):
    (folder / "checked.yaml").write_text(yaml)
    said = subprocess.run([NARU, "check", *more, folder / "checked.yaml"], capture_output=True, text=True, timeout=60)
    assert said.returncode == status, said.stdout + said.stderr
    return said.stdout


def test_naru_check_tells_models_that_cannot_be_used(place, learnt):
    folder = place.folder
    assert "0 warnings" in check(folder, YAML)
    said = check(folder, YAML.replace(MODELS, "  models: { intent: lost.model, urgency: intent.model, sentiment: policy.yaml }\n"))
    assert 'checked.yaml: warning: triage.models.intent: "lost.model" cannot be used: there is no such file' in said
    assert '"intent.model" cannot be used: it is a model of kind "intent", not "urgency"' in said
    assert '"policy.yaml" cannot be used: this is no model file' in said and "3 warnings" in said
    (folder / "cut.model").write_bytes(learnt["old"][:-1])
    told = json.loads(check(folder, YAML.replace("intent.model", "cut.model"), "--json"))
    assert [(f["level"], f["key"]) for f in told["findings"]] == [("warning", "triage.models.intent")]
    assert "cut short" in told["findings"][0]["text"]


def test_naru_check_tells_intents_that_no_message_can_have(place):
    more = """    - { name: a, when: { intent: [refund_old, outage] }, then: { tag: a } }
    - { name: b, when: { any: [{ intent: delivry_old }, { text: x, intent: "login_*" }] }, then: { tag: b } }
queues:
  parcels: { takes: { intent: ["parcel_*", refund_old] }, sla: { answer: { within: 2m } } }
"""
    yaml = YAML.replace("queues:\n", more)
    said = check(place.folder, yaml)
    assert 'no message has the intent "delivry_old"' in said and '(did you mean "delivery_old"?)' in said
    assert 'queues.parcels.takes.intent: no message has the intent "parcel_*"' in said and "2 warnings" in said
    assert "checked.yaml:12:34:" in said and "checked.yaml:14:1:" in said, said
    scored = yaml.replace(MODELS, MODELS + "  external: { intent: { within: 300ms } }\n")
    assert "no message has" not in check(place.folder, scored)  # nobody knows what a scorer will name


def test_a_model_of_the_policy_names_intents(place):
    ticket, why = place.ask("please refund the kettle")
    assert (ticket["intent"], ticket["queue"]) == ("refund_old", "billing")
    assert '"model"' in why and "refund_old " in why and "refund" in why, why
    assert place.intent("택배가 늦어요 배송 언제") == "delivery_old"
    assert place.intent("outage! please refund the kettle") == "outage"  # a rule has the last word


def test_a_new_model_is_used_without_a_restart_and_no_event_is_lost(place, learnt):
    pid = place.hand.running["triage-1"].pid
    sent = [place.send("please refund the kettle") for _ in range(5)]
    place.put(learnt["new"])

    def used():
        sent.extend(place.send("please refund the kettle") for _ in range(5))
        return place.taken(sent[-1])[0]["intent"] == "refund_new"

    wait_for("the new model to be used", used, 15)
    sent.extend(place.send("please refund the kettle") for _ in range(20))
    tickets = [place.taken(event)[0] for event in sent]
    intents = [t["intent"] for t in tickets]
    assert set(intents) == {"refund_old", "refund_new"} and set(intents[-20:]) == {"refund_new"}
    assert len({t["ticket"] for t in tickets}) == len(sent)
    assert place.door.get("/v1/events?state=dead").json["events"] == []
    assert place.hand.running["triage-1"].pid == pid and place.hand.running["triage-1"].poll() is None
    for t in tickets:
        place.door.post(f"/v1/tickets/{t['ticket']}/cancel", {})
    assert len(list((place.folder / "copies").iterdir())) == 1


def test_a_damaged_model_is_refused_and_the_old_one_goes_on(place, learnt):
    whole, refused = learnt["old"], place.loads("refused")
    place.put(whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1:])
    wait_for("it to be refused", lambda: place.loads("refused") > refused, 15)
    assert "model intent.model: the model file is damaged" in place.log() and "what was in force stays" in place.log()
    assert place.intent() == "refund_new"
    place.write_over(whole[:1000])  # the file itself, half of it
    wait_for("it to be refused", lambda: place.loads("refused") > refused + 1, 15)
    assert place.intent() == "refund_new"
    place.write_over(whole)
    wait_for("a whole one to be used", lambda: place.intent() == "refund_old", 15)


def test_without_its_models_a_policy_still_works(place):
    yaml = YAML.replace(MODELS, "  models: { intent: nowhere.model, sentiment: /nowhere/s.model }\n")
    etag = place.door.get("/v1/policy").headers["ETag"]
    said = place.door.call("PUT", "/v1/policy", raw=yaml.encode(), headers={"If-Match": etag, "Content-Type": "application/yaml"})
    assert said.status in (200, 202, 204), said.text
    wait_for("it to be in force", lambda: "intent model nowhere.model: there is no such file" in place.log(), 15)
    place.hand.kill("triage-1")  # the next one has never had a model
    place.hand.start("triage-1")
    ticket, why = place.ask("please refund the kettle")
    assert ticket.get("intent", "") == "" and ticket["queue"] == "general" and '"model"' not in why
    assert place.intent("outage") == "outage"
    (place.folder / "given" / "nowhere.model").write_bytes((place.folder / "intent.model").read_bytes())
    wait_for("the missing one to be found", lambda: place.intent() == "refund_old", 15)
