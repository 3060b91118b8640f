/* Every class of mistake: what is said, and where. Rows are whole files: HEAD, QUEUE and TAIL are what is good in them. */
#include "base/limits.h"
#include "tests/unit/config/unit.h"

#define HEAD  "naru: 1\nworkspace: w\n" /* two lines */
#define TAIL  "queues: { q: { takes: default } }\n"
#define QUEUE "queues:\n  d: { takes: default }\n  q:\n    takes: { language: ko }\n" /* after HEAD: the next line is 7 */

struct mistake {
    const char *yaml;
    uint32_t line, column;
    const char *says, *key;
};

static const struct mistake mistakes[] = {
    /* form */
    { "", 0, 0, "the file is empty", "" },
    { "# only a comment\n", 0, 0, "the file is empty", "" },
    { HEAD "a: &x 1\n" TAIL, 3, 4, "anchors", "" },
    { HEAD "hours: *x\n" TAIL, 3, 8, "aliases", "" },
    { HEAD "hours: !!map {}\n" TAIL, 3, 8, "tags", "" },
    { HEAD "workspace: v\n" TAIL, 3, 1, "\"workspace\" is written twice here, first on line 2", "workspace" },
    { HEAD "agents: { a: {}, b: {}, a: {} }\n" TAIL, 3, 25, "\"a\" is written twice here, first on line 3", "agents.a" },
    { HEAD "queues: { a: { takes: { tag: x } }, b: {} }\n" TAIL "agents: { c: { max: { fax: 1 } } }\n", 4, 1,
      "\"queues\" is written twice", "queues" },
    { HEAD TAIL "---\nnaru: 1\n", 4, 1, "a second document", "" },
    { HEAD "hours:\n\tseoul: {}\n" TAIL, 4, 1, "a tab cannot indent", "" },
    { HEAD "hours: [\n" TAIL, 5, 1, "did not find expected ',' or ']'", "hours" },
    { HEAD "queues: { q: { takes: default }\n", 4, 1, "(from line 3)", "queues" },
    { HEAD "? [a, b]\n: 1\n" TAIL, 3, 3, "a key must be a plain text", "" },
    { HEAD "hours: \"\\0\"\n" TAIL, 3, 8, "NUL", "" },
    { "naru: 1\nworkspace: \"\xff\"\n", 2, 13, "not valid UTF-8", "" },
    { "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n", 1, 33, "nested too deep", NULL },
    { "just a text\n", 1, 1, "is not a policy", "" },
    /* keys */
    { "workspace: w\n" TAIL, 1, 1, "\"naru\" is missing here", "" },
    { "naru: 1\n" TAIL, 1, 1, "\"workspace\" is missing here", "" },
    { "naru: 2\nworkspace: w\n" TAIL, 1, 7, "2 is out of bounds: 1 to 1", "naru" },
    { HEAD "quues: {}\n" TAIL, 3, 1, "unknown key \"quues\" (did you mean \"queues\"?)", "quues" },
    { HEAD "hours:\n" TAIL, 3, 7, "has no value", "hours" },
    { HEAD "hours: seoul\n" TAIL, 3, 8, "expected names, each with hours, found a text", "hours" },
    { HEAD "triage: { rules: { a: 1 } }\n" TAIL, 3, 18, "expected a list", "triage.rules" },
    { "naru: 1\nworkspace: \"a b\"\n" TAIL, 2, 12, "a character that names may not have", "workspace" },
    /* triage */
    { HEAD "triage: { urgency: { model: 5 } }\n" TAIL, 3, 29, "5 is out of bounds: 0 to 4", "triage.urgency.model" },
    { HEAD "triage: { urgency: { turn: -1.5 } }\n" TAIL, 3, 28, "-1.5 is out of bounds: -1 to 1", NULL },
    { HEAD "triage: { urgency: { waiting_most: 0.1 } }\n" TAIL, 3, 22, "did you mean \"waiting-most\"?", NULL },
    { HEAD "triage: { urgency: { levels: { high: 0.9 } } }\n" TAIL, 3, 30, "levels must rise: high from 0.9, but critical from 0.8",
      "triage.urgency.levels" },
    { HEAD "triage: { urgency: { levels: { normal: 0.5, high: 0.5 } } }\n" TAIL, 3, 51, "levels must rise: normal from 0.5",
      "triage.urgency.levels.high" },
    { HEAD "triage: { external: { intent: { within: 3s } } }\n" TAIL, 3, 41, "3s is out of bounds: 1ms to 2s",
      "triage.external.intent.within" },
    { HEAD "triage: { external: { intents: { within: 1s } } }\n" TAIL, 3, 23, "did you mean \"intent\"?", NULL },
    { HEAD "triage: { external: { urgency: {} } }\n" TAIL, 3, 23, "\"within\" is missing", "triage.external.urgency" },
    { HEAD "triage: { rules: [{ name: a, when: {}, then: { weigh: 2 } }] }\n" TAIL, 3, 55, "2 is out of bounds: -1 to 1", NULL },
    /* hours */
    { HEAD "hours: { s: { timezone: Asia/Seul, open: { mon: \"09:00-18:00\" } } }\n" TAIL, 3, 25, "did you mean \"Asia/Seoul\"?",
      "hours.s.timezone" },
    { HEAD "hours: { s: { timezone: UTC, open: { mno: \"09:00-18:00\" } } }\n" TAIL, 3, 38, "did you mean \"mon\"?",
      "hours.s.open.mno" },
    { HEAD "hours: { s: { timezone: UTC, open: { mon: \"9-18\" } } }\n" TAIL, 3, 43, "is not an interval", "hours.s.open.mon" },
    { HEAD "hours: { s: { timezone: UTC, open: { mon: \"09:00-24:30\" } } }\n" TAIL, 3, 43, "is not an interval", NULL },
    { HEAD "hours: { s: { timezone: UTC, open: { mon: \"09:00-09:00\" } } }\n" TAIL, 3, 43, "opens and closes at the same time",
      NULL },
    { HEAD "hours: { s: { timezone: UTC, open: { mon-fri: \"09:00-12:00\", wed: \"13:00-14:00\" } } }\n" TAIL, 3, 62,
      "wed has its times already", NULL },
    { HEAD "hours: { s: { timezone: UTC, open: { mon: \"09:00-18:00\" }, closed: [2026-05-05, file:kr.ics] } }\n" TAIL, 3, 81,
      "put its dates here, \"naru holidays kr.ics\" prints them", "hours.s.closed[1]" },
    { HEAD "hours: { s: { timezone: UTC, open: { mon: \"09:00-18:00\" }, closed: [[2026-05-05, 5]] } }\n" TAIL, 3, 82,
      "is not a date", "hours.s.closed[0][1]" },
    { HEAD "hours: { s: { timezone: UTC, open: { mon: \"09:00-18:00\" }, closed: [2026-02-30] } }\n" TAIL, 3, 69, "is not a date",
      "hours.s.closed[0]" },
    { HEAD "hours: { s: { timezone: UTC, open: {} } }\n" TAIL, 3, 10, "never opens", "hours.s" },
    { HEAD "hours: { s: { open: { mon: \"09:00-18:00\" } } }\n" TAIL, 3, 10, "\"timezone\" is missing", "hours.s" },
    /* channels, accounts */
    { HEAD "channels: { webcaht: {} }\n" TAIL, 3, 13, "\"webcaht\" is not a channel (did you mean \"webchat\"?)",
      "channels.webcaht" },
    { HEAD "channels: { sms: { cost: 0 } }\n" TAIL, 3, 26, "0 is out of bounds: 1 to 1000", "channels.sms.cost" },
    { HEAD "channels: { sms: { cost: \"20\" } }\n" TAIL, 3, 26, "write the number without quotes", NULL },
    { HEAD "channels: { sms: { cost: 020 } }\n" TAIL, 3, 26, "begins with a zero", NULL },
    { HEAD "channels: { sms: { offer: 20 } }\n" TAIL, 3, 27, "\"20\" is not a duration (write 250ms", "channels.sms.offer" },
    { HEAD "channels: { sms: { offer: 2h } }\n" TAIL, 3, 27, "2h is out of bounds: 1s to 1h", NULL },
    { HEAD "accounts: { a: { channel: smss } }\n" TAIL, 3, 27, "did you mean \"sms\"?", "accounts.a.channel" },
    { HEAD "accounts: { a: { channel: sms, secret: hunter2 } }\n" TAIL, 3, 40, "a secret does not belong in this file",
      "accounts.a.secret" },
    { HEAD "accounts: { a: {} }\n" TAIL, 3, 13, "\"channel\" is missing", "accounts.a" },
    /* triage */
    { HEAD "triage: { rules: [ { name: a, when: {} } ] }\n" TAIL, 3, 20, "\"then\" is missing", "triage.rules[0]" },
    { HEAD "triage: { rules: [ { name: a, when: { txt: b }, then: { tag: c } } ] }\n" TAIL, 3, 39, "did you mean \"text\"?", NULL },
    { HEAD "triage: { rules: [ { name: a, when: { text: [] }, then: { tag: c } } ] }\n" TAIL, 3, 45, "an empty list never holds",
      NULL },
    { HEAD "triage: { rules: [ { name: a, when: {}, then: { urgency: hihg } } ] }\n" TAIL, 3, 58, "did you mean \"high\"?",
      "triage.rules[0].then.urgency" },
    { HEAD "triage: { rules: [ { name: a, when: {}, then: { raise: 9 } } ] }\n" TAIL, 3, 56, "9 is out of bounds: -3 to 3", NULL },
    { HEAD "triage: { rules: [ { name: a, when: {}, then: { queue: z } } ] }\n" TAIL, 3, 56,
      "\"z\" is not a queue of this policy (did you mean \"q\"?)", NULL },
    { HEAD "triage: { rules: [ { name: a, when: {}, then: { stop: si } } ] }\n" TAIL, 3, 55, "\"si\" is not yes or no", NULL },
    { HEAD "triage: { rules: [ { name: a, when: { language: korean }, then: { tag: b } } ] }\n" TAIL, 3, 49,
      "is not a language subtag", NULL },
    { HEAD "triage: { rules: [ { name: a, when: { closed: seoul }, then: { tag: b } } ] }\n" TAIL, 3, 47,
      "\"seoul\" is not hours of this policy", NULL },
    { HEAD "triage: { rules: [ { name: a, when: { account: x }, then: { tag: b } } ] }\n" TAIL, 3, 48, "is not an account", NULL },
    { HEAD "triage: { rules: [ { name: a, when: { kind: msg }, then: { tag: b } } ] }\n" TAIL, 3, 45,
      "\"msg\" is not a word known here", NULL },
    { HEAD "triage: { rules: [ { name: a, when: {}, then: { tag: b } }, { name: a, when: {}, then: { tag: b } } ] }\n" TAIL, 3, 69,
      "another rule is called \"a\"", "triage.rules[1].name" },
    { HEAD "triage: { unsure: { below: 1.5, queue: q } }\n" TAIL, 3, 28, "1.5 is out of bounds: 0 to 1", NULL },
    /* rates */
    { HEAD "accounts: { a: { channel: sms, most: 500 } }\n" TAIL, 3, 38, "\"500\" is not a rate: write 500/s or 500/min",
      "accounts.a.most" },
    { HEAD "accounts: { a: { channel: sms, most: 500/sec } }\n" TAIL, 3, 38, "did you mean 500/s?", "accounts.a.most" },
    { HEAD "accounts: { a: { channel: sms, most: 20/minute } }\n" TAIL, 3, 38, "did you mean 20/min?", NULL },
    { HEAD "accounts: { a: { channel: sms, most: 20/h } }\n" TAIL, 3, 38, "is not a rate: write 20/s or 20/min", NULL },
    { HEAD "accounts: { a: { channel: sms, most: fast } }\n" TAIL, 3, 38, "is not a rate (write 500/s or 600/min)", NULL },
    { HEAD "accounts: { a: { channel: sms, most: 0/s } }\n" TAIL, 3, 38, "0/s is out of bounds: 1/s to 1000000/s", NULL },
    { HEAD "accounts: { a: { channel: sms, most: 9000000/min } }\n" TAIL, 3, 38, "1/min to 1000000/min", NULL },
    { HEAD "accounts: { a: { channel: sms, most: [5/s] } }\n" TAIL, 3, 38, "expected a rate such as 500/s, found a list", NULL },
    { HEAD "accounts: { a: { channel: sms, mots: 5/s } }\n" TAIL, 3, 32, "did you mean \"most\"?", NULL },
    { HEAD "capacity: { acts: 50/second }\n" TAIL, 3, 19, "did you mean 50/s?", "capacity.acts" },
    /* queues */
    { HEAD "queues: { q: {} }\n", 3, 1, "no queue has \"takes: default\"", "queues" },
    { HEAD "queues: { q: { takes: default }, r: { takes: default } }\n", 3, 46, "\"q\" does already", "queues.r.takes" },
    { HEAD "queues: { q: { takes: defalt } }\n", 3, 23, "\"defalt\" is not \"default\" or conditions", "queues.q.takes" },
    { HEAD QUEUE "    order: slak\n", 7, 12, "\"slak\" is not a word known here (did you mean \"slack\"?)", "queues.q.order" },
    { HEAD QUEUE "    choose: [longest-idel]\n", 7, 14, "did you mean \"longest-idle\"?", "queues.q.choose[0]" },
    { HEAD QUEUE "    needs: { billing: 11 }\n", 7, 23, "a level is 1 to 10, not 11", "queues.q.needs.billing" },
    { HEAD QUEUE "    needs: { billing: ticket }\n", 7, 23, "only \"lang\" can be taken from the ticket", NULL },
    { HEAD QUEUE "    needs: { lang: 5 }\n", 7, 20, "write \"lang: ticket\"", NULL },
    { HEAD QUEUE "    needs: [billing]\n", 7, 12, "expected skills with levels", NULL },
    { HEAD QUEUE "    sla: { answer: { target: 80% } }\n", 7, 12, "\"within\" is missing", "queues.q.sla.answer" },
    { HEAD QUEUE "    sla: { answer: { within: { urgent: 5m } } }\n", 7, 32, "\"urgent\" is not an urgency", NULL },
    { HEAD QUEUE "    sla: { answer: { within: 5m, target: 80 } }\n", 7, 42, "\"80\" is not a percentage (write 80%)", NULL },
    { HEAD QUEUE "    sla: { answer: { within: 5m, target: 180% } }\n", 7, 42, "180% is out of bounds: 1% to 100%", NULL },
    { HEAD QUEUE "    timeline: [{ drop: [a] }]\n", 7, 16, "\"after\" is missing", "queues.q.timeline[0]" },
    { HEAD QUEUE "    timeline: [{ after: 5m }]\n", 7, 16, "nothing to do", NULL },
    { HEAD QUEUE "    timeline: [{ after: soon, raise: 1 }]\n", 7, 25, "\"soon\" is not a duration", NULL },
    { HEAD QUEUE "    timeline: [{ after: 5m, move: fornt }]\n", 7, 35, "is not a queue", NULL },
    { HEAD QUEUE "    timeline: [{ after: 5m, since: now, raise: 1 }]\n", 7, 36, "\"now\" is not a word known here", NULL },
    { HEAD QUEUE "    timeline: [{ after: 5m, move: q }]\n", 7, 35, "moves in a ring: q → q", NULL },
    { HEAD "queues:\n  d: { takes: default, timeline: [{ after: 1m, move: q }] }\n  q:\n    takes: { tag: x }\n"
           "    overflow: [{ when: { waiting: 5 }, move: d }]\n",
      7, 46, "moves in a ring: d → q → d", "queues.q.overflow[0].move" },
    { HEAD QUEUE "    overflow: [{ when: {}, move: d }]\n", 7, 24, "has no condition", NULL },
    { HEAD QUEUE "    overflow: [{ when: { waiting: many }, move: d }]\n", 7, 35, "\"many\" is not a count", NULL },
    { HEAD QUEUE "    overflow: [{ when: { staffed: nobody }, move: d }]\n", 7, 35, "(known: none)", NULL },
    { HEAD QUEUE "    overflow: [{ when: { staffed: none } }]\n", 7, 16, "not where to", NULL },
    /* order, choice, offers */
    { HEAD QUEUE "    order: weighted\n", 7, 12, "did you mean \"weights\"?", "queues.q.order" },
    { HEAD QUEUE "    weight: 0\n", 7, 13, "0 is out of bounds: 0.01 to 100", "queues.q.weight" },
    { HEAD QUEUE "    age-cap: 50%\n", 7, 14, "50% is out of bounds: 100% to 10000%", "queues.q.age-cap" },
    { HEAD QUEUE "    age_cap: 300%\n", 7, 5, "unknown key \"age_cap\" (did you mean \"age-cap\"?)", "queues.q.age_cap" },
    { HEAD QUEUE "    order: weights\n    index: { match: 5 }\n", 8, 21, "5 is out of bounds: 0 to 4", "queues.q.index.match" },
    { HEAD QUEUE "    choose: []\n", 7, 13, "names no choice", "queues.q.choose" },
    { HEAD QUEUE "    choose: { best-skil: 1 }\n", 7, 15, "did you mean \"best-skill\"?", "queues.q.choose.best-skil" },
    { HEAD QUEUE "    choose: { best-skill: 0 }\n", 7, 27, "0 is out of bounds: 0.01 to 100", NULL },
    { HEAD QUEUE "    offers: { at-once: 17 }\n", 7, 24, "17 is out of bounds: 1 to 16", "queues.q.offers.at-once" },
    { HEAD QUEUE "    offers: { back-off: 0s }\n", 7, 25, "0s is out of bounds: 1s to 1d", NULL },
    { HEAD QUEUE "    offers: { exhausted: d }\n", 7, 26, "never happens without an end: add \"most: 8\"",
      "queues.q.offers.exhausted" },
    { HEAD QUEUE "    offers: { most: 3, exhausted: q }\n", 7, 35, "moves in a ring: q → q", "queues.q.offers.exhausted" },
    { HEAD "queues:\n  d: { takes: default, offers: { most: 2, exhausted: q } }\n  q:\n    takes: { tag: x }\n"
           "    timeline: [{ after: 5m, move: d }]\n",
      7, 35, "moves in a ring: d → q → d", "queues.q.timeline[0].move" },
    { HEAD QUEUE "    last-agent: { within: 60d }\n", 7, 27, "60d is out of bounds: 1m to 30d", NULL },
    { HEAD QUEUE "    last-agent: { skip: [skill] }\n", 7, 26, "did you mean \"skills\"?", "queues.q.last-agent.skip[0]" },
    { HEAD QUEUE "    swap: none\n", 7, 11, "\"none\" is not a word known here", "queues.q.swap" },
    { HEAD QUEUE "    bots: no\n", 7, 11, "(known: first, never)", "queues.q.bots" },
    { HEAD QUEUE "    groups: { a: b }\n", 7, 13, "expected a group or a list of groups, found a mapping", "queues.q.groups" },
    { HEAD QUEUE "    groups: [\"a b\"]\n", 7, 14, "names may not have", NULL },
    /* gates */
    { HEAD QUEUE "    gate: [{ waiting: 5 }]\n", 7, 12, "\"group\" is missing", "queues.q.gate[0]" },
    { HEAD QUEUE "    gate: [{ group: g, reserve: 0 }]\n", 7, 12, "has no condition", "queues.q.gate[0]" },
    { HEAD QUEUE "    gate: [{ group: g, waiting: few }]\n", 7, 33, "\"few\" is not a count such as \">200\" (from 0 to", NULL },
    { HEAD QUEUE "    gate:\n      - { group: g, waiting: 1 }\n      - { group: g, age: 5m }\n", 9, 18,
      "\"g\" has its gate already on line 8", "queues.q.gate[1].group" },
    /* steps */
    { HEAD QUEUE "    timeline: [{ after: 5m, needs: { tech: 3 } }]\n", 7, 38,
      "asks for more than before: \"tech\" is not needed in this queue by then; write \"narrow: yes\"", NULL },
    { HEAD QUEUE "    needs: { tech: 3 }\n    timeline: [{ after: 5m, needs: { tech: 4 } }]\n", 8, 44,
      "asks for more than before: \"tech\" is needed at 3 by then", "queues.q.timeline[0].needs.tech" },
    { HEAD QUEUE "    needs: { tech: 3 }\n    timeline: [{ after: 1m, drop: tech }, { after: 5m, needs: { tech: 2 } }]\n", 8, 65,
      "\"tech\" is not needed in this queue by then", NULL },
    { HEAD QUEUE "    timeline: [{ after: 1m, offer: 20 }]\n", 7, 36, "20 is out of bounds: 1 to 16", NULL },
    { HEAD QUEUE "    timeline: [{ after: 1m, raise: -1 }]\n", 7, 36, "lowers the urgency: write \"narrow: yes\"", NULL },
    { HEAD QUEUE "    timeline: [{ after: 1m, move: d, close: late }]\n", 7, 38, "a ticket goes one way, and \"move\" is one",
      "queues.q.timeline[0].close" },
    { HEAD QUEUE "    timeline: [{ after: 2000%, raise: 1 }]\n", 7, 25, "2000% is out of bounds: 1% to 1000%", NULL },
    { HEAD QUEUE "    timeline: [{ after: 60d, raise: 1 }]\n", 7, 25, "60d is out of bounds: 1ms to 30d", NULL },
    { HEAD QUEUE "    timeline: [{ after: 1m, callback: tomorrow }]\n", 7, 39, "\"tomorrow\" is not next-open, a time such as 30m",
      NULL },
    { HEAD QUEUE "    timeline: [{ after: 1m, callback: next-open }]\n", 7, 39, "does not say which hours", NULL },
    { HEAD QUEUE "    timeline: [{ after: 1m, callback: { in: 5m, at: next-open } }]\n", 7, 45, "either \"in\" or \"at\"", NULL },
    { HEAD QUEUE "    timeline: [{ after: 1m, callback: { retries: 1 } }]\n", 7, 39, "does not say when", NULL },
    { HEAD QUEUE "    timeline: [{ after: 1m, callback: { in: 5m, hours: h } }]\n"
                 "hours: { h: { timezone: UTC, open: { mon: \"09:00-10:00\" } } }\n",
      7, 56, "belongs to \"at: next-open\"", "queues.q.timeline[0].callback.hours" },
    { HEAD QUEUE "    timeline: [{ after: 1m, callback: { at: next-opening } }]\n", 7, 45, "did you mean \"next-open\"?", NULL },
    /* overflow */
    { HEAD QUEUE "    overflow: [{ when: { closed: h }, move: d }]\n", 7, 34, "\"h\" is not hours of this policy", NULL },
    { HEAD QUEUE "    overflow: [{ when: { waiting: 5 }, move: d, deflect: help }]\n", 7, 49,
      "a ticket goes one way, and \"move\" is one", "queues.q.overflow[0].deflect" },
    { HEAD QUEUE "    overflow: [{ when: { expected-wait: 5m }, move: d }]\n", 7, 26, "did you mean \"expected_wait\"?", NULL },
    { HEAD QUEUE "    overflow: [{ when: { expected_wait: long }, move: d }]\n", 7, 41, "\"long\" is not a duration", NULL },
    { HEAD QUEUE "    overflow: [{ when: { waiting: 5 }, callback: next-open }]\n", 7, 50, "does not say which hours", NULL },
    /* capacity, presence */
    { HEAD TAIL "capacity: { keep: { units: 30 } }\n", 4, 13, "\"for\" is missing", "capacity.keep" },
    { HEAD TAIL "capacity: { keep: { for: { urgency: high } } }\n", 4, 13, "\"units\" is missing", "capacity.keep" },
    { HEAD TAIL "capacity: { keep: { units: 30, for: {} } }\n", 4, 37, "says for nobody", "capacity.keep.for" },
    { HEAD TAIL "capacity: { keep: { units: 30, for: { urgency: low } } }\n", 4, 48, "what is kept for all is kept for none",
      NULL },
    { HEAD TAIL "capacity: { keep: { units: 30, for: { channel: fax } } }\n", 4, 48, "\"fax\" is not a channel", NULL },
    { HEAD TAIL "capacity: { keep: { units: 10000, for: { urgency: high } } }\n", 4, 28,
      "leaves nothing for other tickets: an agent has at most 10000 units", "capacity.keep.units" },
    { HEAD TAIL "capacity: { parked: 120% }\n", 4, 21, "120% is out of bounds: 0% to 100%", "capacity.parked" },
    { HEAD TAIL "capacity: { ramp: { for: 10m } }\n", 4, 13, "\"per-minute\" is missing", "capacity.ramp" },
    { HEAD TAIL "capacity: { ramp: { per-minute: 0 } }\n", 4, 33, "0 is out of bounds: 1 to 600", NULL },
    { HEAD TAIL "presence: { lease: 1s }\n", 4, 20, "1s is out of bounds: 15s to 1h", "presence.lease" },
    { HEAD TAIL "presence: { missed: 3 }\n", 4, 13, "did you mean \"misses\"?", NULL },
    { HEAD TAIL "timezone: Seoul\n", 4, 11, "\"Seoul\" is not a time zone", "timezone" },
    { HEAD TAIL "channels: { sms: { exclusive: yes } }\n", 4, 31, "(known: no, alone, interrupts)", "channels.sms.exclusive" },
    { HEAD TAIL "channels: { sms: { connect: 2h } }\n", 4, 29, "2h is out of bounds: 0s to 1h", NULL },
    { HEAD TAIL "capacity: { keep: { units: 9950, for: { channel: sms } } }\naccounts: { p: { channel: voice } }\n", 5, 27,
      "beside the 9950 that capacity.keep keeps free no agent can have so many", "accounts.p.channel" },
    /* agents */
    { HEAD "agents: { a: { skills: { lang: 5 } } }\n" TAIL, 3, 32, "name the language", "agents.a.skills.lang" },
    { HEAD "agents: { a: { skills: { tech: ticket } } }\n" TAIL, 3, 32, "an agent's level is a number", NULL },
    { HEAD "agents: { a: { max: { webchta: 3 } } }\n" TAIL, 3, 23, "did you mean \"webchat\"?", NULL },
    { HEAD "agents: { a: { max: { webchat: -1 } } }\n" TAIL, 3, 32, "out of bounds", NULL },
    { HEAD "agents: { a: { kind: robot } }\n" TAIL, 3, 22, "did you mean \"bot\"?", NULL },
    { HEAD "agents: { a: { cost: { sms: 0 } } }\n" TAIL, 3, 29, "0 is out of bounds: 1 to 1000", "agents.a.cost.sms" },
    { HEAD "agents: { a: { daily: 0 } }\n" TAIL, 3, 23, "0 is out of bounds: 1 to 10000", NULL },
    { HEAD "agents: { a: { shift: day } }\n" TAIL, 3, 23, "\"day\" is not hours of this policy", "agents.a.shift" },
    { HEAD "agents: { a: { bot: { below: 0.5 } } }\n" TAIL, 3, 16, "is for bots: add \"kind: bot\"", "agents.a.bot" },
    { HEAD "webhooks: { h: { url: \"https://x.example\" } }\n" TAIL, 3, 13, "\"secret\" is missing", NULL },
    { HEAD "webhooks: { h: { url: \"https://x.example\", secret: env:K, only: [ticket.opend] } }\n" TAIL, 3, 66,
      "is no change that is told (did you mean \"ticket.opened\"?)", NULL },
    { HEAD "webhooks: { h: { url: \"http://192.168.0.1/x\", secret: env:K } }\n" TAIL, 3, 23, "private: yes", "webhooks.h.url" },
    { HEAD "webhooks: { h: { url: \"https://localhost/x\", secret: env:K } }\n" TAIL, 3, 23, "private: yes", "webhooks.h.url" },
    { HEAD "webhooks: { h: { url: \"https://[::1]/x\", secret: env:K } }\n" TAIL, 3, 23, "private: yes", "webhooks.h.url" },
    { HEAD "webhooks: { h: { url: \"https://x.example\", secret: env:K, headers: [\"webhook-id: 1\"] } }\n" TAIL, 3, 69,
      "is a header that Naru writes itself", NULL },
    { HEAD "webhooks: { h: { url: \"https://x.example\", secret: env:K, headers: [oops] } }\n" TAIL, 3, 69, "is not a header such as",
      NULL },
    { HEAD "agents: { a: { kind: bot, bot: { webhook: bot.example } } }\n" TAIL, 3, 43, "is not a URL: write https://host/path",
      NULL },
    { HEAD "agents: { a: { kind: bot, bot: { webhook: \"ftp://bot.example\" } } }\n" TAIL, 3, 43, "is not a URL", NULL },
    { HEAD "agents: { a: { kind: bot, bot: { webhook: \"https:///offers\" } } }\n" TAIL, 3, 43, "is not a URL", NULL },
    { HEAD "agents: { a: { kind: bot, bot: { webhook: \"https://me:pw@bot.example/\" } } }\n" TAIL, 3, 43,
      "holds a user or password", "agents.a.bot.webhook" },
    { HEAD "agents: { a: { kind: bot, bot: { webhook: \"https://bot.example\", secret: hunter2 } } }\n" TAIL, 3, 74,
      "a secret does not belong in this file: write file:/path or env:NAME", "agents.a.bot.secret" },
    { HEAD "agents: { a: { kind: bot, bot: { secret: \"env:KEY\" } } }\n" TAIL, 3, 42, "there is none: add \"webhook\"", NULL },
    { HEAD "agents: { a: { kind: bot, bot: { within: 1s } } }\n" TAIL, 3, 42, "is the deadline of a webhook", NULL },
    { HEAD "agents: { a: { kind: bot, bot: { below: 1.5 } } }\n" TAIL, 3, 41, "1.5 is out of bounds: 0 to 1", NULL },
    { HEAD "agents: { \"a/b\": {} }\n" TAIL, 3, 11, "names may not have", NULL },
    { HEAD "agents: [a, b]\n" TAIL, 3, 9, "expected names, each with an agent, found a list", "agents" },
    /* simulate */
    { HEAD TAIL "simulate: {}\n", 4, 1, "\"classes\" is missing here", "simulate" },
    { HEAD TAIL "simulate: { classes: {} }\n", 4, 22, "names no class: give one", "simulate.classes" },
    { HEAD TAIL "simulate: { classes: { qq: {} } }\n", 4, 24, "\"qq\" is not a queue of this policy (did you mean \"q\"?)",
      "simulate.classes.qq" },
    { HEAD TAIL "simulate: { classes: { a: { queue: p } } }\n", 4, 36, "\"p\" is not a queue of this policy",
      "simulate.classes.a.queue" },
    { HEAD TAIL "simulate: { classes: { all: { queue: q } } }\n", 4, 24, "\"all\" stands for all classes", "simulate.classes.all" },
    { HEAD TAIL "simulate: { classes: { q: { channel: webchatt } } }\n", 4, 38, "did you mean \"webchat\"?",
      "simulate.classes.q.channel" },
    { HEAD TAIL "simulate: { classes: { q: { urgency: hihg } } }\n", 4, 38, "did you mean \"high\"?",
      "simulate.classes.q.urgency" },
    { HEAD TAIL "simulate: { classes: { q: { language: korean } } }\n", 4, 39, "is not a language subtag",
      "simulate.classes.q.language" },
    { HEAD TAIL "simulate: { classes: { q: { weight: 1001 } } }\n", 4, 37, "1001 is out of bounds: 0 to 1000",
      "simulate.classes.q.weight" },
    { HEAD TAIL "simulate: { classes: { q: { work: fast } } }\n", 4, 35, "\"fast\" is not a duration", "simulate.classes.q.work" },
    { HEAD TAIL "simulate: { classes: { q: { work: 0s } } }\n", 4, 35, "0s is out of bounds: 1ms to 30d",
      "simulate.classes.q.work" },
    { HEAD TAIL "simulate: { classes: { q: { work: [180s] } } }\n", 4, 35, "expected a duration such as 180s, or a distribution",
      "simulate.classes.q.work" },
    { HEAD TAIL "simulate: { classes: { q: { work: { exponentail: 180s } } } }\n", 4, 37, "did you mean \"exponential\"?",
      "simulate.classes.q.work.exponentail" },
    { HEAD TAIL "simulate: { classes: { q: { work: { exponential: 40d } } } }\n", 4, 50, "40d is out of bounds: 1ms to 30d", NULL },
    { HEAD TAIL "simulate: { classes: { q: { work: { exponential: 1s, lognormal: 1s } } } }\n", 4, 35, "is of one kind",
      "simulate.classes.q.work" },
    { HEAD TAIL "simulate: { classes: { q: { work: { cv: 1 } } } }\n", 4, 35, "says of no kind how long",
      "simulate.classes.q.work" },
    { HEAD TAIL "simulate: { classes: { q: { work: { exponential: 1s, cv: 2 } } } }\n", 4, 54, "is for lognormal",
      "simulate.classes.q.work.cv" },
    { HEAD TAIL "simulate: { classes: { q: { patience: { lognormal: 1s, cv: 11 } } } }\n", 4, 60, "11 is out of bounds: 0.01 to 10",
      "simulate.classes.q.patience.cv" },
    { HEAD TAIL "simulate: { from: 2026-02-30, classes: { q: {} } }\n", 4, 19, "is not a date with or without a time",
      "simulate.from" },
    { HEAD TAIL "simulate: { from: 2026-03-02 24:00, classes: { q: {} } }\n", 4, 19, "is not a date with or without a time",
      "simulate.from" },
    { HEAD TAIL "simulate: { classes: { q: {} }, agents: { mini: {} } }\nagents: { minji: {} }\n", 4, 43,
      "\"mini\" is not an agent of this policy (did you mean \"minji\"?)", "simulate.agents.mini" },
    { HEAD TAIL "simulate: { classes: { q: {} }, agents: { minji: { speed: 0 } } }\nagents: { minji: {} }\n", 4, 59,
      "0 is out of bounds: 0.01 to 100", "simulate.agents.minji.speed" },
    { HEAD TAIL
      "simulate: { classes: { calls: { queue: q } }, agents: { minji: { speed: { call: 2 } } } }\nagents: { minji: {} }\n",
      4, 75, "\"call\" is not a class of simulate.classes (did you mean \"calls\"?)", "simulate.agents.minji.speed.call" },
    { HEAD TAIL "simulate: { classes: { q: {} }, agents: { minji: { match: [1] } } }\nagents: { minji: {} }\n", 4, 59,
      "expected a number, or one by class", "simulate.agents.minji.match" },
    { HEAD TAIL "simulate: { classes: { q: {} }, parallel: { webchatt: [1] } }\n", 4, 45, "did you mean \"webchat\"?", NULL },
    { HEAD TAIL "simulate: { classes: { q: {} }, parallel: { webchat: [1, 0.5, 0.6] } }\n", 4, 63,
      "0.6 is more than 0.5 before it: with 3 at once", NULL },
    { HEAD TAIL "simulate: { classes: { q: {} }, parallel: { webchat: [0, 0] } }\n", 4, 55, "0 is out of bounds: 0.01 to 1", NULL },
    { HEAD TAIL "simulate: { classes: { q: {} }, parallel: { webchat: [] } }\n", 4, 54, "expected the speed of each with one, two",
      NULL },
    { HEAD TAIL "simulate: { classes: { q: {} }, places: { p: 3 } }\n", 4, 43, "\"p\" is not a queue of this policy",
      "simulate.places.p" },
    { HEAD TAIL "simulate: { classes: { q: {} }, places: { q: 3, q: 4 } }\n", 4, 49, "\"q\" is written twice here",
      "simulate.places.q" },
    { HEAD TAIL "simulate: { classes: { q: {} }, places: { q: -1 } }\n", 4, 46, "-1 is out of bounds: 0 to 1000000",
      "simulate.places.q" },
    { HEAD TAIL "simulate: { classes: { q: {} }, offers: { declined: 96% } }\n", 4, 53, "96% is out of bounds: 0% to 95%",
      "simulate.offers.declined" },
    { HEAD TAIL "simulate: { classes: { q: {} }, offers: { declined: 0.1 } }\n", 4, 53, "is not a percentage",
      "simulate.offers.declined" },
    { HEAD TAIL "simulate: { classes: { q: {} }, offers: { declined: 50%, missed: 50% } }\n", 4, 41, "95% at most together",
      "simulate.offers" },
};

