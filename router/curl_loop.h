/* libcurl's transfers in our loop: its sockets, its timer, and who is told when a transfer has ended. */
#ifndef NARU_ROUTER_CURL_LOOP_H
#define NARU_ROUTER_CURL_LOOP_H

#include "base/loop.h"

#include <curl/curl.h>

struct curl_socket_state {
    uint8_t wanted; /* CURL_POLL_* that libcurl waits for */
    uint8_t known;  /* … and what the kernel was told to wait for */
    bool ours;      /* made by curl_loop_socket: it stays known to the kernel between two transfers */
};
/* `easy` has ended and is still in the multi handle. It may add and remove any. */
typedef void curl_done_fn(CURL *easy, CURLcode code);
struct curl_loop {
    CURLM *multi; /* NULL: closed */
    curl_done_fn *done;
    int epoll;
    uv_poll_t *poll; /* of `epoll`; freed in its close callback */
    struct timer wake;
    struct curl_socket_state *sockets; /* by descriptor */
    size_t room;
};

/* `most`: connections at once, those kept open without a transfer included. */
enum err curl_loop_open(struct curl_loop *c, uv_loop_t *loop, uint32_t most, curl_done_fn *done);
/* No transfer may be in it any more. Its memory is free once the loop has ended. A second time is fine. */
void curl_loop_close(struct curl_loop *c);

enum err curl_loop_add(struct curl_loop *c, CURL *easy);
void curl_loop_remove(struct curl_loop *c, CURL *easy);

/* What a transfer's CURLOPT_OPENSOCKETFUNCTION makes its socket with: CURL_SOCKET_BAD when it cannot. */
curl_socket_t curl_loop_socket(struct curl_loop *c, const struct curl_sockaddr *a);
/* To be CURLOPT_CLOSESOCKETFUNCTION, with the curl_loop as its data. */
int curl_loop_close_socket(void *ctx, curl_socket_t fd);

#endif
