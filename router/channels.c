/* The providers there are: a file of router/channels/ defines one row, and this list knows its name. */
#include "router/channel.h"

/* X(CONSTANT of PROVIDER_MAP, the row's name) */
#define CHANNEL_MAP(X)                                                                                                             \
    X(PROVIDER_GENERIC, provider_generic)                                                                                          \
    X(PROVIDER_CLOUDEVENTS, provider_cloudevents)                                                                                  \
    X(PROVIDER_TWILIO, provider_twilio)                                                                                            \
    X(PROVIDER_LMTP, provider_lmtp)                                                                                                \
    X(PROVIDER_POSTMARK, provider_postmark)                                                                                        \
    X(PROVIDER_MAILGUN, provider_mailgun)                                                                                          \
    X(PROVIDER_META, provider_meta)                                                                                                \
    X(PROVIDER_LINE, provider_line)                                                                                                \
    X(PROVIDER_SLACK, provider_slack)                                                                                              \
    X(PROVIDER_TELEGRAM, provider_telegram)                                                                                        \
    X(PROVIDER_KAKAO, provider_kakao)                                                                                              \
    X(PROVIDER_WIDGET, provider_widget)

#define CHANNEL_DECL(id, row) extern const struct provider row;
CHANNEL_MAP(CHANNEL_DECL)
#define CHANNEL_ROW(id, row) [id] = &(row),
const struct provider *const providers[PROVIDER_COUNT] = { CHANNEL_MAP(CHANNEL_ROW) };