static bool found(const struct findings *f, const struct mistake *m)
{
    for (uint32_t i = 0; i < f->count; i++) {
        const struct finding *v = &f->v[i];
        if (v->error && v->line == m->line && v->column == m->column && strstr(v->text, m->says) &&
            (!m->key || !strcmp(v->key, m->key)))
            return true;
    }
    return false;
}

TEST(each_class_of_mistake_is_refused_with_its_place_and_the_nearest_word)
{
    UNUSED(state);
    unsigned wrong = 0;
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        struct policy *p = NULL;
        struct findings f;
        findings_init(&f);
        enum err e = policy_load(&p, str_of(mistakes[i].yaml), "policy.yaml", NOW, &f);
        if ((e != ERR_YAML && e != ERR_POLICY) || p || !f.errors || !found(&f, &mistakes[i])) {
            print_error("%s\nwanted %u:%u \"%s\" at %s, got %s:\n", mistakes[i].yaml, mistakes[i].line, mistakes[i].column,
                        mistakes[i].says, mistakes[i].key ? mistakes[i].key : "any key", err_name(e));
            print_findings(&f);
            wrong++;
        }
        policy_unref(p);
        findings_fini(&f);
    }
    assert_int_equal(wrong, 0);
}

static const struct mistake slips[] = {
    { HEAD QUEUE "    needs: { tech: 3 }\n    timeline: [{ after: 5m, needs: { tech: 3 } }]\n", 8, 38, "widens nothing", NULL },
    { HEAD QUEUE "    needs: { lang: ticket }\n    timeline: [{ after: 1m, drop: lang }, { after: 5m, drop: [lang] }]\n", 8, 63,
      "widens nothing", NULL },
    { HEAD QUEUE "    needs: { tech: 3 }\nagents: { a: { skills: { sales: 3 } } }\n", 7, 14,
      "no agent of this file has the skill \"tech\"", NULL },
    { HEAD QUEUE "    needs: { tech: 3 }\nagents: { a: { skills: { tech: 2 } } }\n", 7, 20, "at level 3; the best has 2", NULL },
    { HEAD QUEUE "    needs: { x: 3, y: 1 }\nagents: { a: { skills: { x: 3 } }, b: { skills: { x: 2, y: 2 } } }\n", 7, 5,
      "no agent of this file whom the queue asks has all of these", NULL },
    { HEAD QUEUE "    needs: { x: 3 }\n    bots: never\nagents: { a: { kind: bot, skills: { x: 3 } } }\n", 7, 5,
      "are bots, and this queue never asks bots: take", NULL },
    { HEAD QUEUE "    needs: { x: 3 }\n    groups: g\nagents: { a: { groups: h, skills: { x: 3 } }, b: { groups: g } }\n", 7, 5,
      "no agent of this file whom the queue asks has all of these", NULL },
    { HEAD QUEUE "    sla: { answer: { within: 5s } }\naccounts: { a: { channel: sms } }\n", 7, 12, "one offer on sms stands 20s",
      NULL },
    { HEAD QUEUE "    sla: { answer: { within: { critical: 5m, high: 1m } } }\n", 7, 30, "critical has more time than high", NULL },
    { HEAD "queues: { d: { takes: default }, q: {} }\n", 3, 34, "nothing comes to this queue", NULL },
    { HEAD "triage: { rules: [ { name: a, when: { text: [x, y] }, then: { stop: true } },\n { name: b, when: { channel: sms, text: "
           "y }, then: { tag: c } } ] }\n" TAIL,
      4, 2, "\"b\" can never fire", NULL },
    { HEAD "triage: { rules: [ { name: a, when: { sentiment: negative }, then: { tag: x } } ] }\n" TAIL, 3, 39,
      "nothing finds a sentiment: no model", NULL },
    { HEAD "triage: { rules: [ { name: a, when: {}, then: {} } ] }\n" TAIL, 3, 47, "says nothing to do", NULL },
    /* steps */
    { HEAD QUEUE "    timeline: [{ after: 5m, add: g }]\n", 7, 29, "widens nothing: everybody is asked already", NULL },
    { HEAD QUEUE "    groups: g\n    timeline: [{ after: 5m, add: [h, g] }]\n", 8, 38, "widens nothing: \"g\" is asked already",
      NULL },
    { HEAD QUEUE "    timeline: [{ after: 5m, offer: 1 }]\n", 7, 36, "widens nothing: 1 at once are asked by then", NULL },
    { HEAD QUEUE "    needs: { a: 3 }\n    timeline: [{ after: 5m, drop: a, narrow: yes }]\n", 8, 38,
      "asks for more than before: leave it out", NULL },
    { HEAD QUEUE "    needs: { a: 3 }\n    timeline: [{ after: 5m, since: assigned, drop: a }]\n", 8, 46, "an agent has the ticket",
      NULL },
    { HEAD QUEUE "    timeline: [{ after: 5m, move: d }, { after: 6m, raise: 1 }]\n", 7, 40,
      "is never taken: the step on line 7 moves", NULL },
    { HEAD QUEUE "    timeline: [{ after: 1m, offer: 3 }, { after: 5m, offer: 2 }]\n", 7, 61,
      "widens nothing: 3 at once are asked by then", NULL },
    { HEAD QUEUE "    timeline: [{ after: 50%, raise: 1 }, { after: 30%, close: late }]\n", 7, 16,
      "is never taken: the step on line 7 closes", NULL },
    /* groups, gates, orders */
    { HEAD QUEUE "    groups: [g]\nagents: { a: { groups: h } }\n", 7, 14, "no agent of this file is in the group \"g\"", NULL },
    { HEAD QUEUE "    groups: [first-line]\nagents: { a: { groups: first-line }, b: { groups: [frst-line] } }\n", 8, 52,
      "asks the group \"frst-line\" (did you mean \"first-line\"?)", NULL },
    { HEAD QUEUE "    timeline: [{ after: 5m, notify: supervisor }]\nagents: { a: { groups: supervisors } }\n", 7, 37,
      "did you mean \"supervisors\"?", NULL },
    { HEAD QUEUE "    groups: g\n    gate: [{ group: g, waiting: 5 }]\n", 8, 21, "holds nobody back", NULL },
    { HEAD QUEUE "    order: fifo\n    weight: 2\n", 8, 5, "the order \"fifo\" does not look at it", NULL },
    { HEAD QUEUE "    index: { match: 2 }\n", 7, 5, "the order \"slack\" does not look at it: it is for weights", NULL },
    { HEAD QUEUE "    last-agent: { within: 2d }\n", 7, 5, "changes nothing: add \"wait\"", NULL },
    { HEAD QUEUE "    choose: [best-skill, best-skill]\n", 7, 26, "stands here twice", NULL },
    /* times, units */
    { HEAD QUEUE "    sla: { answer: { within: 1m } }\n    last-agent: { wait: 2m }\n", 8, 25,
      "is longer than the tightest answer target here (1m)", NULL },
    { HEAD QUEUE "    prefer-wait: 10s\naccounts: { a: { channel: sms } }\n", 7, 18, "is shorter than one offer on sms (20s)",
      NULL },
    { HEAD QUEUE "    gate: [{ group: g, age: 20m }]\n", 7, 29, "is longer than the slowest answer target here (15m)", NULL },
    { HEAD QUEUE "    age-cap: 5m\n", 7, 14, "is shorter than the slowest answer target here (15m)", NULL },
    { HEAD QUEUE "    offers: { back-off: 20m }\n", 7, 25, "is longer than the slowest answer target here (15m)", NULL },
    { HEAD QUEUE "    sla: { resolve: { within: 10m } }\n", 7, 31, "sooner than it is to be answered", NULL },
    { HEAD QUEUE "    sla: { resolve: { within: 2d } }\n", 7, 31, "raise presence.hold", NULL },
    { HEAD TAIL "accounts: { w: { channel: sms } }\nchannels: { sms: { offer: 4s } }\n"
                "agents: { a: { kind: bot, bot: { webhook: \"https://bot.example\" } } }\n",
      6, 32, "longer to answer than an offer on sms stands (4s)", NULL },
    { HEAD TAIL "channels: { voice: { cost: 120 } }\naccounts: { p: { channel: voice } }\n", 4, 28,
      "an agent has 100 when nothing else is said", NULL },
    { HEAD TAIL "capacity: { keep: { units: 100, for: { urgency: high } } }\nagents: { a: {}, b: { capacity: 90 } }\n", 4, 28,
      "leaves nothing for other tickets: no agent of this file has more than 100 units; lower it", "capacity.keep.units" },
    { HEAD TAIL "channels: { voice: { cost: 120 } }\naccounts: { p: { channel: voice } }\nagents: { a: {} }\n", 4, 28,
      "no agent of this file has more than 100: lower the cost, or give somebody a capacity of 120", "channels.voice.cost" },
    { HEAD TAIL "accounts: { p: { channel: voice } }\nagents: { a: { capacity: 90 } }\n", 4, 27,
      "costs 100 units, and no agent of this file has more than 90", "accounts.p.channel" },
    { HEAD TAIL
      "capacity: { keep: { units: 30, for: { channel: sms } } }\naccounts: { p: { channel: voice } }\nagents: { a: {} }\n",
      5, 27, "capacity.keep leaves nobody of this file more than 70 for it: keep less", "accounts.p.channel" },
    { HEAD TAIL
      "capacity: { keep: { units: 30, for: { urgency: high } } }\naccounts: { p: { channel: voice } }\nagents: { a: {} }\n",
      5, 27, "leaves nobody of this file more than 70: only what is high or more can be taken", NULL },
    { HEAD TAIL "simulate: { classes: { q: { needs: { tech: 5 } } } }\nagents: { minji: {} }\n", 4, 38,
      "no agent of this file has the skill \"tech\"", "simulate.classes.q.needs.tech" },
    { HEAD "queues: { q: { takes: default, needs: { a: 1 } } }\nsimulate: { classes: { q: { needs: { b: 1 } } } }\n"
           "agents: { x: { skills: { a: 5 } }, y: { skills: { b: 5 } } }\n",
      4, 29, "no agent of this file whom the queue \"q\" asks has all of these beside", "simulate.classes.q.needs" },
};

