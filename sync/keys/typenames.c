/* SPDX-License-Identifier: MIT */
/* The allow-list of .NET types. */
#include "keys/typenames.h"

#include "base/escape.h"
#include "keys/gate.h"

#include <string.h>

#define MODEL "AuthenticatedEncryption.ConfigurationModel."

static const struct {
	enum dpk_type_role role;
	enum dpk_type type;
	const char *name; /* below the namespace */
} known[] = {
	{ DPK_TYPE_DESERIALIZER, DPK_TYPE_DEFAULT,
		MODEL "AuthenticatedEncryptorDescriptorDeserializer" },
	{ DPK_TYPE_DESERIALIZER, DPK_TYPE_MANAGED,
		MODEL "ManagedAuthenticatedEncryptorDescriptorDeserializer" },
	{ DPK_TYPE_DECRYPTOR, DPK_TYPE_CERTIFICATE, "XmlEncryption.EncryptedXmlDecryptor" },
	{ DPK_TYPE_DECRYPTOR, DPK_TYPE_NULL, "XmlEncryption.NullXmlDecryptor" },
};

/* Types that exist and cannot work here: people who meet them need to know why. */
static const struct {
	const char *word; /* in the type's name */
	const char *text;
} unusable[] = {
	{ "CngCbcAuthenticatedEncryptor",
		"the key uses Windows CNG algorithms (CngCbc), which exist on Windows only; make new keys "
		"with the default algorithms, without UseCustomCryptographicAlgorithms(Cng…)" },
	{ "CngGcmAuthenticatedEncryptor",
		"the key uses Windows CNG algorithms (CngGcm), which exist on Windows only; make new keys "
		"with the default algorithms, without UseCustomCryptographicAlgorithms(Cng…)" },
	{ "DpapiNGXmlDecryptor",
		"the key is wrapped by Windows DPAPI-NG, which exists on Windows only; on Windows, make new "
		"keys with ProtectKeysWithCertificate, and let these expire" },
	{ "DpapiXmlDecryptor",
		"the key is wrapped by Windows DPAPI, for one Windows user or machine only; on Windows, make "
		"new keys with ProtectKeysWithCertificate, and let these expire" },
	{ "AzureKeyVaultXmlDecryptor",
		"the key is wrapped by Azure Key Vault, which each application would have to ask; re-wrap it "
		"with a certificate: make new keys with ProtectKeysWithCertificate, and let these expire" },
};

static bool skip_text(const char **at, const char *text)
{
	size_t len = strlen(text);

	if (strncmp(*at, text, len) != 0)
		return false;
	*at += len;
	return true;
}

/* .NET rewrites the name that the library had before its first release. */
static bool skip_namespace(const char **at)
{
	return skip_text(at, "Microsoft.AspNetCore.DataProtection") ||
	       skip_text(at, "Microsoft.AspNet.DataProtection");
}

/* ", TEXT": one further part of the name. Unmoved where it does not stand there. */
static bool skip_part(const char **at, const char *text)
{
	const char *part = *at;

	if (!skip_text(&part, ","))
		return false;
	part += strspn(part, " ");
	if (!skip_text(&part, text))
		return false;
	*at = part;
	return true;
}

/* "[, Version=1.2.3.4][, Culture=neutral][, PublicKeyToken=…]" up to the end. */
static bool is_identity(const char *at)
{
	if (skip_part(&at, "Version=")) {
		size_t len = strspn(at, "0123456789.");

		if (len == 0)
			return false;
		at += len;
	}
	skip_part(&at, "Culture=neutral");
	skip_part(&at, "PublicKeyToken=adb9793829ddae60");
	return *at == '\0';
}

static bool is_assembly(const char *at)
{
	return skip_part(&at, "") && skip_namespace(&at) && is_identity(at);
}

static bool is_type(const char *name, const char *wanted)
{
	return skip_namespace(&name) && skip_text(&name, ".") && skip_text(&name, wanted) &&
	       is_assembly(name);
}

static int refuse_type(const char *name, enum dpk_type_role role, struct dpk_refusal *refusal)
{
	size_t len = strcspn(name, ",");
	char shown[100];

	for (size_t i = 0; i < sizeof(unusable) / sizeof(unusable[0]); i++)
		if (memmem(name, len, unusable[i].word, strlen(unusable[i].word)))
			return dpk_refuse(refusal, DPK_VERDICT_TYPE, "%s", unusable[i].text);
	return dpk_refuse(refusal, DPK_VERDICT_TYPE,
		"%s names the type '%s', which is not on the list of types that .NET writes; expected %s; "
		"find out who wrote this to the store, and replace the key",
		role == DPK_TYPE_DECRYPTOR ? "decryptorType" : "deserializerType",
		dpk_printable(name, len, shown, sizeof(shown)),
		role == DPK_TYPE_DECRYPTOR ? "EncryptedXmlDecryptor" :
					     "AuthenticatedEncryptorDescriptorDeserializer");
}

int dpk_type_parse(const char *name, enum dpk_type_role role, enum dpk_type *ret_type,
	struct dpk_refusal *refusal)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].role != role || !is_type(name, known[i].name))
			continue;
		*ret_type = known[i].type;
		return 0;
	}
	return refuse_type(name, role, refusal);
}
