/* SPDX-License-Identifier: MIT */
#ifndef DPKEYFS_VERDICT_H
#define DPKEYFS_VERDICT_H

#include <stddef.h>

/*
 * Why an element was refused, or why a store gave nothing. The words are part
 * of the interface (status, logs, scripts): new ones are added, none is ever
 * renamed. dpkeyfs(7) explains each.
 */
#define DPK_VERDICTS(X)                                                                            \
	X(DPK_VERDICT_OK, "ok")                                                                    \
	/* elements, in the order of the checks */                                                 \
	X(DPK_VERDICT_SIZE, "size")                                                                \
	X(DPK_VERDICT_ENCODING, "encoding")                                                        \
	X(DPK_VERDICT_DOCTYPE, "doctype")                                                          \
	X(DPK_VERDICT_XML, "xml")                                                                  \
	X(DPK_VERDICT_LIMITS, "limits")                                                            \
	X(DPK_VERDICT_ROOT, "root")                                                                \
	X(DPK_VERDICT_ELEMENT, "element")                                                          \
	X(DPK_VERDICT_ATTRIBUTE, "attribute")                                                      \
	X(DPK_VERDICT_KEY_ID, "key-id")                                                            \
	X(DPK_VERDICT_KEY_DATE, "key-date")                                                        \
	X(DPK_VERDICT_TYPE, "type")                                                                \
	X(DPK_VERDICT_ALGORITHM, "algorithm")                                                      \
	X(DPK_VERDICT_SECRET_COUNT, "secret-count")                                                \
	X(DPK_VERDICT_XMLENC_SHAPE, "xmlenc-shape")                                                \
	X(DPK_VERDICT_XMLENC_ALGORITHM, "xmlenc-algorithm")                                        \
	X(DPK_VERDICT_BASE64, "base64")                                                            \
	X(DPK_VERDICT_SECRET_LENGTH, "secret-length")                                              \
	X(DPK_VERDICT_REVOCATION, "revocation")                                                    \
	X(DPK_VERDICT_UNWRAPPED, "unwrapped")                                                      \
	X(DPK_VERDICT_WRAP_CERT, "wrap-cert")                                                      \
	X(DPK_VERDICT_CIPHER_LENGTH, "cipher-length")                                              \
	/* signed snapshots, in the order of the checks */                                         \
	X(DPK_VERDICT_ENVELOPE, "envelope")                                                        \
	X(DPK_VERDICT_SIGNATURE, "signature")                                                      \
	X(DPK_VERDICT_SIGNER, "signer")                                                            \
	X(DPK_VERDICT_MANIFEST, "manifest")                                                        \
	X(DPK_VERDICT_RING_ID, "ring-id")                                                          \
	X(DPK_VERDICT_ROLLBACK, "rollback")                                                        \
	X(DPK_VERDICT_EQUIVOCATION, "equivocation")                                                \
	X(DPK_VERDICT_FAST_FORWARD, "fast-forward")                                                \
	X(DPK_VERDICT_NOT_YET, "not-yet")                                                          \
	X(DPK_VERDICT_EXPIRED, "expired")                                                          \
	X(DPK_VERDICT_UNLISTED, "unlisted")                                                        \
	X(DPK_VERDICT_DOWNGRADE, "downgrade")                                                      \
	X(DPK_VERDICT_HASH, "hash")                                                                \
	/* this node's private keys */                                                             \
	X(DPK_VERDICT_UNWRAP, "unwrap")                                                            \
	/* rings */                                                                                \
	X(DPK_VERDICT_DUPLICATE_ID, "duplicate-id")                                                \
	X(DPK_VERDICT_NAME, "name")                                                                \
	X(DPK_VERDICT_REMOVAL, "removal")                                                          \
	X(DPK_VERDICT_NO_DEFAULT, "no-default")                                                    \
	X(DPK_VERDICT_TOO_MANY, "too-many")                                                        \
	/* this node */                                                                            \
	X(DPK_VERDICT_JOURNAL, "journal")                                                          \
	/* stores */                                                                               \
	X(DPK_VERDICT_NOT_FOUND, "not-found")                                                      \
	X(DPK_VERDICT_AUTH, "auth")                                                                \
	X(DPK_VERDICT_FORBIDDEN, "forbidden")                                                      \
	X(DPK_VERDICT_TLS, "tls")                                                                  \
	X(DPK_VERDICT_TRANSIENT, "transient")                                                      \
	X(DPK_VERDICT_THROTTLED, "throttled")                                                      \
	X(DPK_VERDICT_BAD_DATA, "bad-data")                                                        \
	X(DPK_VERDICT_TOO_BIG, "too-big")                                                          \
	X(DPK_VERDICT_UNSUPPORTED, "unsupported")                                                  \
	X(DPK_VERDICT_DEADLINE, "deadline")                                                        \
	X(DPK_VERDICT_UNASKED, "unasked")

enum dpk_verdict {
#define DPK_VERDICT_MEMBER(member, code) member,
	DPK_VERDICTS(DPK_VERDICT_MEMBER)
#undef DPK_VERDICT_MEMBER
};

/* The stable word; never NULL ("unknown" for a number outside the enum). */
const char *dpk_verdict_code(enum dpk_verdict verdict);

/* The verdict of a word of LEN bytes. 0 or -EINVAL. */
int dpk_verdict_parse(const char *code, size_t len, enum dpk_verdict *ret_verdict);

#endif
