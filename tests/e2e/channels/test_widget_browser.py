"""The widget in a real browser, on a shop's page of another origin with a strict policy of content and styles that reach for all."""
import http.server
import os
import threading

import pytest
from browser import Browser, Line
from conftest import ROOT, running, wait_for

POLICY = """
naru: 1
workspace: shop
channels: {{ webchat: {{ cost: 10, offer: 20s }} }}
accounts:
  web:
    channel: webchat
    provider: widget
    secret: file:{folder}/secret
    origins: ["http://127.0.0.1:{shop}"]
    widget: {{ title: 한빛 상담, colour: "#0b6e4f", hello: {{ ko: "안녕하세요, 한빛입니다. 무엇을 도와드릴까요?" }} }}
queues:
  desk: {{ takes: default, sla: {{ answer: {{ within: {{ critical: 30s, high: 1m, normal: 5m }} }} }} }}
agents:
  ann: {{ capacity: 100 }}
"""
PAGE = """<!doctype html><html lang="ko"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>한빛상점</title>
<link rel="stylesheet" href="/shop.css"><script src="{naru}/chat.js" data-account="web" data-language="ko" async></script></head>
<body><main><h1>바람막이 재킷</h1><p><a href="#">장바구니</a></p></main></body></html>"""
STYLE = "* { color: #d00 !important; font-size: 30px !important } div { display: none !important } button { width: 500px; background: lime !important }"
W = "document.querySelector('body > div[lang]').shadowRoot"


def shop(line):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            css = self.path == "/shop.css"
            body = (STYLE if css else PAGE.format(naru=f"http://127.0.0.1:{line.port}")).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/css" if css else "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", f"default-src 'none'; style-src 'self'; script-src http://127.0.0.1:{line.port}; "
                             f"connect-src http://127.0.0.1:{line.port} ws://127.0.0.1:{line.port}")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """(naru, browser, line, address of the shop)"""
    folder, made = tmp_path_factory.mktemp("browser"), {}
    line = Line(lambda: made["naru"].port)
    server = shop(line)
    (folder / "secret").write_text("a secret of the shop's\n")
    (folder / "policy.yaml").write_text(POLICY.format(folder=folder, shop=server.server_port))
    with running(policy=folder / "policy.yaml") as naru:
        made["naru"] = naru
        browser = Browser()
        try:
            yield naru, browser, line, f"http://127.0.0.1:{server.server_port}/"
        finally:
            browser.close()
            line.close()
            server.shutdown()


def texts(b):
    return b.js(f"[...{W}.querySelectorAll('.msg .text')].map(e => e.textContent)")[1:]  # without the greeting


def sees(b, *want):
    wait_for(f"the panel to show {want}", lambda: texts(b) == list(want))


def shows(b, selector, part):
    wait_for(f"{part} in {selector}", lambda: part in (b.js(f"{W}.querySelector('{selector}')?.textContent") or ""))


def last_mark(b):
    return b.js(f"[...{W}.querySelectorAll('.msg.customer .meta')].at(-1).textContent")


def focus(b):
    return b.js(f"(document.activeElement.shadowRoot || document).activeElement.className || {W}.activeElement?.tagName")


def write(b, text):
    b.write(text)
    b.key("Enter")


def picture(b, name):
    if os.environ.get("NARU_PICTURES"):
        b.picture(os.path.join(os.environ["NARU_PICTURES"], name + ".png"))


def check_accessibility(b, where):
    axe = ROOT / "tests" / "node" / "node_modules" / "axe-core" / "axe.min.js"
    assert axe.exists(), "tests/node/node_modules is missing: (cd tests/node && npm ci), or scripts/test"
    b.js(f"(window.axe || (() => {{ {axe.read_text()} }})(), 0)")
    found = b.js("""axe.run(document.querySelector('body > div[lang]'), { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'],
        rules: { region: { enabled: false } } }).then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html + n.failureSummary).join()))""")
    assert found == [], (where, found)


