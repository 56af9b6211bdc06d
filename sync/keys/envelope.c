/* SPDX-License-Identifier: MIT */
/*
 * Opening an envelope. Not CMS_verify: one unknown signer fails it, it takes
 * signatures without signed attributes (which can be stripped from a good one,
 * leaving other bytes "signed"), and it believes whoever is embedded. Instead
 * each signature is tried with each pinned key.
 */
#include "keys/envelope.h"

#include <dpkeyfs/limits.h>

#include "base/cleanup.h"

#include <errno.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#define REMEDY "publish it anew, as dpkeyfs-snapshot(5) says"

struct opening {
	const struct dpk_signers *signers;
	const ASN1_OCTET_STRING *content;
	struct dpk_envelope *envelope;
	bool bad_signature; /* somebody who is pinned seems to have signed, wrongly */
};

static void cmsp(CMS_ContentInfo **cms)
{
	CMS_ContentInfo_free(*cms);
}

void dpk_envelope_fini(struct dpk_envelope *envelope)
{
	free(envelope->content);
	*envelope = (struct dpk_envelope){ 0 };
}

/* The header of an outermost SEQUENCE that is exactly SIZE bytes long; 0 where it is not. */
static size_t outer_header(const uint8_t *data, size_t size)
{
	size_t bytes, length = 0;

	if (size < 2 || data[0] != 0x30)
		return 0;
	if (data[1] < 0x80)
		return size == 2u + data[1] ? 2 : 0;
	bytes = data[1] & 0x7f; /* none: indefinite length */
	if (bytes == 0 || bytes > 4 || size < 2 + bytes)
		return 0;
	for (size_t i = 0; i < bytes; i++)
		length = length << 8 | data[2 + i];
	return length == size - 2 - bytes ? 2 + bytes : 0;
}

/* Before any parser: one DER object, nothing behind it, and of the one type. */
static int check_shell(const uint8_t *data, size_t size, struct dpk_refusal *refusal)
{
	static const uint8_t signed_data[] = { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01,
		0x07, 0x02 };
	size_t header;

	if (size == 0 || size > DPK_ENVELOPE_MAX_BYTES)
		return dpk_refuse(refusal, DPK_VERDICT_SIZE,
			"the snapshot has %zu bytes; expected 1 to %u; " REMEDY, size,
			DPK_ENVELOPE_MAX_BYTES);
	header = outer_header(data, size);
	if (header == 0)
		return dpk_refuse(refusal, DPK_VERDICT_ENVELOPE,
			"the snapshot is not one whole DER object: it is cut short, has bytes behind it, "
			"or is something else; " REMEDY);
	if (size - header < sizeof(signed_data) ||
		memcmp(data + header, signed_data, sizeof(signed_data)) != 0)
		return dpk_refuse(refusal, DPK_VERDICT_ENVELOPE,
			"the snapshot is not of the type signed-data of CMS; " REMEDY);
	return 0;
}

static int certificate_count(CMS_ContentInfo *cms)
{
	STACK_OF(X509) *certs = CMS_get1_certs(cms);
	int count = certs ? sk_X509_num(certs) : 0;

	sk_X509_pop_free(certs, X509_free);
	return count;
}

static int check_shape(CMS_ContentInfo *cms, struct dpk_refusal *refusal)
{
	ASN1_OCTET_STRING **content = CMS_get0_content(cms);
	int signatures = sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(cms));

	if (OBJ_obj2nid(CMS_get0_eContentType(cms)) != NID_pkcs7_data)
		return dpk_refuse(refusal, DPK_VERDICT_ENVELOPE,
			"the content of the snapshot is not of the type id-data; " REMEDY);
	if (!content || !*content)
		return dpk_refuse(refusal, DPK_VERDICT_ENVELOPE,
			"the snapshot has no content inside: a detached signature; sign with -nodetach");
	if (signatures < 1 || signatures > DPK_SIGNATURES_MAX ||
		certificate_count(cms) > DPK_SIGNATURES_MAX)
		return dpk_refuse(refusal, DPK_VERDICT_ENVELOPE,
			"the snapshot has %d signatures; expected 1 to %d, and as many certificates at "
			"most; " REMEDY,
			signatures, DPK_SIGNATURES_MAX);
	if (ASN1_STRING_length(*content) > (int)DPK_CONTENT_MAX_BYTES)
		return dpk_refuse(refusal, DPK_VERDICT_SIZE,
			"the content has %d bytes; expected at most %u; delete expired keys, sign again",
			ASN1_STRING_length(*content), DPK_CONTENT_MAX_BYTES);
	return 0;
}

/* The digest of a signature, if it is one that still means something. */
static const EVP_MD *digest_of(CMS_SignerInfo *info)
{
	X509_ALGOR *algorithm;

	CMS_SignerInfo_get0_algs(info, NULL, NULL, &algorithm, NULL);
	switch (OBJ_obj2nid(algorithm->algorithm)) {
	case NID_sha256: return EVP_sha256();
	case NID_sha384: return EVP_sha384();
	case NID_sha512: return EVP_sha512();
	default: return NULL;
	}
}

