/* OpenSSL's headers. Include this one instead of theirs: they name a type ERR_STATE, which is one of our errors. */
#ifndef NARU_BASE_OPENSSL_H
#define NARU_BASE_OPENSSL_H

#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#undef ERR_STATE

#endif
