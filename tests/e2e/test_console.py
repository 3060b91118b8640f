"""The console in a real browser: what it tells a supervisor, an agent's desk, a dropped server, and who may open the agent's WebSocket."""
import json
import os

import pytest
import websocket
from browser import Browser, Line
from conftest import ROOT, running, wait_for

POLICY = """
naru: 1
workspace: shop
channels: {{ webchat: {{ cost: 10, offer: 60s, wrapup: 30s }}, api: {{ cost: 1, offer: 60s }} }}
accounts:
  web: {{ channel: webchat, provider: widget, secret: file:{folder}/secret }}
  load: {{ channel: api }}
public-url: https://naru.example/below
queues:
  desk: {{ takes: default, sla: {{ answer: {{ within: {{ critical: 30s, high: 1m, normal: 5m }} }} }} }}
  tech: {{ takes: {{ intent: [nothing] }}, needs: {{ tech: 5 }}, sla: {{ answer: {{ within: 10m }} }} }}
agents:
  ann: {{ capacity: 100 }}
  bob: {{ capacity: 100 }}
webhooks: {{ crm: {{ url: "http://127.0.0.1:9/crm", private: yes, secret: file:{folder}/hook, only: [ticket.opened], give-up: 1s }} }}
"""
EVIL = "<img src=x onerror=\"document.title='broken'\">"
W = "document.querySelector('body > div[lang]').shadowRoot"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """(naru, browser, line between them, the console's address)"""
    folder, made = tmp_path_factory.mktemp("console"), {}
    line = Line(lambda: made["naru"].port)
    (folder / "secret").write_text("a secret of the shop's\n")
    (folder / "hook").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLwMfKQ9r8GKYqrTwjUPD8ILPZIo2LaLw\n")
    (folder / "policy.yaml").write_text(POLICY.format(folder=folder))
    with running(policy=folder / "policy.yaml") as naru:
        made["naru"] = naru
        browser = Browser(1280, 1000, language="en-US")
        try:
            yield naru, browser, line, f"http://127.0.0.1:{line.port}/"
        finally:
            browser.close()
            line.close()


TOKENS = {}


def token(naru, role, subject):
    """Made when it is wanted first."""
    if subject in TOKENS:
        return TOKENS[subject]
    made = naru.naru("token", "create", "--role", role, "--subject", subject, "--data", naru.folder / "data")
    assert made.returncode == 0, made.stderr
    TOKENS[subject] = made.stdout.split()[-1]
    return TOKENS[subject]


def shown(b, part):
    return part in b.js("document.body.innerText")


def shows(b, part):
    wait_for(f"{part!r} on the page", lambda: shown(b, part))


def there(b, selector):
    wait_for(selector, lambda: b.js(f"!!document.querySelector({json.dumps(selector)})"))


def click(b, selector):
    there(b, f"{selector}:not(:disabled)")
    b.js(f"document.querySelector({json.dumps(selector)}).click()")


def enter(b, text):
    there(b, "#token")
    b.js("document.getElementById('token').value = ''; document.getElementById('token').focus()")
    b.write(text)
    b.key("Enter")


def refused_because(b, part):
    """Is it told in the dialog? An answer that did not come in time is asked for again, as a person would."""
    why = b.js("document.querySelector('dialog .problem').textContent")
    if "does not answer" in why:
        b.js("document.querySelector('dialog [type=submit]').click()")
    return part in why


def look_away(b, away):
    b.js(f"Object.defineProperty(document, 'hidden', {{ configurable: true, value: {json.dumps(away)} }}), document.dispatchEvent(new Event('visibilitychange'))")


def sign_out(b):
    b.js("document.querySelector('[data-do=sign-out]').click()")
    there(b, "#token")


def picture(b, name):
    if os.environ.get("NARU_PICTURES"):
        b.picture(os.path.join(os.environ["NARU_PICTURES"], f"console-{name}.png"))


def check_accessibility(b, where):
    axe = ROOT / "tests" / "node" / "node_modules" / "axe-core" / "axe.min.js"
    assert axe.exists(), "tests/node/node_modules is missing: (cd tests/node && npm ci), or scripts/test"
    if not b.js("!!window.axe"):
        b.js(axe.read_text() + "\n;0")
    found = b.js("""axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
        .then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html + n.failureSummary).join()))""")
    assert found == [], (where, found)
    assert b.js("document.documentElement.scrollWidth <= innerWidth"), where


