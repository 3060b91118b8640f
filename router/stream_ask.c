#include "router/stream_ask.h"

#include "base/panic.h"
#include "config/policy.h"

#include <stdio.h>

#define SHOWN 64 /* bytes of a wrong word that are repeated */

static bool wrong_word(struct str word, char why[STREAM_WHY])
{
    const char *near = word.n <= SHOWN ? webhook_near(word) : NULL;
    if (!word.n) snprintf(why, STREAM_WHY, "\"only\" has an empty word: write ?only=ticket.opened,agent.*");
    else if (near)
        snprintf(why, STREAM_WHY, "\"only\": \"%.*s\" is no change that is told: did you mean \"%s\"?", STR_FMT(word), near);
    else
        snprintf(
            why, STREAM_WHY,
            "\"only\": \"%.*s\" is no change that is told: words are those of webhooks, such as ticket.opened; ticket.*, agent.* "
            "and queue.* are all of their kind",
            (int)(word.n < SHOWN ? word.n : SHOWN), word.p);
    return false;
}

static bool read_only(struct stream_ask *out, struct str only, char why[STREAM_WHY])
{
    bool more = only.n > 0;
    out->kinds = more ? 0 : webhook_kinds(STR("*"));
    while (more) {
        const char *comma = only.n ? memchr(only.p, ',', only.n) : NULL;
        struct str word = { only.p, comma ? (size_t)(comma - only.p) : only.n };
        uint64_t kinds = webhook_kinds(word);
        if (!kinds) return wrong_word(word, why);
        out->kinds |= kinds;
        more = comma != NULL;
        if (more) only = (struct str){ comma + 1, only.n - word.n - 1 };
    }
    return true;
}

static bool read_queue(struct stream_ask *out, struct str queue, const char *const *queues, size_t n, char why[STREAM_WHY])
{
    size_t i = 0;
    while (i < n && !str_is(queue, queues[i])) i++;
    if (i < n) return snprintf(out->queue, sizeof out->queue, "%s", queues[i]), true;
    const char *near = queue.n <= SHOWN ? str_nearest(queue, queues, n) : NULL;
    snprintf(why, STREAM_WHY, "\"queue\": the policy has no such queue%s%s%s", near ? ": did you mean \"" : "", near ? near : "",
             near ? "\"?" : "");
    return false;
}

bool stream_ask_read(struct stream_ask *out, const struct stream_said *said, const char *const *queues, size_t queue_n,
                     char why[STREAM_WHY])
{
    *out = (struct stream_ask){ 0 };
    if (!read_only(out, said->only, why)) return false;
    if (said->queue.n && !read_queue(out, said->queue, queues, queue_n, why)) return false;
    if (said->ticket.n && id_parse(said->ticket, &out->ticket)) {
        snprintf(why, STREAM_WHY, "\"ticket\" must be the id of a ticket");
        return false;
    }
    if (said->after.n && change_parse(said->after, &out->after)) {
        snprintf(why, STREAM_WHY, "\"after\" must be the id of a message of the stream, such as 1790000000.42");
        return false;
    }
    if (!said->last_event_id.n) return true;
    out->lost = change_parse(said->last_event_id, &out->after) != ERR_OK;
    if (out->lost) out->after = (struct change_id){ 0 };
    return true;
}

bool stream_ask_wants(const struct stream_ask *ask, const struct stream_change *c)
{
    naru_assert(c->kind < 64);
    if (!(ask->kinds >> c->kind & 1)) return false;
    if (!id_is_none(&ask->ticket) && !id_eq(&ask->ticket, &c->ticket)) return false;
    return !ask->queue[0] || str_is(c->queue, ask->queue);
}