TEST(each_class_of_slip_is_warned_of_and_the_file_stays_good)
{
    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(slips); i++) {
        struct policy *p = NULL;
        struct findings f;
        findings_init(&f);
        enum err e = policy_load(&p, str_of(slips[i].yaml), "policy.yaml", NOW, &f);
        if (e || !says(&f, false, slips[i].line, slips[i].column, slips[i].says)) {
            print_error("%s\nwanted %u:%u \"%s\":\n", slips[i].yaml, slips[i].line, slips[i].column, slips[i].says);
            print_findings(&f);
            fail();
        }
        policy_unref(p);
        findings_fini(&f);
    }
}

TEST(steps_are_compared_by_their_times_not_by_their_lines)
{
    UNUSED(state);
    struct policy *p = NULL;
    struct findings f;
    findings_init(&f);
    assert_int_equal(
        policy_load(
            &p,
            STR(HEAD QUEUE
                "    sla: { answer: { within: 15m } }\n    needs: { a: 5 }\n    timeline:\n      - { after: 80%, drop: a }\n"
                "      - { after: 20%, needs: { a: 3 } }\n      - { after: 5m, since: step, offer: 4 }\n"
                "      - { after: 90m, move: d }\n      - { after: 90%, offer: 3 }\n"),
            "p", NOW, &f),
        ERR_OK);
    if (f.count) print_findings(&f);
    assert_int_equal(f.count, 0);
    policy_unref(p);
    findings_fini(&f);
}

