/* SPDX-License-Identifier: MIT */
#ifndef DPKEYFS_STORE_PROTOCOL_H
#define DPKEYFS_STORE_PROTOCOL_H

/*
 * What the daemon and a store program have agreed on. dpkeyfs-store(7) is the
 * specification; these are its numbers.
 *
 *   PROGRAM fetch|wait|probe URL
 *
 * Descriptor 3 holds `key = value` lines: token, deadline_ms, credential, ca,
 * client_cert, client_key, each only where it is set. Standard output takes
 * frames: a header line, then as many bytes as it says.
 *
 *   element LENGTH ORIGIN NAME
 *   document LENGTH ORIGIN NAME
 *   snapshot LENGTH ORIGIN NAME   (the only frame but `end`)
 *   refused REASON ORIGIN NAME
 *   end TOKEN            (TOKEN may be "-": no token)
 */

#define DPK_STORE_CONFIG_FD 3

enum dpk_store_exit {
	DPK_STORE_OK = 0,
	DPK_STORE_UNCHANGED = 10,
	DPK_STORE_NOT_FOUND = 11,
	DPK_STORE_CONFLICT = 12,
	DPK_STORE_EXISTS = 13,
	DPK_STORE_AUTH = 14,
	DPK_STORE_FORBIDDEN = 15,
	DPK_STORE_TLS = 16,
	DPK_STORE_TRANSIENT = 17,
	DPK_STORE_THROTTLED = 18,
	DPK_STORE_BAD_DATA = 19,
	DPK_STORE_TOO_BIG = 20,
	DPK_STORE_UNSUPPORTED = 21,
};

#endif
