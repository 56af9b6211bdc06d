// SPDX-License-Identifier: MIT
// A small web application as a farm would run it. The ring comes from the
// variable ReadOnlyDataProtectionKeyDirectory, which the framework reads by
// itself; the certificates from CONSUMER_PFX (paths, separated by colons).
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;

var builder = WebApplication.CreateBuilder(args);
var protection = builder.Services.AddDataProtection().SetApplicationName("shop");

// Only Unprotect...: any ProtectKeysWith... would turn the read-only mode off.
string? pfx = Environment.GetEnvironmentVariable("CONSUMER_PFX");
if (!string.IsNullOrEmpty(pfx))
    protection.UnprotectKeysWithAnyCertificate(pfx.Split(':').Select(Load).ToArray());

var app = builder.Build();
app.MapPayloads();

// ID created activation expiration revoked, where revoked is "true" or "false".
app.MapGet("/keys", (IKeyManager manager) => string.Concat(manager.GetAllKeys().Select(key =>
    $"{key.KeyId} {key.CreationDate:O} {key.ActivationDate:O} {key.ExpirationDate:O} " +
    (key.IsRevoked ? "true\n" : "false\n"))));

// A payload begins with 09 F0 C9 F0 and the id of its key.
app.MapGet("/default", (IDataProtectionProvider provider) =>
{
    byte[] payload = provider.CreateProtector(Endpoints.Purpose).Protect(Array.Empty<byte>());
    if (!payload.AsSpan(0, 4).SequenceEqual(new byte[] { 0x09, 0xF0, 0xC9, 0xF0 }))
        throw new InvalidOperationException("not a payload of data protection");
    return new Guid(payload.AsSpan(4, 16)).ToString("D") + "\n";
});
app.Run();

static X509Certificate2 Load(string path)
{
    string? password = Environment.GetEnvironmentVariable("CONSUMER_PFX_PASSWORD");
#if NET9_0_OR_GREATER
    return X509CertificateLoader.LoadPkcs12FromFile(path, password);
#else
    return new X509Certificate2(path, password);
#endif
}
