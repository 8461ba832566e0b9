using System.Globalization;
using StackExchange.Redis;

namespace Compat;

/// <summary>
/// One client of ../failover.py: users write unique fields through one multiplexer that knows all endpoints, until standard input ends;
/// every error is a line "E unix-ms text", every second without one is silent. Then each acknowledged field must be there.
/// </summary>
public static class Failover
{
    private const int Users = 8;

    public static async Task<int> Run(string endpoints)
    {
        var mux = await ConnectionMultiplexer.ConnectAsync(endpoints);
        var db = mux.GetDatabase();
        string run = "fo:net:" + Guid.NewGuid().ToString("N")[..8];
        using var stop = new CancellationTokenSource();
        var acknowledged = new List<long>[Users];
        int errors = 0;
        var users = Enumerable.Range(0, Users).Select(id => Task.Run(async () =>
        {
            acknowledged[id] = [];
            for (long i = 0; !stop.IsCancellationRequested; i++)
            {
                try
                {
                    await db.HashSetAsync($"{run}:{id}", i, i);
                    acknowledged[id].Add(i);
                    await Task.Delay(2);
                }
                catch (Exception e) when (ConnectionTests.IsDrop(e) || e is RedisServerException)
                {
                    Interlocked.Increment(ref errors);
                    string text = e.Message.Split('\n', ',')[0];
                    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"E {DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()} {e.GetType().Name}: {text}"));
                    await Task.Delay(10);
                }
            }
        })).ToArray();
        Console.WriteLine("READY");
        while (Console.ReadLine() is not null) { }
        stop.Cancel();
        await Task.WhenAll(users);
        long total = 0, lost = 0;
        for (int id = 0; id < Users; id++)
        {
            var there = (await db.HashKeysAsync($"{run}:{id}")).Select(f => (long)f).ToHashSet();
            total += acknowledged[id].Count;
            lost += acknowledged[id].Count(i => !there.Contains(i));
        }
        Console.WriteLine($"RESULT acknowledged={total} lost={lost} errors={errors}");
        return lost == 0 ? 0 : 1;
    }
}