def test_a_token_is_taken_or_refused_with_a_sentence_and_kept_in_the_tab_alone(world):
    naru, b, line, address = world
    b.open(address)
    there(b, "#token")
    check_accessibility(b, "signed out")
    enter(b, "not a token")
    shows(b, "This is not a token")
    enter(b, "naru_" + "x" * 43)
    shows(b, "This token is not known here")
    enter(b, token(naru, "source", "shop"))
    shows(b, "A token of role source is for programs")
    good = token(naru, "supervisor", "sue")
    enter(b, good)
    there(b, "#queues")
    assert good not in b.js("location.href") and good not in b.js("JSON.stringify({...localStorage}) + document.cookie")
    assert b.js("sessionStorage.getItem('naru.token')") == good
    assert shown(b, "Webhooks") is False  # the other view
    listed = naru.naru("token", "list", "--data", naru.folder / "data").stdout
    sue = next(l.split()[0] for l in listed.splitlines() if "sue" in l)
    assert naru.naru("token", "revoke", sue, "--data", naru.folder / "data").returncode == 0
    shows(b, "The token is not accepted any more")
    assert b.js("sessionStorage.length") == 0


def test_a_ticket_comes_in_live_is_explained_and_acted_on_and_texts_stay_texts(world):
    naru, b, line, address = world
    b.open(address)
    enter(b, naru.token)
    there(b, "#queues")
    shows(b, "No such tickets.")
    naru.event("evil", EVIL, account="load", customer={"id": EVIL, "name": EVIL}, subject=EVIL)
    shows(b, EVIL)  # without being asked
    picture(b, "now")
    check_accessibility(b, "now")
    click(b, "#view tbody a.id")
    shows(b, "Why it waits")
    shows(b, "nobody can take it now, ".replace(", ", ""))
    shows(b, "2 offline")
    shows(b, "opened, and waits in desk")
    assert b.js("document.querySelector('.talk .text').textContent") == EVIL

    click(b, "[data-do=assign]")
    there(b, "dialog[open]")
    check_accessibility(b, "a dialog")
    for _ in range(2):
        b.js("document.querySelector('[data-do=language]').click()")  # the page is drawn anew, and the question stays
    assert b.js("document.activeElement.name") == "to"
    b.write("nobody-of-this-name"), b.key("Enter")
    wait_for("why it was refused", lambda: refused_because(b, "agent"))
    b.key("Escape")
    click(b, "[data-do=transfer]")
    there(b, "dialog[open]")
    b.js("document.querySelector('dialog select').value = 'tech'; document.querySelector('dialog [name=reason]').value = '" + EVIL.replace("'", "\\'") + "'")
    click(b, "dialog [type=submit]")
    shows(b, "moved to tech")
    shows(b, "2 without the skills") if shown(b, "without the skills") else shows(b, "offline")
    picture(b, "ticket")
    check_accessibility(b, "a ticket")
    assert b.js("document.title") != "broken" and b.js("document.images.length") == 0

    click(b, "[data-do=cancel]")
    click(b, "dialog [type=submit]")
    shows(b, "cancelled")
    assert b.js("document.querySelectorAll('.title [data-do]').length") == 0  # nothing is to be done any more
    b.js("location.hash = '#/trouble'")
    shows(b, "Everything is in place.")
    wait_for("a dead letter", lambda: naru.get("/v1/webhooks").json["webhooks"][0]["dead_letters"])  # nobody listens at its address
    look_away(b, True)
    look_away(b, False)  # who comes back has everything asked anew at once
    shows(b, "dead letters when they are replayed")
    assert not shown(b, "Nothing is wrong now.")
    picture(b, "trouble")
    check_accessibility(b, "trouble")


