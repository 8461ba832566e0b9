// A sliding window: in no stretch of one second, wherever it begins, are there more than 20 calls of all services together. (RateLimiter's
// windows begin with their first call: two of them may meet, with twice as many calls around that moment.)
//
//     dotnet run --project examples/dotnet/SlidingRateLimit [ENDPOINTS [SECONDS]]
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Clustron;
using StackExchange.Redis;

const int Limit = 20;
string endpoints = args.Length > 0 ? args[0] : "127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003";
double seconds = args.Length > 1 ? double.Parse(args[1], CultureInfo.InvariantCulture) : 30;
string name = "sliding:" + Guid.NewGuid().ToString("N")[..8];
var window = TimeSpan.FromSeconds(1);
var times = new ConcurrentBag<long>();
int refused = 0;

long began = Stopwatch.GetTimestamp();
await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(ServiceAsync)));

long[] sorted = [.. times.Order()];
for (int i = Limit; i < sorted.Length; ++i)
{
    if (sorted[i] - sorted[i - Limit] < window.TotalMilliseconds) throw new InvalidOperationException($"{Limit + 1} calls in {sorted[i] - sorted[i - Limit]} ms.");
}
Console.WriteLine($"{sorted.Length} calls in {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s, {refused} refused");
if (sorted.Length == 0) throw new InvalidOperationException("Nobody was let through.");
Console.WriteLine("OK");

async Task ServiceAsync()
{
    await using ClustronClient client = await ClustronClient.ConnectAsync(endpoints);
    while (Stopwatch.GetElapsedTime(began).TotalSeconds < seconds)
    {
        TimeSpan wait = await TryAsync(client);
        if (wait == TimeSpan.Zero) continue;
        Interlocked.Increment(ref refused);
        await Task.Delay(wait);
    }
}

// The last calls' times stand in a list, the oldest first. A call may be made if there are fewer than Limit, or the oldest is out of the
// window, whose place it takes then. Zero: it was made; else how long to wait.
async Task<TimeSpan> TryAsync(ClustronClient client)
{
    for (int attempt = 0; ; ++attempt)
    {
        // The machines' clocks should agree: time never goes back in the list, but a clock that is ahead makes others wait.
        TransactionResult seen = await client.Transactions.Create()
            .Then(Command.Of("LLEN", (RedisKey)name), Command.Of("LINDEX", (RedisKey)name, 0), Command.Of("LINDEX", (RedisKey)name, -1), Command.Revision(name)).ReadAsync();
        long now = Math.Max(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(), seen.Replies[2].IsNull ? 0 : (long)seen.Replies[2]);
        bool full = (long)seen.Replies[0] >= Limit;
        if (full && (long)seen.Replies[1] + window.TotalMilliseconds - now is > 0 and var left) return TimeSpan.FromMilliseconds(left);
        Command[] call = [Command.Of("RPUSH", (RedisKey)name, now), Command.Of("PEXPIRE", (RedisKey)name, (long)window.TotalMilliseconds + 1000)];
        TransactionResult made = await client.Transactions.Create()
            .If(TxnCondition.Revision(name, seen.Replies[3].IsNull ? 0 : (long)seen.Replies[3])) // nobody called meanwhile
            .Then(full ? [Command.Of("LPOP", (RedisKey)name), .. call] : call)
            .ExecuteAsync(RequestId.New());
        if (!made.Succeeded)
        {
            await Task.Delay(Random.Shared.Next(1, 5 + attempt));
            continue;
        }
        times.Add(now);
        return TimeSpan.Zero;
    }
}
