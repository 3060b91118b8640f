/* Batches: what cannot be taken of one must not keep its neighbours out, since a provider repeats the whole for days. A bad item is
   counted and remembered; the request is refused only when nothing in it was any good, for then its sender may be the one to blame,
   and hears what is wrong. Pure but for counting; who owns the request logs it (channel.c). */
#include "base/metrics.h"
#include "router/channel.h"

#include <stdio.h>

void channel_bad_item(struct channel_in *c, uint32_t place, unsigned status, const char *cause, const char *why)
{
    struct bad_items *b = &c->bad;
    metric_add(MET_CHANNEL_BAD_ITEMS, cause, 1);
    if (!b->count) {
        b->status = status;
        b->cause = cause;
        snprintf(b->why, sizeof b->why, "event %u: %s", place, why);
    }
    if (b->count < CHANNEL_BAD_TOLD) b->places[b->count] = place;
    b->count++;
}

enum err channel_batch_end(struct channel_in *c, uint32_t items)
{
    const struct bad_items *b = &c->bad;
    if (!items || b->count < items) return ERR_OK;
    return channel_refuse(c, b->status, b->cause, "%s", b->why);
}

const char *channel_bad_places(const struct channel_in *c, char out[CHANNEL_BAD_TEXT])
{
    size_t n = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < c->bad.count && i < CHANNEL_BAD_TOLD; i++)
        n += (size_t)snprintf(out + n, CHANNEL_BAD_TEXT - n, "%s%u", i ? "," : "", c->bad.places[i]);
    return out;
}