def test_a_dropped_server_is_said_at_once_and_the_page_goes_on_when_it_is_back(world):
    naru, b, line, address = world
    b.js("location.hash = '#/now'")
    there(b, "#queues")
    there(b, "#view tbody")
    wait_for("fresh figures", lambda: shown(b, "Live") and b.js("document.querySelectorAll('.stale').length") == 0)
    line.cut()
    naru.kill("router-1")
    shows(b, "Not connected since")
    wait_for("old figures to be marked", lambda: b.js("document.querySelectorAll('section.stale').length") > 0)
    assert shown(b, "as of ")
    picture(b, "lost")
    line.mend()
    wait_for("its return", lambda: not shown(b, "Not connected since") and b.js("document.querySelectorAll('.stale').length") == 0)
    naru.ready()
    sign_out(b)


def test_an_agent_takes_a_chat_at_the_desk_and_the_customer_reads_the_reply(world):
    naru, b, line, address = world
    enter(b, token(naru, "agent", "ann"))
    shows(b, "ann, you are")
    click(b, "button.p-available")
    there(b, "button.p-available[aria-pressed=true]")
    check_accessibility(b, "an empty desk")

    c = b.tab()
    c.open(address + "chat?account=web&language=en")
    wait_for("the chat's button", lambda: c.js("!!window.naruChat"))
    c.js(f"naruChat.open(), {W}.querySelector('textarea').focus()")
    c.write("my parcel is lost " + EVIL), c.key("Enter")

    b.call("Page.bringToFront")
    there(b, ".offer")
    assert EVIL in b.js("document.querySelector('.offer .said').textContent")
    assert b.js("document.title").startswith("(1) ")
    shows(b, " left")
    picture(b, "offer")
    check_accessibility(b, "an offer")
    click(b, ".offer [data-do=accept]")
    there(b, "#draft")
    wait_for("the words", lambda: EVIL in (b.js("document.querySelector('.talk .text')?.textContent") or ""))
    b.js("document.getElementById('draft').focus()")
    b.write("We are looking for it.")
    wait_for("typing at the customer's", lambda: "typing" in c.js(f"{W}.querySelector('.typing').textContent"))
    b.key("Enter")
    wait_for("the reply at the customer's", lambda: "We are looking for it." in c.js(f"{W}.querySelector('.log').textContent"))
    wait_for("the reply at the desk", lambda: b.js("[...document.querySelectorAll('.msg.ours .text')].map(e => e.textContent).join()") == "We are looking for it.")
    assert b.js("document.getElementById('draft').value") == ""

    line.cut()
    shows(b, "Not connected since")
    assert b.js("document.querySelector('[data-do=resolve]').disabled")
    line.mend()
    wait_for("the desk's return", lambda: not shown(b, "Not connected since"))
    look_away(b, True)
    c.js(f"{W}.querySelector('textarea').focus()")
    c.write("thank you"), c.key("Enter")
    wait_for("what the customer wrote next", lambda: b.js("[...document.querySelectorAll('.msg.theirs .text')].at(-1).textContent") == "thank you")
    wait_for("its number in the title", lambda: b.js("document.title").startswith("(1) "))
    look_away(b, False)
    wait_for("the open conversation to be read", lambda: not b.js("document.title").startswith("("))
    picture(b, "desk")
    check_accessibility(b, "the desk")

    click(b, ".talking [data-do=resolve]")
    click(b, "dialog [type=submit]")
    shows(b, "wrap-up")
    click(b, "[data-do=finish]")
    shows(b, "You have no tickets.")
    wait_for("the end at the customer's", lambda: "ended" in c.js(f"{W}.querySelector('.state').textContent"))
    assert b.js("document.images.length") == 0 and b.js("document.title") != "broken"


