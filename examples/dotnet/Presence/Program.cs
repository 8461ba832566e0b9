// Who is in the room: each guest has a key that lives by his lease, and everybody follows the keys. Half of the guests leave without a word.
//
//     dotnet run --project examples/dotnet/Presence [ENDPOINTS [SECONDS]]
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Clustron;

string endpoints = args.Length > 0 ? args[0] : "127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003";
double seconds = args.Length > 1 ? double.Parse(args[1], CultureInfo.InvariantCulture) : 30;
string room = "room:" + Guid.NewGuid().ToString("N")[..8] + ":";
var seen = new ConcurrentDictionary<string, byte>();
int joined = 0, left = 0;

await using ClustronClient observer = await ClustronClient.ConnectAsync(endpoints);
await using WatchSubscription watch = await observer.Watch.PrefixAsync(room, Follow, new WatchOptions { Snapshot = true });

using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
await Task.WhenAll(Enumerable.Range(0, 6).Select(GuestAsync));

// A lease whose process is gone ends by its TTL; when the leader changes it has its whole TTL again.
long began = Stopwatch.GetTimestamp();
while (!seen.IsEmpty)
{
    if (Stopwatch.GetElapsedTime(began).TotalSeconds > 15) throw new InvalidOperationException($"{seen.Count} guests are still there.");
    await Task.Delay(50);
}
Console.WriteLine($"{joined} guests came, {left} left");
if (joined == 0 || joined != left) throw new InvalidOperationException("Some came or left unseen.");
Console.WriteLine("OK");

ValueTask Follow(WatchEvent e, CancellationToken cancel)
{
    if (e.Kind == WatchEventKind.Reset) seen.Clear(); // who is there is told behind it
    else if (e.Kind == WatchEventKind.Delete && seen.TryRemove(e.Key!, out _)) Interlocked.Increment(ref left);
    else if (e.Kind == WatchEventKind.Put && seen.TryAdd(e.Key!, 0)) Interlocked.Increment(ref joined);
    return ValueTask.CompletedTask;
}

async Task GuestAsync(int number)
{
    await using ClustronClient client = await ClustronClient.ConnectAsync(endpoints);
    for (int visit = 0; !stop.IsCancellationRequested; ++visit)
    {
        bool vanishes = (number + visit) % 2 == 0;
        // A guest who vanishes sends nothing any more; others say so by disposing of the lease, and are gone at once.
        Lease lease = await client.Leases.GrantAsync(TimeSpan.FromSeconds(2), new LeaseOptions { Owner = room, KeepAlive = !vanishes });
        try
        {
            await client.KeyValue.PutAsync($"{room}{number}.{visit}", "here", new PutOptions { LeaseId = lease.Id, Request = RequestId.New() });
        }
        catch (NoLeaseException) { } // It took longer than the lease lives: nobody has seen him.
        await Task.Delay(Random.Shared.Next(200, 600));
        if (!vanishes) await lease.DisposeAsync();
    }
}
