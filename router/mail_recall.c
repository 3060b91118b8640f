/* The conversations of mails, learnt again of the events that are not settled: of what is settled, replies carry the root, or an id
   of ours. A router without an account of mail does not look. */
#include "router/router.h"

static bool has_mail(const struct router *r)
{
    for (uint32_t i = 0; i < r->config.policy_count; i++) {
        const struct policy *p = r->config.policies[i]->policy;
        for (uint32_t a = 0; a < p->account_count; a++) {
            enum provider_id id = p->accounts[a].provider;
            if (id == PROVIDER_LMTP || id == PROVIDER_POSTMARK || id == PROVIDER_MAILGUN) return true;
        }
    }
    return false;
}

void mails_recall(struct router *r)
{
    struct arena arena;
    struct event event;
    struct kept_event *e;
    if (!has_mail(r)) return;
    arena_init(&arena, LIM_ZMQ_MESSAGE * 2);
    TAILQ_FOREACH (e, &r->events.order, order) {
        arena_clear(&arena);
        if (!e->packed || record_unpack(&event_record, &event, (struct str){ e->packed, e->packed_n }, &arena)) continue;
        if (str_is(event.channel, "email"))
            mail_threads_put(mailroom_threads(r->mails), event.account, event.external, event.conversation);
    }
    arena_fini(&arena);
}