def test_a_conversation_in_korean_by_keyboard_a_dropped_connection_and_its_return(world):
    naru, b, line, address = world
    b.open(address)
    wait_for("the button", lambda: b.js("!!document.querySelector('body > div[lang]')"))
    look = b.js(f"(({{ color, fontSize, width }}) => [color, fontSize, width])(getComputedStyle({W}.querySelector('.launch')))")
    assert look == ["rgb(255, 255, 255)", "16px", "56px"]  # the page's styles do not reach in
    check_accessibility(b, "closed")

    b.key("Tab"), b.key("Tab")  # the page's link, then the button
    assert focus(b) == "launch"
    b.key("Enter")
    shows(b, "h2", "한빛 상담")
    shows(b, ".log", "안녕하세요, 한빛입니다.")
    shows(b, ".state", "메시지를 남겨 주세요")
    assert focus(b) == "TEXTAREA"
    write(b, "주문한 재킷이 아직 안 왔어요 <b>급해요</b>")
    sees(b, "주문한 재킷이 아직 안 왔어요 <b>급해요</b>")  # a text, never HTML
    shows(b, ".state", "상담원을 기다리고 있습니다")
    wait_for("the ack", lambda: last_mark(b).endswith("보냄"))

    with naru.agent("ann") as ann:
        offer = ann.hear("offer")
        mine = {"ticket": offer["ticket"], "token": ann.act("accept", ticket=offer["ticket"], token=offer["token"])["token"]}
        shows(b, ".state", "ann 상담원과 대화 중")
        ann.say(type="typing", ticket=mine["ticket"], on=True)
        shows(b, ".typing", "입력하고 있습니다")
        assert ann.act("reply", **mine, text="확인해 보겠습니다. 잠시만요!")["status"] == 200
        one, two = "주문한 재킷이 아직 안 왔어요 <b>급해요</b>", "확인해 보겠습니다. 잠시만요!"
        sees(b, one, two)
        ann.hear("read", ticket=mine["ticket"])
        ann.say(type="read", ticket=mine["ticket"])
        wait_for("the read mark", lambda: last_mark(b).endswith("읽음"))
        b.write("네")
        assert ann.hear("typing", ticket=mine["ticket"])["on"] is True
        b.key("Enter")
        sees(b, one, two, "네")
        picture(b, "conversation")
        check_accessibility(b, "talking")

        line.cut()
        shows(b, ".state", "다시 연결하고 있습니다")
        write(b, "끊긴 동안 쓴 글")
        assert ann.act("reply", **mine, text="내일 도착합니다.")["status"] == 200
        assert ann.act("reply", **mine, text="더 필요하신 것이 있나요?")["status"] == 200
        sees(b, one, two, "네", "끊긴 동안 쓴 글")
        assert last_mark(b).startswith("보내는 중")
        line.mend()
        sees(b, one, two, "네", "내일 도착합니다.", "더 필요하신 것이 있나요?", "끊긴 동안 쓴 글")
        wait_for("its ack", lambda: "보냄" in last_mark(b))
        wait_for("the agent to have it once", lambda: [m["text"] for m in ann.hear("message", ticket=mine["ticket"])["messages"]].count("끊긴 동안 쓴 글") == 1)

        # A new page: the same conversation, and what came while the panel was shut is counted.
        b.key("Escape")
        assert focus(b) == "launch"
        b.open(address)
        wait_for("the button", lambda: b.js("!!document.querySelector('body > div[lang]')"))
        sees(b, one, two, "네", "내일 도착합니다.", "더 필요하신 것이 있나요?", "끊긴 동안 쓴 글")
        assert ann.act("reply", **mine, text="감사합니다.")["status"] == 200
        wait_for("the badge", lambda: b.js(f"{W}.querySelector('.badge').textContent") == "1")
        assert b.js(f"{W}.querySelector('.launch').ariaLabel") == "상담 열기, 새 메시지 1개"
        picture(b, "badge")

        b.key("Tab"), b.key("Tab"), b.key(" ")
        assert b.js(f"{W}.querySelector('.badge').hidden") is True
        stops = []
        for _ in range(4):
            b.key("Tab")
            stops.append(focus(b))
        assert sorted(stops) == ["TEXTAREA", "log", "send", "shut"]  # and round again, never out to the page
        b.key("Tab", shift=True)
        assert focus(b) == stops[-2]
        assert ann.act("resolve", **mine)["status"] == 200
        shows(b, ".state", "상담이 끝났습니다")
    assert not [t for t in b.console if "Content Security Policy" in t or "exception" in t.lower()], b.console


def test_small_dark_and_large_pages(world):
    naru, b, line, address = world
    b.call("Emulation.setDeviceMetricsOverride", width=320, height=568, deviceScaleFactor=2, mobile=True)
    b.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}, {"name": "prefers-reduced-motion", "value": "reduce"}])
    b.open(address)
    wait_for("the button", lambda: b.js("!!window.naruChat"))
    b.js("naruChat.open()")
    box = b.js(f"(({{ x, y, width, height }}) => [x, y, width, height])({W}.querySelector('.panel').getBoundingClientRect())")
    assert box == [0, 0, 320, 568]  # all of a small screen
    shows(b, ".state", "상담")
    assert b.js(f"getComputedStyle({W}.querySelector('.panel')).animationName") == "none"
    check_accessibility(b, "dark and small")
    picture(b, "dark")
    b.call("Emulation.setDeviceMetricsOverride", width=450, height=400, deviceScaleFactor=2, mobile=False)  # 900 × 800 at 200 %
    for part in (".shut", ".send", "textarea", ".log"):
        x, y, w, h = b.js(f"(({{ x, y, width, height }}) => [x, y, width, height])({W}.querySelector('{part}').getBoundingClientRect())")
        assert x >= 0 and y >= 0 and x + w <= 450 and y + h <= 400, (part, x, y, w, h)
    picture(b, "large")