TEST(a_rule_that_an_earlier_one_does_not_hide_is_not_warned_of)
{
    UNUSED(state);
    struct policy *p = NULL;
    struct findings f;
    findings_init(&f);
    assert_int_equal(
        policy_load(&p,
                    STR(HEAD "triage:\n  rules:\n    - { name: a, when: { text: [x, y], channel: sms }, then: { stop: true } }\n"
                             "    - { name: b, when: { text: y }, then: { tag: c } }\n"
                             "    - { name: c, when: { text: [y, z], channel: sms }, then: { tag: c } }\n" TAIL),
                    "p", NOW, &f),
        ERR_OK);
    assert_int_equal(f.count, 0);
    policy_unref(p);
    findings_fini(&f);
}

TEST(all_mistakes_of_a_file_are_found_in_one_go_and_in_order)
{
    UNUSED(state);
    struct policy *p = NULL;
    struct findings f;
    findings_init(&f);
    assert_int_equal(
        policy_load(&p,
                    STR("naru: 1\nworkspace: w\nchannels: { sms: { cost: x } }\nqueues:\n  a: { takes: { tag: t }, order: foo }\n"
                        "  b: { takes: {}, timeline: [{ after: 1m, move: c }] }\nagent: {}\n"),
                    "p", NOW, &f),
        ERR_POLICY);
    assert_true(says(&f, true, 3, 26, "whole number"));
    assert_true(says(&f, true, 4, 1, "takes: default"));
    assert_true(says(&f, true, 5, 32, "order") || says(&f, true, 5, 34, "foo"));
    assert_true(says(&f, true, 6, 15, "has no condition"));
    assert_true(says(&f, true, 6, 50, "is not a queue") || says(&f, true, 6, 49, "is not a queue"));
    assert_true(says(&f, true, 7, 1, "did you mean \"agents\"?"));
    assert_int_equal(f.errors, 6);
    for (uint32_t i = 1; i < f.count; i++) assert_true(f.v[i - 1].line <= f.v[i].line);
    findings_fini(&f);
}