def test_small_dark_and_korean(world):
    naru, b, line, address = world
    click(b, "button.p-offline")
    b.call("Emulation.setDeviceMetricsOverride", width=380, height=760, deviceScaleFactor=1, mobile=True)
    b.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    sign_out(b)
    b.call("Emulation.setUserAgentOverride", userAgent=b.js("navigator.userAgent"), acceptLanguage="ko-KR")
    b.js("localStorage.removeItem('naru.language')")
    b.open(address)
    shows(b, "액세스 토큰")  # by the browser's language
    enter(b, token(naru, "agent", "ann"))
    shows(b, "내 티켓")
    check_accessibility(b, "a small, dark desk")
    picture(b, "desk-small-dark-ko")
    sign_out(b)
    enter(b, naru.token)
    shows(b, "진행 중인 티켓")
    check_accessibility(b, "small and dark")
    picture(b, "now-small-dark-ko")
    b.js("location.hash = '#/desk/bob'")
    shows(b, "bob의 데스크를 열까요?")
    click(b, "[data-do=open]")
    shows(b, "bob: 내 상태")
    wait_for("bob's desk to be connected", lambda: naru.get("/v1/agents/bob").json["connected"])
    other = websocket.create_connection(f"ws://127.0.0.1:{naru.port}/v1/agents/bob/stream", header=[f"Authorization: Bearer {naru.token}"], timeout=20)
    shows(b, "이 데스크가 다른 곳에서 열렸습니다.")
    check_accessibility(b, "a desk that was opened elsewhere")
    click(b, "[data-do=takeOver]")
    wait_for("the desk to be here again", lambda: not shown(b, "다른 곳에서") and b.js("!document.querySelector('button.p-away').disabled"))
    other.close()
    strict = [t for t in b.console if "Content Security Policy" in t or "exception" in t.lower() or "Trusted" in t]
    assert not strict, strict


def handshake(naru, who="ann", origin=None, header=None, protocols=()):
    """The status of a handshake, and the subprotocol that was chosen."""
    try:
        ws = websocket.create_connection(f"ws://127.0.0.1:{naru.port}/v1/agents/{who}/stream", origin=origin, suppress_origin=origin is None,
                                         subprotocols=list(protocols), header=header or [], timeout=20)
    except websocket.WebSocketBadStatusException as e:
        return e.status_code, None
    heard = json.loads(ws.recv())
    assert heard["type"] == "welcome" and heard["agent"] == who
    chosen = ws.subprotocol
    ws.close()
    return 101, chosen


def test_who_may_open_an_agents_websocket(world):
    naru, b, line, address = world
    own, ann, source = f"http://127.0.0.1:{naru.port}", token(naru, "agent", "ann"), token(naru, "source", "shop")
    page = lambda t: ("naru.agent.1", f"naru.token.{t}")
    assert handshake(naru, origin=own, protocols=page(ann)) == (101, "naru.agent.1")  # the token is not said back
    assert handshake(naru, origin="https://naru.example", protocols=page(ann)) == (101, "naru.agent.1")  # the policy's public-url
    assert handshake(naru, origin="https://evil.example", protocols=page(ann))[0] == 403
    assert handshake(naru, origin="http://naru.example", protocols=page(ann))[0] == 403
    assert handshake(naru, protocols=page(ann))[0] == 403  # no page: it may send Authorization
    assert handshake(naru, origin=own, protocols=page("naru_" + "x" * 43))[0] == 401
    assert handshake(naru, origin=own, protocols=page("x" * 4000))[0] == 401
    assert handshake(naru, origin=own, protocols=("naru.agent.1",))[0] == 401
    assert handshake(naru, origin=own, protocols=page(source))[0] == 403
    assert handshake(naru, who="bob", origin=own, protocols=page(ann))[0] == 403
    assert handshake(naru, header=[f"Authorization: Bearer {ann}"]) == (101, None)  # programs, as ever
    assert naru.call("GET", "/v1/tickets", token="", headers={"Sec-WebSocket-Protocol": f"naru.token.{ann}", "Origin": own}).status == 401  # of the stream alone


def test_the_page_and_its_files_are_guarded_and_a_bearer_learns_who_they_are(world):
    naru = world[0]
    page = naru.get("/", token="")
    assert page.status == 200 and page.headers["Content-Type"].startswith("text/html")
    for f in ("main.js", "console.css", "icon.svg"):
        got = naru.get(f"/console/{f}", token="")
        assert got.status == 200 and naru.get(f"/console/{f}", token="", headers={"If-None-Match": got.headers["ETag"]}).status == 304
        policy = got.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "trusted-types 'none'" in policy
    assert naru.get("/console/nothing.js", token="").status == 404
    assert naru.get("/v1/me", token="").status == 401
    me = naru.get("/v1/me", token=token(naru, "agent", "ann")).json
    assert (me["role"], me["subject"], me["workspace"], me["workspaces"]) == ("agent", "ann", "*", ["shop"])