/* The signed attributes speak of this very content: its type, and its digest. */
static bool attributes_fit(const struct opening *opening, CMS_SignerInfo *info)
{
	const EVP_MD *md = digest_of(info);
	const ASN1_OCTET_STRING *claimed;
	const ASN1_OBJECT *type;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len;

	if (!md || CMS_signed_get_attr_count(info) < 1)
		return false;
	/* -3: the attribute stands there once, with one value */
	type = CMS_signed_get0_data_by_OBJ(
		info, OBJ_nid2obj(NID_pkcs9_contentType), -3, V_ASN1_OBJECT);
	claimed = CMS_signed_get0_data_by_OBJ(
		info, OBJ_nid2obj(NID_pkcs9_messageDigest), -3, V_ASN1_OCTET_STRING);
	if (!type || OBJ_obj2nid(type) != NID_pkcs7_data || !claimed)
		return false;
	if (!EVP_Digest(ASN1_STRING_get0_data(opening->content),
		    (size_t)ASN1_STRING_length(opening->content), digest, &len, md, NULL))
		return false;
	return ASN1_STRING_length(claimed) == (int)len &&
	       memcmp(ASN1_STRING_get0_data(claimed), digest, len) == 0;
}

/* A signer is a key: whichever certificate the signature names, the key has to fit. */
static void try_signature(struct opening *opening, CMS_SignerInfo *info)
{
	bool fits = attributes_fit(opening, info), named = false, good = false;

	for (size_t i = 0; i < dpk_signers_count(opening->signers) && !good; i++) {
		X509 *cert = dpk_signers_at(opening->signers, i)->cert;

		named = named || CMS_SignerInfo_cert_cmp(info, cert) == 0;
		if (!fits)
			continue;
		CMS_SignerInfo_set1_signer_cert(info, cert);
		good = CMS_SignerInfo_verify(info) == 1;
		if (good && !opening->envelope->signed_by[i]) {
			opening->envelope->signed_by[i] = true;
			opening->envelope->signatures++;
		}
	}
	opening->bad_signature = opening->bad_signature || (named && !good);
}

static int check_signatures(struct opening *opening, CMS_ContentInfo *cms, uint64_t threshold,
	struct dpk_refusal *refusal)
{
	STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(cms);
	size_t pinned = dpk_signers_count(opening->signers);

	for (int i = 0; i < sk_CMS_SignerInfo_num(infos); i++)
		try_signature(opening, sk_CMS_SignerInfo_value(infos, i));
	if (opening->envelope->signatures >= threshold)
		return 0;
	if (opening->bad_signature)
		return dpk_refuse(refusal, DPK_VERDICT_SIGNATURE,
			"a signature in the name of a pinned signer is not right (changed after it was "
			"signed, made with a weak digest, or without signed attributes); %zu good, %llu "
			"needed; publish it anew and find out who changed it",
			opening->envelope->signatures, (unsigned long long)threshold);
	return dpk_refuse(refusal, DPK_VERDICT_SIGNER,
		"%zu of the %zu pinned signers have signed it; needed are %llu; sign it with the keys "
		"that are pinned, or pin the certificate of its signer with signers=",
		opening->envelope->signatures, pinned, (unsigned long long)threshold);
}

/* DER has one spelling: what OpenSSL would have read otherwise is not passed on. */
static int check_canonical(
	CMS_ContentInfo *cms, const uint8_t *data, size_t size, struct dpk_refusal *refusal)
{
	unsigned char *der = NULL;
	int len = i2d_CMS_ContentInfo(cms, &der);
	bool same = len >= 0 && (size_t)len == size && memcmp(der, data, size) == 0;

	OPENSSL_free(der);
	return same ? 0 :
		      dpk_refuse(refusal, DPK_VERDICT_ENVELOPE,
			      "the snapshot is encoded in BER, not in DER; " REMEDY);
}

static int open_cms(struct opening *opening, uint64_t threshold, const uint8_t *data, size_t size,
	struct dpk_refusal *refusal)
{
	const unsigned char *end = data;
	_cleanup_(cmsp) CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &end, (long)size);
	struct dpk_envelope *envelope = opening->envelope;
	int r;

	if (!cms || end != data + size || OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed)
		return dpk_refuse(refusal, DPK_VERDICT_ENVELOPE,
			"the snapshot cannot be read as CMS; " REMEDY);
	r = check_shape(cms, refusal);
	if (r)
		return r;
	opening->content = *CMS_get0_content(cms);
	r = check_signatures(opening, cms, threshold, refusal);
	if (!r)
		r = check_canonical(cms, data, size, refusal);
	if (r)
		return r;
	envelope->size = (size_t)ASN1_STRING_length(opening->content);
	envelope->content = malloc(envelope->size + 1);
	if (!envelope->content)
		return -ENOMEM;
	memcpy(envelope->content, ASN1_STRING_get0_data(opening->content), envelope->size);
	return 0;
}

int dpk_envelope_open(const struct dpk_signers *signers, uint64_t threshold, const uint8_t *data,
	size_t size, struct dpk_envelope *ret_envelope, struct dpk_refusal *ret_refusal)
{
	struct dpk_envelope envelope = { 0 };
	struct opening opening = { .signers = signers, .envelope = &envelope };
	int r = check_shell(data, size, ret_refusal);

	if (!r) {
		ERR_clear_error();
		r = open_cms(&opening, threshold, data, size, ret_refusal);
		/* OpenSSL queues what happened for whoever looks next in this thread */
		ERR_clear_error();
	}
	if (r)
		dpk_envelope_fini(&envelope);
	else
		*ret_envelope = envelope;
	return r;
}
