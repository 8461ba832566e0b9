// Three web servers keep prices in memory and in the cluster. Who changes one in the database removes it from the cache, and no server
// goes on with the old one.
//
//     dotnet run --project examples/dotnet/Cache [ENDPOINTS [SECONDS]]
using System.Diagnostics;
using System.Globalization;
using Clustron.Caching;
using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.DependencyInjection;

string endpoints = args.Length > 0 ? args[0] : "127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003";
double seconds = args.Length > 1 ? double.Parse(args[1], CultureInfo.InvariantCulture) : 30;
string prefix = "prices:" + Guid.NewGuid().ToString("N")[..8] + ":";
int[] database = new int[10]; // prices by product
int asked = 0, read = 0, changed = 0;

ServiceProvider[] servers = [.. Enumerable.Range(0, 3).Select(_ => new ServiceCollection()
    .AddClustron(endpoints)
    .AddClustronHybridCache(options => options.Prefix = prefix)
    .BuildServiceProvider())];
HybridCache[] caches = [.. servers.Select(s => s.GetRequiredService<HybridCache>())];

using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
await Task.WhenAll([ChangeAsync(), .. caches.Select(ServeAsync)]);

foreach (HybridCache cache in caches)
{
    for (int product = 0; product < database.Length; ++product)
    {
        // The message of a removal takes its time; a part of a second, if the cluster is in reach.
        long began = Stopwatch.GetTimestamp();
        while (await PriceAsync(cache, product) != database[product])
        {
            if (Stopwatch.GetElapsedTime(began).TotalSeconds > 5) throw new InvalidOperationException($"Product {product} has an outdated price.");
            await Task.Delay(20);
        }
    }
}
foreach (ServiceProvider server in servers) await server.DisposeAsync();
Console.WriteLine($"{read} prices read, {asked} of them from the database, which changed {changed} times");
if (changed == 0 || read < 2 * asked) throw new InvalidOperationException("The cache was of no use.");
Console.WriteLine("OK");

ValueTask<int> PriceAsync(HybridCache cache, int product) => cache.GetOrCreateAsync(
    $"price:{product}",
    async cancel =>
    {
        Interlocked.Increment(ref asked);
        int price = Volatile.Read(ref database[product]);
        await Task.Delay(5, cancel); // a slow database: a price that is changed meanwhile is not kept
        return price;
    },
    tags: [product % 2 == 0 ? "even" : "odd"]);

async Task ServeAsync(HybridCache cache)
{
    while (!stop.IsCancellationRequested)
    {
        await PriceAsync(cache, Random.Shared.Next(database.Length));
        if (Interlocked.Increment(ref read) % 20 == 0) await Task.Delay(1);
    }
}

async Task ChangeAsync()
{
    while (!stop.IsCancellationRequested)
    {
        await Task.Delay(100);
        HybridCache cache = caches[Random.Shared.Next(caches.Length)];
        int product = Random.Shared.Next(database.Length);
        if (++changed % 10 != 0)
        {
            Interlocked.Increment(ref database[product]);
            await cache.RemoveAsync($"price:{product}");
        }
        else
        {
            for (int even = 0; even < database.Length; even += 2) Interlocked.Increment(ref database[even]);
            await cache.RemoveByTagAsync("even");
        }
        // Whoever has removed it sees the new price at once.
        if (await PriceAsync(cache, product) < database[product]) throw new InvalidOperationException("An old price came back.");
    }
}