TEST(a_hundred_findings_are_kept_and_the_rest_is_counted)
{
    UNUSED(state);
    struct policy *p = NULL;
    struct findings f;
    struct buf yaml;
    buf_init(&yaml, LIM_YAML_BYTES);
    buf_addz(&yaml, HEAD TAIL);
    for (int i = 0; i < 250; i++) buf_addf(&yaml, "key%d: 1\n", i);
    findings_init(&f);
    assert_int_equal(policy_load(&p, buf_str(&yaml), "p", NOW, &f), ERR_POLICY);
    assert_int_equal(f.count, LIM_POLICY_ERRORS);
    assert_int_equal(f.errors, 250);
    assert_int_equal(f.more, 150);
    findings_fini(&f);
    buf_fini(&yaml);
}

TEST(warnings_never_crowd_an_error_out)
{
    UNUSED(state);
    struct policy *p = NULL;
    struct findings f;
    struct buf yaml;
    buf_init(&yaml, LIM_YAML_BYTES);
    buf_addz(&yaml, HEAD TAIL "agents:\n");
    for (int i = 0; i < 150; i++) buf_addf(&yaml, "  a%d: { groups: [g, g] }\n", i);
    buf_addz(&yaml, "  last: { capacity: none }\n");
    findings_init(&f);
    assert_int_equal(policy_load(&p, buf_str(&yaml), "p", NOW, &f), ERR_POLICY);
    assert_int_equal(f.count, LIM_POLICY_ERRORS);
    assert_true(says(&f, true, 155, 21, "\"none\" is not a whole number"));
    findings_fini(&f);
    buf_fini(&yaml);
}

