/* SPDX-License-Identifier: MIT */
#ifndef DPKEYFS_UNWRAP_PROTOCOL_H
#define DPKEYFS_UNWRAP_PROTOCOL_H

/*
 * What the daemon and the program that holds the private keys have agreed on.
 *
 *   unwrap [--expose] [--uri-fd] COUNT
 *
 * COUNT files of PEM private keys are open at the descriptors from
 * DPK_UNWRAP_FIRST_FD on; with --uri-fd the descriptor behind them gives a
 * pkcs11: URI. All are read once and closed. Then the program gives up what
 * it does not need and says on its standard output
 *
 *   unwrap 1 POLICY KEYS\n
 *
 * POLICY: 64 hexadecimal digits, what the answers depend on; KEYS: how many
 * private keys there are. After that it answers requests on its standard
 * input, one at a time; the next may be sent when the answer has been read.
 *
 *   open LENGTH\n + LENGTH bytes of an element
 *       opened 0\n                        its secret opens
 *       refused\n                         it does not; there are no reasons
 *   expose LENGTH\n + bytes               with --expose only
 *       opened LENGTH\n + LENGTH bytes    the element with its secret opened
 *       refused\n
 *
 * LENGTH is 1 to DPK_ELEMENT_MAX_BYTES, in decimal. At the end of its input
 * the program ends. What went wrong before the hello line is one line on its
 * standard error.
 */

#define DPK_UNWRAP_FIRST_FD 3
#define DPK_UNWRAP_VERSION  1
#define DPK_UNWRAP_LINE_MAX 96 /* the longest line, with its newline */

enum dpk_unwrap_exit {
	DPK_UNWRAP_EXIT_OK = 0,       /* its input ended */
	DPK_UNWRAP_EXIT_USAGE = 2,    /* its arguments */
	DPK_UNWRAP_EXIT_KEYS = 20,    /* no private key could be read */
	DPK_UNWRAP_EXIT_SANDBOX = 21, /* it could not give up what it must */
	DPK_UNWRAP_EXIT_REQUEST = 22, /* a request that is none */
	DPK_UNWRAP_EXIT_SYSTEM = 23,  /* no memory, or its output is gone */
};

#endif
