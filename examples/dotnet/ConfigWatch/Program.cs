// Services that follow their configuration: each has a copy that is read without asking anybody, and that misses no change, whatever breaks.
//
//     dotnet run --project examples/dotnet/ConfigWatch [ENDPOINTS [SECONDS]]
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Clustron;

string endpoints = args.Length > 0 ? args[0] : "127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003";
double seconds = args.Length > 1 ? double.Parse(args[1], CultureInfo.InvariantCulture) : 30;
string prefix = "config:" + Guid.NewGuid().ToString("N")[..8] + ":";

await using ClustronClient admin = await ClustronClient.ConnectAsync(endpoints);
await admin.KeyValue.PutManyAsync([new(prefix + "limit", 0), new(prefix + "color", "red")], request: RequestId.New());
ConfigurationCopy[] services = [.. await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => ConfigurationCopy.StartAsync(endpoints, prefix)))];

using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
int changes = 0;
while (!stop.IsCancellationRequested)
{
    // Two settings that belong together are one revision: nobody acts on one without the other.
    ++changes;
    await admin.Transactions.Create()
        .Then(Command.Set(prefix + "limit", changes), Command.Set(prefix + "color", changes % 2 == 0 ? "red" : "blue"))
        .ExecuteAsync(RequestId.New());
    if (changes % 5 == 0) await admin.KeyValue.DeleteAsync(prefix + "extra", request: RequestId.New());
    else await admin.KeyValue.PutAsync(prefix + "extra", changes, new PutOptions { Request = RequestId.New() });
    await Task.Delay(20);
}

KeyValueEntry[] truth = await admin.KeyValue.GetManyAsync([prefix + "limit", prefix + "color", prefix + "extra"]);
foreach (ConfigurationCopy service in services)
{
    await service.ReachAsync(truth.Max(e => e.Revision));
    foreach (KeyValueEntry entry in truth)
    {
        if (service.Values.GetValueOrDefault((string)entry.Key!) != (string?)entry.Value) throw new InvalidOperationException($"'{entry.Key}' differs.");
    }
    if (service.Seen != changes) throw new InvalidOperationException($"A service saw {service.Seen} of {changes} changes.");
    await service.DisposeAsync();
}
Console.WriteLine($"{changes} changes, each seen once by {services.Length} services");
if (changes == 0) throw new InvalidOperationException("Nothing was changed.");
Console.WriteLine("OK");

internal sealed class ConfigurationCopy : IAsyncDisposable
{
    private readonly ClustronClient _client;
    private WatchSubscription? _watch;
    private long _limit;

    private ConfigurationCopy(ClustronClient client) => _client = client;

    public ConcurrentDictionary<string, string> Values { get; } = new();

    /// <summary>How many values of "limit" came, each larger by one.</summary>
    public int Seen { get; private set; }

    public static async Task<ConfigurationCopy> StartAsync(string endpoints, string prefix)
    {
        var copy = new ConfigurationCopy(await ClustronClient.ConnectAsync(endpoints));
        copy._watch = await copy._client.Watch.PrefixAsync(prefix, copy.OnChange, new WatchOptions { Snapshot = true });
        await copy.ReachAsync(1);
        return copy;
    }

    public async Task ReachAsync(long revision)
    {
        long began = Stopwatch.GetTimestamp();
        while (_watch!.Revision < revision)
        {
            if (_watch.Completion.IsCompleted) await _watch.Completion;
            if (Stopwatch.GetElapsedTime(began).TotalSeconds > 20) throw new TimeoutException($"The copy stands at revision {_watch.Revision}.");
            await Task.Delay(20);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _watch!.DisposeAsync();
        await _client.DisposeAsync();
    }

    private ValueTask OnChange(WatchEvent e, CancellationToken cancel)
    {
        if (e.Kind == WatchEventKind.Reset) Values.Clear();
        else if (e.Kind == WatchEventKind.Delete) Values.TryRemove(e.Key!, out _);
        else Values[e.Key!] = (string)e.Value!;
        if (e.Kind == WatchEventKind.Put && !e.IsSnapshot && ((string)e.Key!).EndsWith("limit", StringComparison.Ordinal))
        {
            if ((long)e.Value != _limit + 1) throw new InvalidOperationException($"{e.Value} came behind {_limit}.");
            _limit = (long)e.Value;
            ++Seen;
        }
        return ValueTask.CompletedTask;
    }
}
