#include "workers/assign/ticket_row.h"

/* The tables that come of the lists in ticket_row.h. Nothing is decided here. */

ASSIGN_RECORD_MAP(RECORD_TABLE)
