"""openapi.yaml and asyncapi.yaml say what the code does, no more and no less."""
import re

import yaml
from conftest import ROOT

OPENAPI = yaml.safe_load((ROOT / "proto" / "openapi.yaml").read_text())
ASYNCAPI = yaml.safe_load((ROOT / "proto" / "asyncapi.yaml").read_text())
ACTS = next(p["schema"]["enum"] for p in OPENAPI["paths"]["/v1/tickets/{id}/{act}"]["post"]["parameters"] if p.get("name") == "act")


def described():
    for path, item in OPENAPI["paths"].items():
        for method in item:
            if method in ("get", "put", "post", "delete", "options"):
                for act in ACTS if "{act}" in path else [""]:
                    yield method.upper(), re.sub(r"\{\w+\}", "{}", path.replace("{act}", act))


def test_every_route_is_described_and_every_description_is_a_route():
    table = (ROOT / "router" / "api.c").read_text()
    routes = set(re.findall(r'\{ HTTP_M_(\w+), "([^"]+)"', table))
    assert set(described()) == routes


def test_every_problem_type_is_described():
    source = (ROOT / "router" / "problems.h").read_text()
    types = re.findall(r'X\([A-Z_0-9]+, \d+, "([a-z0-9-]+)"', source)
    assert OPENAPI["components"]["schemas"]["Problem"]["properties"]["type"]["enum"] == [f"/problems/{t}" for t in types]


def test_every_reference_resolves():
    def refs(node):
        if isinstance(node, dict):
            if "$ref" in node:
                yield node["$ref"]
            for v in node.values():
                yield from refs(v)
        elif isinstance(node, list):
            for v in node:
                yield from refs(v)
    for doc in (OPENAPI, ASYNCAPI):
        for ref in refs(doc):
            node = doc
            for part in ref.removeprefix("#/").split("/"):
                assert part in node, ref
                node = node[part]


def test_the_words_of_states_and_events_are_those_of_the_code():
    records = (ROOT / "proto" / "records.h").read_text()
    states = re.findall(r'X\(TK_\w+, "(\w+)"\)', records)[1:]
    assert OPENAPI["components"]["schemas"]["TicketState"]["enum"] == states
    kinds = re.findall(r'X\(EVENT_\w+, "(\w+)"\)', records)
    assert OPENAPI["components"]["schemas"]["Event"]["properties"]["kind"]["enum"] == kinds


def test_an_answer_has_the_members_that_are_described(naru):
    def known(schema, body):
        props = OPENAPI["components"]["schemas"][schema]["properties"]
        assert set(OPENAPI["components"]["schemas"][schema].get("required", [])) <= set(body)
        assert set(body) <= set(props), (schema, set(body) - set(props))
    ann = naru.agent("ann").available()
    event = naru.event("m1", "refund", customer={"id": "c1", "name": "Kim", "tier": "gold"}).json
    known("Taken", event)
    ticket = ann.hear("offer")["ticket"]
    known("EventStatus", naru.get(f"/v1/events/{event['event']}").json)
    known("Ticket", naru.get(f"/v1/tickets/{ticket}").json)
    known("Explanation", naru.get(f"/v1/tickets/{ticket}/explain").json)
    known("Agent", naru.get("/v1/agents/ann").json)
    known("Queue", naru.get("/v1/queues/billing").json)
    known("Problem", naru.get("/v1/queues/nowhere").json)


def test_every_word_of_an_agent_is_described():
    words = set(re.findall(r'\{ "(\w+)", ACT_\w+, (?:read_\w+|NULL), (?:sign_\w+|NULL) \}', (ROOT / "router" / "agents.c").read_text()))
    said = {m["$ref"].rsplit("/", 1)[1] for m in ASYNCAPI["operations"]["agentSays"]["messages"]}
    assert len(words) > 10 and said == words


def test_every_word_of_a_customer_is_described():
    words = set(re.findall(r'\{ "(\w+)", (?:true|false), say_\w+ \}', (ROOT / "router" / "channels" / "widget_conn.c").read_text()))
    names = [m["$ref"].rsplit("/", 1)[1] for m in ASYNCAPI["operations"]["customerSays"]["messages"]]
    assert words and words == {ASYNCAPI["components"]["messages"][n]["payload"]["properties"]["type"]["const"] for n in names}


def test_what_the_stream_says_is_described(naru):
    described = {m["payload"].get("properties", {}).get("type", {}).get("const") or name
                 for name, m in ASYNCAPI["components"]["messages"].items()}
    ticket = set(ASYNCAPI["components"]["schemas"]["ticket"]["properties"])
    ann = naru.agent("ann").available()
    naru.event("m1", "refund", customer="c1")
    offer = ann.hear("offer")
    assert set(offer) <= ticket, set(offer) - ticket
    result = ann.act("accept", ticket=offer["ticket"], token=offer["token"])
    naru.event("m2", "more", customer="c1")
    message = ann.hear("message")
    assert set(message) <= ticket, set(message) - ticket
    ann.act("resolve", ticket=offer["ticket"], token=result["token"])
    heard = {m["type"] for m in ann.kept} | {"offer", "message", "result"}
    assert heard <= described | {"presence"}, heard - described
