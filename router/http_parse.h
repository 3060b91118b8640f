/* http-parser's header. Include this one instead of theirs: their `enum http_method` clashes with ours. */
#ifndef NARU_ROUTER_HTTP_PARSE_H
#define NARU_ROUTER_HTTP_PARSE_H

#define http_method http_parser_method
#include <http_parser.h>
#undef http_method

#endif
