"""The worked policies of config/teams, each with real processes: what the team is about happens."""
import datetime
import time
import zoneinfo

import pytest
from conftest import ROOT, json_line, wait_for

TEAMS = ROOT / "config" / "teams"


class Team:
    """A team's policy at work: its agents by name, and customers who write."""

    def __init__(self, naru, account):
        self.naru, self.account, self.agents, self.count = naru, account, {}, 0

    def come(self, *names):
        for name in names:
            self.agents[name] = self.naru.agent(name).available()

    def leave(self, *names):
        for name in names:
            assert self.agents[name].act("presence", presence="offline")["status"] == 200
            self.agents.pop(name).close()

    def write(self, text, **customer):
        """The ticket of a new customer's message; what can be decided at once has been."""
        self.count += 1
        sent = self.naru.event(f"m{self.count}", text, account=self.account, customer={"id": f"c{self.count}", **customer})
        assert sent.status == 202, sent.text
        return wait_for("its ticket", lambda: self.naru.get(f"/v1/events/{sent.json['event']}").json.get("ticket"))

    def ticket(self, id):
        return self.naru.get(f"/v1/tickets/{id}").json

    def offered(self, id, seconds=30):
        """Who is offered it, once somebody is."""
        self.now = self.ticket(id)
        until = time.monotonic() + seconds
        while self.now["state"] != "offered":
            assert time.monotonic() < until, f"nobody was offered {self.now}"
            time.sleep(0.05)
            self.now = self.ticket(id)
        return self.now["agent"]

    def accept(self, name, id, resolve=False):
        agent = self.agents[name]
        got = agent.act("accept", ticket=id, token=agent.hear("offer", ticket=id)["token"])
        assert got["status"] == 200, got
        if resolve:
            assert agent.act("resolve", ticket=id, token=got["token"])["status"] == 200
        return name

    def answered(self, id):
        """Who was offered it first; they have dealt with it."""
        return self.accept(self.offered(id), id, resolve=True)


@pytest.fixture
def team(request, start):
    name, account = request.param
    return Team(start(policy=TEAMS / f"{name}.yaml"), account)


def of(name, account):
    return pytest.mark.parametrize("team", [(name, account)], indirect=True, ids=[name])


@of("functional", "shop-chat")
def test_a_function_answers_its_own_and_a_neighbour_helps_only_when_it_must(team):
    team.come("haeun", "dohyun", "joohan")
    first = team.write("refund please")
    assert team.ticket(first)["state"] == "waiting"  # both of delivery know enough about money, and are held back
    assert team.answered(team.write("where is my parcel")) in ("haeun", "dohyun")
    assert team.offered(team.write("I forgot my password")) == "joohan"
    team.come("yuna")
    assert team.ticket(first)["state"] == "waiting"  # the leads come still later
    team.come("minji")
    assert team.offered(first) == "minji" and team.now["queue"] == "billing"
    team.accept("minji", first)
    more = [team.write("refund please") for _ in range(2)]
    assert team.offered(more[0]) == "minji"  # her second; a third would take what is kept for emergencies
    team.accept("minji", more[0])
    assert team.ticket(more[1])["state"] == "waiting"
    more += [team.write("refund please") for _ in range(3)]
    helped = wait_for("delivery to help", lambda: [t["agent"] for t in map(team.ticket, more[1:]) if t["state"] == "offered"])
    assert set(helped) <= {"haeun", "dohyun"}


@of("tiered", "help-chat")
def test_the_bot_and_the_first_line_come_first_and_experts_get_what_is_theirs(team):
    team.come("helper", "anna", "dirk")
    assert team.offered(team.write("I want to reset my password, please: reset my password")) == "helper"  # the bot goes first
    assert team.offered(team.write("this is unacceptable, reset my password now")) == "anna"               # … but not to whom is cross
    assert team.offered(team.write("my webhook gets no data")) == "dirk" and team.now["queue"] == "second-line"


@of("tiered", "help-chat")
def test_what_the_first_line_does_not_answer_reaches_the_second(team):
    team.come("anna", "dirk")
    urgent = team.write("outage: nothing works")
    began = time.monotonic()
    assert team.offered(urgent) == "anna"  # she looks away
    team.accept("dirk", urgent)
    assert time.monotonic() - began > 5  # a fifth of 30 s at the earliest: before, the second line is not asked
    team.agents["anna"].hear("withdrawn", ticket=urgent)
    assert team.ticket(urgent)["agent"] == "dirk"


@of("matrix", "chat")
def test_product_and_language_meet_and_the_rare_are_spared(team):
    team.come("arun", "chul", "eun", "bea")
    assert team.offered(team.write("our cloud server is down since this morning, please help")) == "arun"
    assert team.offered(team.write("클라우드 서버에 접속이 되지 않습니다. 도와주세요")) == "chul"
    assert team.offered(team.write("the payment terminal in our shop does not work")) == "bea"
    assert team.offered(team.write("매장 결제 단말기가 작동하지 않습니다")) == "eun"  # nobody else has both
    both = team.write("we have both products: the cloud server and the checkout are slow today")
    assert {n["skill"] for n in team.ticket(both)["needs"]} >= {"cloud", "payments"}


