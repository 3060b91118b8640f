#include "workers/assign/state.h"

/* TK_INVALID as a row is a ticket that is only coming into being. The ends have no row: what has ended stays ended. */
static const uint8_t next_state[TK_COUNT][EV_COUNT] = {
    [TK_INVALID] = { [EV_OPEN] = TK_WAITING, [EV_RECOVER] = TK_ASSIGNED },
    [TK_WAITING] = { [EV_OFFER] = TK_OFFERED,
                     [EV_RECOVER] = TK_ASSIGNED,
                     [EV_ASSIGN] = TK_ASSIGNED,
                     [EV_TRANSFER] = TK_WAITING,
                     [EV_REQUEUE] = TK_WAITING,
                     [EV_SCHEDULE] = TK_SCHEDULED,
                     [EV_PARK] = TK_PARKED,
                     [EV_RESOLVE] = TK_RESOLVED,
                     [EV_ABANDON] = TK_ABANDONED,
                     [EV_CANCEL] = TK_CANCELLED,
                     [EV_EXPIRE] = TK_EXPIRED },
    [TK_OFFERED] = { [EV_OFFER] = TK_OFFERED,
                     [EV_ACCEPT] = TK_ASSIGNED,
                     [EV_ASSIGN] = TK_ASSIGNED,
                     [EV_DECLINE] = TK_WAITING,
                     [EV_OFFER_EXPIRED] = TK_WAITING,
                     [EV_WITHDRAW] = TK_WAITING,
                     [EV_TRANSFER] = TK_WAITING,
                     [EV_REQUEUE] = TK_WAITING,
                     [EV_SCHEDULE] = TK_SCHEDULED,
                     [EV_RESOLVE] = TK_RESOLVED,
                     [EV_ABANDON] = TK_ABANDONED,
                     [EV_CANCEL] = TK_CANCELLED },
    [TK_ASSIGNED] = { [EV_START] = TK_ASSIGNED,
                      [EV_WRAPUP] = TK_WRAPUP,
                      [EV_ASSIGN] = TK_ASSIGNED,
                      [EV_PARK] = TK_PARKED,
                      [EV_AGENT_LOST] = TK_WAITING,
                      [EV_TRANSFER] = TK_WAITING,
                      [EV_REQUEUE] = TK_WAITING,
                      [EV_HAND_OVER] = TK_WAITING,
                      [EV_CONSULT] = TK_ASSIGNED,
                      [EV_REPLY] = TK_ASSIGNED,
                      [EV_SCHEDULE] = TK_SCHEDULED,
                      [EV_RESOLVE] = TK_RESOLVED,
                      [EV_ABANDON] = TK_ABANDONED,
                      [EV_CANCEL] = TK_CANCELLED,
                      [EV_EXPIRE] = TK_EXPIRED },
    [TK_WRAPUP] = { [EV_RESUME] = TK_ASSIGNED, [EV_REPLY] = TK_WRAPUP, [EV_RESOLVE] = TK_RESOLVED, [EV_CANCEL] = TK_CANCELLED },
    [TK_SCHEDULED] = { [EV_DUE] = TK_WAITING,
                       [EV_REQUEUE] = TK_WAITING,
                       [EV_RECOVER] = TK_ASSIGNED,
                       [EV_ASSIGN] = TK_ASSIGNED,
                       [EV_SCHEDULE] = TK_SCHEDULED,
                       [EV_RESOLVE] = TK_RESOLVED,
                       [EV_ABANDON] = TK_ABANDONED,
                       [EV_CANCEL] = TK_CANCELLED,
                       [EV_EXPIRE] = TK_EXPIRED },
    [TK_PARKED] = { [EV_RESUME] = TK_ASSIGNED,
                    [EV_RECOVER] = TK_ASSIGNED,
                    [EV_ASSIGN] = TK_ASSIGNED,
                    [EV_RESUME_WAIT] = TK_WAITING,
                    [EV_AGENT_LOST] = TK_WAITING,
                    [EV_TRANSFER] = TK_WAITING,
                    [EV_REQUEUE] = TK_WAITING,
                    [EV_HAND_OVER] = TK_WAITING,
                    [EV_REPLY] = TK_PARKED,
                    [EV_SCHEDULE] = TK_SCHEDULED,
                    [EV_RESOLVE] = TK_RESOLVED,
                    [EV_ABANDON] = TK_ABANDONED,
                    [EV_CANCEL] = TK_CANCELLED,
                    [EV_EXPIRE] = TK_EXPIRED },
};

enum ticket_state state_next(enum ticket_state from, enum ticket_event ev)
{
    return from < TK_COUNT && ev < EV_COUNT ? (enum ticket_state)next_state[from][ev] : TK_INVALID;
}

bool state_live(enum ticket_state s) { return s > TK_INVALID && s < TK_RESOLVED; }

bool state_has_agent(enum ticket_state s) { return s == TK_OFFERED || s == TK_ASSIGNED || s == TK_WRAPUP; }

const char *ticket_event_name(enum ticket_event ev)
{
#define NAME(id, word) [id] = word,
    static const char *const names[EV_COUNT] = { TICKET_EVENT_MAP(NAME) };
#undef NAME
    return ev < EV_COUNT ? names[ev] : "?";
}
