using System.Security.Cryptography;
using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.Extensions.DependencyInjection;
using StackExchange.Redis;

namespace Compat;

/// <summary>ASP.NET Core's data protection keys (what its cookies and tokens are made with) in a list of the server.</summary>
public static class DataProtectionTests
{
    /// <summary>One instance of an application, with connections of its own, as behind a load balancer.</summary>
    private static async Task<ServiceProvider> Application(Context x, string name)
    {
        var mux = await x.Connect();
        var services = new ServiceCollection();
        services.AddDataProtection().SetApplicationName(name).PersistKeysToStackExchangeRedis(mux, x.Key("keys"));
        return services.BuildServiceProvider();
    }

    private static IDataProtector Protector(ServiceProvider application) =>
        application.GetRequiredService<IDataProtectionProvider>().CreateProtector("cookies");

    public static async Task InstancesShareTheirKeys(Context x)
    {
        await using var first = await Application(x, "shop");
        string cookie = Protector(first).Protect("user 7");
        await using var second = await Application(x, "shop");
        Check.Equal("user 7", Protector(second).Unprotect(cookie), "another instance reads the cookie");
        Check.Equal("user 8", Protector(first).Unprotect(Protector(second).Protect("user 8")), "and the first reads the second's");
        var db = (await x.Connect()).GetDatabase();
        var stored = await db.ListRangeAsync(x.Key("keys"));
        Check.Equal(1, stored.Length, "the second made no key of its own");
        Check.Equal("key", XElement.Parse(stored[0]!).Name.LocalName, "as the library writes it");

        await using var stranger = await Application(x, "another");
        await Check.Throws<CryptographicException>(() => Task.Run(() => Protector(stranger).Unprotect(cookie)), "another application must not read the cookie");
    }

    public static async Task ANewKeyAndARevokedOneReachARestartedInstance(Context x)
    {
        await using var first = await Application(x, "shop");
        string old = Protector(first).Protect("before");
        var keys = first.GetRequiredService<IKeyManager>();
        var oldest = keys.GetAllKeys().Single();
        keys.CreateNewKey(DateTimeOffset.UtcNow.AddSeconds(-1), DateTimeOffset.UtcNow.AddDays(90));
        await using (var restarted = await Application(x, "shop"))
        {
            Check.Equal(2, restarted.GetRequiredService<IKeyManager>().GetAllKeys().Count, "both keys are there");
            Check.Equal("before", Protector(restarted).Unprotect(old), "what the old key made is still read");
        }
        keys.RevokeKey(oldest.KeyId, "leaked");
        await using var again = await Application(x, "shop");
        Check.True(again.GetRequiredService<IKeyManager>().GetAllKeys().Single(k => k.KeyId == oldest.KeyId).IsRevoked, "revoked");
        await Check.Throws<CryptographicException>(() => Task.Run(() => Protector(again).Unprotect(old)), "what a revoked key made must not be read");
    }
}
