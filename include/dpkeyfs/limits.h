/* SPDX-License-Identifier: MIT */
#ifndef DPKEYFS_LIMITS_H
#define DPKEYFS_LIMITS_H

/*
 * Every maximum that data from outside can meet, in one place. A ring that
 * .NET writes has a few dozen elements of about 4 KiB; all of these leave an
 * order of magnitude above that.
 */

#define DPK_ELEMENT_MAX_BYTES  65536              /* one key or revocation */
#define DPK_DOCUMENT_MAX_BYTES (4u * 1024 * 1024) /* a document of elements */
#define DPK_MANIFEST_MAX_BYTES (1024u * 1024)     /* the text of a signed snapshot */
#define DPK_CONTENT_MAX_BYTES  (4u * 1024 * 1024) /* that text and its elements */
#define DPK_ENVELOPE_MAX_BYTES (DPK_CONTENT_MAX_BYTES + 256u * 1024)
#define DPK_SIGNERS_MAX        32   /* pinned signer certificates */
#define DPK_SIGNATURES_MAX     8    /* signatures, and certificates, of one snapshot */
#define DPK_RING_MAX_ELEMENTS  4096 /* elements of one ring */
#define DPK_RING_MAX_BYTES     (16u * 1024 * 1024) /* bytes of one ring */
#define DPK_STREAM_MAX_BYTES   (20u * 1024 * 1024) /* what a store program may print */
#define DPK_STREAM_LINE_MAX    1024                /* one header line of that stream */
#define DPK_STREAM_MAX_FRAMES  8192                /* elements and refusals of a stream */
#define DPK_ORIGIN_MAX         384                 /* an encoded ORIGIN or NAME */
#define DPK_TOKEN_MAX          512                 /* the token of an `end` frame */
#define DPK_STORE_TEXT_MAX     512                 /* kept of a store program's stderr */
#define DPK_FILE_NAME_MAX      64                  /* a name in the mount, with its NUL */
#define DPK_CONFIG_LINE_MAX    4096
#define DPK_CONFIG_FILE_MAX    (256u * 1024)
#define DPK_PEM_FILE_MAX       (1024u * 1024)
#define DPK_WRAP_CERTS_MAX     256
#define DPK_UNWRAP_KEYS_MAX    64   /* private keys, and files of them */
#define DPK_KEY_URI_MAX        1024 /* a pkcs11: URI */
#define DPK_CONTROL_LINE_MAX   1024 /* a request on the control socket */
#define DPK_CONTROL_ANSWER_MAX (8u * 1024 * 1024)
#define DPK_CONTROL_CLIENTS    8
#define DPK_QUARANTINE_MAX     4096 /* remembered rejections */

#define DPK_XML_MAX_DEPTH      16
#define DPK_XML_MAX_ELEMENTS   64 /* in one key or revocation */
#define DPK_XML_MAX_ATTRIBUTES 8  /* of one XML element */
#define DPK_XML_MAX_NAME       64

#endif
