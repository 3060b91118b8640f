/* What the tables of rows say, written out: for editors (JSON Schema, draft 2020-12) and for people (a Markdown page). */
#ifndef NARU_CONFIG_SCHEMA_H
#define NARU_CONFIG_SCHEMA_H

#include "base/buf.h"

void policy_schema(struct buf *out);
void policy_reference(struct buf *out);

#endif
