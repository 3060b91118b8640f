/* All texts of the page in Korean and English, and numbers, times and spans as people of each language write them. A text is looked
   up by key; {0}, {1} … stand for what is put in. What the server says (sentences of `explain`, details of problems) is English. */
const KEY = "naru.language";
let stored = "";
try {
  stored = localStorage.getItem(KEY) || "";
} catch {
  /* no storage: the browser's language */
}
export let language =
  stored === "ko" || stored === "en" ? stored : (navigator.language || "en").toLowerCase().startsWith("ko") ? "ko" : "en";

export function setLanguage(to) {
  language = to;
  try {
    localStorage.setItem(KEY, to);
  } catch {
    /* for this page alone */
  }
}

const WORDS = {
  /* frame */
  what_this_is: ["문의를 나누고 받는 사람을 위한 화면입니다.", "For those who route messages, and those who answer them."],
  token: ["액세스 토큰", "Access token"],
  sign_in: ["들어가기", "Sign in"],
  sign_out: ["나가기", "Sign out"],
  token_missing: ["토큰을 붙여 넣으세요.", "Paste a token."],
  token_shape: ["토큰의 모양이 아닙니다. naru_ 뒤에 43자가 있어야 합니다.", "This is not a token: it has naru_ and 43 characters."],
  token_wrong: [
    "이 토큰은 여기서 알지 못합니다. 빠진 글자가 없는지, 다른 서버의 토큰이 아닌지 보세요.",
    "This token is not known here. Was it copied whole, and is it of this server?",
  ],
  source_token: [
    "source 토큰은 프로그램이 문의를 보낼 때 씁니다. agent, supervisor, operator 토큰이 필요합니다.",
    "A token of role source is for programs that send messages. This page takes one of an agent, a supervisor or an operator.",
  ],
  expired: ["토큰의 기한이 지났습니다. 새 토큰을 받으세요.", "The token has expired. Ask for a new one."],
  signed_out: [
    "토큰이 더는 받아들여지지 않아 나왔습니다. 다시 들어오세요.",
    "The token is not accepted any more, so you were signed out.",
  ],
  where_token: ["토큰은 어디에 있나요?", "Where is a token?"],
  hint_up: [
    "naru up이 시작할 때 첫 operator 토큰의 파일을 알려 줍니다.",
    "naru up says at its start which file has the first operator's.",
  ],
  hint_create: ["상담원의 토큰 만들기:", "Make one for an agent:"],
  kept_here: [
    "토큰은 이 탭이 열려 있는 동안 이 브라우저에만 남습니다.",
    "It stays in this tab of this browser, until the tab is closed.",
  ],
  theme: ["밝기", "Theme"],
  theme_auto: ["자동", "system"],
  theme_light: ["밝게", "light"],
  theme_dark: ["어둡게", "dark"],
  skip: ["본문으로", "Skip to content"],
  views: ["화면", "Views"],
  workspace: ["작업 공간", "Workspace"],
  now: ["지금", "Now"],
  trouble: ["문제", "Trouble"],
  desk: ["상담 데스크", "Desk"],
  desk_of: ["{0}의 데스크", "{0}’s desk"],
  ticket: ["티켓", "Ticket"],
  things: ["건", "things"],
  connecting: ["연결 중…", "Connecting…"],
  live: ["실시간", "Live"],
  lost_since: [
    "{0}부터 서버와 연결되지 않습니다. 아래는 그때의 모습입니다.",
    "Not connected since {0}. What stands below is as it was then.",
  ],
  as_of: ["{0} 기준", "as of {0}"],
  no_answer: ["서버가 응답하지 않습니다.", "The server does not answer."],
  status: ["응답 {0}", "answered {0}"],
  role_agent: ["상담원", "agent"],
  role_supervisor: ["관리자", "supervisor"],
  role_operator: ["운영자", "operator"],
  yes: ["예", "yes"],
  no: ["아니요", "no"],
  none: ["없음", "none"],
  cancel_it: ["그만두기", "Never mind"],
  reason: ["이유", "Reason"],
  reason_hint: ["기록에 남습니다", "kept with the ticket’s life"],
  loading: ["불러오는 중…", "Loading…"],
  more: ["{0}개 더", "{0} more"],
  next_page: ["다음", "Next"],
  first_page: ["처음으로", "First page"],
  /* now */
  waiting: ["대기", "Waiting"],
  oldest: ["가장 긴 대기", "Oldest wait"],
  in_time: ["제때 응답", "In time"],
  agents: ["상담원", "Agents"],
  in_hand: ["처리 중", "In hand"],
  available_of: ["{1}명 중 {0}명 가능", "{0} available of {1}"],
  worst: ["가장 낮음: {0}", "lowest: {0}"],
  queues: ["대기열", "Queues"],
  queue: ["대기열", "Queue"],
  expected: ["예상 대기", "Expected"],
  offered: ["제안", "Offered"],
  assigned: ["상담 중", "Assigned"],
  scheduled: ["예약", "Scheduled"],
  hours: ["운영", "Hours"],
  open: ["열림", "open"],
  closed: ["닫힘", "closed"],
  nobody: ["가능한 사람 없음", "nobody"],
  unstaffed: ["접속한 사람 없음", "nobody online"],
  tickets: ["진행 중인 티켓", "Live tickets"],
  tickets_closed: ["끝난 티켓", "Closed tickets"],
  state: ["상태", "State"],
  all_live: ["진행 중 전부", "All live"],
  all_queues: ["모든 대기열", "All queues"],
  urgency: ["긴급도", "Urgency"],
  customer: ["고객", "Customer"],
  channel: ["채널", "Channel"],
  intent: ["의도", "Intent"],
  age: ["경과", "Age"],
  deadline: ["기한", "Due"],
  agent: ["상담원", "Agent"],
  presence: ["상태", "Presence"],
  load: ["업무량", "Load"],
  holds: ["맡은 티켓", "Holds"],
  why_not: ["새 티켓을 못 받는 이유", "Nothing new, because"],
  open_desk: ["데스크 열기", "Open desk"],
  no_tickets: ["해당하는 티켓이 없습니다.", "No such tickets."],
  no_queues: ["대기열이 없습니다.", "There are no queues."],
  no_agents: ["상담원이 없습니다.", "There are no agents."],
  find_ticket: ["티켓 번호로 열기", "Open by ticket id"],
  bot: ["봇", "bot"],
  overdue: ["{0} 지남", "{0} over"],
  left: ["{0} 남음", "{0} left"],
  news: ["방금 있었던 일", "What just happened"],
  no_news: ["바뀌는 대로 여기에 나옵니다.", "Changes appear here as they happen."],
  units: ["{1} 중 {0}", "{0} of {1} units"],
  on_page: ["이 쪽", "on this page"],
  show_only: ["{0}만 보기", "Show only {0}"],
  state_waiting: ["대기", "waiting"],
  state_offered: ["제안됨", "offered"],
  state_assigned: ["상담 중", "assigned"],
  state_wrapup: ["마무리", "wrap-up"],
  state_scheduled: ["예약", "scheduled"],
  state_parked: ["보류", "parked"],
  state_resolved: ["해결", "resolved"],
  state_abandoned: ["이탈", "abandoned"],
  state_cancelled: ["취소", "cancelled"],
  state_expired: ["만료", "expired"],
  state_dead: ["중단", "dead"],
  urgency_low: ["낮음", "low"],
  urgency_normal: ["보통", "normal"],
  urgency_high: ["높음", "high"],
  urgency_critical: ["위급", "critical"],
  presence_available: ["가능", "available"],
  presence_away: ["자리 비움", "away"],
  presence_offline: ["접속 안 함", "offline"],
  disconnected: ["연결 끊김", "not connected"],
  /* ticket */
  no_ticket: ["이 티켓은 없습니다: {0}", "There is no such ticket: {0}"],
  conversation: ["대화", "Conversation"],
  life: ["경과와 이유", "Life, and why"],
  verdict: ["판단", "Verdict"],
  facts: ["정보", "Facts"],
  no_messages: ["메시지가 없습니다.", "There are no messages."],
  subject: ["제목", "Subject"],
  language: ["언어", "Language"],
  needs: ["필요", "Needs"],
  tags: ["꼬리표", "Tags"],
  sentiment: ["감정", "Sentiment"],
  account: ["계정", "Account"],
  created: ["접수", "Created"],
  ended: ["끝남", "Ended"],
  policy: ["정책", "Policy"],
  previous: ["이전 티켓", "Earlier tickets"],
  owners: ["맡았던 사람", "Has been with"],
  position: ["순서", "Position"],
  assign: ["배정", "Assign"],
  requeue: ["다시 대기", "Requeue"],
  transfer: ["이관", "Transfer"],
  cancel: ["취소", "Cancel"],
  reply: ["답장", "Reply"],
  acts: ["할 수 있는 일", "Acts"],
  assign_title: ["누구에게 배정할까요?", "Assign to whom?"],
  assign_text: ["정책이 누구를 고를지와 상관없이 이 사람이 맡습니다.", "They get it, whatever the policy would choose."],
  assign_yes: ["배정", "Assign"],
  requeue_title: ["다시 대기시킬까요?", "Back to waiting?"],
  requeue_text: [
    "지금 맡은 사람에게서 거두어 대기열로 보냅니다. 나이는 그대로입니다.",
    "It is taken from who has it and waits again, as old as it is.",
  ],
  requeue_yes: ["다시 대기", "Requeue"],
  same_queue: ["지금 대기열", "where it is"],
  transfer_title: ["어디로 이관할까요?", "Transfer where?"],
  transfer_text: ["대기열이나 상담원 가운데 적어도 하나.", "To a queue, an agent, or both."],
  transfer_yes: ["이관", "Transfer"],
  to_agent: ["상담원에게", "To agent"],
  to_queue: ["대기열로", "To queue"],
  nowhere: ["고르지 않음", "—"],
  cancel_title: ["티켓을 취소할까요?", "Cancel the ticket?"],
  cancel_text: ["할 일이 없다는 뜻이며, 되돌릴 수 없습니다.", "It says that there is nothing to do. It cannot be undone."],
  cancel_yes: ["티켓 취소", "Cancel the ticket"],
  reply_title: ["고객에게 쓰기", "Write to the customer"],
  reply_yes: ["보내기", "Send"],
  reply_text: ["고객이 쓴 채널로 나갑니다.", "It goes out by the channel that the customer used."],
  text: ["글", "Text"],
  by_customer: ["고객", "Customer"],
  by_policy: ["자동 안내", "Policy"],
  msg_queued: ["보내려고 기다림", "waits to be sent"],
  msg_sending: ["보내는 중", "being sent"],
  msg_sent: ["보냄", "sent"],
  msg_failed: ["보내지 못함", "not sent"],
  msg_unknown: ["도착했는지 모름", "nobody knows whether it arrived"],
  msg_recorded: ["기록됨", "on record"],
  msg_delivered: ["도착", "delivered"],
  msg_read: ["읽음", "read"],
  /* trouble */
  all_well: ["지금은 문제가 없습니다.", "Nothing is wrong now."],
  readiness: ["준비 상태", "Readiness"],
  ready: ["모두 제자리에 있습니다.", "Everything is in place."],
  missing: ["빠진 것: {0}", "Missing: {0}"],
  part_journal: ["저널", "journal"],
  part_policy: ["정책", "policy"],
  part_triage: ["분류 워커", "triage"],
  part_leader: ["배정 리더", "leader"],
  part_redis: ["Redis", "Redis"],
  todo_journal: [
    "라우터가 문의를 받지 못합니다. 디스크와 라우터의 로그를 보세요.",
    "Nothing is taken in. Look at the disk, and the router’s log.",
  ],
  todo_policy: ["naru check로 정책 파일을 살펴보세요.", "naru check says what is wrong with the policy’s file."],
  todo_triage: ["문의는 저널에 쌓입니다. naru triage가 도는지 보세요.", "Messages wait in the journal. Is naru triage running?"],
  todo_leader: ["배정이 멈췄습니다. naru assign이 도는지 보세요.", "Nothing is assigned. Is naru assign running?"],
  todo_redis: ["배정이 멈췄습니다. Redis가 도는지 보세요.", "Nothing is assigned. Is Redis running?"],
  dead_events: ["처리하지 못한 이벤트", "Dead events"],
  dead_todo: [
    "분류에 세 번 실패했습니다. 원인을 고친 뒤 다시 보내세요.",
    "Triage failed three times. Mend the cause, then replay.",
  ],
  no_dead: ["없습니다.", "None."],
  replay: ["다시 처리", "Replay"],
  cause: ["원인", "Cause"],
  since: ["언제부터", "Since"],
  attempts: ["시도", "Attempts"],
  webhooks: ["웹훅", "Webhooks"],
  hooks_todo: [
    "받는 쪽을 고치세요. 밀린 변경은 저절로 가고, 못 전한 변경은 다시 보내야 합니다 (naru webhooks).",
    "Mend the receiver: what waits goes by itself, dead letters when they are replayed (naru webhooks).",
  ],
  backlog: ["밀린 변경", "Backlog"],
  dead_letters: ["못 전한 변경", "Dead letters"],
  hook_on: ["정상", "on"],
  hook_failing: ["실패 중", "failing"],
  hook_gone: ["거절됨(410)", "gone"],
  "hook_no-secret": ["비밀키 없음", "no secret"],
  last_failure: ["마지막 실패", "Last failure"],
  replies: ["나가지 못한 답장", "Replies that did not leave"],
  replies_todo: [
    "이유를 읽고, 다시 보내거나 도착했다고 확인하세요 (naru messages).",
    "Read why; then send again, or confirm that it arrived (naru messages).",
  ],
  resend: ["다시 보내기", "Send again"],
  confirm: ["도착 확인", "It arrived"],
  why: ["이유", "Why"],
  only_operator: ["웹훅은 operator만 볼 수 있습니다.", "Webhooks are for operators."],
  resend_title: ["다시 보낼까요?", "Send it again?"],
  resend_unknown: [
    "이미 도착했을 수 있습니다. 그러면 고객이 두 번 받습니다.",
    "It may have arrived already. Then the customer gets it twice.",
  ],
  resend_failed: ["같은 글이 다시 나갑니다.", "The same text goes out again."],
  confirm_title: ["도착했나요?", "Did it arrive?"],
  confirm_text: ["고객이 받았다고 기록합니다.", "It is recorded that the customer has it."],
  replay_hook_title: ["못 전한 변경을 다시 보낼까요?", "Tell the dead letters again?"],
  replay_hook_text: ["못 전한 변경을 모두 {0}에 다시 보냅니다.", "All its dead letters go to {0} again."],
};