AWAKE = {"seoul": ("Asia/Seoul", 8, 18), "dublin": ("Europe/Dublin", 8, 17.5), "vancouver": ("America/Vancouver", 8, 17)}
AT_HOME = {"seoul": ("jisoo", "taeho"), "dublin": ("aoife", "conor"), "vancouver": ("maya", "owen")}


def awake(after=0):
    """The agents in whose region it is day; `after` so many seconds from now."""
    found = set()
    for region, (zone, opens, shuts) in AWAKE.items():
        now = datetime.datetime.now(zoneinfo.ZoneInfo(zone)) + datetime.timedelta(seconds=after)
        if opens <= now.hour + now.minute / 60 < shuts:
            found |= set(AT_HOME[region])
    return found


@of("follow-the-sun", "chat")
def test_the_region_that_is_awake_takes_it_and_the_next_takes_over(team):
    day = awake()
    if awake(180) != day:
        pytest.skip("a region opens or closes within these minutes")
    night = sorted({name for names in AT_HOME.values() for name in names} - day)
    team.come(*night)
    first = team.write("my order page shows an error, could you please look at it")
    assert team.ticket(first)["state"] == "waiting"  # they are there, and not on duty
    team.come(*sorted(day))
    assert team.answered(first) in day
    assert team.answered(team.write("could you please tell me how the export works")) in day
    team.leave(*sorted(day))
    second = team.write("could you please tell me how the export works")
    assert team.ticket(second)["state"] == "waiting"
    here = next(r for r, names in AT_HOME.items() if set(names) <= day)
    away = next(r for r, names in AT_HOME.items() if not set(names) & day)
    text = (TEAMS / "follow-the-sun.yaml").read_text().replace(f"shift: {away}", f"shift: {here}")  # their day begins
    answer = team.naru.post("/v1/policy", raw=text.encode(), headers={"Content-Type": "application/yaml"})
    assert answer.status == 200, answer.text
    assert team.answered(second) in AT_HOME[away]


@of("lifecycle", "site")
def test_each_stage_of_a_customer_s_life_has_its_own_idea_of_good(team):
    team.come("sora", "jinwoo", "hana", "doyun", "nari", "yuna")
    lead = team.write("how much is it", stage="prospect")
    asked = [team.agents[name].hear("offer", ticket=lead) for name in ("sora", "jinwoo")]
    assert {offer["queue"] for offer in asked} == {"prospects"}  # speed: all who are there are asked at once, and the first wins
    assert team.agents["jinwoo"].act("accept", ticket=lead, token=asked[1]["token"])["status"] == 200
    team.agents["sora"].hear("withdrawn", ticket=lead)
    back = team.write("I might come back", stage="lost")
    assert team.ticket(back)["state"] == "waiting" and team.ticket(back)["queue"] == "win-back"  # when there is time
    assert team.offered(team.write("where do I begin", stage="onboarding", agent="doyun")) == "doyun"  # their own guide …
    assert team.offered(team.write("where do I begin", stage="onboarding")) == "hana"                  # … else the best
    assert team.offered(team.write("hello there", stage="active")) == "nari"
    assert team.offered(team.write("not happy", stage="at-risk")) == "yuna" and team.now["urgency"] == "high"
    assert team.offered(team.write("please cancel my account", stage="active")) == "yuna" and team.now["queue"] == "at-risk"


@pytest.mark.parametrize("name, account, names, texts", [
    ("functional", "shop-chat", "minji,seoyeon,joohan,haeun,dohyun,yuna", ["refund please", "where is my parcel", "log in fails", "hello"]),
    ("tiered", "help-chat", "anna,ben,clara,dirk,emma", ["hello", "our migration stopped", "the third time I ask", "a question"]),
    ("matrix", "chat", "arun,bea,chul,dana,eun,felix", ["the cloud server is slow today", "결제 단말기가 꺼집니다", "which plan should we take"]),
    ("follow-the-sun", "chat", "jisoo,taeho,aoife,conor,maya,owen", ["the export does not end", "an incident in our shop right now"]),
    ("lifecycle", "site", "sora,jinwoo,hana,doyun,nari,minho,yuna,seojun", ["hello", "please cancel my account, I switch to another"]),
], ids=lambda v: v if isinstance(v, str) and "," not in v and "-" not in v else "")
def test_a_crowd_of_the_team_answers_all_that_customers_send(start, tmp_path, name, account, names, texts):
    naru = start(policy=TEAMS / f"{name}.yaml")
    file = tmp_path / "texts.tsv"
    file.write_text("text\n" + "\n".join(texts) + "\n")
    crowd = naru.client("crowd", "--names", names, "--until-idle", 12)
    there = lambda: sum(a["presence"] == "available" for a in naru.get("/v1/agents").json["agents"])
    wait_for("all of them to be at work", lambda: there() == names.count(",") + 1)
    sent = naru.naru("send", "--file", file, "--account", account, "--count", 16, "--json", "--url", f"http://127.0.0.1:{naru.port}",
                     "--token", naru.token)
    assert sent.returncode == 0, sent.stderr
    out, _ = crowd.communicate(timeout=180)
    assert json_line(out)["resolved"] == 16, out
    assert sum(q["waiting"] for q in naru.get("/v1/queues").json["queues"]) == 0
