using System.Diagnostics;
using System.Reflection;
using StackExchange.Redis;

namespace Compat;

/// <summary>What a test gets: connections that are closed behind it, and names that no other test uses.</summary>
public sealed class Context(string endpoints, RedisProtocol protocol) : IAsyncDisposable
{
    private readonly string _prefix = "compat:" + Guid.NewGuid().ToString("N")[..12] + ":";
    private readonly List<ConnectionMultiplexer> _open = [];

    public string Endpoints => endpoints;
    public RedisProtocol Protocol => protocol;
    public TimeSpan Soak { get; } = TimeSpan.FromSeconds(double.Parse(Environment.GetEnvironmentVariable("SOAK_SECONDS") ?? "5"));

    public RedisKey Key(string name) => _prefix + name;
    public RedisChannel Channel(string name) => RedisChannel.Literal(_prefix + name);
    public RedisChannel Pattern(string name) => RedisChannel.Pattern(_prefix + name);

    public ConfigurationOptions Options()
    {
        var options = ConfigurationOptions.Parse(endpoints);
        options.AllowAdmin = true;
        options.Protocol = protocol;
        return options;
    }

    public async Task<ConnectionMultiplexer> Connect(Action<ConfigurationOptions>? change = null)
    {
        var options = Options();
        change?.Invoke(options);
        var mux = await ConnectionMultiplexer.ConnectAsync(options);
        lock (_open) _open.Add(mux);
        return mux;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var mux in _open) await mux.DisposeAsync();
    }
}

/// <summary>Finds every public static method of the *Tests classes and runs it once for each protocol.</summary>
public static class Suite
{
    public static async Task<int> Run(string endpoints, string filter)
    {
        int passed = 0, failed = 0;
        var tests = from type in Assembly.GetExecutingAssembly().GetTypes()
                    where type.Name.EndsWith("Tests")
                    from method in type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)
                    from protocol in new[] { RedisProtocol.Resp2, RedisProtocol.Resp3 }
                    select (Name: $"{type.Name}.{method.Name} {protocol}", method, protocol);
        foreach (var (name, method, protocol) in tests)
        {
            if (!name.Contains(filter, StringComparison.OrdinalIgnoreCase)) continue;
            var clock = Stopwatch.StartNew();
            var context = new Context(endpoints, protocol);
            try
            {
                await ((Task)method.Invoke(null, [context])!).WaitAsync(TimeSpan.FromSeconds(60) + context.Soak);
                passed++;
                Console.WriteLine($"ok      {name} ({clock.ElapsedMilliseconds} ms)");
            }
            catch (Exception e)
            {
                failed++;
                Console.WriteLine($"FAILED  {name}: {(e is CheckFailed ? e.Message : e.ToString())}");
            }
            await context.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20));
        }
        Console.WriteLine($"{passed} passed, {failed} failed");
        return failed == 0 ? 0 : 1;
    }
}
