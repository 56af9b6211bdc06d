/* SPDX-License-Identifier: MIT */
#ifndef DPK_KEYS_TYPENAMES_H
#define DPK_KEYS_TYPENAMES_H

/*
 * The .NET types that a key may name. .NET makes an object of whatever type
 * stands there, so this is an exact list.
 */

#include "keys/types.h"

enum dpk_type {
	DPK_TYPE_DEFAULT,     /* AuthenticatedEncryptorDescriptorDeserializer */
	DPK_TYPE_MANAGED,     /* ManagedAuthenticatedEncryptorDescriptorDeserializer */
	DPK_TYPE_CERTIFICATE, /* EncryptedXmlDecryptor */
	DPK_TYPE_NULL,        /* NullXmlDecryptor */
};

/* Where the name stands: on the outer descriptor, or on encryptedSecret. */
enum dpk_type_role {
	DPK_TYPE_DESERIALIZER,
	DPK_TYPE_DECRYPTOR,
};

/*
 * Reads an assembly-qualified name in the forms .NET writes or reads alike:
 * with or without Version, Culture and PublicKeyToken. 0 or DPK_REFUSED
 * (`type`), with words of their own for types that only Windows or Azure has.
 */
int dpk_type_parse(const char *name, enum dpk_type_role role, enum dpk_type *ret_type,
	struct dpk_refusal *refusal);

#endif
