/* Entity tags and what is asked under them (RFC 9110, 8.8.3 and 13.1). Pure.

   Where a read tells more than a change replaces (an agent's presence beside what is configured), a tag is "VERSION/REST": a read
   is compared with all of it, a change with VERSION alone. */
#ifndef NARU_ROUTER_ETAG_H
#define NARU_ROUTER_ETAG_H

#include "base/str.h"

#define ETAG_TEXT      128u /* of a tag, with its quotes and the NUL */
#define ETAG_VERSION   80u  /* bytes of a version at most */
#define ETAG_LIST_TEXT 256u /* as many as act.match takes */

/* The tag of a body: the same bytes have the same tag, in every process. `version` may be empty: then there is no "VERSION/". */
void etag_of(struct str version, struct str body, char out[ETAG_TEXT]);
/* Does If-None-Match name this tag (weak comparison), or anything at all ("*")? An absent header: no. */
bool etag_none_match(struct str header, struct str etag);
/* Does If-Match name this tag (strong comparison; "*": any)? An absent header: yes. An empty `etag`: there is nothing; only an
   absent header fits. */
bool etag_match(struct str header, struct str etag);
/* The versions that an If-Match header names, as "a,b", or "*"; "" when it names none that could be one. ERR_TOOBIG: more than
 * fits. */
enum err etag_versions(struct str header, char out[ETAG_LIST_TEXT]);

#endif