export function t(key, ...values) {
  const pair = WORDS[key];
  if (!pair) return key;
  return pair[language === "ko" ? 0 : 1].replace(/\{(\d)\}/g, (_, i) => String(values[i] ?? ""));
}
/* The word of a kind of things ("state", "waiting"): ours, or as the server says it when it is a newer one. */
export const word = (kind, value) => (WORDS[`${kind}_${value}`] ? t(`${kind}_${value}`) : value || "");
export const addWords = (more) => Object.assign(WORDS, more);

const locale = () => (language === "ko" ? "ko-KR" : "en-GB");
const two = (n) => String(n).padStart(2, "0");

/* "14:03:09", of today; with the day when it is another one. */
export function clock(at) {
  const d = new Date(at);
  if (Number.isNaN(d.getTime())) return "";
  const time = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  return d.toDateString() === new Date().toDateString()
    ? time
    : `${d.toLocaleDateString(locale(), { month: "short", day: "numeric" })} ${time}`;
}

const UNITS = [
  [86400000, "일", "d"],
  [3600000, "시간", "h"],
  [60000, "분", "min"],
  [1000, "초", "s"],
];

/* "1 min 45 s", "1분 45초": the two largest units; nothing below a second but for what took less than one. */
export function span(ms) {
  if (!(ms >= 0)) return "";
  if (ms < 1000) return language === "ko" ? `${Math.round(ms)}밀리초` : `${Math.round(ms)} ms`;
  const told = [];
  for (const [size, ko, en] of UNITS) {
    const n = Math.floor(ms / size);
    if (!n && !told.length) continue;
    if (n) told.push(language === "ko" ? `${n}${ko}` : `${n} ${en}`);
    ms -= n * size;
    if (told.length === 2 || size === 1000 || !n) break;
  }
  return told.join(" ");
}
/* … where milliseconds are of no interest. */
export const wait = (ms) => (ms < 1000 ? (language === "ko" ? "0초" : "0 s") : span(ms));
export const percent = (share) => `${Math.round(share * 100)} %`;
export const number = (n) => Number(n).toLocaleString(locale());