TEST(what_is_refused_is_not_held_against_its_neighbours)
{
    UNUSED(state);
    static const char *const one[] = {
        HEAD TAIL "simulate: { classes: { q: {} }, parallel: { webchat: [1, 1.8, 0.7] } }\n",
        HEAD TAIL "simulate: { classes: { q: { work: { lognorml: 15m, cv: 0.7 } } } }\n",
    };
    for (size_t i = 0; i < COUNT_OF(one); i++) {
        struct policy *p = NULL;
        struct findings f;
        findings_init(&f);
        assert_int_equal(policy_load(&p, str_of(one[i]), "policy.yaml", NOW, &f), ERR_POLICY);
        assert_int_equal(f.errors, 1);
        findings_fini(&f);
    }
}

TEST(findings_are_written_for_people_and_for_machines)
{
    UNUSED(state);
    struct policy *p = NULL;
    struct findings f;
    struct buf out;
    findings_init(&f);
    buf_init(&out, 1u << 16);
    (void)policy_load(&p, STR(HEAD QUEUE "    order: \"sl\\eak\"\n"), "p.yaml", NOW, &f);
    findings_text(&f, "p.yaml", &out);
    assert_string_equal(buf_cstr(&out),
                        "p.yaml:7:12: error: queues.q.order: \"sl?ak\" is not a word known here (did you mean \"slack\"?)\n");
    buf_clear(&out);
    findings_json(&f, "p.yaml", NULL, &out);
    assert_non_null(
        strstr(buf_cstr(&out),
               "{\"file\":\"p.yaml\",\"ok\":false,\"version\":\"\",\"findings\":[{\"level\":\"error\",\"line\":7,\"column\":12,"
               "\"key\":\"queues.q.order\",\"text\":\"\\\"sl?ak\\\" is"));
    buf_fini(&out);
    findings_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_class_of_mistake_is_refused_with_its_place_and_the_nearest_word),
        cmocka_unit_test(each_class_of_slip_is_warned_of_and_the_file_stays_good),
        cmocka_unit_test(steps_are_compared_by_their_times_not_by_their_lines),
        cmocka_unit_test(a_rule_that_an_earlier_one_does_not_hide_is_not_warned_of),
        cmocka_unit_test(all_mistakes_of_a_file_are_found_in_one_go_and_in_order),
        cmocka_unit_test(a_hundred_findings_are_kept_and_the_rest_is_counted),
        cmocka_unit_test(warnings_never_crowd_an_error_out),
        cmocka_unit_test(what_is_refused_is_not_held_against_its_neighbours),
        cmocka_unit_test(findings_are_written_for_people_and_for_machines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
