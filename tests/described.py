"""What the tests of a run meet of the API, held against proto/openapi.yaml and proto/asyncapi.yaml.

conftest.py and some tests tell every answer and every message here as it comes; faults() then names all that the descriptions do not
say: an operation, a status, a content type, a member. Of answers alike (the same members everywhere) the first one is looked at."""
import json
import pathlib
import re

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
OPENAPI = yaml.load((ROOT / "proto" / "openapi.yaml").read_text(), LOADER)
ASYNCAPI = yaml.load((ROOT / "proto" / "asyncapi.yaml").read_text(), LOADER)
METHODS = ("get", "put", "post", "delete", "options")
LARGEST = 1 << 18  # bytes of a body that is looked at
ANSWERS, REQUESTS, MESSAGES = {}, {}, {}


def resolve(doc, node):
    while "$ref" in node:
        target = doc
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


# ---- operations ----


def operations():
    """(method, path, operation) of all, those with the fewest parameters first; what stands at the path counts for each."""
    for path in sorted(OPENAPI["paths"], key=lambda p: p.count("{")):
        item = OPENAPI["paths"][path]
        for method in METHODS:
            if method in item:
                op = dict(item[method])
                op["parameters"] = [resolve(OPENAPI, p) for p in item.get("parameters", []) + op.get("parameters", [])]
                yield method, path, op


OPERATIONS = [(m, re.compile(re.sub(r"\{\w+\}", "[^/]+", p)), p, op) for m, p, op in operations()]


def operation_of(method, path):
    for m, pattern, name, op in OPERATIONS:
        if m == method.lower() and pattern.fullmatch(path):
            return f"{method} {name}", op
    return None, None


# ---- what was met ----


def shape(v):
    """Two values of one shape have the same members everywhere."""
    if isinstance(v, dict):
        return tuple(sorted((k, shape(x)) for k, x in v.items()))
    if isinstance(v, list):
        return ("[]", tuple(sorted({shape(x) for x in v}, key=repr)))
    return type(v).__name__


def kept(where, key, v):
    where.setdefault(key, {}).setdefault(shape(v), v)


def answered(method, path, status, content_type, text, asked=None):
    """An answer, and the JSON that was asked with (None: none, or no JSON); of a list some may have been refused."""
    path = path.partition("?")[0]
    name, _ = operation_of(method, path)
    if not name:
        return
    kind = (content_type or "").partition(";")[0]
    body = None
    if kind.endswith("json") and len(text) < LARGEST:
        try:
            body = json.loads(text)
        except ValueError:
            body = "no JSON"
    kept(ANSWERS, (name, status, kind if text else ""), body)
    if isinstance(asked, dict) and 200 <= status < 300:
        kept(REQUESTS, name, asked)


def met(operation, message):
    """A message of a socket or a webhook."""
    kept(MESSAGES, (operation, str(message.get("type"))), message)


# ---- schemas ----


def closed(node, within=False):
    """A schema in which an object has no other members than are described. `within`: an allOf, whose parts know only theirs."""
    if isinstance(node, list):
        return [closed(v, within) for v in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        ref = node["$ref"]
        return {**node, "$ref": ref if within else ref.replace("#/components/", "#/closed/")}
    out = {k: closed(v, k == "allOf") if k not in ("properties", "patternProperties") else {n: closed(s) for n, s in v.items()}
           for k, v in node.items() if k not in ("const", "enum", "example", "examples", "default")}
    out.update({k: node[k] for k in ("const", "enum") if k in node})
    if not within and "additionalProperties" not in node and ("properties" in node or "allOf" in node):
        out["unevaluatedProperties"] = False
    return out


COMPONENTS = {id(doc): {"components": doc["components"],
                        "closed": {"schemas": {n: closed(s) for n, s in doc["components"]["schemas"].items()}}} for doc in (OPENAPI, ASYNCAPI)}


def wrong(doc, schema, v):
    """What is wrong with a value, as sentences; no other members than the schema's are right."""
    validator = jsonschema.Draft202012Validator({**closed(schema), **COMPONENTS[id(doc)]})
    best = [jsonschema.exceptions.best_match([e]) for e in validator.iter_errors(v)]
    return [f"{e.json_path}: {e.message[:300]}" for e in best]


def answer_faults(name, status, kind, bodies):
    method, path = name.split()
    _, op = operation_of(method, path)
    said = op["responses"].get(str(status))
    if said is None:
        some = next(iter(bodies.values()))
        return [f"{name}: {status} is not described" + (f" ({some.get('detail')})" if isinstance(some, dict) else "")]
    content = resolve(OPENAPI, said).get("content")
    if not kind or (content is None and "{account}" in path):  # the provider's
        return []
    if kind not in (content or {}):
        return [f"{name} {status}: {kind} is not described"]
    schema = content[kind].get("schema")
    if not schema or not kind.endswith("json"):
        return []
    return [f"{name} {status}: {w}" for b in bodies.values() if b is not None for w in wrong(OPENAPI, schema, b)]


def request_faults(name, bodies):
    method, path = name.split()
    _, op = operation_of(method, path)
    schema = op.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if not schema:
        return [] if "{account}" in path or not any(bodies.values()) or path == "/v1/policy" else [f"{name}: a body is not described"]
    return [f"{name} asked: {w}" for b in bodies.values() for w in wrong(OPENAPI, schema, b)]


def message_faults(operation, type, messages):
    said = [resolve(ASYNCAPI, m)["payload"] for m in ASYNCAPI["operations"][operation]["messages"]]
    faults = []
    for m in messages.values():
        tries = [wrong(ASYNCAPI, s, m) for s in said]
        if all(tries):
            faults.append(f"{operation} {type}: {min(tries, key=len)} in {json.dumps(m)[:300]}")
    return faults


def faults():
    found = []
    for (name, status, kind), bodies in ANSWERS.items():
        found += answer_faults(name, status, kind, bodies)
    for name, bodies in REQUESTS.items():
        found += request_faults(name, bodies)
    for (operation, type), messages in MESSAGES.items():
        found += message_faults(operation, type, messages)
    return sorted(set(found))
