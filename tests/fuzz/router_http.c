/* The reading side of a connection: whatever comes, in one piece or torn at odd places, gives the same requests and the same
   refusal or none, and every request keeps its promises (paths decoded and plain, bodies within their limit). */
#include "router/http_in.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BODY_MAX   4096u
#define must(cond) ((cond) ? (void)0 : abort())

struct seen { /* what came out of one pass */
    uint64_t sum;
    uint32_t requests;
    bool refused;
};

static void mix(struct seen *s, struct str v)
{
    static const uint64_t seed[2] = { 1, 2 };

    s->sum = s->sum * 31 + (s->sum >> 7) + v.n;
    for (size_t i = 0; i < v.n; i++) s->sum = (s->sum ^ (unsigned char)v.p[i]) * 0x100000001b3u + seed[0];
}

static void look_at(struct seen *s, struct http_req *r)
{
    struct str path = http_path(r);

    must(http_text_ok(path));
    must(http_body(r).n <= BODY_MAX);
    must(path.n > 0 && (path.p[0] == '/' || path.p[0] == '*'));
    mix(s, path);
    mix(s, http_query(r));
    mix(s, http_body(r));
    mix(s, http_header(r, "host"));
    mix(s, http_header(r, "authorization"));
    mix(s, http_param(r, "queue"));
    s->sum += (uint64_t)http_method(r) + r->keep_alive + r->field_n;
    s->requests++;
}

/* One call gives the reader what it left unused and the next piece, as a connection does. */
static struct seen run(const uint8_t *data, size_t size, unsigned step)
{
    struct http_pool *pool = http_pool_new();
    struct seen s = { 0 };
    struct http_in in;
    struct buf kept;
    bool open = true;

    must(pool);
    buf_init(&kept, 1u << 24);
    http_in_init(&in, pool, BODY_MAX);
    for (size_t at = 0; at < size && open;) {
        size_t n = step ? 1 + (at * 7919 + step) % step : size;
        if (n > size - at) n = size - at;
        buf_add(&kept, data + at, n);
        at += n;
        for (enum http_in_step e = HTTP_IN_REQUEST; kept.n && open && e != HTTP_IN_MORE;) {
            size_t used;
            struct http_req *r;
            e = http_in_step(&in, kept.p, kept.n, at, &used, &r);
            must(used <= kept.n);
            if (e == HTTP_IN_REQUEST) look_at(&s, r);
            if (e == HTTP_IN_REFUSED) s.refused = true;
            open = e == HTTP_IN_MORE || (e == HTTP_IN_REQUEST && r->keep_alive && !r->upgrade);
            if (e != HTTP_IN_MORE) http_req_free(r);
            buf_shift(&kept, used);
            must(e != HTTP_IN_MORE || kept.n <= HTTP_HEAD_MAX + 2);
        }
    }
    http_in_fini(&in);
    buf_fini(&kept);
    must(pool->live == 0);
    http_pool_end(pool);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen whole = run(data, size, 0), torn = run(data, size, 13), bytes = run(data, size, 1);

    must(whole.requests == torn.requests && whole.requests == bytes.requests);
    must(whole.sum == torn.sum && whole.sum == bytes.sum);
    must(whole.refused == torn.refused && whole.refused == bytes.refused);
    return 0;
}
