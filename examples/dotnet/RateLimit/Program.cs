// Three services share a limit of 20 calls a second. RateLimiter is .NET's own abstraction: ASP.NET Core and Polly take it as it is.
//
//     dotnet run --project examples/dotnet/RateLimit [ENDPOINTS [SECONDS]]
using System.Diagnostics;
using System.Globalization;
using System.Threading.RateLimiting;
using Clustron;

const int Limit = 20;
string endpoints = args.Length > 0 ? args[0] : "127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003";
double seconds = args.Length > 1 ? double.Parse(args[1], CultureInfo.InvariantCulture) : 30;
string name = "limit:" + Guid.NewGuid().ToString("N")[..8];
var options = new ClustronRateLimiterOptions { PermitLimit = Limit, Window = TimeSpan.FromSeconds(1), QueueLimit = 5 };

long began = Stopwatch.GetTimestamp();
int called = 0, refused = 0;
await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(Service)));

double took = Stopwatch.GetElapsedTime(began).TotalSeconds;
Console.WriteLine($"{called} calls in {took:0.0} s, {refused} refused");
// A window begins with its first call, so that there are at most so many of them.
if (called < Limit || called > (took + 1) * Limit) throw new InvalidOperationException("The limit was not kept.");
Console.WriteLine("OK");

async Task Service()
{
    await using ClustronClient client = await ClustronClient.ConnectAsync(endpoints);
    await using RateLimiter limiter = client.CreateRateLimiter(name, options);
    while (Stopwatch.GetElapsedTime(began).TotalSeconds < seconds)
    {
        // Without a permit: one waits for the next window, as long as fewer than QueueLimit do; others are refused at once.
        using RateLimitLease permit = await limiter.AcquireAsync();
        if (permit.IsAcquired) Interlocked.Increment(ref called);
        else if (permit.TryGetMetadata(MetadataName.RetryAfter, out TimeSpan after)) await Refused(after);
    }
}

async Task Refused(TimeSpan after)
{
    Interlocked.Increment(ref refused);
    await Task.Delay(after);
}
