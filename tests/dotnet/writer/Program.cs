// SPDX-License-Identifier: MIT
// Writes to a key directory as a read-write application would, with the
// framework's own IKeyManager. Prints what it did, one line each:
//   revoked ID                                    (or: revoked *)
//   key ID created DATE active DATE expires DATE
//   payload TEXT                                  (protected by that key)
using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

const string Usage = """
    usage: writer DIRECTORY PFX|- PASSWORD OFFSET LIFETIME [--revoke ID]... [--revoke-all] [--no-key]
      PFX       wraps the new key; "-" writes it in plain text (PASSWORD is ignored)
      OFFSET    seconds from now to the activation of the key, may be negative
      LIFETIME  days from activation to expiration
      Revocations are written before the key; --no-key writes nothing else.
    """;
const string Reason = "revoked by the writer";

var revoke = new List<Guid>();
bool revokeAll = false, makeKey = true;
double offset, lifetime;
try
{
    offset = double.Parse(args[3], CultureInfo.InvariantCulture);
    lifetime = double.Parse(args[4], CultureInfo.InvariantCulture);
    for (int i = 5; i < args.Length; i++)
    {
        if (args[i] == "--revoke")
            revoke.Add(Guid.Parse(args[++i]));
        else if (args[i] == "--revoke-all")
            revokeAll = true;
        else if (args[i] == "--no-key")
            makeKey = false;
        else
            throw new FormatException();
    }
}
catch (Exception e) when (e is FormatException or IndexOutOfRangeException)
{
    Console.Error.WriteLine(Usage);
    return 2;
}

try
{
    X509Certificate2? certificate = args[1] == "-"
        ? null
        : X509CertificateLoader.LoadPkcs12FromFile(args[1], args[2]);
    var directory = new FileSystemXmlRepository(new DirectoryInfo(args[0]), NullLoggerFactory.Instance);
    using var services = Build(directory, certificate);
    var manager = services.GetRequiredService<IKeyManager>();

    foreach (Guid id in revoke)
    {
        manager.RevokeKey(id, Reason);
        Console.WriteLine($"revoked {id}");
    }
    if (revokeAll)
    {
        manager.RevokeAllKeys(DateTimeOffset.UtcNow, Reason);
        Console.WriteLine("revoked *");
    }
    if (makeKey)
    {
        var activation = DateTimeOffset.UtcNow.AddSeconds(offset);
        IKey key = manager.CreateNewKey(activation, activation.AddDays(lifetime));
        Console.WriteLine($"key {key.KeyId} created {key.CreationDate:O} " +
            $"active {key.ActivationDate:O} expires {key.ExpirationDate:O}");
        Console.WriteLine($"payload {Protect(args[0], key.KeyId, certificate)}");
    }
    return 0;
}
catch (Exception e)
{
    for (Exception? x = e; x != null; x = x.InnerException)
        Console.Error.WriteLine($"writer: {x.GetType().Name}: {x.Message}");
    return 1;
}

static ServiceProvider Build(IXmlRepository repository, X509Certificate2? certificate)
{
    var services = new ServiceCollection();
    var protection = services.AddDataProtection()
        .SetApplicationName("shop")
        .DisableAutomaticKeyGeneration();
    services.Configure<KeyManagementOptions>(options => options.XmlRepository = repository);
    if (certificate != null)
        protection.ProtectKeysWithCertificate(certificate);
    return services.BuildServiceProvider();
}

// The framework protects with the key it would choose, which need not be the
// new one; so show it a ring of that key alone, dated such that it is active.
static string Protect(string directory, Guid id, X509Certificate2? certificate)
{
    XElement key = XElement.Load(Path.Combine(directory, $"key-{id}.xml"));
    key.SetElementValue("activationDate", DateTimeOffset.UtcNow.AddMinutes(-1));
    key.SetElementValue("expirationDate", DateTimeOffset.UtcNow.AddDays(7));
    using var services = Build(new SingleKey(key), certificate);
    return services.GetRequiredService<IDataProtectionProvider>()
        .CreateProtector("cookie").Protect("hello from the writer");
}

sealed class SingleKey(XElement key) : IXmlRepository
{
    public IReadOnlyCollection<XElement> GetAllElements() => [key];

    public void StoreElement(XElement element, string friendlyName) => throw new NotSupportedException();
}
