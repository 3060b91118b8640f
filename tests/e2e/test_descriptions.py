"""openapi.yaml and asyncapi.yaml say what the code does, no more and no less."""
import re

import described as descriptions
import jsonschema
import pytest
from conftest import ROOT
from described import ASYNCAPI, OPENAPI

ACTS = next(p["schema"]["enum"] for p in OPENAPI["paths"]["/v1/tickets/{id}/{act}"]["post"]["parameters"] if p.get("name") == "act")


def routes_described():
    for path, item in OPENAPI["paths"].items():
        for method in item:
            if method in ("get", "put", "post", "delete", "options"):
                for act in ACTS if "{act}" in path else [""]:
                    yield method.upper(), re.sub(r"\{\w+\}", "{}", path.replace("{act}", act))


def test_every_route_is_described_and_every_description_is_a_route():
    table = (ROOT / "router" / "api.c").read_text()
    routes = set(re.findall(r'\{ HTTP_M_(\w+), "([^"]+)"', table))
    assert set(routes_described()) == routes


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


def test_the_descriptions_are_schemas():
    for doc in (OPENAPI, ASYNCAPI):
        for name, schema in doc["components"]["schemas"].items():
            jsonschema.Draft202012Validator.check_schema(schema)
            jsonschema.Draft202012Validator.check_schema(descriptions.closed(schema)), name


def test_every_example_is_as_its_schema_says():
    def examples(node):
        if isinstance(node, dict) and "example" in node and "schema" in node:
            yield node["schema"], node["example"]
        for v in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
            yield from examples(v)
    found = list(examples(OPENAPI))
    assert len(found) >= 5
    for schema, example in found:
        assert not descriptions.wrong(OPENAPI, schema, example), example


def test_parameters_are_listed_where_they_hold():
    for method, path, op in descriptions.operations():
        names = {p["name"].lower() for p in op["parameters"]}
        keyed = method == "post" and op.get("security") != []
        assert ("idempotency-key" in names) == keyed, (method, path)
        assert ("traceparent" in names) == (method == "post" and (path == "/v1/events" or path.startswith("/v1/channels/"))), path
        tagged = path in ("/v1/policy", "/v1/agents/{name}", "/v1/customers", "/v1/customers/{customer}", "/", "/console/{file}")
        assert ("if-none-match" in names) == (tagged and method == "get"), path
        assert ("if-match" in names) == (tagged and method != "get"), (method, path)
        assert ("304" in op["responses"]) == ("if-none-match" in names) and ("412" in op["responses"]) == ("if-match" in names), path
        assert {p.lower() for p in re.findall(r"\{(\w+)\}", path)} <= names, path


def test_every_list_has_pages_of_one_kind():
    """What only the policy bounds comes whole: queues, webhooks."""
    pages = {"/v1/tickets", "/v1/agents", "/v1/feedback", "/v1/events", "/v1/messages", "/v1/tickets/{id}/messages", "/v1/webhooks/{name}/dead"}
    found = set()
    for method, path, op in descriptions.operations():
        names = {p["name"]: p["schema"] for p in op["parameters"]}
        if "limit" not in names:
            continue
        found.add(path)
        body = op["responses"]["200"]["content"]["application/json"]["schema"]["properties"]
        assert "after" in names and "next" in body, path
        assert {"minimum", "maximum", "default"} <= set(names["limit"]), path
    assert found == pages


def test_every_word_of_an_agent_is_described():
    words = set(re.findall(r'\{ "(\w+)", ACT_\w+, (?:read_\w+|NULL), (?:sign_\w+|NULL) \}', (ROOT / "router" / "agents.c").read_text()))
    said = {m["$ref"].rsplit("/", 1)[1] for m in ASYNCAPI["operations"]["agentSays"]["messages"]}
    assert len(words) > 10 and said == words


def test_every_word_of_a_customer_is_described():
    words = set(re.findall(r'\{ "(\w+)", (?:true|false), say_\w+ \}', (ROOT / "router" / "channels" / "widget_conn.c").read_text()))
    names = [m["$ref"].rsplit("/", 1)[1] for m in ASYNCAPI["operations"]["customerSays"]["messages"]]
    assert words and words == {ASYNCAPI["components"]["messages"][n]["payload"]["properties"]["type"]["const"] for n in names}


def test_what_the_stream_says_is_described(naru):
    types = {m["payload"].get("properties", {}).get("type", {}).get("const") or name
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
    assert heard <= types | {"presence"}, heard - types


@pytest.mark.last
def test_all_that_the_run_has_met_is_described():
    faults = descriptions.faults()
    assert not faults, f"{len(faults)} things\n" + "\n".join(faults[:100])
